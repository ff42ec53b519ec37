"""What so many units cost, and units on credit, by the menu."""

from typing import Any

import msgspec
import pytest

from channels.ussd.state import Outcome as Ended
from channels.ussd.values import KINDS, Form, Wrong
from core.messages import Answer, AskAdvance, CreditVend, Outcome
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
    phone_view,
    quote_view,
    refused,
    sale_view,
)
from tests.channels.ussd.test_key_change import SET, grouped, words
from tests.channels.ussd.test_menu import SCREENS

PRICED = quote_view(tender=23_456, units_tenths=301)
SOLD = Answer(outcome=Outcome.DONE, data=msgspec.to_builtins(sale_view()))
DATA = {
    "meter": HOME, "token": TOKEN, "units_tenths": 60, "commodity": "electricity", "amount": 3_000,
    "fee": 236, "owed": 3_236, "currency": "UGX", "receipt": "DP-7",
}  # fmt: skip
GIVEN = Answer(outcome=Outcome.DONE, data=DATA)


def sent(phone: Phone, kind: type) -> list[Any]:
    return [a for a in phone.ports.arrivals if isinstance(a.message, kind)]


def asking(**said: Any) -> Phone:
    ports = FakePorts(**said)
    ports.says[customer.quote_units] = PRICED
    return Phone(ports)


def test_the_price_of_units_is_shown_and_paid() -> None:
    phone = asking(answers=[SOLD])
    assert "6 Price of units" in phone.dial()
    phone.answer("6")
    assert "How many units?" in phone.answer("1")
    shown = phone.answer("30.5")
    assert "23,456" in shown
    assert "30.1" in shown
    asked = [each for each in phone.ports.asked if each[0] == "quote_units"]
    assert [each[1:5] for each in asked] == [(CALLER, HOME, 305, "100001")]
    phone.answer("1")
    (arrival,) = sent(phone, CreditVend)
    assert (arrival.message.tender, arrival.message.quoted_tenths) == (23_456, 301)
    assert arrival.message.meter == HOME


def test_a_price_that_has_changed_is_asked_for_by_its_units_again() -> None:
    phone = asking(answers=[refused("quote-changed", quoted=301), SOLD])
    phone.dial()
    for answer in ("6", "1", "30"):
        phone.answer(answer)
    phone.ports.says[customer.quote_units] = quote_view(tender=24_000, units_tenths=302)
    assert "24,000" in phone.answer("1")
    phone.answer("1")
    assert [each.message.tender for each in sent(phone, CreditVend)] == [23_456, 24_000]


@pytest.mark.parametrize(
    ("typed", "tenths"),
    [("30", "300"), ("30.5", "305"), ("30,5", "305"), ("1 000", "10000"), ("0.1", "1"),
     ("30.55", None), ("0", None), ("-3", None), ("100001", None), ("", None), ("thirty", None)],
)  # fmt: skip
def test_how_units_are_typed(typed: str, tenths: str | None) -> None:
    found = KINDS["units"](typed, Form(3, 20, 0))
    assert found == (Wrong("wrong.units") if tenths is None else tenths)


def test_units_on_credit_for_the_only_meter() -> None:
    phone = Phone(FakePorts(answers=[GIVEN]))
    assert "7 Units on credit" in phone.dial()
    assert "your next purchase pays them" in phone.answer("7")
    shown = phone.answer("1")
    assert grouped(TOKEN) in shown
    assert "Your next purchase pays UGX 3,236" in shown
    (arrival,) = sent(phone, AskAdvance)
    assert arrival.partition_ref == f"meter/{HOME}"
    assert (arrival.message.meter, arrival.message.amount) == (HOME, 0)
    assert not arrival.message.answer_by_notice


def test_for_an_amount_and_another_meter() -> None:
    ports = FakePorts(answers=[GIVEN])
    meters = (MeterView(drn=OTHER, name="Shop", own=True), MeterView(drn=HOME, own=True))
    ports.says[customer.phone_view] = phone_view(meters=meters)
    phone = Phone(ports)
    phone.dial()
    for answer in ("7", "2", "2", "3000"):
        phone.answer(answer)
    (arrival,) = sent(phone, AskAdvance)
    assert (arrival.message.meter, arrival.message.amount) == (HOME, 3_000)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (refused("advance-not-offered", meter=HOME), "No units on credit here"),
        (refused("advance-above", meter=HOME, limit=5_000, tender=9_000), "at most UGX 5,000"),
        (Overloaded("full"), "We are very busy"),
        (ValueError("a fault"), "We cannot see yet"),
    ],
)
def test_how_it_ends_without_units(answer: Any, says: str) -> None:
    phone = Phone(FakePorts(answers=[answer]))
    phone.dial()
    phone.answer("7")
    assert says in phone.answer("1")


@pytest.mark.parametrize("language", ["en", "sw", "fr", "zh"])
def test_the_token_and_what_is_owed_are_in_every_language(language: str) -> None:
    said = Ended("given", words().advance({**DATA, "kct": list(SET)}, language)).args
    assert str(len(SET)) in said["key_change"]
    whole = SCREENS.sheet(language).say("advance-given", words().advance(DATA, language))
    assert grouped(TOKEN) in whole
    assert said["owed"] in whole
