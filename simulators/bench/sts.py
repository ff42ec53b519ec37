"""`wattbus bench sts`: tokens per second and core, with cached decoder keys and with derivation.

The whole path of a virtual module is measured: expiry check, amount coding, clear block, cipher,
digits, digest for the log. `derived` makes each meter's decoder key anew.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from core.sts.keystore import DEMO_SGC02, demo_keys
from core.sts.meter_id import luhn_digit, meter_pan
from core.sts.module import CreditRequest, IssuedToken, MeterKey, VirtualModule, open_module
from core.sts.sta import SAMPLE_TABLES
from core.sts.tid import is_reserved
from simulators.bench.options import Options

NAME = "sts"
HELP = "STS tokens a second on one core, by algorithm."
ENGINES: tuple[str, ...] = ()
AIM_CACHED = 15_000
AIM_DERIVED = 5_000

_MASTER = bytes(32)
_COMPANY = "bench"
_NOW_US = 1_785_000_000_000_000
_TID = 6_600_000
_BATCH = 256  # what a worker takes at a time


def _module() -> VirtualModule:
    return open_module("bench", demo_keys(_MASTER, _COMPANY), _MASTER, SAMPLE_TABLES, [_COMPANY])


def _meters(count: int, like: MeterKey) -> list[MeterKey]:
    serials = (f"04{number:08d}" for number in range(count))
    return [replace(like, pan=meter_pan(serial + str(luhn_digit(serial)))) for serial in serials]


def _requests(meters: list[MeterKey], count: int) -> list[CreditRequest]:
    tids = [tid for tid in range(_TID, _TID + count + count // 700 + 2) if not is_reserved(tid)]
    return [
        CreditRequest(meters[place % len(meters)], tids[place], place & 15, 100 + place % 5_000)
        for place in range(count)
    ]


def _rate(module: VirtualModule, requests: list[CreditRequest]) -> float:
    start = time.perf_counter()
    for place in range(0, len(requests), _BATCH):
        results = module.issue_credit(requests[place : place + _BATCH], _NOW_US)
        assert all(isinstance(result, IssuedToken) for result in results)
    return len(requests) / (time.perf_counter() - start)


def _best(rounds: int, measure: Callable[[], float]) -> int:
    return round(max(measure() for _ in range(rounds)))


def tokens(count: int = 10_000, rounds: int = 5) -> dict[str, int]:
    """Tokens per second, the best of `rounds`, by algorithm; the aims stand beside them."""
    kinds = {
        "ea07_dkga04": MeterKey(_COMPANY, "", 7, "201457", 1, "01"),
        "ea07_dkga02": MeterKey(_COMPANY, "", 7, DEMO_SGC02, 1, "01"),
        "ea11_dkga04": MeterKey(_COMPANY, "", 11, "201457", 1, "01"),
    }
    figures = {"aim_cached": AIM_CACHED, "aim_derived": AIM_DERIVED}
    for name, like in kinds.items():
        warm = _module()
        few = _requests(_meters(500, like), count)
        _rate(warm, few)
        figures[f"{name}_cached"] = _best(rounds, lambda: _rate(warm, few))  # noqa: B023 - at once
        each = _requests(_meters(count, like), count)
        figures[f"{name}_derived"] = _best(rounds, lambda: _rate(_module(), each))  # noqa: B023
    return figures


def run(options: Options) -> dict[str, Any]:
    """The figures, and the ratio of the slowest to what we aim at."""
    rounds = max(1, options.rounds + 2)  # short and free of I/O: the best is the machine's own
    figures = tokens(count=500 * options.seconds, rounds=rounds)
    least = {
        way: min(figures[name] for name in figures if name.startswith("ea") and way in name)
        for way in ("cached", "derived")
    }
    return {
        "bench": NAME,
        **figures,
        "cached_to_aim": round(least["cached"] / AIM_CACHED, 2),
        "derived_to_aim": round(least["derived"] / AIM_DERIVED, 2),
    }
