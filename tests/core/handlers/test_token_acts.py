"""Operators' acts with tokens, from the request to what the meter does with the digits."""

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from core.entities import TokenAct
from core.messages import AskLastTokens, Outcome, RequestTokenAct
from core.messages.vending import Recipient
from core.sts.meter_state import Result
from core.vending.act_kinds import KINDS, Two
from simulators.meter.device import Coding, Meter
from tests.hub.acting import (
    acting,
    approved,
    ask,
    books,
    decide,
    meter,
    sold,
    whole,
)
from tests.hub.machine import METER, PHONE, Machine, buy, enrol, pay
from tests.hub.sales import change, drn_of, refused, set_clock


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return acting(tmp_path)


# --- class 1 and class 2 -------------------------------------------------------------------------

SETTINGS = [
    (ask("tariff-rate", value=7), "tariff_rate", 7),
    (ask("power-limit", watts=5_000), "power_limit", 5_000),
    (ask("unbalance-limit", watts=700), "unbalance_limit", 700),
    (ask("clear-tamper"), "tamper", False),
    (ask("clear-credit"), "registers", (0, 0, 0, 0)),
    (ask("clear-credit", register="water"), "registers", (5, 0, 7, 8)),
    (ask("extended-set", index=3, value=9), "settings", (("setting 3", 9),)),
]


@pytest.mark.parametrize(("request_", "field", "value"), SETTINGS)
def test_a_setting_does_what_it_says(
    machine: Machine, request_: RequestTokenAct, field: str, value: object
) -> None:
    wall = meter(tamper=True, registers=(5, 6, 7, 8))
    two = KINDS[request_.kind].two is not Two.NEVER
    answer = approved(machine, request_) if two else machine.do(request_, "act")
    assert answer.data["state"] == "done"
    now = machine.time.now_us()
    assert wall.enter(answer.data["token"], now).result is Result.ACCEPT
    assert getattr(wall.state, field) == value
    assert wall.enter(answer.data["token"], now).result is Result.USED
    assert machine.rows("SELECT cause, cause_id, class FROM token") == [("management", 1, 2)]
    whole(machine)


def test_a_water_meter_takes_its_factor(machine: Machine) -> None:
    answer = approved(machine, ask("water-factor", value=25))
    wall = meter()
    wall.state = replace(wall.state, model=replace(wall.state.model, services=frozenset({1})))
    assert wall.enter(answer.data["token"], machine.time.now_us()).result is Result.ACCEPT
    assert wall.state.water_factor == 25


def test_a_test_token_needs_one_person_and_any_meter_takes_it(machine: Machine) -> None:
    answer = machine.do(ask("test", tests=("KRN", "display"), operator="peter"), "act")
    (row,) = machine.rows("SELECT digits, cause, class, subclass, tid, value FROM token")
    assert row == (answer.data["token"], "test", 1, 0, -1, 0b1010)
    reaction = meter(drn_of(7)).enter(answer.data["token"], machine.time.now_us())
    assert reaction.result is Result.ACCEPT
    whole(machine)


@pytest.mark.parametrize(
    ("code", "subclass", "digits"),
    [
        (0, 0, "56493153725450313471"),  # all tests, any manufacturer: as the standard prints it
        (99, 0, ""),
        (100, 1, ""),
        (9999, 1, ""),
    ],
)
def test_a_manufacturers_code_decides_the_form(
    machine: Machine, code: int, subclass: int, digits: str
) -> None:
    answer = machine.do(ask("test", value=code, operator="peter"), "act")
    assert machine.rows("SELECT class, subclass, tid FROM token") == [(1, subclass, -1)]
    assert answer.data["token"] == (digits or answer.data["token"])
    wall = meter()
    now = machine.time.now_us()
    if code:
        assert wall.enter(answer.data["token"], now).result is Result.MFR_CODE
        wall.state = replace(wall.state, model=replace(wall.state.model, mfr_code=code))
    assert wall.enter(answer.data["token"], now).result is Result.ACCEPT
    whole(machine)


