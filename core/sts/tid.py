"""The token identifier (TID): 24 bits of whole minutes since the base date of the vending key.

Instants are integer microseconds since 1970-01-01 00:00 UTC. IEC 62055-41, clause 6.3.5; facts
topic "TID". 00:01 of every day is kept for special tokens; an ordinary token made in that minute
carries 00:02. Two tokens for one meter in one minute take the next minute, so the issuer keeps the
last TID of each meter.
"""

from enum import IntEnum

from core.sts.errors import (
    FieldRangeError,
    TidExhaustedError,
    TidRunAheadError,
    TimeBeforeBaseError,
)

MINUTE_US = 60_000_000
DAY_MINUTES = 1440
TID_MAX = (1 << 24) - 1
RESERVED_MINUTE = 1
KEN_MAX = 255

# One hour: a burst of sixty tokens for one meter, or a clock that was set back by less than that.
# More means that a clock is wrong, and tokens from the future would make the meter refuse others.
AHEAD_MINUTES_MAX = 60


class BaseDate(IntEnum):
    """The year whose 1 January 00:00 UTC is minute 0; `code` is what key derivation takes."""

    Y1993 = 1993
    Y2014 = 2014
    Y2035 = 2035

    @property
    def code(self) -> str:
        """ "93", "14" or "35"."""
        return f"{self.value % 100:02d}"

    @property
    def start_us(self) -> int:
        """Microseconds from 1970-01-01 to minute 0."""
        return _BASE_US[self]


# Days from 1970-01-01 to 1 January of the three years.
_BASE_US = {
    BaseDate.Y1993: 8_401 * DAY_MINUTES * MINUTE_US,
    BaseDate.Y2014: 16_071 * DAY_MINUTES * MINUTE_US,
    BaseDate.Y2035: 23_741 * DAY_MINUTES * MINUTE_US,
}
_BY_YEAR = {year: base for base in BaseDate for year in (base.value, base.value % 100)}


def base_date(year: int) -> BaseDate:
    """The base date with this year (1993, 2014, 2035) or its code. Error: FieldRangeError."""
    base = _BY_YEAR.get(year)
    if base is None:
        raise FieldRangeError(
            "A base date is 1993, 2014 or 2035.", where="base_date", evidence=str(year)
        )
    return base


def is_reserved(tid: int) -> bool:
    """Whether this TID is 00:01 of a day, kept for special tokens."""
    return tid % DAY_MINUTES == RESERVED_MINUTE


def _minutes(at_us: int, base: BaseDate) -> int:
    tid = (at_us - base.start_us) // MINUTE_US
    if tid < 0:
        raise TimeBeforeBaseError(
            f"The token's time lies before the key's base date ({base.value}-01-01).",
            where="time",
            evidence=str(at_us),
        )
    return _bounded(tid, base)


def _bounded(tid: int, base: BaseDate | None = None) -> int:
    if tid > TID_MAX:
        of = f" of base date {base.value}" if base else ""
        raise TidExhaustedError(
            f"The minute counter{of} has run out: the meter needs a key change to a later base "
            "date.",
            where="tid",
            evidence=str(tid),
        )
    return tid


def tid_at(at_us: int, base: BaseDate) -> int:
    """The TID of an ordinary token made at `at_us`; 00:01 becomes 00:02.

    Errors: TimeBeforeBaseError, TidExhaustedError.
    """
    tid = _minutes(at_us, base)
    return _bounded(tid + 1, base) if is_reserved(tid) else tid


def special_tid(at_us: int, base: BaseDate) -> int:
    """The special reserved TID: 00:01 of the day of `at_us`, whatever its hour."""
    tid = _minutes(at_us, base)
    return _bounded(tid - tid % DAY_MINUTES + RESERVED_MINUTE, base)


def next_tid(wanted: int, last: int | None, ahead_max: int = AHEAD_MINUTES_MAX) -> int:
    """The TID for the next ordinary token of a meter.

    `wanted` is the TID of now (`tid_at`), `last` the highest one issued to this meter under this
    base date, or None. Returns `wanted`, or the first free minute after `last`; never a reserved
    one. Errors: TidRunAheadError when that is more than `ahead_max` minutes after `wanted`,
    TidExhaustedError.
    """
    tid = wanted if last is None or wanted > last else last + 1
    if is_reserved(tid):
        tid += 1
    if tid - wanted > ahead_max:
        raise TidRunAheadError(
            f"The last token of this meter is {tid - wanted - 1} minutes ahead of the clock; at "
            f"most {ahead_max} are allowed. Check the clock.",
            where="last_tid",
            evidence=f"wanted {wanted}, last {last}",
        )
    return _bounded(tid)


def time_of(tid: int, base: BaseDate) -> int:
    """The instant (microseconds UTC) of the beginning of the minute `tid`."""
    if not 0 <= tid <= TID_MAX:
        raise FieldRangeError("A TID has 24 bits.", where="tid", evidence=str(tid))
    return base.start_us + tid * MINUTE_US


def last_tid_of(ken: int) -> int:
    """The last TID for which a key with this expiry number may be used: (KEN+1)*65536 - 1."""
    if not 0 <= ken <= KEN_MAX:
        raise FieldRangeError("A KEN is 0 to 255.", where="ken", evidence=str(ken))
    return (ken << 16) + 0xFFFF


def key_expired(tid: int, ken: int) -> bool:
    """Whether a key with expiry number `ken` is too old for a token with this TID."""
    return tid > last_tid_of(ken)
