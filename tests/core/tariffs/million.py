"""The engine against the slow reference, bill after bill: ``python -m tests.core.tariffs.million``.

Arguments: how many bills (1,000,000), from which seed (0), in how many processes (1). Each seed is
a tariff with a few inputs; a difference is printed with its seed. Exit code 1 if there is one.
"""

from __future__ import annotations

import sys
from collections import Counter
from functools import partial
from random import Random

from core.tariffs.billing import bill
from core.tariffs.bills import BillInput, BillLine
from core.tariffs.compiling import CompiledTariff
from core.tariffs.errors import BillError
from core.tariffs.reference_bill import Lines, reference_bill

from .many import compare_many
from .random_bills import random_input, random_tariff

INPUTS = 20  # per tariff: compiling costs more than a bill


def same(lines: tuple[BillLine, ...], slow: Lines) -> bool:
    """Whether the lines that are not zero are the same to the minor unit."""
    came: Counter[tuple[object, ...]] = Counter()
    for line in lines:
        came[line.code, line.block, line.tou, line.first] += line.amount
    return {key: amount for key, amount in came.items() if amount} == slow


def compare(tariff: CompiledTariff, given: BillInput) -> str:
    """``same``, ``refused`` (inputs that the tariff cannot bill), or what differs."""
    try:
        lines = bill(tariff, given)
    except BillError:
        return "refused"
    slow = reference_bill(tariff.tariff, given)
    if same(lines, slow):
        return "same"
    return f"engine {[(x.code, x.block, x.tou, x.first, x.amount) for x in lines]} reference {slow}"


def run(first: int, count: int) -> Counter[str]:
    """Compare ``count`` bills of the seeds from ``first`` on; differences are printed."""
    outcomes: Counter[str] = Counter()
    for seed in range(first, first + count // INPUTS):
        random = Random(seed)
        tariff = random_tariff(random)
        for _ in range(INPUTS):
            outcome = compare(tariff, random_input(random))
            if outcome not in ("same", "refused"):
                print(f"seed {seed}: {outcome}", flush=True)
                outcome = "different"
            outcomes[outcome] += 1
    return outcomes


main = partial(compare_many, "bills", run, INPUTS)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
