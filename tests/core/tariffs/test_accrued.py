"""Month charges that are owed at an end, and the months that bear none."""

from datetime import date

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.calendars import add_months, start_of_day, start_of_period
from core.tariffs.accrual import paused_months, periods_due
from core.tariffs.accrued import Accruing, accrued_charges
from core.tariffs.compiling import CompiledTariff, NoTariffError, compile_tariff
from core.tariffs.errors import MissingQuantityError
from core.tariffs.shapes import CatchUp, Component, Tariff, TariffVersion
from tests.core.tariffs.uganda import energy, service, vat

ZONE = "Africa/Kampala"
NOW = start_of_day(date(2026, 6, 10), ZONE)


def versions(*rates: tuple[date, int], rule: CatchUp = CatchUp(12, "lapse")) -> CompiledTariff:
    """Monthly charges that change, under VAT inside the tender."""
    made = []
    for day, rate in rates:
        components: tuple[Component, ...] = (service(rate), energy((None, 7509)), vat())
        made.append(TariffVersion(day, rule, components))
    return compile_tariff(Tariff("t", "T", "UGX", "kWh", tuple(made)))


TARIFF = versions((date(2025, 1, 1), 3360), (date(2026, 4, 1), 4000))


def at(day: str) -> int:
    return start_of_day(date.fromisoformat(day), ZONE)


def test_each_month_at_its_own_rate_and_the_tax_upon_it() -> None:
    owed = accrued_charges(
        TARIFF, Accruing(began=date(2025, 6, 1), until=date(2026, 5, 20), through=202602)
    )
    assert owed.months == (202603, 202604, 202605)
    assert owed.through == 202605
    by_code = {(line.code, line.rate_e8): line.amount for line in owed.lines}
    assert by_code == {
        ("service", 3360 * 10**8): 3360,
        ("service", 4000 * 10**8): 8000,
        ("vat", 18_000_000): 2045,  # 18 % of 11,360
    }
    assert owed.total == 13405


def test_nothing_is_owed_twice() -> None:
    paid = Accruing(began=date(2025, 6, 1), until=date(2026, 5, 20), through=202605)
    owed = accrued_charges(TARIFF, paid)
    assert (owed.lines, owed.total, owed.through) == ((), 0, 202605)


def test_the_cap_holds_at_the_end_and_what_was_deferred_is_due() -> None:
    known = Accruing(began=date(2025, 1, 5), until=date(2025, 6, 30))
    lapse = versions((date(2025, 1, 1), 1000), rule=CatchUp(2, "lapse"))
    assert accrued_charges(lapse, known).months == (202504, 202505, 202506)
    defer = versions((date(2025, 1, 1), 1000), rule=CatchUp(2, "defer"))
    assert accrued_charges(defer, known).months == tuple(range(202501, 202507))


def test_it_begins_with_the_tariff_where_that_is_younger() -> None:
    known = Accruing(began=date(2020, 1, 1), until=date(2025, 2, 10))
    assert accrued_charges(TARIFF, known).months == (202501, 202502)
    with pytest.raises(NoTariffError):
        accrued_charges(TARIFF, msgspec.structs.replace(known, until=date(2024, 12, 31)))


def test_paused_months_are_not_owed() -> None:
    paused = paused_months([(at("2026-02-15"), at("2026-05-01"))], ZONE, NOW)
    assert paused == {202603, 202604}
    known = Accruing(began=date(2026, 1, 1), until=date(2026, 5, 20), paused=paused)
    assert accrued_charges(TARIFF, known).months == (202601, 202602, 202605)


def test_a_charge_per_kilowatt_needs_its_kilowatts() -> None:
    per_kw = msgspec.structs.replace(service(1000), quantity="sanctioned_kw", unit="kW")
    made = TariffVersion(date(2025, 1, 1), CatchUp(0, "lapse"), (per_kw, energy((None, 7509))))
    tariff = compile_tariff(Tariff("t", "T", "UGX", "kWh", (made,)))
    known = Accruing(began=date(2025, 1, 1), until=date(2025, 3, 3))
    with pytest.raises(MissingQuantityError):
        accrued_charges(tariff, known)
    known = msgspec.structs.replace(known, attributes={"sanctioned_kw": 2500})
    assert accrued_charges(tariff, known).total == 2500


@pytest.mark.parametrize(
    ("pauses", "months"),
    [
        ([], set()),
        ([("2026-02-01", "2026-03-01")], {202602}),
        ([("2026-02-02", "2026-03-01")], set()),  # a day of service
        ([("2026-02-01", "2026-02-28")], set()),
        ([("2026-04-01", "")], {202604, 202605, 202606}),  # goes on: this month so far
        ([("2026-02-01", "2026-02-15"), ("2026-02-15", "2026-03-05")], {202602}),
        ([("2026-02-01", "2026-02-20"), ("2026-02-10", "")],
         {202602, 202603, 202604, 202605, 202606}),
        ([("2026-02-01", "2026-02-14"), ("2026-02-15", "2026-03-05")], set()),
    ],
)  # fmt: skip
def test_months_without_service(pauses: list[tuple[str, str]], months: set[int]) -> None:
    slices = [(at(begin), at(end) if end else 0) for begin, end in pauses]
    assert paused_months(slices, ZONE, NOW) == months


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 500), st.integers(0, 90)), max_size=6),
    st.integers(0, 12),
)
def test_who_has_one_day_of_service_pays_the_month(
    slices: list[tuple[int, int]], missed: int
) -> None:
    """Against a count of days, one by one."""
    first = date(2025, 1, 1)
    days = {first.toordinal() + begin + n for begin, length in slices for n in range(length)}
    given_ = [
        (
            start_of_day(date.fromordinal(first.toordinal() + begin), ZONE),
            start_of_day(date.fromordinal(first.toordinal() + begin + length), ZONE),
        )
        for begin, length in slices
        if length
    ]
    paused = paused_months(given_, ZONE, NOW)
    month = 202501
    while month <= 202605:
        begin = date(month // 100, month % 100, 1)
        after = add_months(month, 1)
        end = date(after // 100, after % 100, 1)
        span = range(begin.toordinal(), end.toordinal())
        assert (month in paused) == all(day in days for day in span), month
        month = after
    due = periods_due(None, 202501, 202606, CatchUp(missed, "lapse"), paused)
    assert not set(due) & paused
    assert len(due) <= missed + 1


def test_an_end_before_its_beginning_gives_nothing() -> None:
    assert paused_months([(NOW + 10, 0)], ZONE, NOW) <= {202606}
    assert start_of_period(202606, ZONE) < NOW
