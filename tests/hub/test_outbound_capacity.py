"""A channel is never given more than it said it can take, however often it says so."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from core.messages import SendNotice
from hub.channel import Outbound, SendResult, Sent
from tests.hub.machine import FakeChannel, Machine, fresh_sqlite


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
