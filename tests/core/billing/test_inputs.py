"""What the tariff engine can price is billed: earlier months, attributes, categories, delays."""

import json
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from core.billing import partitions, runs
from core.billing.commons import CommonTotal
from core.billing.shapes import BillingError, Frozen, Given
from core.store.load_facts import facts_of
from core.tariffs.bills import BillInput, Overdue
from hub.billruns import Books, open_desk
from tests.core.billing.test_rebill import pay
from tests.core.billing.village import issued as village_issued
from tests.core.billing.village import report, rows, village, wrongs
from tests.core.billing.works import (
    bill_of,
    billed,
    by_engine,
    common,
    fact,
    lines,
    opened,
    place,
    state,
    used,
)

KW = {"max_kw": 10_000}


def verified(made: Books, run: int) -> bool:
    with closing(open_desk(made)) as desk, desk.transaction() as (tx, _):
        terms = runs.terms_of(runs.run_of(tx, run), made.tariffs)
        stored, now = partitions.again(tx, terms, 1)
    return stored == now


def test_of_whom_nothing_is_known_nothing_is_frozen(tmp_path: Path) -> None:
    made = village(tmp_path)
    village_issued(made)
    frozen = json.loads(rows(made, "SELECT inputs FROM run_partition WHERE number = 1")[0][0])
    assert {each[-1] for each in frozen} == {None}
    assert Frozen(1, 1, "village", 1, "UGX").given is None


def test_months_before_count_in_ratchet_and_year(tmp_path: Path) -> None:
    made = place(tmp_path)
    state(made, fact(1, "attribute", "contracted_kw", "2026-01-01", value=20_000),
          fact(2, "attribute", "contracted_kw", "2026-01-01", value=100_000))  # fmt: skip
    state(made, fact(1, "history", "units", "2026-09-01", value=150_000),
          fact(1, "history", "max_kw", "2026-02-01", value=40_000),
          fact(1, "history", "units", "2025-12-01", value=9_000_000))  # fmt: skip
    used(made, 202610, {id_: {"units": 120_000, **KW} for id_ in (1, 2)})
    billed(made, 202610)
    # 80 % of February's 40 kW; 40 % of 100 kW that are agreed
    assert lines(made, 1, 202610)["demand"] == 32_000
    assert lines(made, 2, 202610)["demand"] == 40_000
    opened(made, 202611)
    used(made, 202611, {1: {"units": 100_000, "max_kw": 50_000}, 2: {"units": 1_000, **KW}})
    run = billed(made, 202611)
    # the year: 150 stated, 120 billed, 100 now: 70 beyond 300
    assert lines(made, 1, 202611)["beyond"] == 490
    assert "beyond" not in lines(made, 2, 202611)
    assert lines(made, 1, 202611)["demand"] == 50_000
    assert lines(made, 1, 202611)["energy"] == 50 * 100 + 50 * 200  # the month begins anew
    assert verified(made, run)
    assert wrongs(made) == []


def test_what_was_frozen_holds_whatever_is_stated_later(tmp_path: Path) -> None:
    made = place(tmp_path)
    state(made, fact(1, "attribute", "contracted_kw", "2026-01-01", value=20_000))
    used(made, 202610, {1: {"units": 120_000, **KW}})
    run = billed(made, 202610, agreement=1)
    before = bill_of(made, 1, 202610)
    state(made, fact(1, "attribute", "contracted_kw", "2026-01-01", value=90_000),
          fact(1, "history", "max_kw", "2026-08-01", value=90_000))  # fmt: skip
    assert verified(made, run)
    used(made, 202610, {1: {"units": 120_000, **KW}})  # the same, but what is known is newer
    billed(made, 202610, kind="rebill")
    # the demand rises to 80 % of 90 kW
    assert bill_of(made, 1, 202610)[1] - before[1] == 72_000 - 10_000
    assert wrongs(made) == []


def test_a_quantity_that_is_not_known_holds_the_bill(tmp_path: Path) -> None:
    made = place(tmp_path)
    used(made, 202610, {1: {"units": 120_000, **KW}})
    billed(made, 202610, agreement=1)
    state_, _, why = bill_of(made, 1, 202610)
    assert (state_, why) == ("held", "error: contracted_kw is not given")


