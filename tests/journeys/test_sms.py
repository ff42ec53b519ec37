"""By SMS through the network's simulator: buying, confirming, asking, on every engine."""

import re

import pytest

from simulators.demo.children import until
from simulators.demo.people import STRANGER
from tests.journeys.town import SOON_S, Town, as_digits, buys, figures, receipt_in, token_in

pytestmark = pytest.mark.slow


def test_a_purchase_ends_as_units_in_the_meter_and_a_delivery_receipt(town: Town) -> None:
    buyer = town.household()
    buys(town, buyer, 20_000)
    text = town.reads(buyer)
    assert figures(text) == {
        "tender": 20_000, "units": 281, "energy": 13_587, "service": 3_360, "vat": 3_051,
        "carried": 2,
    }  # fmt: skip
    assert town.meter_takes(buyer, token_in(text)) == 281
    assert town.credit(buyer) == 30_002
    (sale,) = town.sales_of(buyer)
    assert sale["token"] == as_digits(token_in(text))
    assert (sale["receipt"], sale["state"]) == (receipt_in(text), "issued")
    until(
        lambda: town.notices_to(buyer) == [("token", "delivered")], SOON_S, "the delivery receipt"
    )
    town.says_nothing_more(buyer)


def test_the_network_delivers_the_same_text_twice(town: Town) -> None:
    buyer = town.household()
    phone = town.phone(buyer)
    phone.delivered(phone.send_sms(f"buy 10k {buyer.meter}", copies=3), SOON_S)
    text = town.reads(buyer)
    assert figures(text)["tender"] == 10_000
    town.says_nothing_more(buyer)
    assert len(town.sales_of(buyer)) == 1


def test_a_person_who_buys_the_same_again_gets_the_same_token_and_is_told_how(town: Town) -> None:
    buyer = town.household()
    buys(town, buyer, 20_000)
    first = town.reads(buyer)
    phone = town.phone(buyer)
    phone.send_sms(f"BUY 20000 {buyer.meter}")
    again = town.reads(buyer)
    assert token_in(again) == token_in(first)
    suggested = re.search(r"send (BUY \d+ \d+ AGAIN)", " ".join(again.split()))
    assert suggested is not None, again
    phone.send_sms(suggested[1])
    second = town.reads(buyer)
    assert token_in(second) != token_in(first)
    assert figures(second)["units"] == 225
    assert [sale["tender"] for sale in town.sales_of(buyer)] == [20_000, 20_000]


def test_another_ones_meter_waits_for_yes(town: Town) -> None:
    buyer, other = town.household(), town.household(credit=0, holder="Lake View Bakery")
    buys(town, buyer, 15_000, other.meter)
    asked = town.reads(buyer)
    code = re.search(r"YES (\d{4})", asked)
    assert code is not None, asked
    assert re.search(r"L\*+ V\*+ B\*+", asked)
    assert "Lake View" not in asked
    assert town.sales_of(other) == []
    town.phone(buyer).send_sms("yes 12345678")
    assert "No purchase waits for code 12345678" in town.reads(buyer)
    town.phone(buyer).send_sms(f"yes {code[1]}")
    text = town.reads(buyer)
    assert town.meter_takes(other, token_in(text)) == 224
    assert town.credit(buyer) == 35_000
    assert town.credit(other) == 45  # what was carried forward belongs to the meter's account
    town.phone(buyer).send_sms(f"YES please {code[1]}")
    assert "You have confirmed code" in town.reads(buyer)
    assert len(town.sales_of(other)) == 1


def test_what_a_customer_asks(town: Town) -> None:
    asker = town.household()
    phone = town.phone(asker)
    phone.send_sms("BALANCE")
    assert f"Account {asker.account}: UGX 50,000 to spend" in " ".join(town.reads(asker).split())
    phone.send_sms("LAST")
    assert "no token yet" in town.reads(asker)
    buys(town, asker, 20_000)
    token = token_in(town.reads(asker))
    phone.send_sms("Last please")
    last = town.reads(asker)
    assert "COPY" in last
    assert token_in(last) == token
    phone.send_sms("help")
    assert "BUY meter amount" in town.reads(asker)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("good morning", "did not understand"),
        ("BUY {meter}", "How much"),
        ("BUY 20000", "For which meter"),
        ("BUY 04123456789 20000", "wrong digit"),
        ("BUY {meter} 1000", "too little"),
        ("BUY {meter} 900000", "less than"),
    ],
)
def test_what_cannot_be_done_is_answered_so_that_it_helps(
    town: Town, typed: str, words: str
) -> None:
    person = town.household()
    town.phone(person).send_sms(typed.format(meter=person.meter))
    assert words in " ".join(town.reads(person).split())
    assert town.sales_of(person) == []
    assert town.credit(person) == 50_000


def test_a_stranger_is_answered_in_the_language_of_his_word(town: Town) -> None:
    phone = town.house.phone(STRANGER)
    phone.send_sms("MSAADA")
    sms = phone.next_sms(SOON_S)
    assert sms is not None
    assert "NUNUA" in sms.text


def test_many_customers_at_once(town: Town) -> None:
    crowd = [town.household() for _ in range(25)]
    for buyer in crowd:
        town.phone(buyer).send_sms(f"BUY {buyer.meter} 20000")
    for buyer in crowd:
        assert town.meter_takes(buyer, token_in(town.reads(buyer))) == 281
    town.says_nothing_more(*crowd)
