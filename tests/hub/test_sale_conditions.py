"""What stands against a sale or takes a part of it: debts, limits, the meter, its agreement."""

from pathlib import Path
from typing import Any

import pytest

from core.company import SaleLimits
from core.messages import Answer, MeterLink, Outcome, PhoneLink
from core.tariffs.sale import DeductionPolicy
from tests.hub.machine import METER, PHONE, Machine, buy, demo_terms, enrol, fresh_sqlite, pay
from tests.hub.sales import (
    E8,
    amounts,
    carried_by,
    change,
    drn_of,
    owe,
    postings,
    refused,
    set_clock,
)

PERCENT = E8 // 100


def machine_of(folder: Path, household: dict[str, Any] | None = None, **terms: Any) -> Machine:
    machine = Machine(fresh_sqlite(folder), terms=demo_terms(**terms))
    assert machine.do(enrol(**(household or {})), "enrol").outcome is Outcome.DONE
    machine.do(pay(500_000), "pay")
    return machine


def sold(machine: Machine, key: str, tender: int = 20_000, **options: Any) -> Answer:
    answer = machine.do(buy(tender, another=True, **options), key)
    assert answer.outcome is Outcome.DONE, answer
    return answer


def left(machine: Machine) -> dict[str, int]:
    return dict(machine.rows("SELECT code, outstanding FROM debt"))


# --- debts -----------------------------------------------------------------------------------


def test_a_share_of_the_tender_pays_the_debt_down(tmp_path: Path) -> None:
    """Case UG-VEND-4, through the database."""
    machine = machine_of(tmp_path)
    debt = {"code": "arrears", "method": "percent_of_tender", "value": 30 * PERCENT}
    owe(machine, "100001", debt | {"outstanding": 50_000})
    answer = sold(machine, "a")
    assert amounts(answer) == {"arrears": 6_000, "service": 3_360, "vat": 2_136, "energy": 8_481}
    assert answer.data["carried_forward"] == 23
    assert answer.data["units_tenths"] == 213
    assert left(machine) == {"arrears": 44_000}
    ((account,),) = machine.rows("SELECT id FROM account")
    posted = postings(machine, answer.data["receipt"])
    assert posted["receivable:arrears", account] == -6_000
    assert sum(posted.values()) == 0


@pytest.mark.parametrize(
    ("debt", "taken"),
    [
        ({"method": "all", "outstanding": 4_000}, 4_000),
        ({"method": "fixed", "value": 2_500, "outstanding": 4_000}, 2_500),
        ({"method": "fixed", "value": 2_500, "outstanding": 1_000}, 1_000),
        ({"method": "percent_of_outstanding", "value": 10 * PERCENT, "outstanding": 30_005}, 3_001),
        ({"method": "percent_of_tender", "value": 10 * PERCENT, "outstanding": 4_000}, 2_000),
        ({"method": "all", "outstanding": 40_000, "cap_per_sale": 1_500}, 1_500),
        ({"method": "all", "outstanding": 0}, 0),
    ],
)
def test_each_method_takes_its_part(tmp_path: Path, debt: dict[str, Any], taken: int) -> None:
    machine = machine_of(tmp_path)
    owe(machine, "100001", {"code": "loan", **debt})
    answer = sold(machine, "a")
    assert amounts(answer).get("loan", 0) == taken
    assert left(machine) == {"loan": debt["outstanding"] - taken}


def test_debts_are_served_by_priority_and_within_the_common_cap(tmp_path: Path) -> None:
    machine = machine_of(tmp_path, deductions=DeductionPolicy(debts_cap=5_000))
    owe(
        machine,
        "100001",
        {"code": "later", "priority": 9, "method": "all", "outstanding": 8_000},
        {"code": "first", "priority": 1, "method": "all", "outstanding": 3_000},
        {"code": "paid", "priority": 0, "method": "all", "outstanding": 0},
    )
    first = amounts(sold(machine, "a"))
    assert (first["first"], first["later"]) == (3_000, 2_000)
    second = amounts(sold(machine, "b"))
    assert second["later"] == 5_000
    assert "first" not in second
    assert amounts(sold(machine, "c"))["later"] == 1_000
    assert left(machine) == {"first": 0, "later": 0, "paid": 0}
    assert "later" not in amounts(sold(machine, "d"))


