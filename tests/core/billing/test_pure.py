"""The pure parts: life cycles, outsorting, calculation of a set."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.billing.calculate import LINE, calculate, consumed, ledger_of
from core.billing.outsort import MAX_RULES, Measured, OutsortRule, read_rules, reasons
from core.billing.periods import Reported
from core.billing.shapes import Frozen, RunTerms, Usage, tariff_digest
from core.billing.states import (
    BILL_MOVES,
    PHASES,
    RUN_MOVES,
    BillMove,
    BillState,
    RunMove,
    RunState,
    WrongMoveError,
    after,
)
from core.store.tables.billing import BILL_LINE
from tests.core.billing.village import FIRST, LAST, PERIOD, tariff

TERMS = RunTerms(
    id=1, company="demo", period=PERIOD, kind="regular", currency="UGX", due_days=14, rules=(),
    tariffs={"village": tariff()}, digests={"village": tariff_digest(tariff())},
)  # fmt: skip


def test_every_state_of_a_run_is_reached_in_order() -> None:
    state = RunState.PLANNED
    for move in list(RunMove)[:-1]:
        state = after(RUN_MOVES, state.value, move)
    assert state is RunState.ISSUED
    assert set(PHASES) <= set(RunMove)
    for out in "approved", "issued", "abandoned":
        with pytest.raises(WrongMoveError, match="abandon"):
            after(RUN_MOVES, out, RunMove.ABANDON)


def test_every_state_of_a_bill_is_reached_and_the_end_is_the_end() -> None:
    reached = {BillState.CALCULATED} | set(BILL_MOVES.values())
    assert reached == set(BillState)
    for move in BillMove:
        for state in BillState.REBILLED, BillState.WITHDRAWN:
            with pytest.raises(WrongMoveError, match=move.value):
                after(BILL_MOVES, state.value, move)


@pytest.mark.parametrize(
    ("rule", "value", "previous", "held"),
    [
        (OutsortRule(name="a", measure="total", high=100), 100, None, False),
        (OutsortRule(name="a", measure="total", high=100), 101, None, True),
        (OutsortRule(name="a", measure="net", low=5), 4, None, True),
        (OutsortRule(name="a", measure="net", low=5), 5, None, False),
        (OutsortRule(name="a", measure="consumption", high=300, of_previous=True), 301, 100, True),
        (OutsortRule(name="a", measure="consumption", high=300, of_previous=True), 300, 100, False),
        (OutsortRule(name="a", measure="consumption", low=50, of_previous=True), 49, 100, True),
        (OutsortRule(name="a", measure="consumption", low=50, of_previous=True), 9, None, False),
        (OutsortRule(name="a", measure="total", high=1, tariffs=("other",)), 9, None, False),
    ],
)
def test_rules_hold_what_lies_outside(
    rule: OutsortRule, value: int, previous: int | None, held: bool
) -> None:
    of = Measured("village", value, value, value, previous)
    assert reasons((rule,), of) == ("a" if held else "")


def test_a_bill_below_nothing_is_always_held() -> None:
    assert reasons((), Measured("village", -1, 0, -1)) == "below-nothing"


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '[{"name": "x", "measure": "weight", "low": 1}]',
        '[{"name": "x", "measure": "net"}]',
        '[{"name": "x", "measure": "net", "low": 1, "of_previous": true}]',
        '[{"name": "x", "measure": "net", "low": 1, "hihg": 2}]',
        "[1]",
    ],
)
def test_wrong_rules_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="outsorting rules"):
        read_rules(text)


def test_too_many_rules_are_refused() -> None:
    rule = '{"name": "x", "measure": "net", "low": 1}'
    with pytest.raises(ValueError, match="at most"):
        read_rules(f"[{','.join([rule] * (MAX_RULES + 1))}]")
    assert len(read_rules(f"[{rule}]")) == 1


@pytest.mark.parametrize("changes", [{"last": date(2026, 9, 30)}, {"registers": {}},
                                     {"registers": {"units": -1}}])  # fmt: skip
def test_wrong_usage_is_refused(changes: dict[str, object]) -> None:
    values = {"agreement": 1, "first": FIRST, "last": LAST, "registers": {"units": 1}}
    with pytest.raises(ValueError, match="agreement 1"):
        Reported(**{**values, "source": "test", **changes})  # type: ignore[arg-type]


def test_a_line_is_what_the_table_holds() -> None:
    assert sorted(LINE) == sorted(column.name for column in BILL_LINE.columns)


def test_times_of_use_are_added() -> None:
    assert consumed({"units.peak": 3, "units.off": 4, "max_kw": 9}) == 7
    assert consumed({"units": 5}) == 5


def test_whose_money_a_line_is() -> None:
    assert ledger_of("vat", "tax_authority") == "tax:vat"
    assert ledger_of("rural", "third_party:fund") == "payable:fund"
    assert ledger_of("energy", "own") == "revenue:energy"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 5_000_000), min_size=1, max_size=20))
def test_a_set_is_its_bills_one_by_one_and_again_the_same(units: list[int]) -> None:
    frozen = [Frozen(n, n, "village", n, "UGX") for n in range(len(units))]
    used = {n: Usage(n, FIRST, LAST, {"units": milli}) for n, milli in enumerate(units)}
    bills = calculate(TERMS, frozen, used)
    assert bills == calculate(TERMS, frozen, used)
    assert bills == [calculate(TERMS, [each], used)[0] for each in frozen]
    for made, milli in zip(bills, units, strict=True):
        assert (
            made.total
            == sum(line[LINE.index("amount") - 1] for line in made.lines)
            == made.net + made.tax
        )
        assert made.consumption == milli
        assert made.state is BillState.VALIDATED
    by_digest = {made.digest: made.lines for made in bills}
    assert all(by_digest[made.digest] == made.lines for made in bills)
    assert len({made.snapshot for made in bills}) == len(bills)
