"""A real reading after estimates: what was really used since, against what was billed meanwhile.

A tariff does not say what happens then, so whoever states the reading does: ``last`` bills what is
left over in the newest period; ``distribute`` divides all of it by days over the periods that were
estimated, whose bills are then corrected by a rebill. Either way the quantities of the periods add
up to the reading, to the thousandth.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, timedelta
from typing import Literal

import msgspec

from core.billing.periods import Reported, record_usage
from core.billing.shapes import BillingError, Draw
from core.store.tx import Reader, Tx
from core.tariffs.runs import cut_quantity

Method = Literal["last", "distribute"]
#: Periods that one reading may catch up: two years of estimates are another matter.
MAX_PERIODS = 24


class Estimated(msgspec.Struct, frozen=True):
    """The newest usage of an earlier period."""

    period: int
    first: date
    last: date
    registers: dict[str, int]
    estimated: bool


class CaughtUp(msgspec.Struct, frozen=True):
    """What a reading led to: usage by period; those but the newest are corrections."""

    usage: tuple[tuple[int, Reported], ...]

    @property
    def periods(self) -> tuple[int, ...]:
        """Those that want a rebill."""
        return tuple(period for period, _ in self.usage[:-1])


def catch_up(
    reader: Reader,
    period: int,
    reading: Reported,
    method: Method,
    peaks: AbstractSet[str] = frozenset(),
) -> CaughtUp:
    """Usage of each period, from a reading over days that reach back over estimates.

    ``peaks``: registers of the agreement's tariff that do not add up over time.

    BillingError when the days before this period are not exactly those of estimates, when ``last``
    would be less than nothing, or when a peak would have to be divided.
    """
    divided = sorted(peaks & set(reading.registers))
    if divided:
        raise BillingError(
            f"agreement {reading.agreement}: {divided[0]} does not add up over time: state the "
            "usage of each period"
        )
    before = _estimates(reader, reading.agreement, period, reading.first)
    _need_whole(before, reading)
    begin = before[-1].last + timedelta(days=1) if before else reading.first
    if begin > reading.last:
        raise BillingError(f"agreement {reading.agreement}: no day of {period} is left to bill")
    spans = [(each.first, each.last) for each in before] + [(begin, reading.last)]
    if method == "distribute":
        parts = _by_days(reading.registers, spans)
    else:
        parts = [each.registers for each in before] + [_left(reading, before)]
    ids = [each.period for each in before] + [period]
    usage = [
        (number, Reported(
            agreement=reading.agreement, first=first, last=last, registers=registers,
            source=reading.source,
        ))
        for number, (first, last), registers in zip(ids, spans, parts, strict=True)
    ]  # fmt: skip
    return CaughtUp(tuple(usage if method == "distribute" else usage[-1:]))


def record(tx: Tx, company: str, caught: CaughtUp, draw: Draw, now_us: int) -> None:
    """Write it. BillingError when one of the periods is not open."""
    for period, reported in caught.usage:
        record_usage(tx, company, period, [reported], draw, now_us)


def _estimates(reader: Reader, agreement: int, period: int, since: date) -> list[Estimated]:
    rows = reader.rows(
        "SELECT u.period, u.first, u.last, u.registers, u.estimated FROM bill_usage u "
        "WHERE u.agreement_id = :id AND u.period < :period AND u.last >= :since "
        "AND NOT EXISTS (SELECT 1 FROM bill_usage n WHERE n.agreement_id = u.agreement_id "
        "AND n.period = u.period AND n.version > u.version) ORDER BY u.period",
        id=agreement, period=period, since=since.isoformat(),
    )  # fmt: skip
    return [
        Estimated(
            number, date.fromisoformat(first), date.fromisoformat(last),
            msgspec.json.decode(registers, type=dict[str, int]), bool(estimated),
        )
        for number, first, last, registers, estimated in rows
    ]  # fmt: skip


def _need_whole(before: Sequence[Estimated], reading: Reported) -> None:
    """The days must follow each other, from the reading's first one on, all of them estimated."""
    who, day = f"agreement {reading.agreement}", reading.first
    if len(before) > MAX_PERIODS:
        raise BillingError(f"{who}: {len(before)} periods, at most {MAX_PERIODS} are caught up")
    for each in before:
        if not each.estimated:
            raise BillingError(f"{who}: {each.period} was read, not estimated")
        if each.first != day:
            raise BillingError(f"{who}: {each.period} begins on {each.first}, the reading on {day}")
        if set(each.registers) != set(reading.registers):
            raise BillingError(f"{who}: {each.period} has other registers than the reading")
        day = each.last + timedelta(days=1)


def _by_days(
    registers: Mapping[str, int], spans: Sequence[tuple[date, date]]
) -> list[dict[str, int]]:
    days = [(last - first).days + 1 for first, last in spans]
    cut = {name: cut_quantity(value, days, 1) for name, value in registers.items()}
    return [{name: int(parts[i]) for name, parts in cut.items()} for i in range(len(spans))]


def _left(reading: Reported, before: Sequence[Estimated]) -> dict[str, int]:
    left = {
        name: value - sum(each.registers[name] for each in before)
        for name, value in reading.registers.items()
    }
    if min(left.values()) < 0:
        raise BillingError(
            f"agreement {reading.agreement} used less than was estimated: distribute it"
        )
    return left
