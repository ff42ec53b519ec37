"""The engine's sales against slow ones: ``python -m tests.core.tariffs.million_sales``.

Arguments: how many sales (1,000,000), from which seed (0), in how many processes (1). Each seed is
a tariff with a few sales, money → units and units → money; a difference is printed with its seed.
Exit code 1 if there is one.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from math import floor
from random import Random
from typing import Any

from core.tariffs.compiling import CompiledTariff
from core.tariffs.reference_sale import TENTH, Amounts, SlowSale
from core.tariffs.sale import AtJump, Line, Overflow, Priced, TooSmall
from core.tariffs.solving import price, solve

from .many import compare_many
from .random_sales import random_coding, random_policy, random_sold, random_state, random_tender

SALES = 80  # per tariff: compiling costs more than a sale
PER_STATE = 8  # the slow side looks at the breaks of the cost once for all of them


def amounts_of(lines: tuple[Line, ...]) -> Amounts:
    """The amounts that are not zero by code and block."""
    came: Amounts = {}
    for line in lines:
        came[line.code, line.block] = came.get((line.code, line.block), 0) + line.amount
    return {key: amount for key, amount in came.items() if amount}


def differences(tariff: CompiledTariff, slow: SlowSale, tender: int) -> Iterator[str]:
    """What differs in the sale for a tender: nothing, if both are right."""
    result = solve(tariff, tender, slow.state, slow.policy, slow.encodable)
    exact = slow.exact(tender)
    if slow.asks() and slow.left(tender) >= 1:
        yield from _at_jump(result, slow, tender, exact)
    elif floor(exact * 10) > slow.state.limits.max_units_milli // TENTH:
        yield from _overflow(result, slow)
    else:
        yield from _sale(result, slow, tender, exact)


def _sale(result: Any, slow: SlowSale, tender: int, exact: Fraction) -> Iterator[str]:
    units, amounts, carried = slow.sell(tender)
    if not units or not tender:
        yield from _too_small(result, slow, tender)
        return
    if not isinstance(result, Priced):
        yield f"reference sells {units}, engine {result}"
        return
    debts = {d.code: d.outstanding - amounts.get((d.code, 0), 0) for d in slow.state.debts}
    months = slow.state.fixed_due[-1] if slow.state.fixed_due else slow.state.fixed_through
    for what, engine, reference in (
        ("units", result.units_milli, units),
        ("exact", result.units_exact, exact),
        ("lines", amounts_of(result.lines), amounts),
        ("carried", result.carried_forward, carried),
        ("sum", sum(line.amount for line in result.lines) + carried, tender),
        ("debts", {debt.code: debt.outstanding for debt in result.debts}, debts),
        ("counted", result.units_this_period, slow.state.units_milli + units),
        ("months", result.fixed_through, months),
        ("least debt", min([0, *debts.values()]), 0),
    ):
        if engine != reference:
            yield f"{what}: engine {engine} reference {reference}"
    yield from _order(result, slow)


def _order(result: Priced, slow: SlowSale) -> Iterator[str]:
    steps = [slow.policy.order.index(line.step) for line in result.lines]
    if steps != sorted(steps):
        yield f"order: engine {[line.step for line in result.lines]}"


def _too_small(result: Any, slow: SlowSale, tender: int) -> Iterator[str]:
    if not isinstance(result, TooSmall):
        yield f"reference sells nothing, engine {result}"
        return
    useful = result.smallest_useful
    least = useful == 1 or not slow.sell(useful - 1)[0]  # free units too are sold for money
    if not (useful > tender and slow.sell(useful)[0] and least):
        yield f"smallest useful: engine {useful}"
    if slow.short_at(tender) != result.short_at:
        yield f"short at: engine {result.short_at} reference {slow.short_at(tender)}"


def _overflow(result: Any, slow: SlowSale) -> Iterator[str]:
    if not isinstance(result, Overflow):
        yield f"reference is above the limit, engine {result}"
        return
    most, largest = slow.state.limits.max_units_milli // TENTH, result.largest_useful
    above = floor(slow.exact(largest + 1) * 10) > most
    below = not largest or floor(slow.exact(largest) * 10) <= most
    if not (above and below):
        yield f"largest useful: engine {largest}"


def _at_jump(result: Any, slow: SlowSale, tender: int, exact: Fraction) -> Iterator[str]:
    if not isinstance(result, AtJump):
        yield f"reference asks at {exact}, engine {result}"
        return
    up_to, least = result.up_to, result.least
    reaches = slow.exact(up_to) >= exact and (not up_to or slow.exact(up_to - 1) < exact)
    crosses = slow.exact(least) > exact and slow.exact(least - 1) <= exact
    if not (reaches and crosses and up_to <= tender < least):
        yield f"at jump: engine {result} exact {exact}"
    if result.units_milli != floor(exact * 1000):
        yield f"units at jump: engine {result.units_milli} reference {exact}"


def price_differences(tariff: CompiledTariff, slow: SlowSale, units: int) -> Iterator[str]:
    """What differs in the least tender for given milli-units."""
    result = price(tariff, units, slow.state, slow.policy)
    lines = slow.lines_at(units)
    cost = sum(lines.values())
    tender = result.tender
    if slow.rest(tender) < cost or (tender and slow.rest(tender - 1) >= cost):
        yield f"least tender of {units}: engine {tender}, cost {cost}"
    taken = {line: amount for line, amount in slow.taken(tender).items() if amount}
    if amounts_of(result.lines) != taken | {key: each for key, each in lines.items() if each}:
        yield f"lines of {units}: engine {amounts_of(result.lines)} reference {taken | lines}"
    if result.carried_forward != slow.rest(tender) - cost:
        yield f"carried of {units}: engine {result.carried_forward}"


def some_sales(tariff: CompiledTariff, random: Random) -> Iterator[list[str]]:
    """What differs in random sales, and in prices of units, from one random state."""
    state, policy = random_state(random), random_policy(random)
    slow = SlowSale(tariff.tariff, state, policy, random_coding(random, tariff))
    for number in range(PER_STATE):
        try:
            if number % 4 == 3:
                units = random.choice((100 * random.randint(0, 3_000), random.randint(0, 10**6)))
                units = min(units, state.limits.max_units_milli)
                yield list(price_differences(tariff, slow, units))
            else:
                tender = random_tender(random, tariff.versions[0].scale)
                yield list(differences(tariff, slow, tender))
        except ValueError as error:
            yield [] if _takes_everything(slow) else [str(error)]


def _takes_everything(slow: SlowSale) -> bool:
    """Deductions that grow as fast as the tender leave nothing, whatever is tendered."""
    return slow.rest(10**15) == 0


def run(first: int, count: int) -> Counter[str]:
    """Compare ``count`` sales of the seeds from ``first`` on; differences are printed."""
    outcomes: Counter[str] = Counter()
    for seed in range(first, first + count // SALES):
        random = Random(seed)
        tariff = random_sold(random)
        for state in range(SALES // PER_STATE):
            for number, found in enumerate(some_sales(tariff, random)):
                for what in found:
                    print(f"seed {seed} state {state} sale {number}: {what}", flush=True)
                outcomes["different" if found else "same"] += 1
    return outcomes


main = partial(compare_many, "sales", run, SALES)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
