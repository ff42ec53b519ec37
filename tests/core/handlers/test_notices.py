"""Delivery reports: what comes late never overrides an end; what comes early waits."""

import itertools
from pathlib import Path

import pytest

from core.handlers.notices import ATTEMPTS, RANK
from core.messages import DeliveryReport, Outcome
from tests.hub.machine import PHONE, Machine, buy, enrol, fresh_sqlite, pay

STATES = ("sent", "failed", "expired", "delivered")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """One sale whose token was sent under the reference ``ref1``."""
    machine = Machine(fresh_sqlite(tmp_path))
    machine.do(enrol(), "enrol")
    machine.do(pay(50_000), "pay")
    machine.do(buy(), "buy")
    return machine


def report(machine: Machine, state: str, reference: str = "ref1", detail: str = "") -> str:
    told = DeliveryReport(channel="sms", reference=reference, state=state, detail=detail)
    heard = machine.accept(told, f"{reference}/{state}", ref=f"phone/{PHONE}")
    machine.settle()
    return str(heard[0].message_id)


def state(machine: Machine) -> tuple[str, str]:
    ((found, detail),) = machine.rows("SELECT state, detail FROM notice")
    return found, detail


@pytest.mark.parametrize("order", list(itertools.permutations(STATES, 2)))
def test_the_better_of_two_reports_stands_whatever_comes_first(
    machine: Machine, order: tuple[str, str]
) -> None:
    for each in order:
        report(machine, each)
    first, second = order
    assert state(machine)[0] == (second if RANK[second] > RANK[first] else first)


def test_the_networks_own_words_are_kept(machine: Machine) -> None:
    report(machine, "failed", detail="UNDELIV err:027")
    assert state(machine) == ("failed", "UNDELIV err:027")


def test_a_state_that_nobody_knows_changes_nothing(machine: Machine) -> None:
    message_id = report(machine, "enroute")
    assert state(machine)[0] == "sent"
    assert machine.answer(message_id).outcome is Outcome.DONE


def test_a_report_before_the_response_waits_for_it(machine: Machine) -> None:
    machine.channel.room = 0
    machine.outbound.wake("sms")
    machine.do(buy(another=True), "buy2")
    message_id = report(machine, "delivered", reference="ref2")
    assert machine.rows("SELECT answer FROM request WHERE message_id = :m", m=message_id) == [
        (None,)
    ]
    machine.channel.room = 10
    machine.outbound.wake("sms")
    machine.settle()
    for _ in range(ATTEMPTS):
        machine.time.at_us += 60_000_000
        machine.sweeper.step()
        machine.settle()
    assert machine.answer(message_id).outcome is Outcome.DONE
    assert machine.rows("SELECT state FROM notice ORDER BY id") == [("sent",), ("delivered",)]


def test_a_reference_that_is_not_ours_is_refused_in_the_end(machine: Machine) -> None:
    message_id = report(machine, "delivered", reference="strange")
    for _ in range(ATTEMPTS):
        machine.time.at_us += 60_000_000
        machine.sweeper.step()
        machine.settle()
    answer = machine.answer(message_id)
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "reference-unknown")
    assert machine.rows("SELECT attempt FROM delivery WHERE message_id = :m", m=message_id) == [
        (ATTEMPTS,)
    ]
    assert machine.unaccounted() == 0


def test_every_state_of_a_notice_has_its_rank() -> None:
    assert set(RANK) == {"queued", *STATES}