def test_an_extended_read(machine: Machine) -> None:
    answer = machine.do(ask("extended-read", value=1 << 35, operator="peter"), "act")
    assert machine.rows("SELECT cause, class, subclass, value FROM token") == [
        ("test", 1, 2, 1 << 35)
    ]
    assert meter().enter(answer.data["token"], machine.time.now_us()).result is Result.ACCEPT
    whole(machine)


@pytest.mark.parametrize(
    "wrong",
    [
        ask("test", value=10_000),
        ask("test", value=-1),
        ask("extended-read", value=1 << 36),
        ask("extended-read", index=100),
    ],
)
def test_what_no_class_1_token_can_carry(machine: Machine, wrong: RequestTokenAct) -> None:
    refused(machine.do(wrong, "act"), "act-wrong")


def test_a_token_of_the_same_minute_takes_the_next_one(machine: Machine) -> None:
    sale = sold(machine)
    rate = machine.do(ask("tariff-rate", value=1), "act").data["token"]
    wall, now = meter(), machine.time.now_us()
    assert wall.enter(rate, now).result is Result.ACCEPT
    assert wall.enter(sale["token"], now).result is Result.ACCEPT
    (first,), (second,) = machine.rows("SELECT tid FROM token ORDER BY id")
    assert second == first + 1


def test_raising_a_limit_needs_two_lowering_it_one(machine: Machine) -> None:
    first = machine.do(ask("power-limit", watts=5_000), "a1")
    assert first.data["state"] == "requested", "what a meter has is not known"
    machine.do(decide(first.data["act"]), "a2")
    assert machine.do(ask("power-limit", watts=4_000), "a3").data["state"] == "done"
    assert machine.do(ask("power-limit", watts=4_500), "a4").data["state"] == "requested"


def test_an_exchanged_meter_gets_nothing_and_a_blocked_one_its_settings(machine: Machine) -> None:
    change(machine, "UPDATE meter SET state = 'blocked', block_reason = 'tamper'")
    assert machine.do(ask("tariff-rate", value=1), "a1").outcome == Outcome.DONE
    refused(machine.do(ask("free-issue", units_tenths=10), "a2"), "meter-blocked")
    change(machine, "UPDATE meter SET state = 'exchanged'")
    refused(machine.do(ask("tariff-rate", value=1), "a3"), "meter-being-exchanged")


# --- a tamper case -------------------------------------------------------------------------------


def test_the_fee_of_a_tamper_case_comes_from_the_credit(machine: Machine) -> None:
    answer = approved(machine, ask("clear-tamper", fee=30_000))
    assert (answer.data["amount"], answer.data["currency"]) == (30_000, "UGX")
    assert books(machine, "tamper-fee") == {
        "customer-credit": 30_000,
        "revenue:tamper-fee": -30_000,
    }
    assert machine.rows("SELECT credit FROM account") == [(70_000,)]
    whole(machine)


def test_without_the_fee_there_is_no_token(machine: Machine) -> None:
    refused(machine.do(ask("clear-tamper", fee=100_001), "act"), "credit-insufficient")
    assert machine.rows("SELECT count(*) FROM token") == [(0,)]
    assert machine.rows("SELECT count(*) FROM token_act") == [(0,)]


def test_a_fee_as_a_debt_is_paid_by_the_next_purchase(machine: Machine) -> None:
    sold(machine, 99_000, "s1")
    approved(machine, ask("clear-tamper", fee=1_500, as_debt=True))
    assert books(machine, "tamper-fee") == {"receivable:fine": 1_500, "revenue:tamper-fee": -1_500}
    machine.do(pay(20_000), "p2")
    sale = sold(machine, 20_000, "s2")
    assert [line["amount"] for line in sale["lines"] if line["code"] == "fine"] == [1_500]
    assert machine.rows("SELECT outstanding FROM debt") == [(0,)]
    assert machine.rows("SELECT sum(amount) FROM posting WHERE ledger = 'receivable:fine'") == [
        (0,)
    ]
    whole(machine)


