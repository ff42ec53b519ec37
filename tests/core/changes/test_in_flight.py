"""Sales and changes that meet: a token that is still made, messages of one batch."""

from pathlib import Path

import pytest

from tests.core.changes.life import (
    agreed,
    agreement,
    asked,
    buy,
    credit,
    done,
    life,
    money,
    move,
    refused,
    request,
    state,
    terms_of,
    whole,
    yes,
)
from tests.core.changes.test_moving import COMES
from tests.hub.machine import Machine, enrol, fresh_sqlite
from tests.hub.remote import RemoteMachine, remote_terms


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return life(tmp_path)


def test_a_token_that_is_still_made_holds_up_every_step(tmp_path: Path) -> None:
    ours = terms_of()
    terms = remote_terms(operators=ours.operators, changes=ours.changes, tariffs=ours.tariffs)
    machine = RemoteMachine(fresh_sqlite(tmp_path), terms)
    machine.open_account()
    change = asked(machine, "to-postpaid")
    machine.accept(buy(20_000), "b1")
    machine.settle()
    reading = move(change, "read", remaining_tenths=0)
    assert refused(machine, reading).code == "sale-pending"
    machine.report(machine.box.orders[0], "made", tokens=machine.made(machine.box.orders[0]))
    done(machine, reading)
    machine.accept(buy(9_000), "b2")
    machine.settle()
    assert refused(machine, move(change, "settle")).code == "sale-pending"
    machine.report(machine.box.orders[1], "made", tokens=machine.made(machine.box.orders[1]))
    assert "read again" in str(refused(machine, move(change, "settle")).args)
    done(machine, reading)
    agreed(machine, change)
    assert refused(machine, buy(5_000)).code == "meter-changing"
    done(machine, move(change, "switch"))
    assert len(machine.box.orders) == 2
    whole(machine)


def together(machine: Machine, *messages: object) -> list[tuple[str, str]]:
    """In one batch: (outcome, code) of each."""
    heard = [
        machine.accept(message, f"t{machine.time.at_us}/{n}")  # type: ignore[arg-type]
        for n, message in enumerate(messages)
    ]
    machine.settle()
    answers = [machine.answer(each[0].message_id) for each in heard]
    whole(machine)
    return [(answer.outcome.value, answer.code) for answer in answers]


def test_a_whole_change_in_one_batch(machine: Machine) -> None:
    """Each message sees what those before it in the batch did, sales among them."""
    done(machine, money(60_000))
    told = together(
        machine,
        request("to-postpaid"),
        request("move-out"),
        move(1, "read", remaining_tenths=0),
        move(1, "settle"),
        yes(1),
        buy(6_000),
        move(1, "switch"),
        buy(7_000),
        move(1, "confirm"),
        request("to-postpaid"),
    )
    no, yes_ = ("refused", "change-wrong"), ("done", "ok")
    assert told == [
        yes_, no, yes_, yes_, yes_, ("refused", "meter-changing"), yes_,
        ("refused", "meter-not-prepaid"), yes_, no,
    ]  # fmt: skip
    assert agreement(machine)[1:] == ("postpaid", "active", 0)


def test_a_sale_in_the_batch_of_a_reading_is_not_before_it(machine: Machine) -> None:
    """All of a batch has one instant: nobody can say that the token was in the meter already."""
    done(machine, money(60_000))
    change = asked(machine, "to-postpaid")
    told = together(machine, buy(5_000), move(change, "read", remaining_tenths=0))
    assert told == [("done", "ok")] * 2
    assert "read again" in str(refused(machine, move(change, "settle")).args)


def test_settled_and_undone_in_one_batch(machine: Machine) -> None:
    """What it did and what is put back are of one batch, a payment of its charge between them."""
    machine.time.at_us += 45 * 86_400_000_000
    change = asked(machine, "to-postpaid")
    done(machine, move(change, "read", remaining_tenths=0))
    done(machine, move(change, "settle"))
    told = together(machine, yes(1), money(1_000), move(change, "undo"), yes(2))
    assert told == [("done", "ok")] * 4
    assert (state(machine, change), credit(machine)) == ("undone", 1_000)
    assert machine.rows("SELECT state, open FROM open_item") == [("cancelled", 0)]


def test_two_who_ask_for_the_same_place_at_once(machine: Machine) -> None:
    told = together(machine, request("move-out"), request("move-out"), request("to-postpaid"))
    assert [outcome for outcome, _ in told] == ["done", "refused", "refused"]


def test_two_settlements_are_approved_at_once(machine: Machine) -> None:
    change = asked(machine, "to-postpaid")
    done(machine, move(change, "read", remaining_tenths=0))
    for _ in range(2):
        done(machine, move(change, "settle"))
    assert together(machine, yes(1), yes(2)) == [("done", "ok"), ("refused", "change-wrong")]
    assert state(machine, change) == "settled"


def test_who_is_enrolled_and_who_moves_in_in_one_batch(machine: Machine) -> None:
    change = asked(machine, "move-out")
    done(machine, move(change, "read", remaining_tenths=0))
    agreed(machine, change)
    done(machine, move(change, "switch"))
    done(machine, move(change, "confirm"))
    change = asked(machine, "move-in", "200001", point="S100001", **COMES)
    agreed(machine, change)
    first = enrol("300001", phone="+256700000101", service_point="S100001", meter=None)
    told = together(machine, first, move(change, "switch"))
    assert told == [("done", "ok"), ("refused", "change-wrong")]
    agreed(machine, change, "undo")
    whole(machine)
