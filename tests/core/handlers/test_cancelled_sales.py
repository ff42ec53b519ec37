"""A sale is cancelled: everything of it goes back, nothing of any other sale."""

from pathlib import Path
from typing import Any

import pytest

from core.messages import Outcome
from tests.hub.acting import acting, approved, ask, decide, sold, whole
from tests.hub.machine import METER, Machine, buy, enrol, pay
from tests.hub.sales import change, drn_of, owe, refused, set_clock

VISIT = "visit: the meter has not taken it, photo 4"
STATE = "SELECT period, units_milli, fixed_through FROM agreement_state"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = acting(tmp_path)
    machine.do(pay(100_000), "more")
    return machine


def cancelling(sale: dict[str, Any], **changes: Any) -> Any:
    return ask("cancel-sale", **{"token": sale["receipt"], "evidence": VISIT, **changes})


def rekeyed(machine: Machine, ti: str = "02") -> None:
    """The data on file were wrong: the meter reads nothing that was made with them."""
    change(machine, "UPDATE meter SET ti = :ti", ti=ti)


def standing(machine: Machine) -> tuple[Any, ...]:
    """All that the next sale is priced on, and what can be spent."""
    return (
        machine.rows(STATE),
        machine.rows("SELECT id, outstanding FROM debt ORDER BY id"),
        machine.rows("SELECT number, credit, reserved FROM account ORDER BY id"),
    )


def test_everything_of_the_sale_goes_back(machine: Machine) -> None:
    before = standing(machine)
    sale = sold(machine)
    rekeyed(machine)
    answer = approved(machine, cancelling(sale))
    assert (answer.data["amount"], answer.data["state"]) == (20_000, "done")
    assert standing(machine) == before
    mirrored = machine.rows(
        "SELECT p.line, p.ledger, p.owner, -p.amount FROM posting p JOIN ledger_txn t "
        "ON t.id = p.txn_id WHERE t.kind = 'sale-cancelled' ORDER BY p.line"
    )
    posted = machine.rows(
        "SELECT p.line, p.ledger, p.owner, p.amount FROM posting p JOIN ledger_txn t "
        "ON t.id = p.txn_id WHERE t.kind = 'sale' ORDER BY p.line"
    )
    assert mirrored == posted
    assert len(posted) > 2
    whole(machine)


def test_the_next_purchase_is_priced_as_if_it_had_not_been(machine: Machine) -> None:
    first = sold(machine)
    rekeyed(machine)
    approved(machine, cancelling(first))
    again = sold(machine, key="again")
    assert (again["lines"], again["units_tenths"]) == (first["lines"], first["units_tenths"])
    whole(machine)


def test_a_later_sale_keeps_its_price_and_the_next_takes_its_place(machine: Machine) -> None:
    first = sold(machine, 20_000)
    later = sold(machine, 10_000, "later")
    rekeyed(machine)
    approved(machine, cancelling(first))
    ((_, units, through),) = machine.rows(STATE)
    assert (units, through) == (later["units_tenths"] * 100, 0), "the month is due again"
    assert machine.rows("SELECT lines FROM sale WHERE id = 2") != []
    third = sold(machine, 20_000, "third")
    assert {"service"} & {line["code"] for line in third["lines"]}
    whole(machine)


def test_debts_are_owed_again(machine: Machine) -> None:
    owe(machine, "100001", *[
        {"code": code, "method": "all", "outstanding": 3_000} for code in ("meter", "fine")
    ])  # fmt: skip
    sale = sold(machine)
    assert machine.rows("SELECT sum(outstanding) FROM debt") == [(0,)]
    rekeyed(machine)
    approved(machine, cancelling(sale))
    assert machine.rows("SELECT outstanding FROM debt ORDER BY id") == [(3_000,), (3_000,)]
    mirrored = machine.rows(
        "SELECT p.ledger, p.amount FROM posting p JOIN ledger_txn t ON t.id = p.txn_id "
        "WHERE t.kind = 'sale-cancelled' AND p.ledger LIKE 'receivable:%' ORDER BY p.ledger"
    )
    assert mirrored == [("receivable:fine", 3_000), ("receivable:meter", 3_000)]


@pytest.mark.parametrize("evidence", ["", "he says so", "photo: of a slip"])
def test_without_proof_there_is_no_cancelling(machine: Machine, evidence: str) -> None:
    sale = sold(machine)
    rekeyed(machine)
    refused(machine.do(cancelling(sale, evidence=evidence), "a"), "act-evidence-missing")


def test_digits_that_the_meter_can_take_are_money(machine: Machine) -> None:
    sale = sold(machine)
    refused(machine.do(cancelling(sale), "a1"), "act-not-possible")
    returned = cancelling(sale, evidence="returned: in the store, number 9")
    approved(machine, returned, "a2")
    whole(machine)


