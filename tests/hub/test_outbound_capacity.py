"""A channel is never given more than it said it can take, however often it says so."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from core.messages import SendNotice
from core.store.tables.machine import DEAD
from hub.channel import NOT_SENT, Failed, Outbound, SendResult, Sent
from tests.hub.machine import PHONE, FakeChannel, Machine, fresh_sqlite


class Narrow(FakeChannel):
    """Takes as many as its window holds, and answers when it is told to."""

    def __init__(self, window: int) -> None:
        super().__init__()
        self.window = window
        self.open: list[Deferred[SendResult]] = []
        self.most = 0

    def capacity(self) -> int:
        return max(0, self.window - len(self.open))

    def send(self, outbound: Outbound) -> "Deferred[SendResult]":
        self.sent.append(outbound)
        self.open.append(Deferred())
        self.most = max(self.most, len(self.open))
        return self.open[-1]


def test_a_channel_that_says_twice_that_it_is_free_gets_its_window_once(tmp_path: Path) -> None:
    machine = Machine(fresh_sqlite(tmp_path))
    calls: list[Callable[[], None]] = []

    def later(function: Callable[..., None], *args: Any) -> None:
        calls.append(lambda: function(*args))

    channel = Narrow(window=3)
    for number in range(10):
        phone = f"+2567000000{number:02}"
        message = SendNotice(way="sms", recipient=phone, template="help", args={})
        machine.accept(message, f"k{number}", ref=f"phone/{phone}")
    machine.intake.step()
    machine.outbound.on_reactor = later
    machine.outbound.attach({"sms": channel})
    machine.outbound.wake("sms")
    machine.outbound.step()
    machine.outbound.wake("sms")  # the reactor has not sent the first three yet
    machine.outbound.step()
    while calls or channel.open:
        while calls:
            calls.pop(0)()
        machine.outbound.step()
        for deferred in list(channel.open[:1]):
            channel.open.remove(deferred)
            deferred.callback(Sent())
        machine.outbound.wake("sms")
        machine.outbound.step()
    assert channel.most == 3
    assert len(channel.sent) == 10
    assert machine.rows("SELECT count(*) FROM delivery WHERE outcome = 'sent'") == [(10,)]


def test_what_never_left_burns_no_attempt_however_often_the_link_is_lost(tmp_path: Path) -> None:
    machine = Machine(fresh_sqlite(tmp_path))
    machine.channel.results = [Failed("the link was lost", retry=True, error_class=NOT_SENT)] * 20
    message = SendNotice(way="sms", recipient=PHONE, template="help", args={})
    machine.accept(message, "k", ref=f"phone/{PHONE}")
    for _ in range(21):
        machine.settle()
        machine.time.at_us += 3_000_000
        machine.sweeper.step()
    assert len(machine.channel.sent) == 21
    assert {outbound.attempt for outbound in machine.channel.sent} == {1}
    assert machine.rows("SELECT attempt, outcome FROM delivery") == [(1, "sent")]


def test_what_never_left_is_dead_after_a_day(tmp_path: Path) -> None:
    machine = Machine(fresh_sqlite(tmp_path))
    lost = Failed("the link was lost", retry=True, error_class=NOT_SENT)
    machine.channel.results = [lost]
    message = SendNotice(way="sms", recipient=PHONE, template="help", args={})
    machine.accept(message, "k", ref=f"phone/{PHONE}")
    machine.intake.step()
    machine.time.at_us += 25 * 3_600_000_000
    machine.settle()
    assert machine.rows("SELECT state, error_class FROM delivery") == [(DEAD, "link")]
    assert machine.unaccounted() == 0