def test_a_fee_that_is_spent_before_the_approval_refuses_the_act(machine: Machine) -> None:
    waiting = machine.do(ask("clear-tamper", fee=90_000), "a1").data["act"]
    sold(machine, 50_000)
    refused(machine.do(decide(waiting), "a2"), "credit-insufficient")
    assert machine.rows("SELECT state, approver, note FROM token_act") == [
        ("refused", "peter", "seen; credit-insufficient")
    ]
    assert books(machine, "tamper-fee") == {}
    refused(machine.do(decide(waiting), "a3"), "act-not-open")
    whole(machine)


# --- units for free ------------------------------------------------------------------------------


def test_a_few_units_need_one_person_more_need_two(machine: Machine) -> None:
    assert machine.do(ask("compensation", units_tenths=200), "a1").data["state"] == "done"
    assert machine.do(ask("compensation", units_tenths=201), "a2").data["state"] == "requested"


def test_a_compensation_is_an_expense_at_the_price_of_the_day(machine: Machine) -> None:
    """Uganda 2018: 15 kWh at 250, then 750.9; nothing is sold, so no VAT and no block is used."""
    answer = approved(machine, ask("compensation", units_tenths=250))
    worth = 15 * 250 + 7_509
    assert answer.data["amount"] == worth
    assert books(machine, "compensation") == {
        "expense:compensation": worth,
        "revenue:energy": -worth,
    }
    wall = meter()
    assert wall.enter(answer.data["token"], machine.time.now_us()).result is Result.ACCEPT
    assert wall.state.registers[0] == 250
    assert machine.rows("SELECT units_milli FROM agreement_state") == [(0,)]
    assert machine.rows("SELECT credit FROM account") == [(100_000,)]
    assert machine.rows("SELECT cause, value FROM token") == [("compensation", 250)]
    whole(machine)


def test_free_units_have_an_expense_of_their_own(machine: Machine) -> None:
    machine.do(ask("free-issue", units_tenths=100), "act")
    assert books(machine, "free-issue") == {"expense:free-issue": 2_500, "revenue:energy": -2_500}
    whole(machine)


@pytest.mark.parametrize("tenths", [0, -1, 16_385, 18_201_625])
def test_units_that_no_token_carries_are_refused(machine: Machine, tenths: int) -> None:
    refused(machine.do(ask("free-issue", units_tenths=tenths), "act"), "act-wrong")


# --- tokens that were issued before --------------------------------------------------------------


@pytest.mark.parametrize("name", ["receipt", "token"])
def test_a_reprint_is_the_same_digits_and_no_new_token(machine: Machine, name: str) -> None:
    sale = sold(machine)
    answer = machine.do(ask("reprint", token=sale[name], operator="desk"), "act")
    assert (answer.data["token"], answer.data["copy"]) == (sale["token"], True)
    assert answer.data["units_tenths"] == sale["units_tenths"]
    assert machine.rows("SELECT count(*) FROM token") == [(1,)]
    whole(machine)


def test_a_token_of_another_meter_is_not_printed(machine: Machine) -> None:
    sale = sold(machine)
    other = drn_of(9)
    machine.do(enrol("100002", other, "+256700000002"), "e2")
    no = machine.do(ask("reprint", token=sale["token"], meter=other), "act")
    refused(no, "act-token-unknown")


def test_new_digits_for_a_token_made_with_wrong_data(machine: Machine) -> None:
    sale = sold(machine)
    wall = meter()
    refused(machine.do(ask("replacement", token=sale["receipt"]), "a0"), "act-not-possible")
    change(machine, "UPDATE meter SET ti = '02'")  # what the meter on the wall really has
    before = machine.rows("SELECT units_milli FROM agreement_state")
    answer = approved(machine, ask("replacement", token=sale["receipt"]), "a1")
    assert answer.data["units_tenths"] == sale["units_tenths"]
    wall = Meter.coded(Coding(METER, ti="02"))
    now = machine.time.now_us()
    assert wall.enter(sale["token"], now).result is Result.CRC
    assert wall.enter(answer.data["token"], now).result is Result.ACCEPT
    assert machine.rows("SELECT units_milli FROM agreement_state") == before
    assert machine.rows("SELECT token_id, act_id FROM token_void") == [(1, answer.data["act"])]
    assert machine.rows("SELECT cause FROM token WHERE id = 2") == [("replacement",)]
    for kind in ("reprint", "replacement"):
        refused(machine.do(ask(kind, token=sale["receipt"]), kind), "act-not-possible")
    whole(machine)


