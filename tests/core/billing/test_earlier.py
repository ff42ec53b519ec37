"""Pure parts of a bill's inputs: delays day by day, years that turn within it, what tariffs ask."""

from datetime import date, timedelta

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from core.billing.earlier import by_month, of_year, value_of
from core.billing.estimates import _by_days
from core.billing.needs import Yearly, needs_of
from core.billing.overdue import _chunks, _Item
from core.billing.shapes import Frozen, Given, Usage
from core.store.load_facts import Fact
from core.tariffs.shapes import Precision
from tests.core.billing.village import tariff
from tests.core.billing.works import works

DUE = date(2026, 12, 20)
MONTHS = st.integers(0, 11).map(lambda n: 202601 + n)


def item(amount: int) -> _Item:
    return _Item(1, 1, DUE, amount)


@settings(max_examples=150, deadline=None)
@given(
    st.integers(1, 500), st.integers(0, 80), st.lists(st.tuples(st.integers(-5, 60),
    st.integers(1, 200)), max_size=5), st.integers(-3, 70),
)  # fmt: skip
def test_a_delay_is_the_open_principal_of_each_day(
    principal: int, late: int, steps: list[tuple[int, int]], until: int
) -> None:
    left, paid = principal + late, []
    for day, amount in sorted(steps):
        part = min(left, amount)
        left -= part
        if part:
            paid.append((DUE + timedelta(days=day), part))
    end = DUE + timedelta(days=until)
    found = _chunks(item(principal + late), principal, paid, end)
    slow, slow_later = 0, 0
    for offset in range(1, until + 1):
        day = DUE + timedelta(days=offset)
        was = principal + late - sum(amount for on, amount in paid if on < day)
        if day.year == DUE.year:
            slow += min(principal, was)
        else:
            slow_later += min(principal, was)
    assert sum(amount * days for amount, days, _ in found) == slow
    assert sum(amount * days for amount, _, days in found) == slow_later


def test_what_came_back_was_never_paid() -> None:
    end = DUE + timedelta(days=30)
    back = [(DUE + timedelta(days=5), 40), (DUE + timedelta(days=9), -40)]
    assert _chunks(item(100), 100, back, end) == _chunks(item(100), 100, (), end)
    before = _chunks(item(100), 100, back, DUE + timedelta(days=8))
    assert before == ((40, 5, 0), (60, 8, 0))  # as it was known then
    part = [(DUE + timedelta(days=5), 40), (DUE + timedelta(days=9), -10)]
    assert _chunks(item(100), 100, part, DUE + timedelta(days=10)) == ((30, 5, 0), (70, 10, 0))


def history(name: str, months: dict[int, int]) -> list[Fact]:
    return [
        Fact(1, "history", name, f"{m // 100}-{m % 100:02d}-01", 1, value, "", 0)
        for m, value in months.items()
    ]


def usage(first: str, last: str, **registers: int) -> Usage:
    return Usage(1, date.fromisoformat(first), date.fromisoformat(last), registers)


def test_a_bill_goes_before_what_was_stated_of_its_month() -> None:
    bills = [(202603, usage("2026-03-01", "2026-03-31", units=5))]
    stated = history("units", {202602: 1, 202603: 2, 202604: 3})
    assert by_month(bills, stated, "units", range(202602, 202604)) == {202602: 1, 202603: 5}
    assert value_of({"units.peak": 2, "units.low": 3}, "units") == 5
    assert value_of({"units": 4}, "max_kw") is None


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10**9), st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 1_000, None])
)
def test_the_parts_of_a_bill_in_two_years_are_all_of_it(
    units: int, before: int, after: int, resolution: int | None
) -> None:
    turn = date(2027, 1, 1)
    over = Usage(
        1, turn - timedelta(days=before), turn + timedelta(days=after - 1), {"units": units}
    )
    how = Yearly(None, resolution)
    parts = [
        of_year([(202701, over)], (), "units", how, (date(year, 12, 31), 202712))
        for year in (2026, 2027)
    ]
    assert sum(parts) == units
    rounded = Yearly(Precision(1_000, "half_up"), 1)
    whole = of_year([(202701, over)], (), "units", rounded, (turn, 202712))
    assert whole % 1_000 == 0


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**9), st.lists(st.integers(1, 31), min_size=1, max_size=6))
def test_a_reading_that_is_divided_by_days_is_whole(units: int, days: list[int]) -> None:
    at, spans = date(2026, 1, 1), []
    for count in days:
        spans.append((at, at + timedelta(days=count - 1)))
        at += timedelta(days=count)
    assert sum(part["units"] for part in _by_days({"units": units}, spans)) == units


def test_what_tariffs_ask_for() -> None:
    simple, asking = needs_of(tariff().tariff), needs_of(works(lift=True).tariff)
    assert not simple.looks
    assert simple.monthly == {"units"}
    assert asking.looks
    assert asking.history == {"max_kw": 11}
    assert asking.yearly == {"units": Yearly(None, 1_000)}
    assert asking.shares == {"lift": "amount"}
    assert (asking.late, asking.category, asking.peaks) == (True, True, {"max_kw"})


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["a_kw", "b"]), st.integers(0, 10**12)),
    st.dictionaries(st.just("max_kw"), st.dictionaries(MONTHS, st.integers(0, 10**9))),
    st.lists(st.tuples(st.integers(1, 10**9), st.integers(0, 400), st.integers(0, 400))),
)
def test_frozen_inputs_are_read_as_they_were_written(
    attributes: dict[str, int], months: dict[str, dict[int, int]],
    overdue: list[tuple[int, int, int]],
) -> None:  # fmt: skip
    known = Given(attributes, "c", months, {}, {"units": (1, 3)}, (("lift", 4, 0),), tuple(overdue))
    frozen = [Frozen(1, 2, "works", 3, "UGX", None, 0, known), Frozen(2, 2, "works", 4, "UGX")]
    text = msgspec.json.encode(frozen)
    again = msgspec.json.decode(text, type=list[Frozen])
    assert again == frozen
    assert msgspec.json.encode(again) == text