def test_two_debts_under_one_code_keep_their_rows_apart(tmp_path: Path) -> None:
    machine = machine_of(tmp_path)
    owe(
        machine,
        "100001",
        {"code": "fine", "method": "fixed", "value": 1_000, "outstanding": 1_500},
        {"code": "fine", "method": "fixed", "value": 2_000, "outstanding": 9_000},
    )
    assert amounts(sold(machine, "a"))["fine"] == 3_000
    assert machine.rows("SELECT outstanding FROM debt ORDER BY id") == [(500,), (7_000,)]
    assert amounts(sold(machine, "b"))["fine"] == 2_500
    assert machine.rows("SELECT outstanding FROM debt ORDER BY id") == [(0,), (5_000,)]


def test_two_sales_of_one_batch_pay_a_debt_once(tmp_path: Path) -> None:
    machine = machine_of(tmp_path)
    owe(machine, "100001", {"code": "loan", "method": "all", "outstanding": 5_000})
    heard = [machine.accept(buy(20_000 + i), f"k{i}") for i in range(3)]
    machine.settle()
    answers = [machine.answer(each[0].message_id) for each in heard]
    assert [amounts(answer).get("loan", 0) for answer in answers] == [5_000, 0, 0]
    assert left(machine) == {"loan": 0}
    assert machine.rows("SELECT sum(amount) FROM posting WHERE ledger = 'receivable:loan'") == [
        (-5_000,)
    ]


def test_a_debt_that_takes_too_much_names_the_amount_that_would_do(tmp_path: Path) -> None:
    machine = machine_of(tmp_path)
    owe(machine, "100001", {"code": "loan", "method": "all", "outstanding": 30_000})
    smallest = refused(machine.do(buy(20_000), "a"), "tender-too-small")["smallest"]
    assert left(machine) == {"loan": 30_000}
    assert sold(machine, "b", smallest).data["units_tenths"] == 1
    assert left(machine) == {"loan": 0}


def test_the_debts_of_the_meter_are_paid_whoever_pays(tmp_path: Path) -> None:
    machine = machine_of(tmp_path)
    other = drn_of(1)
    machine.do(enrol("100002", other, "+256700000002"), "enrol2")
    owe(machine, "100002", {"code": "loan", "method": "fixed", "value": 700, "outstanding": 700})
    answer = sold(machine, "a", meter=other, holder_confirmed=True)
    assert amounts(answer)["loan"] == 700
    credits = dict(machine.rows("SELECT number, credit FROM account"))
    assert credits == {"100001": 480_000, "100002": answer.data["carried_forward"]}
    ((holder,),) = machine.rows("SELECT id FROM account WHERE number = '100002'")
    assert postings(machine, answer.data["receipt"])["receivable:loan", holder] == -700


# --- limits ----------------------------------------------------------------------------------


def test_the_limit_of_one_sale(tmp_path: Path) -> None:
    machine = machine_of(tmp_path, limits=SaleLimits(per_sale=20_000))
    assert refused(machine.do(buy(20_001), "a"), "limit-per-sale")["limit"] == 20_000
    sold(machine, "b", 20_000)


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (SaleLimits(per_day_meter=50_000), "limit-per-day-meter"),
        (SaleLimits(per_day_phone=50_000), "limit-per-day-phone"),
    ],
)
def test_the_limit_of_a_day_ends_at_midnight_of_the_company(
    tmp_path: Path, limits: SaleLimits, code: str
) -> None:
    machine = machine_of(tmp_path, limits=limits)
    set_clock(machine, "2026-11-21T00:00:05")  # 21:00:05 of the 20th in UTC
    sold(machine, "a", 30_000)
    set_clock(machine, "2026-11-21T23:59:58")
    refused(machine.do(buy(20_001, another=True), "b"), code)
    sold(machine, "c", 20_000)
    refused(machine.do(buy(4_000, another=True), "d"), code)
    set_clock(machine, "2026-11-22T00:00:00")
    sold(machine, "e", 50_000)
    refused(machine.do(buy(4_000, another=True), "f"), code)


def test_the_limit_holds_within_one_batch(tmp_path: Path) -> None:
    machine = machine_of(tmp_path, limits=SaleLimits(per_day_meter=50_000))
    heard = [machine.accept(buy(20_000 + i), f"k{i}") for i in range(4)]
    machine.settle()
    codes = [machine.answer(each[0].message_id).code for each in heard]
    assert codes == ["ok", "ok", "limit-per-day-meter", "limit-per-day-meter"]