def test_the_category_is_that_of_the_opening(tmp_path: Path) -> None:
    made = place(tmp_path)
    for id_ in 1, 2, 3:
        state(made, fact(id_, "attribute", "contracted_kw", "2026-01-01", value=1_000))
    state(made, fact(1, "history", "units", "2026-09-01", value=100_000),
          fact(1, "history", "units", "2026-10-01", value=100_001),
          fact(2, "history", "units", "2026-08-01", value=100_000),
          fact(2, "history", "units", "2026-09-01", value=100_000))  # fmt: skip
    opened(made, 202611)
    assert rows(made, "SELECT agreement_id, category, months, used FROM agreement_category") == [
        (1, "large", 2, 200_001), (2, "small", 2, 200_000), (3, "new", 0, 0)
    ]  # fmt: skip
    state(made, fact(2, "history", "units", "2026-10-01", value=900_000))  # too late for November
    used(made, 202611, {id_: {"units": 1_000, **KW} for id_ in (1, 2, 3)})
    billed(made, 202611)
    assert lines(made, 1, 202611)["large"] == 5_000
    assert {"large", "new"}.isdisjoint(lines(made, 2, 202611))
    assert lines(made, 3, 202611)["new"] == 300
    opened(made, 202612)
    found = rows(made, "SELECT category FROM agreement_category WHERE period = 202612")
    assert found == [("small",), ("large",), ("new",)]  # of 3, November alone is one month
    state(made, fact(3, "category", "", "2026-12-01", word="large"))
    used(made, 202612, {3: {"units": 1_000, **KW}})
    billed(made, 202612)
    assert lines(made, 3, 202612)["large"] == 5_000


def test_units_sold_in_the_month_come_before_those_billed(tmp_path: Path) -> None:
    made = place(tmp_path)
    state(made, fact(1, "attribute", "contracted_kw", "2026-01-01", value=1_000))
    with closing(open_desk(made)) as desk, desk.transaction() as (tx, _):
        tx.insert("agreement_state", ("agreement_id", "period", "units_milli", "fixed_through"),
                  [(1, 202610, 40_000, 0), (2, 202609, 40_000, 0)])  # fmt: skip
    used(made, 202610, {1: {"units": 100_000, **KW}})
    billed(made, 202610)
    assert lines(made, 1, 202610)["energy"] == 10 * 100 + 90 * 200


def test_who_moves_out_is_billed_for_his_days(tmp_path: Path) -> None:
    made = place(tmp_path)
    state(made, fact(1, "attribute", "contracted_kw", "2026-01-01", value=1_000))
    days = date(2026, 10, 1), date(2026, 10, 10)
    with closing(open_desk(made)) as desk, desk.transaction() as (tx, _):
        tx.run("UPDATE agreement SET state = 'closed', to_us = 5 WHERE id = 1")
    used(made, 202610, {1: {"units": 50_000, **KW}}, days)
    billed(made, 202610)
    expected = by_engine(BillInput(
        first=days[0], last=days[1], quantities={"units": 50_000, **KW, "contracted_kw": 1_000},
        category="new", opened=202610,
    ))  # fmt: skip
    # 50 kWh of a month's first block are 10/31 of it
    assert bill_of(made, 1, 202610)[:2] == ("issued", expected)
    assert expected > 50 * 100 + 10_000 + 300


def test_what_was_used_before_an_agreement_began_is_not_its_own(tmp_path: Path) -> None:
    made = place(tmp_path)
    with closing(open_desk(made)) as desk, desk.transaction() as (tx, _):
        tx.run("UPDATE agreement SET since = '2026-10-12' WHERE id = 1")
    days = date(2026, 10, 11), date(2026, 10, 31)
    with pytest.raises(BillingError, match="agreement 1 began on 2026-10-12, not on 2026-10-11"):
        used(made, 202610, {1: {"units": 1, **KW}}, days)
    used(made, 202610, {1: {"units": 1, **KW}}, (date(2026, 10, 12), days[1]))


def test_a_delay_is_charged_once_by_the_bills_of_its_days(tmp_path: Path) -> None:
    made = place(tmp_path)
    state(made, fact(1, "attribute", "contracted_kw", "2026-01-01", value=1_000))
    used(made, 202610, {1: {"units": 100_000, **KW}})
    billed(made, 202610)
    owed = bill_of(made, 1, 202610)[1]
    with closing(open_desk(made)) as desk, desk.transaction() as (tx, _):
        tx.run("UPDATE open_item SET due = '2026-11-20'")
    for period in 202611, 202612, 202701:
        opened(made, period)
        used(made, period, {1: {"units": 0, "max_kw": 0}})
        billed(made, period)
        with closing(open_desk(made)) as desk, desk.transaction() as (tx, _):
            tx.run("UPDATE open_item SET due = '2028-01-01' WHERE period = :p", p=period)
    found = [lines(made, 1, period)["late"] for period in (202611, 202612, 202701)]
    part = owed / 1_000
    assert found == [round(part * 10), round(part * 41) - round(part * 10),
                     round(part * 41 + 2 * part * 31) - round(part * 41)]  # fmt: skip
    assert wrongs(made) == []
    expected = by_engine(BillInput(
        first=date(2027, 1, 1), last=date(2027, 1, 31), opened=202701, category="small",
        quantities={"units": 0, "max_kw": 0, "contracted_kw": 1_000},
        history={"max_kw": {202610: 10_000}},
        overdue=(Overdue(owed, 41, 31),), overdue_billed=(Overdue(owed, 41, 0),),
    ))  # fmt: skip
    assert bill_of(made, 1, 202701)[1] == expected