def test_it_is_cancelled_once(machine: Machine) -> None:
    sale = sold(machine)
    rekeyed(machine)
    acts = [machine.do(cancelling(sale), f"a{n}").data["act"] for n in (1, 2)]
    heard = [machine.accept(decide(act), f"d{act}") for act in acts]
    machine.settle()
    codes = [machine.answer(each[0].message_id).code for each in heard]
    assert codes == ["ok", "act-not-possible"]
    refused(machine.do(cancelling(sale), "a3"), "act-not-possible")
    whole(machine)


def test_two_people_and_the_limit_of_the_day(machine: Machine) -> None:
    sale = sold(machine)
    rekeyed(machine)
    refused(machine.do(cancelling(sale, operator="peter"), "a1"), "act-no-role")
    act = machine.do(cancelling(sale), "a2").data["act"]
    refused(machine.do(decide(act, operator="mary"), "a3"), "act-same-person")
    assert machine.rows("SELECT count(*) FROM ledger_txn WHERE kind = 'sale-cancelled'") == [(0,)]


def test_a_token_that_was_not_sold_is_not_cancelled(machine: Machine) -> None:
    gift = approved(machine, ask("free-issue", units_tenths=300), "gift").data
    rekeyed(machine)
    asked = ask("cancel-sale", token=gift["token"], evidence=VISIT)
    refused(machine.do(asked, "a"), "act-not-possible")


def test_what_stands_for_it_by_now_is_not_cancelled(machine: Machine) -> None:
    sale = sold(machine)
    rekeyed(machine)
    new = approved(machine, ask("replacement", token=sale["receipt"]), "new").data["token"]
    refused(machine.do(cancelling(sale), "a1"), "act-not-possible")
    refused(machine.do(cancelling(sale, token=new), "a2"), "act-not-possible")


def test_after_a_refund_there_is_nothing_to_cancel(machine: Machine) -> None:
    sale = sold(machine)
    paid = ask("refund", units_tenths=sale["units_tenths"])
    act = approved(machine, paid, "refund").data["act"]
    assert machine.do(decide(act, "confirm"), "confirm").outcome == Outcome.DONE
    rekeyed(machine)
    refused(machine.do(cancelling(sale), "a"), "act-not-possible")
    whole(machine)


def test_a_cancelled_sale_is_not_refunded(machine: Machine) -> None:
    sale = sold(machine)
    rekeyed(machine)
    approved(machine, cancelling(sale))
    asked = ask("refund", units_tenths=sale["units_tenths"])
    refused(machine.do(asked, "r"), "act-not-possible")


def test_what_was_carried_forward_to_another_must_still_be_there(machine: Machine) -> None:
    other = drn_of(9)
    machine.do(enrol("100002", other, "+256700000002"), "e2")
    answer = machine.do(buy(20_000, meter=other, holder_confirmed=True), "for another")
    assert answer.outcome == Outcome.DONE, answer
    sale = dict(answer.data)
    rekeyed(machine)
    carried = sale["carried_forward"]
    assert carried > 0
    change(machine, "UPDATE account SET reserved = credit WHERE number = '100002'")
    refused(machine.do(cancelling(sale, meter=other), "a1"), "act-not-possible")
    change(machine, "UPDATE account SET reserved = 0 WHERE number = '100002'")
    approved(machine, cancelling(sale, meter=other), "a2")
    assert machine.rows("SELECT number, credit FROM account ORDER BY number") == [
        ("100001", 200_000),
        ("100002", 0),
    ]
    whole(machine)


def test_a_month_between_cannot_become_due_again(machine: Machine) -> None:
    set_clock(machine, "2026-11-30T10:00:00")
    first = sold(machine, key="november")
    set_clock(machine, "2026-12-01T10:00:00")
    later = sold(machine, key="december")
    rekeyed(machine)
    args = refused(machine.do(cancelling(first), "a1"), "act-not-possible")
    assert "later months" in args["why"]
    approved(machine, cancelling(later), "a2")
    approved(machine, cancelling(first), "a3")
    assert machine.rows("SELECT credit FROM account") == [(200_000,)]
    ((_, _, through),) = machine.rows(STATE)
    assert through == 0
    whole(machine)


def test_a_meter_of_another_account_is_not_meant(machine: Machine) -> None:
    sale = sold(machine)
    other = drn_of(9)
    machine.do(enrol("100002", other, "+256700000002"), "e2")
    refused(machine.do(cancelling(sale, meter=other), "a1"), "act-token-unknown")
    refused(machine.do(ask("cancel-sale", meter=METER, evidence=VISIT), "a2"), "act-wrong")