def test_the_day_of_a_meter_and_the_day_of_a_phone_are_counted_apart(tmp_path: Path) -> None:
    machine = machine_of(tmp_path, limits=SaleLimits(per_day_meter=30_000, per_day_phone=50_000))
    second = drn_of(2)
    household = enrol("100002", second, customer="C100001", phones=(PhoneLink(msisdn=PHONE),))
    machine.do(household, "enrol2")
    machine.do(pay(100_000, "100002"), "pay2")
    sold(machine, "a", 30_000)
    refused(machine.do(buy(10_000, another=True), "b"), "limit-per-day-meter")
    sold(machine, "c", 20_000, meter=second)
    refused(machine.do(buy(5_000, second, another=True), "d"), "limit-per-day-phone")


# --- the meter -------------------------------------------------------------------------------


def test_more_than_the_meter_takes_names_what_it_would_take(tmp_path: Path) -> None:
    meter = MeterLink(drn=METER, sgc="201457", max_credit_tenths=500)
    machine = machine_of(tmp_path, {"meter": meter})
    args = refused(machine.do(buy(60_000), "a"), "credit-above-meter")
    assert args["limit_tenths"] == 500
    assert machine.rows("SELECT credit FROM account") == [(500_000,)]
    refused(machine.do(buy(args["largest"] + 1), "b"), "credit-above-meter")
    answer = sold(machine, "c", args["largest"])
    assert answer.data["units_tenths"] == 500


def test_a_sale_above_the_first_range_of_the_coding_is_whole_units(tmp_path: Path) -> None:
    """Above 1,638.3 a token counts in whole units: what it cannot carry is carried forward."""
    meter = MeterLink(drn=METER, sgc="201457", max_credit_tenths=18_201_624)
    machine = machine_of(tmp_path, {"meter": meter})
    machine.do(pay(9_000_000), "pay2")
    answer = sold(machine, "a", 2_000_000)
    tenths = answer.data["units_tenths"]
    assert tenths > 16_384
    assert (tenths - 16_384) % 10 == 0
    assert carried_by(machine.terms.module, "demo", answer.data) == tenths
    assert sum(amounts(answer).values()) + answer.data["carried_forward"] == 2_000_000


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("UPDATE meter SET state = 'exchanged'", "meter-being-exchanged"),
        ("UPDATE meter SET state = 'blocked', block_reason = 'tamper'", "meter-blocked"),
        ("UPDATE agreement SET state = 'vacant'", "agreement-missing"),
        ("UPDATE agreement SET state = 'closed'", "agreement-missing"),
        ("UPDATE agreement SET to_us = 1", "agreement-missing"),
        ("UPDATE meter_install SET to_us = 1", "agreement-missing"),
        ("UPDATE agreement SET mode = 'postpaid'", "meter-not-prepaid"),
        ("UPDATE account SET state = 'closed'", "account-closed"),
        ("UPDATE meter SET sgc = '999999'", "key-missing"),
        ("UPDATE account SET credit = 100 WHERE 1 = 1", "credit-insufficient"),
        ("UPDATE phone_account SET to_us = 1", "phone-not-registered"),
    ],
)
def test_what_stands_against_a_sale(tmp_path: Path, sql: str, code: str) -> None:
    machine = machine_of(tmp_path)
    before = machine.rows("SELECT max(id) FROM ledger_txn")
    change(machine, sql)
    refused(machine.do(buy(), "a"), code)
    assert machine.rows("SELECT count(*) FROM sale") == [(0,)]
    assert machine.rows("SELECT max(id) FROM ledger_txn") == before
    assert machine.rows("SELECT count(*) FROM token") == [(0,)]
    assert [out.message.template for out in machine.channel.sent] == ["refusal"]
    assert machine.unaccounted() == 0


def test_a_meter_may_be_enrolled_blocked_or_postpaid(tmp_path: Path) -> None:
    machine = machine_of(tmp_path)
    drn = drn_of(3)
    blocked = enrol("100003", drn, "+256700000003", meter=MeterLink(
        drn=drn, sgc="201457", blocked="debt"))  # fmt: skip
    machine.do(blocked, "enrol3")
    assert refused(machine.do(buy(meter=drn), "a"), "meter-blocked")["reason"] == "debt"
    later = drn_of(4)
    machine.do(enrol("100004", later, "+256700000004", mode="postpaid"), "enrol4")
    refused(machine.do(buy(meter=later), "b"), "meter-not-prepaid")


def test_the_wrong_currency_moves_nothing(tmp_path: Path) -> None:
    machine = machine_of(tmp_path)
    command = buy()
    foreign = type(command)(meter=METER, tender=20_000, currency="KES", phone=PHONE)
    args = refused(machine.do(foreign, "a"), "currency-wrong")
    assert args["expected"] == "UGX"
