"""What was sold by token to somebody who is billed now: in the month, and in the year.

It is what the month's blocks counted: purchases, units on credit, and free units where they count;
what was cancelled does not. The purchases of who is billed ended when his change was switched, so
what he bought after going back to tokens is not before a bill that is corrected then.
"""

from collections.abc import Mapping
from datetime import date

from core.calendars import add_months, first_day
from core.store.tx import Reader

MILLI_PER_TENTH = 100
#: Every token that blocks counted, of stretches of billed days: (stretch, its tenths).
_COUNTED = (
    "SELECT d.id, SUM(x.tenths) FROM billed_days d JOIN account_change c ON c.id = d.change_id "
    "JOIN agreement g ON g.id = d.agreement_id JOIN meter_install i "
    "ON i.service_point_id = g.service_point_id AND i.id = (SELECT min(o.id) FROM meter_install o "
    "WHERE o.service_point_id = i.service_point_id AND o.meter_id = i.meter_id) JOIN ({of}) x "
    "ON x.meter_id = i.meter_id AND x.agreement_id = g.id AND x.at < c.switched_at "
    "WHERE d.id IN :ids AND x.period >= :low AND x.period <= :high GROUP BY d.id"
)
_KINDS = (
    "SELECT meter_id, agreement_id, period, priced_at AS at, units_tenths AS tenths "
    "FROM sale WHERE state = 'issued'",
    "SELECT meter_id, agreement_id, period, issued_at AS at, units_tenths AS tenths FROM advance",
    "SELECT f.meter_id, e.agreement_id, f.through_month AS period, f.claimed_at AS at, f.tenths "
    "FROM free_claim f JOIN entitlement e ON e.id = f.entitlement_id WHERE e.in_blocks = 1",
)


def sold_in_month(reader: Reader, period: int, span: tuple[int, int]) -> dict[int, int]:
    """Milli-units of the month, of the agreements of a span: as each of them remembers.

    Who went back to tokens in the month has bought since, and what he remembers holds his bill too:
    his purchases before the bill's days are looked up.
    """
    found: dict[int, int] = dict(reader.rows(
        "SELECT agreement_id, units_milli FROM agreement_state WHERE agreement_id >= :low "
        "AND agreement_id <= :high AND period = :period AND units_milli > 0",
        low=span[0], high=span[1], period=period,
    ))  # fmt: skip
    back: dict[int, int] = dict(reader.rows(
        "SELECT agreement_id, min(id) FROM billed_days WHERE agreement_id IN :ids "
        "AND last >= :first AND last < :beyond GROUP BY agreement_id",
        ids=list(found), first=first_day(period).isoformat(),
        beyond=first_day(add_months(period, 1)).isoformat(),
    )) if found else {}  # fmt: skip
    found |= dict.fromkeys(back, 0) | _counted(reader, back, (period, period))
    return {id_: units for id_, units in found.items() if units}


def sold_in_year(reader: Reader, first_days: Mapping[int, date]) -> dict[int, int]:
    """Milli-units of the year of each agreement's first day, before the days that are billed; of
    those whose payment mode has changed, and nobody else."""
    if not first_days:
        return {}
    stretches: dict[int, tuple[str, int]] = {}
    for id_, agreement, first in reader.rows(
        "SELECT id, agreement_id, first FROM billed_days WHERE agreement_id IN :ids ORDER BY id",
        ids=list(first_days),
    ):
        if first <= first_days[agreement].isoformat():
            stretches[agreement] = max(stretches.get(agreement, ("", 0)), (first, id_))
    found: dict[int, int] = {}
    for year in sorted({first_days[agreement].year for agreement in stretches}):
        of = {a: id_ for a, (_, id_) in stretches.items() if first_days[a].year == year}
        found |= dict.fromkeys(of, 0) | _counted(reader, of, (year * 100 + 1, year * 100 + 12))
    return found


def _counted(
    reader: Reader, stretches: Mapping[int, int], periods: tuple[int, int]
) -> dict[int, int]:
    """Milli-units that were sold before these stretches began, by agreement."""
    tenths = dict.fromkeys(stretches.values(), 0)
    for kind in _KINDS if stretches else ():
        for id_, some in reader.rows(
            _COUNTED.format(of=kind), ids=list(tenths), low=periods[0], high=periods[1]
        ):
            tenths[id_] += int(some)
    return {agreement: tenths[id_] * MILLI_PER_TENTH for agreement, id_ in stretches.items()}
