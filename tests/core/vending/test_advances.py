"""Units on credit: once, worth what they would have cost, and paid before anything else."""

from pathlib import Path

import pytest

from core.collection.terms import AdvanceTerms
from core.messages import AskAdvance, PauseService, PhoneLink
from core.money import half_up
from hub.proof import EVERYTHING, Proof
from tests.core.collection.desk import whole
from tests.core.vending.credit import (
    ask,
    books,
    collection,
    give,
    got,
    household,
    no,
)
from tests.hub.machine import METER, PHONE, Machine, buy, enrol
from tests.hub.sales import drn_of


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return household(tmp_path)


def tokens(machine: Machine) -> list[tuple[str, int]]:
    return machine.rows("SELECT digits, value FROM token WHERE cause = 'advance' ORDER BY id")


def test_units_without_money_and_the_books_as_if_sold(machine: Machine) -> None:
    data = got(ask(machine, "a1"))
    assert tokens(machine) == [(data["token"], data["units_tenths"])]
    assert data["owed"] == data["amount"] + data["fee"]
    assert data["fee"] == 118
    assert 4_900 <= data["amount"] <= 5_000  # to 0.1 kWh of the 5,000 that are declared
    posted = books(machine, "advance")
    vat = data["amount"] - half_up(data["amount"] * 50, 59)
    assert posted.pop("receivable:advance") == data["owed"]
    assert posted == {
        "revenue:energy": vat - data["amount"],
        "tax:vat": -vat - 18,  # inside the energy, and inside the fee
        "revenue:advance-fee": -100,
    }
    assert machine.rows("SELECT credit FROM account") == [(50_000,)]
    assert machine.rows("SELECT code, outstanding, priority FROM debt") == [
        ("advance", data["owed"], -1)
    ]
    whole(machine)


def test_month_charges_wait_and_blocks_go_on(machine: Machine) -> None:
    data = got(ask(machine, "a1"))
    state = machine.rows("SELECT period, units_milli, fixed_through FROM agreement_state")
    assert state == [(202611, data["units_tenths"] * 100, 0)]
    sale = got(machine.do(buy(20_000), "b1"))
    codes = [line["code"] for line in sale["lines"]]
    assert codes[0] == "advance"  # before the month's charge, the tax and the energy
    assert "service" in codes


def test_the_next_purchase_pays_it_before_anything_else(machine: Machine) -> None:
    owed = got(ask(machine, "a1"))["owed"]
    sale = got(machine.do(buy(20_000), "b1"))
    amounts = {line["code"]: line["amount"] for line in sale["lines"]}
    left = 20_000 - owed
    assert amounts["advance"] == owed
    # what is left is the tender of this sale: the tax lies on it alone
    assert amounts["vat"] == left - half_up(left * 50, 59)
    assert machine.rows("SELECT outstanding FROM debt") == [(0,)]
    assert books(machine, "sale")["receivable:advance"] == -owed
    whole(machine)


def test_a_purchase_below_it_is_told_what_it_takes(machine: Machine) -> None:
    owed = got(ask(machine, "a1"))["owed"]
    answer = machine.do(buy(3_000), "b1")
    assert no(answer) == "tender-too-small"
    least = answer.args["smallest"]
    assert least > owed
    assert got(machine.do(buy(least), "b2"))["units_tenths"] >= 1


def test_a_repeat_gives_the_same_digits(machine: Machine) -> None:
    first, again = got(ask(machine, "a1")), got(ask(machine, "a1"))
    assert first == again
    assert len(tokens(machine)) == 1
    assert no(ask(machine, "a2")) == "advance-open"
    assert len(tokens(machine)) == 1


def test_only_one_of_two_at_once(machine: Machine) -> None:
    """Both in one batch, from two phones' keys: the second sees what the first did."""
    asked = AskAdvance(phone=PHONE, meter=METER)
    heard = [machine.accept(asked, f"k{n}") for n in range(5)]
    machine.settle()
    answers = [machine.answer(each[0].message_id) for each in heard]
    assert sorted(str(each.outcome) for each in answers) == ["done"] + ["refused"] * 4
    assert {each.code for each in answers} == {"ok", "advance-open"}
    assert len(tokens(machine)) == 1
    whole(machine)


