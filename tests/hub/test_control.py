"""The control socket: one JSON object a line, an answer to each, and who asks is known."""

import json
import os
import pwd
import socket
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.testing import StringTransport

from core.messages import Answer, Outcome
from core.messages.base import MessageType, all_types
from core.messages.examples import EXAMPLES
from hub.channel import Accepted, Arrival, KeyReused, Overloaded
from hub.control import (
    BY_CUSTOMERS,
    BY_HAND,
    MAX_LINE,
    ControlError,
    ControlFactory,
    ControlProtocol,
    submit,
)
from hub.partitioning import partition_ref
from tests.hub.machine import buy, pay


class FakePorts:
    """Takes every arrival; answers as told."""

    def __init__(self, accepted: Any, answer: Answer | None = None, *, test: bool = False) -> None:
        self.company = SimpleNamespace(test=test)
        self.accepted, self.later = accepted, answer
        self.arrivals: list[Arrival] = []
        self.waited: list[float] = []

    def accept(self, arrival: Arrival) -> "Deferred[Accepted]":
        self.arrivals.append(arrival)
        failed = isinstance(self.accepted, Exception)
        return fail(self.accepted) if failed else succeed(self.accepted)

    def answer(self, _message_id: str, within_s: float) -> "Deferred[Answer | None]":
        self.waited.append(within_s)
        return succeed(self.later)


DONE = Answer(outcome=Outcome.DONE, data={"credit": 1})


class Link:
    """A protocol with a transport in memory."""

    def __init__(self, verbs: dict[str, Any]) -> None:
        self.protocol = ControlFactory(verbs).buildProtocol(None)
        assert isinstance(self.protocol, ControlProtocol)
        self.transport = StringTransport()
        self.protocol.makeConnection(self.transport)

    def ask(self, line: bytes) -> list[Any]:
        self.transport.clear()
        self.protocol.dataReceived(line + b"\n")
        return [json.loads(each) for each in self.transport.value().splitlines()]


def order(message: Any, **changes: Any) -> dict[str, Any]:
    import msgspec

    from core.messages import name_of

    return {
        "do": "submit",
        "company": "demo",
        "key": "k1",
        "type": name_of(message).name,
        "data": msgspec.to_builtins(message),
        **changes,
    }


def submitted(ports: FakePorts, **changes: Any) -> Any:
    link = Link({"submit": submit({"demo": ports})})  # type: ignore[dict-item]
    (reply,) = link.ask(json.dumps(order(pay(5), **changes)).encode())
    return reply


def test_a_command_is_put_on_the_bus_and_answered() -> None:
    ports = FakePorts(Accepted("m1"), DONE)
    reply = submitted(ports)
    assert reply == {
        "message_id": "m1", "repeat": False, "answer": {"outcome": "done", "data": {"credit": 1}}
    }  # fmt: skip
    (arrival,) = ports.arrivals
    assert (arrival.key, arrival.message, arrival.partition_ref) == ("k1", pay(5), "account/100001")


def test_a_repeat_gets_the_stored_answer_without_waiting() -> None:
    ports = FakePorts(Accepted("m1", repeat=True, answer=DONE))
    assert submitted(ports)["repeat"] is True
    assert ports.waited == []


def test_an_answer_that_does_not_come_is_none() -> None:
    assert submitted(FakePorts(Accepted("m1")))["answer"] is None


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"company": "other"}, "no company other (known: demo)"),
        ({"type": "wattbus.nothing.v1"}, "no message type"),
        ({"data": {"account": 5}}, "ReceivePayment.v1: "),
        ({"data": None}, "ReceivePayment.v1: "),
        ({"key": ""}, "needs a key"),
    ],
)
def test_what_is_no_command_is_refused_with_a_sentence(changes: dict[str, Any], says: str) -> None:
    ports = FakePorts(Accepted("m1"))
    assert says in submitted(ports, **changes)["error"]
    assert ports.arrivals == []


@pytest.mark.parametrize("kind", all_types(), ids=lambda kind: kind.struct.__name__)
def test_in_nobodys_name_only_what_is_listed_is_taken(kind: MessageType) -> None:
    """A new message is not taken by hand until somebody lists it: it may be money."""
    ports = FakePorts(Accepted("m1"), DONE)
    said = submitted(ports, type=kind.name, data=msgspec.to_builtins(EXAMPLES[kind.name]))
    assert ("error" not in said) == (kind.struct in BY_HAND) == bool(ports.arrivals)
    ports = FakePorts(Accepted("m1"), DONE, test=True)  # one may play a customer, nobody else
    said = submitted(ports, type=kind.name, data=msgspec.to_builtins(EXAMPLES[kind.name]))
    assert ("error" not in said) == (kind.struct in (*BY_HAND, *BY_CUSTOMERS))


@pytest.mark.parametrize("no", [Overloaded("full"), KeyReused("k1")])
def test_what_the_hub_does_not_take_is_said(no: Exception) -> None:
    assert type(no).__name__ in submitted(FakePorts(no))["error"]


@pytest.mark.parametrize(
    "line", [b"", b"{}", b"[]", b"null", b"{", b'{"do": "explode"}', b'{"do": []}', b"\xff\xfe"]
)
def test_what_is_no_request_names_what_is_known(line: bytes) -> None:
    (reply,) = Link({"status": lambda _r: {}}).ask(line)
    assert "known: status" in reply["error"]


def test_a_verb_that_fails_or_comes_later_is_answered_once() -> None:
    later: Deferred[Any] = Deferred()

    def bad(_request: Any) -> Any:
        raise ControlError("not today")

    link = Link({"bad": bad, "later": lambda _r: later})
    assert link.ask(b'{"do": "bad"}') == [{"error": "not today"}]
    assert link.ask(b'{"do": "later"}') == []
    later.callback({"ok": 1})
    assert json.loads(link.transport.value()) == {"ok": 1}


def test_a_line_without_end_closes_the_link() -> None:
    link = Link({})
    link.protocol.dataReceived(b"x" * (MAX_LINE + 10))
    assert link.transport.disconnecting


def test_who_asks_is_what_the_kernel_says_beside_the_name_given() -> None:
    seen: list[str] = []
    link = Link({"who": lambda request: seen.append(request["actor"]) or {}})
    link.ask(b'{"do": "who", "operator": "alice", "actor": "root"}')
    assert seen == ["alice via unknown"]
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        link.transport.getHandle = lambda: ours  # type: ignore[attr-defined]
        link.ask(b'{"do": "who", "operator": "alice"}')
        link.ask(b'{"do": "who"}')
    user = pwd.getpwuid(os.getuid()).pw_name
    assert seen[1:] == [f"alice via {user}", user]


def test_a_purchase_is_ordered_by_its_meter_whoever_pays() -> None:
    assert partition_ref(buy(account="100009")).startswith("meter/")
