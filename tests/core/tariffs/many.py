"""Comparing very many, by seeds, in processes, with what is done said on the way."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from time import perf_counter

CHUNK = 2_000


def compare_many(
    what: str, run: Callable[[int, int], Counter[str]], per_seed: int, arguments: list[str]
) -> int:
    """Arguments: count (1,000,000), first seed (0), processes (1). 1 if something was different."""
    numbers = [int(argument) for argument in arguments]
    count, first, processes = (numbers + [1_000_000, 0, 1][len(numbers) :])[:3]
    began, total = perf_counter(), Counter[str]()
    starts = range(first, first + count // per_seed, CHUNK // per_seed)
    with ProcessPoolExecutor(processes) as pool:
        for outcomes in pool.map(run, starts, [CHUNK] * len(starts)):
            total += outcomes
            if total.total() % 50_000 < CHUNK:
                print(f"{total.total():,} {what}: {dict(total)}", file=sys.stderr, flush=True)
    said = ", ".join(f"{number:,} {outcome}" for outcome, number in sorted(total.items()))
    seconds = perf_counter() - began
    rate = total.total() / seconds
    print(f"{total.total():,} {what} in {seconds:.0f} s ({rate:,.0f}/s): {said}")
    return 1 if total["different"] else 0