def test_what_is_common_is_shared_by_days_and_adds_up(tmp_path: Path) -> None:
    made = place(tmp_path, lift=True)
    for id_ in 1, 2, 3:
        state(made, fact(id_, "attribute", "contracted_kw", "2026-01-01", value=1_000),
              fact(id_, "share", "lift", "2026-01-01", value=1_000, word="B1"))  # fmt: skip
    state(made, fact(3, "share", "lift", "2026-10-11", ended=True))
    common(made, 202610, CommonTotal(common="B1", name="lift", what="amount", total=10_001))
    used(made, 202610, {id_: {"units": 0, "max_kw": 0} for id_ in (1, 2, 3)})
    run = billed(made, 202610)
    found = [lines(made, id_, 202610)["lift"] for id_ in (1, 2, 3)]
    assert found == [4_306, 4_306, 1_389]  # 31, 31 and 10 days of 72
    assert sum(found) == 10_001
    common(made, 202610, CommonTotal(common="B1", name="lift", what="amount", total=72))
    assert verified(made, run)
    used(made, 202610, {1: {"units": 0, "max_kw": 0}})
    billed(made, 202610, kind="rebill")
    assert lines(made, 1, 202610)["lift"] == 31
    assert wrongs(made) == []


def test_a_year_that_turns_within_a_bill_is_cut_as_it_was_billed(tmp_path: Path) -> None:
    made = place(tmp_path)
    state(made, fact(1, "attribute", "contracted_kw", "2026-01-01", value=1_000))
    over = date(2026, 12, 22), date(2027, 1, 10)
    opened(made, 202701, 202702)
    used(made, 202701, {1: {"units": 401_000, **KW}}, over)
    billed(made, 202701)
    assert bill_of(made, 1, 202701)[0] == "issued"
    used(made, 202702, {1: {"units": 200_000, **KW}}, (date(2027, 1, 11), date(2027, 2, 10)))
    billed(made, 202702)
    # of 401 whole units over 10 and 10 days, 200 or 201 fell into the new year; 300 are free
    assert lines(made, 1, 202702)["beyond"] in {7 * 100, 7 * 101}
    given = json.loads(
        rows(made, "SELECT inputs FROM run_partition WHERE run_id = 2 ORDER BY number")[0][0]
    )
    assert given[0][-1][4]["units"] in ([200_000, 1], [201_000, 1])


def test_attributes_that_a_simple_tariff_does_not_ask_for_change_nothing(tmp_path: Path) -> None:
    made = village(tmp_path)
    state(made, fact(1, "attribute", "rooms", "2026-01-01", value=4_000))
    village_issued(made)
    totals = dict(rows(made, "SELECT agreement_id, total FROM bill"))
    report(made, {1: 102_000})
    village_issued(made, kind="rebill")
    assert rows(made, "SELECT total FROM bill WHERE replaces > 0") == [(totals[2],)]
    assert Given(attributes={"rooms": 4_000}) != Given()
    pay(made, 2, 10)
    assert wrongs(made) == []


def test_a_category_is_of_the_tariff_that_it_was_worked_out_by(tmp_path: Path) -> None:
    """Who changes the tariff within a month is not what another tariff calls him."""
    made = place(tmp_path)
    state(made, fact(1, "history", "units", "2026-09-01", value=200_000),
          fact(1, "history", "units", "2026-10-01", value=200_000),
          fact(1, "attribute", "contracted_kw", "2026-01-01", value=1_000))  # fmt: skip
    opened(made, 202611)
    with closing(open_desk(made)) as desk, desk.transaction() as (tx, _):
        assert facts_of(tx, [1], date(2026, 11, 5))[1].category == "large"
        tx.run("UPDATE agreement SET tariff = 'village' WHERE id = 1")
        assert facts_of(tx, [1], date(2026, 11, 5))[1].category == ""
        tx.run("UPDATE agreement SET tariff = 'works'")
        tx.run("UPDATE agreement SET tariff = 'other' WHERE id = 1")
    made.tariffs["other"] = made.tariffs["works"]  # type: ignore[index]
    used(made, 202611, {1: {"units": 1_000, **KW}})
    billed(made, 202611)
    assert "new" in lines(made, 1, 202611), "its default"
    assert "large" not in lines(made, 1, 202611)