def test_copies_have_the_digits_that_count(machine: Machine) -> None:
    """A customer asks again: neither LAST nor a likely repeat shows him a void token."""
    machine.do(pay(100_000), "p2")
    sale, kept = sold(machine, 20_000, "s1"), sold(machine, 5_000, "s2")
    other = drn_of(9)
    machine.do(enrol("100002", other, "+256700000002"), "e2")

    def copies() -> list[str]:
        answer = machine.do(AskLastTokens(phone=PHONE), f"last {machine.time.at_us}")
        machine.time.at_us += 1
        return [view["token"] for view in answer.data.get("sales", ())]

    assert copies() == [kept["token"], sale["token"]]
    change(machine, "UPDATE meter SET ti = '02'")
    new = approved(machine, ask("replacement", token=sale["receipt"]), "a1").data["token"]
    assert copies() == [kept["token"], new]
    repeat = machine.do(buy(20_000), "again")
    assert (repeat.code, repeat.data["token"], repeat.data["ti"]) == ("likely-repeat", new, "02")
    away = ask("reallocation", meter=other, from_meter=METER, token=kept["token"])
    approved(machine, away, "a2")
    assert copies() == [new], "the units are in another meter"
    approved(machine, ask("reallocation", meter=other, from_meter=METER, token=new), "a3")
    assert copies() == []
    whole(machine)


def test_of_two_replacements_of_one_token_the_second_finds_it_void(machine: Machine) -> None:
    sale = sold(machine)
    change(machine, "UPDATE meter SET ti = '02'")
    acts = [
        machine.do(ask("replacement", token=sale["receipt"]), f"a{n}").data["act"] for n in (1, 2)
    ]
    heard = [machine.accept(decide(act), f"d{act}") for act in acts]  # in one batch
    machine.settle()
    answers = [machine.answer(each[0].message_id) for each in heard]
    assert [answer.outcome for answer in answers] == [Outcome.DONE, Outcome.REFUSED]
    assert machine.rows("SELECT state FROM token_act ORDER BY id") == [("done",), ("refused",)]
    whole(machine)


def test_units_go_to_another_meter_when_proved_unused(machine: Machine) -> None:
    sale = sold(machine)
    other = drn_of(9)
    machine.do(enrol("100002", other, "+256700000002"), "e2")
    asked = ask("reallocation", meter=other, from_meter=METER, token=sale["token"])
    said = msgspec.structs.replace(asked, evidence="the customer says that he did not use it")
    refused(machine.do(said, "a0"), "act-evidence-missing")
    answer = approved(machine, asked)
    assert meter(other).enter(answer.data["token"], machine.time.now_us()).result is Result.ACCEPT
    no = machine.do(ask("reprint", token=sale["token"]), "a2")
    refused(no, "act-not-possible")
    whole(machine)


def test_units_left_in_an_exchanged_meter_move_once_and_without_a_price(machine: Machine) -> None:
    other = drn_of(9)
    machine.do(enrol("100002", other, "+256700000002"), "e2")
    asked = ask("credit-transfer", meter=other, from_meter=METER, units_tenths=123)
    refused(machine.do(asked, "a0"), "act-not-possible")
    change(machine, "UPDATE meter SET state = 'exchanged' WHERE drn = :drn", drn=METER)
    postings = machine.rows("SELECT count(*) FROM posting")
    answer = approved(machine, asked)
    wall = meter(other)
    assert wall.enter(answer.data["token"], machine.time.now_us()).result is Result.ACCEPT
    assert wall.state.registers[0] == 123
    assert machine.rows("SELECT count(*) FROM posting") == postings
    refused(machine.do(asked, "a2"), "act-not-possible")
    whole(machine)


# --- a refund ------------------------------------------------------------------------------------


