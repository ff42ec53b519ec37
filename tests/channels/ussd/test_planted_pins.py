"""PINs planted at both faces: nothing that the channel keeps, says or logs has one of them."""

import json
import pickle
from typing import Any

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.ussd.africastalking import delta, seen
from core.queries import customer
from tests.channels.ussd.fakes import FakePorts, Phone, phone_view, quote_view, refused
from tests.channels.ussd.test_own import KEY, said
from tests.channels.ussd.test_smpp import ANSWER, BEGIN, Handset

PLANTED = ("4729", "83517", "90210463")


def planted_ports(logged: list[str] | None = None) -> FakePorts:
    """Whatever is bought needs a PIN; the log is kept."""
    heard = [] if logged is None else logged

    def keep(_l: Any, _m: str, event: Any) -> Any:
        heard.append(repr(event))
        raise structlog.DropEvent

    ports = FakePorts(key=KEY, log=structlog.wrap_logger(None, processors=[keep]))
    ports.says[customer.phone_view] = phone_view()
    ports.says[customer.pin_state] = "set"
    ports.says[customer.quote] = lambda _p, meter, tender, *_: quote_view(
        meter, tender, pin="needed"
    )
    return ports


def everything(ports: FakePorts, channel: Any, logged: list[str]) -> str:
    """What was journaled, asked, sent, logged, counted, and what the sessions hold in memory."""
    sessions = channel._conversation.sessions
    held = [
        (each.key, each.state, each.seen, each.history, each.secrets, list(each.replies.values()))
        for each in sessions._open.values()
    ]
    parts = [ports.records, ports.arrivals, ports.asked, logged, channel.status(), held]
    return "\n".join([*map(repr, parts), repr(sessions._saved), json.dumps(ports.records)])


def free_of(pins: tuple[str, ...], text: str) -> None:
    for pin in pins:
        assert pin not in text


WAYS = {
    "a purchase": ("1", "1", "60000", "1", "{0}", "{1}", "{2}"),
    "another PIN": ("8*", "1", "{0}", "{1}", "{1}"),
    "not the same": ("8*", "1", "{0}", "{1}", "{2}", "{0}", "{0}"),
    "one too early": ("{0}", "00", "{1}", "00"),
    "one too late": ("1", "1", "60000", "1", "{0}", "00", "{0}", "{1}"),
}


def steps(way: str) -> list[str]:
    return [("9" if each == "8*" else each).format(*PLANTED) for each in WAYS[way]]


@pytest.mark.parametrize("way", WAYS)
def test_over_http(way: str) -> None:
    logged: list[str] = []
    ports = planted_ports(logged)
    ports.answers = [refused("phone-pin-wrong", tries=2), said(**{"pass": "w"}), OSError("lost")]
    phone = Phone(ports)
    phone.dial()
    for each in steps(way):
        phone.answer(each)
        phone.hop()  # the gateway repeats every hop, with all earlier inputs
    # and a hop of a session that nobody knows any more, after a restart
    restarted = phone.restart()
    restarted.hop()
    free_of(PLANTED, everything(ports, phone.channel, logged))
    free_of(PLANTED, everything(ports, restarted.channel, logged))
    assert len(ports.records) >= 2 * len(steps(way))


@pytest.mark.parametrize("profile", ["plain", "sessionless"])
@pytest.mark.parametrize("way", WAYS)
def test_over_smpp(way: str, profile: str) -> None:
    logged: list[str] = []
    ports = planted_ports(logged)
    ports.answers = [refused("phone-pin-wrong", tries=2), said(**{"pass": "w"}), OSError("lost")]
    handset = Handset(profile=profile, ports=ports)
    handset.say(BEGIN, "*123#")
    for each in steps(way):
        handset.say(ANSWER, each)
        handset.say(ANSWER, each)  # a network that does not count brings it as if it were new
    free_of(PLANTED, everything(ports, handset.channel, logged))


@pytest.mark.parametrize("dialled", ["9*1*4729*83517*83517", "1*1*60000*1*4729", "4729"])
def test_dialled_ahead(dialled: str) -> None:
    logged: list[str] = []
    http, smpp = planted_ports(logged), planted_ports(logged)
    phone = Phone(http)
    phone.dial(dialled)
    handset = Handset(ports=smpp)
    handset.say(BEGIN, f"*123*{dialled}#")
    free_of(PLANTED, everything(http, phone.channel, logged))
    free_of(PLANTED, everything(smpp, handset.channel, logged))


@pytest.mark.parametrize(
    "answers", [("1", "1", "60000", "1*4729"), ("1", "1", "60000*1*4729"), ("9*83517",)]
)
def test_typed_at_once_into_a_screen(answers: tuple[str, ...]) -> None:
    logged: list[str] = []
    ports = planted_ports(logged)
    phone = Phone(ports)
    phone.dial()
    phone.answer(*answers)
    phone.hop()
    free_of(PLANTED, everything(ports, phone.channel, logged))
    assert not ports.arrivals


def test_a_form_that_is_wrong_keeps_no_text() -> None:
    from tests.channels.ussd.fakes import form, post

    logged: list[str] = []
    ports = planted_ports(logged)
    phone = Phone(ports)
    assert phone.get(post(form(["1*4729", "1*83517"]))).status == 400
    assert phone.get(post(form("1*4729", phoneNumber="?"))).status == 400
    free_of(PLANTED, everything(ports, phone.channel, logged))


def test_an_action_that_fails_logs_no_pin() -> None:
    logged: list[str] = []
    ports = planted_ports(logged)
    ports.answers = [OSError("the database is away")]
    phone = Phone(ports)
    phone.dial()
    phone.answer("1", "1", "60000", "1", "4729")
    assert logged
    free_of(PLANTED, everything(ports, phone.channel, logged))


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=8), max_size=6), st.text(max_size=9))
@settings(max_examples=100)
def test_the_earlier_inputs_are_kept_as_a_length_and_a_hash(earlier: list[str], pin: str) -> None:
    """What is new in a hop is found without the old text."""
    text = "*".join(earlier)
    known = seen(text)
    assert text not in repr(known) or len(text) < 3 or text.isdigit()
    if text:
        assert delta(known, f"{text}*{pin}").answers == (pin,)
    assert set(vars_of(known)) == {"length", "digest"}


def vars_of(known: Any) -> Any:
    return known.__slots__


def test_what_a_session_keeps_of_a_secret_is_no_plain_hash() -> None:
    """Ten thousand hashes are tried in no time: the mark is keyed by the process."""
    from hashlib import sha256

    ports = planted_ports()
    phone = Phone(ports)
    phone.dial()
    phone.answer("1", "1", "60000", "1", "4729")
    (session,) = phone.channel._conversation.sessions._open.values()
    assert session.secrets
    held = pickle.dumps((session.secrets, list(session.replies)))
    assert sha256(b"4729").digest() not in held
    assert sha256(phone.history.encode()).digest() not in held
