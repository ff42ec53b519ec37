"""Phones' languages: many that wait cost one question."""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from channels.sms.languages import Languages
from tests.channels.harness import FakePorts


class SlowPorts(FakePorts):
    """Questions wait until they are answered by hand."""

    def query(self, function: Callable[..., Any], *args: Any) -> "Deferred[Any]":
        self.queries.append(args)
        self.open: list[Deferred[Any]] = [*getattr(self, "open", []), Deferred()]
        return self.open[-1]


def asked(ports: SlowPorts) -> list[Any]:
    return [args[0] for args in ports.queries]


def test_what_waits_is_asked_together_and_heard_in_order() -> None:
    ports = SlowPorts(Clock())
    languages, heard = Languages(ports), []
    for phone in ("1", "2", "3", "2"):
        languages.of(phone).addCallback(lambda found, phone=phone: heard.append((phone, found)))
    assert asked(ports) == [("1",)]
    ports.open[0].callback({"1": "sw"})
    assert asked(ports) == [("1",), ("2", "3")]
    ports.open[1].callback({"3": "fr"})
    assert heard == [("1", "sw"), ("2", ""), ("2", ""), ("3", "fr")]


def test_it_is_remembered_for_a_minute() -> None:
    clock = Clock()
    ports = SlowPorts(clock)
    languages, heard = Languages(ports), []
    languages.of("1").addCallback(heard.append)
    ports.open[0].callback({"1": "sw"})
    languages.of("1").addCallback(heard.append)
    clock.advance(61)
    languages.of("1").addCallback(heard.append)
    assert (heard, len(ports.queries)) == (["sw", "sw"], 2)


def test_a_question_that_fails_is_no_language() -> None:
    ports = SlowPorts(Clock())
    languages, heard = Languages(ports), []
    languages.of("1").addCallback(heard.append)
    languages.of("2").addCallback(heard.append)
    ports.open[0].errback(OSError("no reader"))
    ports.open[1].callback({"2": "sw"})
    assert heard == ["", "sw"]


def test_a_question_has_at_most_a_batch_of_phones() -> None:
    ports = SlowPorts(Clock())
    languages = Languages(ports)
    for number in range(301):
        languages.of(str(number))
    ports.open[0].callback({})
    assert [len(each) for each in asked(ports)] == [1, 256]
