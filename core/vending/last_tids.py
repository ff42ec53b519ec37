"""The last TID of a meter as an old system had it, taken over at a cut-over. Pure.

A meter refuses a token that is older than those it remembers, and takes no TID twice: the first
token that we make for it must come after the last one that the old system made.
"""

from dataclasses import dataclass

from core.sts.errors import StsError, TidExhaustedError, TidRunAheadError, TimeBeforeBaseError
from core.sts.tid import MINUTE_US, TID_MAX, base_date


@dataclass(frozen=True, slots=True)
class KnownMeter:
    """What is on file of a meter: ``last_tid`` -1 for none, under ``base_year``."""

    id: int
    drn: str
    base_year: int
    last_tid: int


@dataclass(frozen=True, slots=True)
class Clock:
    """Now (µs UTC), and by how many minutes a TID may run ahead of it."""

    now_us: int
    ahead_minutes: int


def taken_over(meter: KnownMeter, at_us: int, clock: Clock) -> int:
    """The meter's last TID after its last token of ``at_us`` is known: never lower than it was.

    Errors: TimeBeforeBaseError, TidRunAheadError (the first sale would be refused),
    TidExhaustedError.
    """
    start_us = base_date(meter.base_year).start_us
    tid = (at_us - start_us) // MINUTE_US
    if tid < 0:
        raise TimeBeforeBaseError(
            f"It lies before the base date of the meter's key ({meter.base_year}-01-01).",
            where="time",
        )
    if at_us > clock.now_us + clock.ahead_minutes * MINUTE_US:
        raise TidRunAheadError(
            f"It lies in the future, by more than the {clock.ahead_minutes} minutes that tokens "
            "may run ahead of the clock.",
            where="time",
        )
    if tid > TID_MAX:
        raise TidExhaustedError(
            f"Base date {meter.base_year} had run out by then: the meter's key on file is not the "
            "one of this token.",
            where="time",
        )
    return max(meter.last_tid, tid)


def wrong_with(meter: KnownMeter, at_us: int, clock: Clock) -> str:
    """What stands against it, as a sentence; empty: nothing."""
    try:
        taken_over(meter, at_us, clock)
    except StsError as error:
        return str(error)
    return ""