def test_a_refund_pays_when_the_meter_has_taken_the_token(machine: Machine) -> None:
    sale = sold(machine)
    answer = approved(machine, ask("refund", units_tenths=sale["units_tenths"]), "r")
    assert answer.data["state"] == "issued"
    wall = meter(registers=(sale["units_tenths"], 0, 0, 0))
    assert wall.enter(answer.data["token"], machine.time.now_us()).result is Result.ACCEPT
    assert wall.state.registers[0] == 0
    assert books(machine, "refund") == {}, "no money before it is shown"
    act = answer.data["act"]
    refused(machine.do(decide(act, "confirm", "mary"), "c0"), "act-same-person")
    done = machine.do(decide(act, "confirm"), "c1")
    energy = sum(line["amount"] for line in sale["lines"] if line["code"].startswith("energy"))
    vat = sum(line["amount"] for line in sale["lines"] if line["code"] == "vat")
    net = 20_000 - vat
    back = energy + (2 * vat * energy + net) // (2 * net)
    assert done.data["amount"] == back == answer.data["amount"]
    assert machine.rows("SELECT credit FROM account WHERE id = 1") == [
        (80_000 + sale["carried_forward"] + back,)
    ]
    refused(machine.do(decide(act, "confirm"), "c2"), "act-not-open")
    refused(machine.do(ask("refund", units_tenths=1), "r2"), "act-not-possible")
    whole(machine)


def test_a_refund_of_a_part_takes_the_newest_sales_first(machine: Machine) -> None:
    sold(machine, 20_000, "s1")
    newest = sold(machine, 9_000, "s2")
    answer = approved(machine, ask("refund", units_tenths=10), "r")
    machine.do(decide(answer.data["act"], "confirm"), "c")
    energy = sum(line["amount"] for line in newest["lines"] if line["code"].startswith("energy"))
    assert books(machine, "refund")["revenue:energy"] == round(energy * 10 / newest["units_tenths"])
    whole(machine)


def test_a_refund_that_the_meter_did_not_take_pays_nothing(machine: Machine) -> None:
    sale = sold(machine)
    act = approved(machine, ask("refund", units_tenths=sale["units_tenths"]), "r").data["act"]
    assert machine.do(decide(act, "fail"), "f").data["state"] == "failed"
    assert books(machine, "refund") == {}
    whole(machine)


def test_the_second_of_two_refunds_side_by_side_finds_nothing_left(machine: Machine) -> None:
    units = sold(machine)["units_tenths"]
    acts = [
        approved(machine, ask("refund", units_tenths=units), f"r{n}").data["act"] for n in (1, 2)
    ]
    heard = [machine.accept(decide(act, "confirm"), f"c{act}") for act in acts]
    machine.settle()
    answers = [machine.answer(each[0].message_id) for each in heard]
    assert [answer.outcome for answer in answers] == [Outcome.DONE, Outcome.REFUSED]
    whole(machine)


# --- who is told ---------------------------------------------------------------------------------


def test_the_customer_is_told_when_it_is_done_and_not_before(machine: Machine) -> None:
    change(machine, "UPDATE phone SET language = 'sw'")
    reply = (Recipient(way="sms", address=PHONE),)
    waiting = machine.do(ask("compensation", units_tenths=300, reply=reply), "a1")
    assert machine.channel.sent == []
    machine.do(decide(waiting.data["act"]), "a2")
    (sent,) = machine.channel.sent
    assert (sent.message.template, sent.message.recipient) == ("act-credit", PHONE)
    assert sent.message.language == "sw", "the language that his phone is registered with"
    assert sent.message.args["units_tenths"] == 300


def test_an_act_as_the_table_has_it(machine: Machine) -> None:
    set_clock(machine, "2026-11-21T09:00:00")
    machine.do(ask("clear-credit"), "a1")
    names = [name for name in TokenAct.__struct_fields__ if name not in ("id", "command")]
    (row,) = machine.rows(f"SELECT {', '.join(names)} FROM token_act")
    act = dict(zip(names, row, strict=True))
    assert (act["kind"], act["operator"], act["evidence"]) == (
        "clear-credit",
        "mary",
        "readout: file 118",
    )
    assert act["expires"] - act["requested_at"] == 24 * 3_600_000_000