def test_only_so_many_in_a_month(machine: Machine) -> None:
    for n in range(2):
        got(ask(machine, f"a{n}", amount=1_000))
        got(machine.do(buy(10_000 + n), f"b{n}"))
    answer = ask(machine, "a9", amount=1_000)
    assert (no(answer), answer.args["most"]) == ("advance-count", 2)
    machine.time.at_us += 12 * 86_400_000_000  # December
    got(ask(machine, "a10", amount=1_000))
    whole(machine)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"amount": 5_001}, "advance-above"),
        ({"amount": -1}, "advance-above"),
        ({"amount": 3}, "tender-too-small"),
        ({"phone": "+256799999999"}, "phone-not-registered"),
        ({"meter": "04123456785"}, "meter-check-digit"),
        ({"meter": drn_of(7)}, "meter-unknown"),
    ],
)
def test_what_is_refused(machine: Machine, changes: dict[str, object], code: str) -> None:
    assert no(ask(machine, "a1", **changes)) == code
    assert tokens(machine) == []
    assert machine.rows("SELECT count(*) FROM ledger_txn WHERE kind = 'advance'") == [(0,)]


def test_not_where_it_is_not_declared(tmp_path: Path) -> None:
    machine = household(tmp_path, collection=collection(advances=None))
    assert no(ask(machine, "a1")) == "advance-not-offered"


def test_only_for_ones_own_meter(machine: Machine) -> None:
    other, phone = drn_of(7), "+256700000002"
    machine.do(
        enrol("100002", other, phone, phones=(PhoneLink(msisdn=phone, meter_name="Shop"),)), "e2"
    )
    assert no(ask(machine, "a1", meter=other)) == "advance-not-own"
    assert got(ask(machine, "a2", meter=other, phone=phone))["meter"] == other


def test_the_phones_only_meter_need_not_be_named(machine: Machine) -> None:
    assert got(ask(machine, "a1", meter=""))["meter"] == METER


def test_of_several_meters_one_must_be_named(machine: Machine) -> None:
    other = drn_of(7)
    machine.do(enrol("100002", other, PHONE), "e2")
    answer = ask(machine, "a1", meter="")
    assert (no(answer), answer.args["meter"]) == ("advance-which", METER)


def test_an_operator_gives_one_on_record(machine: Machine) -> None:
    data = got(give(machine, "g1", amount=2_000))
    rows = machine.rows("SELECT operator, reason, phone, amount FROM advance")
    assert rows == [("mary", "night call", "", data["amount"])]
    assert no(give(machine, "g2", operator="grace")) == "act-no-role"
    assert no(give(machine, "g3", operator="nobody")) == "operator-unknown"
    assert no(give(machine, "g4", reason=" ")) == "act-wrong"


def test_not_while_there_is_no_service(machine: Machine) -> None:
    pause = PauseService(operator="mary", meter=METER, why="disconnected", reason="unpaid")
    got(machine.do(pause, "p1"))
    assert no(ask(machine, "a1")) == "advance-blocked"


def test_without_a_fee_only_the_units_are_owed(tmp_path: Path) -> None:
    free = AdvanceTerms(limit=2_000, per_month=1, fee="")
    machine = household(tmp_path, collection=collection(advances=free))
    data = got(ask(machine, "a1"))
    assert (data["fee"], data["owed"]) == (0, data["amount"])


def test_the_notice_has_its_token(machine: Machine) -> None:
    data = got(ask(machine, "a1"))
    (sent,) = [each.message for each in machine.channel.sent if each.message.template == "advance"]
    assert sent.args["token"] == data["token"]
    assert sent.args["owed"] == data["owed"]


def test_the_proof_knows_its_cause(machine: Machine) -> None:
    got(ask(machine, "a1"))
    proof = Proof(machine.store.reader, EVERYTHING, {"demo": machine.terms.zone})
    list(proof.run())
    assert proof.findings.listed == []
