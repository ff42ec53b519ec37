"""The free units of the month by the menu: one hop, the token on the screen and by SMS."""

from typing import Any

import pytest

from channels.ussd.state import Outcome as Ended
from core.messages import Answer, ClaimFreeUnits, Outcome, Recipient
from core.queries import customer
from core.queries.views import MeterView
from hub.channel import Overloaded
from tests.channels.ussd.fakes import (
    CALLER,
    HOME,
    OTHER,
    TOKEN,
    FakePorts,
    Phone,
    form,
    phone_view,
    post,
    refused,
    sale_view,
)
from tests.channels.ussd.test_key_change import SET, grouped, words
from tests.channels.ussd.test_menu import SCREENS

DATA = {
    "meter": HOME,
    "free_token": TOKEN,
    "units_tenths": 60,
    "commodity": "water",
    "months": ["2026-11", "2026-11"],
}
GIVEN = Answer(outcome=Outcome.DONE, data=DATA)


def claims(phone: Phone) -> list[Any]:
    return [a for a in phone.ports.arrivals if isinstance(a.message, ClaimFreeUnits)]


def test_the_token_is_on_the_screen_and_comes_by_sms() -> None:
    phone = Phone(FakePorts(answers=[GIVEN]))
    assert "5 Free units" in phone.dial()
    assert phone.answer("5") == (
        f"END Free units for {HOME}\n1234 5678 9012 3456 7890\n6.0 m3. The token also comes by SMS."
    )
    (arrival,) = claims(phone)
    assert arrival.partition_ref == f"meter/{HOME}"
    assert arrival.message == ClaimFreeUnits(
        phone=CALLER,
        meter=HOME,
        reply=(Recipient(way="sms", address=CALLER),),
        answer_by_notice=False,
    )


def test_of_several_meters_one_is_chosen() -> None:
    ports = FakePorts(answers=[GIVEN])
    meters = (MeterView(drn=OTHER, name="Shop", own=True), MeterView(drn=HOME, own=True))
    ports.says[customer.phone_view] = phone_view(meters=meters)
    phone = Phone(ports)
    assert "Which meter?" in phone.dial("5")
    phone.answer("2")
    assert [each.message.meter for each in claims(phone)] == [HOME]


def test_a_phone_without_saved_meters_asks_for_its_only_one() -> None:
    ports = FakePorts(answers=[GIVEN])
    ports.says[customer.phone_view] = phone_view(meters=())
    phone = Phone(ports)
    assert f"Free units for {HOME}" in phone.dial("5")
    assert [each.message.meter for each in claims(phone)] == [""]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (refused("no-entitlement", meter=HOME), "There are no free units for your meter"),
        (refused("free-units-taken", meter=HOME, month="2026-11"), "2026-11 for meter"),
        (None, "We have your request"),
        (Overloaded("full"), "We are very busy"),
        (ValueError("a fault"), "We cannot see yet"),
    ],
)
def test_how_it_ends_without_a_token(answer: Any, says: str) -> None:
    phone = Phone(FakePorts(answers=[answer]))
    phone.dial()
    shown = phone.answer("5") if answer is not None else _late(phone)
    assert says in shown


def _late(phone: Phone) -> str:
    """No answer in time: the screen leaves without it."""
    phone.history = "5"
    found: list[Any] = []
    phone.send(post(form(phone.history, phone.session))).addBoth(found.append)
    phone.ports.reactor.advance(60)
    return str(found[0].body)


@pytest.mark.parametrize("language", ["en", "sw", "fr", "zh"])
def test_a_set_of_key_change_tokens_comes_by_sms(language: str) -> None:
    said = Ended("given", words().free({**DATA, "kct": list(SET)}, language)).args
    assert str(len(SET)) in said["key_change"]
    assert words().free(DATA, language)["key_change"] == ""
    assert said["token"] == "1234 5678 9012 3456 7890"


@pytest.mark.parametrize("language", ["en", "sw", "fr", "zh"])
def test_a_purchase_shows_the_free_token_that_came_with_it(language: str) -> None:
    view = sale_view(free_token=TOKEN[::-1], free_tenths=60, commodity="water")
    said = words().sale(view, language)
    whole = SCREENS.sheet(language).say("sold", said)
    assert grouped(TOKEN[::-1]) in whole
    assert whole.index(said["token"]) < whole.index(said["free_token"])
