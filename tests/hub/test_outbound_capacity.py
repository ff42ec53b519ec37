"""A channel is never given more than it said it can take, however often it says so."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from core.messages import SendNotice
from core.store.tables.machine import DEAD
from core.store.tx import Reader
from hub import inbox
from hub.channel import NOT_SENT, Failed, Outbound, SendResult, Sent
from hub.inbox import Delivery
from hub.outbound import LOOK_S
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


class Counted:
    """A machine whose way out is rung for, as on PostgreSQL; how often it looks is counted."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.machine, self.looks, self.now = Machine(fresh_sqlite(folder)), 0, 100.0
        self.out, fetch = self.machine.outbound, inbox.fetch_open
        self.out.alone, self.out.clock = False, lambda: self.now

        def counting(reader: Reader, target: str, *which: Any) -> list[Delivery]:
            self.looks += target.startswith("channel:")
            return fetch(reader, target, *which)

        monkeypatch.setattr(inbox, "fetch_open", counting)

    def notice(self, number: int) -> None:
        """A notice is committed, and nobody rings."""
        phone = f"+2567000000{number:02}"
        message = SendNotice(way="sms", recipient=phone, template="help", args={})
        self.machine.accept(message, f"k{number}", ref=f"phone/{phone}")
        self.machine.intake.step()

    def looked(self, steps: int = 3) -> int:
        """How often it looked in so many steps."""
        before = self.looks
        for _ in range(steps):
            self.out.step()
        return self.looks - before


def test_without_a_bell_nothing_is_looked_for_until_it_is_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = Counted(tmp_path, monkeypatch)
    assert hub.looked() == 1, "at the start"
    hub.notice(1)
    hub.out.wake("sms")
    assert hub.looked() == 0, "a channel that is free is no news"
    hub.now += LOOK_S
    assert (hub.looked(), len(hub.machine.channel.sent)) == (1, 1), "a bell is only a hint"
    hub.notice(2)
    hub.out.ring()
    assert (hub.looked(), len(hub.machine.channel.sent)) == (1, 2)


def test_what_was_left_when_the_channel_was_full_is_looked_for_as_soon_as_it_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = Counted(tmp_path, monkeypatch)
    hub.looked()
    hub.machine.channel.room = 2
    hub.out.attach({"sms": hub.machine.channel})
    hub.out.wake("sms")
    for number in range(5):
        hub.notice(number)
    hub.out.ring()
    hub.machine.settle()
    assert len(hub.machine.channel.sent) == 5
    assert hub.looks == 4, "the start, 2, 2, 1"
