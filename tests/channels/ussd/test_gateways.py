"""The channel before its far end, friendly and not: whatever the network does, one sale."""

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from simulators.ussd.gateway import Gateway, NetworkError, Options, Screen
from simulators.ussd.kinds import KINDS
from tests.channels.ussd.fakes import CALLER, FakePorts, Phone, post


def connected(kind: str, ports: FakePorts, **options: Any) -> Gateway:
    """A gateway of a kind whose forms go straight to the channel's handler."""
    phone = Phone(ports)

    def send(form: bytes) -> "Deferred[tuple[int, str]]":
        return phone.send(post(form)).addCallback(lambda answer: (answer.status, answer.body))

    return KINDS[kind](send, ports.reactor, Options(**options))


def now(deferred: "Deferred[Any]") -> Any:
    found: list[Any] = []
    deferred.addBoth(found.append)
    assert found, "nothing yet"
    if isinstance(found[0], Screen):
        return found[0]
    raise found[0].value


@pytest.mark.parametrize("kind", ["friendly", "double-start", "repeated-hop", "late"])
def test_a_purchase_through_each_gateway(kind: str) -> None:
    ports = FakePorts()
    gateway = connected(kind, ports)
    assert "1 Buy units" in now(gateway.dial(CALLER, "*123#")).text
    for text in ("1", "1", "20000"):
        screen = now(gateway.answer(CALLER, text))
        assert screen.more
    assert "28.1 units" in screen.text
    end = now(gateway.answer(CALLER, "1"))
    assert "1234 5678 9012 3456 7890" in end.text
    assert not end.more
    assert len(ports.known) == len(ports.purchases) == 1


@pytest.mark.parametrize("kind", ["dropped-session", "silently-dropping"])
@pytest.mark.parametrize("drop_at", [1, 2, 3, 4])
def test_a_session_lost_at_any_answer_ends_in_one_sale(kind: str, drop_at: int) -> None:
    """The customer dials again and goes on; lost at the payment, he is asked by the core."""
    ports = FakePorts()
    gateway = connected(kind, ports, drop_at=drop_at)
    answers = ["1", "1", "20000", "1"]
    now(gateway.dial(CALLER, "*123#"))
    for text in answers[: drop_at - 1]:
        now(gateway.answer(CALLER, text))
    with pytest.raises(NetworkError):
        now(gateway.answer(CALLER, answers[drop_at - 1]))
    friendly = Gateway(gateway._send, ports.reactor, sessions=100)
    screen = now(friendly.dial(CALLER, "*123#"))
    if drop_at == 4:  # bought: nothing to go on with
        assert "1 Buy units" in screen.text
    else:
        assert "1 Continue" in screen.text
        for text in ("1", *answers[drop_at:]):
            screen = now(friendly.answer(CALLER, text))
        assert "1234 5678 9012 3456 7890" in screen.text
    assert len(ports.known) == 1


def test_an_impatient_network_gets_its_screen_late_and_the_sale_is_one() -> None:
    ports = FakePorts(answers=[None])
    gateway = connected("late", ports)
    now(gateway.dial(CALLER, "*123*1*1*20000#"))
    lost: list[Any] = []
    gateway.answer(CALLER, "1").addErrback(lost.append)
    ports.reactor.pump([1.0, 4.0])
    assert lost[0].check(NetworkError)
    assert len(ports.known) == 1
