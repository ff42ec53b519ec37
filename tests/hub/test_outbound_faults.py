"""A channel that breaks its contract costs one attempt of one message, and nothing else."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred

from core.messages import AskBalance, Recipient
from core.store.tx import Tx, UnknownOutcomeError
from hub.channel import Outbound, SendResult
from tests.hub.machine import PHONE, FakeChannel, Machine, buy, enrol, fresh_sqlite, pay


class RaisingChannel(FakeChannel):
    """Raises for one template, in place of a deferred that fails."""

    def send(self, outbound: Outbound) -> "Deferred[SendResult]":
        if getattr(outbound.message, "template", "") == "balance":
            raise TypeError("no such option")
        return super().send(outbound)


def test_an_exception_in_send_is_a_failed_attempt_with_its_reason(tmp_path: Path) -> None:
    machine = Machine(fresh_sqlite(tmp_path))
    machine.channel = RaisingChannel()
    machine.outbound.attach({"sms": machine.channel})
    machine.outbound.wake("sms")
    machine.do(enrol(), "enrol")
    machine.do(pay(50_000), "pay")
    to = (Recipient(way="sms", address=PHONE),)
    machine.do(AskBalance(phone=PHONE, reply=to), "ask")
    machine.do(buy(), "buy")
    held = machine.rows("SELECT attempt, error FROM delivery WHERE state = 1")
    assert [(attempt, "no such option" in error) for attempt, error in held] == [(1, True)]
    assert machine.outbound.in_flight() == 0
    assert machine.unaccounted() == 0


def test_marks_whose_commit_was_not_confirmed_are_counted_once(tmp_path: Path) -> None:
    """The connection is lost at COMMIT, after it: what is marked again is in the balance once."""
    machine = Machine(fresh_sqlite(tmp_path))
    machine.do(enrol(), "enrol")
    machine.do(pay(50_000), "pay")
    stage, whole = machine.outbound, machine.outbound.store.transaction

    @contextmanager
    def unconfirmed() -> Iterator[Tx]:
        with whole() as tx:
            yield tx
        ended = tx.rows("SELECT count(*) FROM delivery WHERE handler = 'channel:sms' AND state = 4")
        if ended != [(0,)]:
            stage.store.transaction = whole  # type: ignore[method-assign]
            raise UnknownOutcomeError("the connection is lost at COMMIT")

    stage.store.transaction = unconfirmed  # type: ignore[method-assign]
    with pytest.raises(UnknownOutcomeError):
        machine.do(buy(), "buy")
    assert stage.in_flight()
    while stage.step():
        pass
    assert stage.in_flight() == 0
    assert machine.rows("SELECT attempt, outcome FROM delivery WHERE handler = 'channel:sms'") == [
        (1, "sent")
    ]
    assert machine.unaccounted() == 0
