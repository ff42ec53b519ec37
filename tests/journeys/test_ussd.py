"""By USSD: the whole purchase, the stranger, the same menus over SMPP, on every engine."""

from collections.abc import Callable

import pytest

from simulators.demo.people import STRANGER
from simulators.phone.handset import Phone
from simulators.phone.line import ControlLine, NetworkError
from simulators.phone.ussd import SmscUssd
from tests.journeys.town import Town, figures, token_in

pytestmark = pytest.mark.slow


def test_a_whole_purchase(town: Town) -> None:
    buyer = town.household()
    phone = town.phone(buyer)
    phone.dial()
    phone.choose("Buy units")
    phone.choose("Home")
    quote = phone.answer("20000").text
    assert figures(quote)["units"] == 281
    assert figures(quote)["carried"] == 2
    sold = phone.choose("Pay from account").text
    text = town.reads(buyer)
    assert token_in(sold) == token_in(text)
    assert town.meter_takes(buyer, token_in(sold)) == 281
    assert town.credit(buyer) == 30_002
    town.says_nothing_more(buyer)


def test_another_ones_meter_is_asked_about(town: Town) -> None:
    buyer, other = town.household(), town.household(credit=0, holder="Lake View Bakery")
    phone = town.phone(buyer)
    phone.dial()
    phone.choose("Buy units")
    phone.choose("Another meter")
    phone.answer(other.meter)
    asked = phone.answer("15000").text
    assert "L***** V***** B*****" in asked
    phone.choose("Yes")
    sold = phone.choose("Pay from account").text
    assert town.meter_takes(other, token_in(sold)) == 224
    assert town.reads(buyer)


def test_cancelling_buys_nothing_and_a_dropped_session_is_taken_up_again(town: Town) -> None:
    buyer = town.household()
    phone = town.phone(buyer)
    phone.dial()
    phone.choose("Buy units")
    phone.choose("Home")
    phone.answer("20000")
    phone.choose("Cancel")
    phone.choose("Buy units")
    phone.choose("Home")
    phone.hang_up()
    assert "not finished" in phone.dial().text
    phone.choose("Continue")
    phone.answer("20000")
    sold = phone.choose("Pay from account").text
    assert token_in(town.reads(buyer)) == token_in(sold)
    assert len(town.sales_of(buyer)) == 1


def test_my_tokens_balance_language(town: Town) -> None:
    buyer = town.household()
    phone = town.phone(buyer)
    phone.send_sms(f"BUY {buyer.meter} 20000")
    token = token_in(town.reads(buyer))
    phone.dial()
    assert token_in(phone.choose("My tokens").text) == token
    phone.dial()
    balance = phone.choose("Balance").text
    assert figures(balance)["credit"] == 30_002
    phone.dial()
    phone.choose("Language")
    assert "Acheter" in phone.choose("Fran").text


def test_a_stranger_sees_a_masked_name_and_how_to_register(town: Town) -> None:
    holder = town.household()
    phone = town.house.phone(STRANGER)
    assert "not registered" in phone.dial().text
    phone.choose("Whose meter")
    screen = phone.answer(holder.meter)
    assert "O***** D*****" in screen.text
    assert not screen.more
    assert town.sales_of(holder) == []
    with pytest.raises(NetworkError):
        phone.answer("1")


def by_smpp(text: str) -> str:
    """The same channel on the SMPP link, which carries SMS too."""
    kept = [line for line in text.splitlines() if not line.startswith("path = ")]
    return "\n".join([*kept, 'link = "smsc"', ""])


def test_one_bind_carries_ussd_and_sms(open_town: Callable[..., Town]) -> None:
    town = open_town(edit=by_smpp)
    buyer = town.household()
    line = ControlLine("127.0.0.1", town.house.control_port)
    phone = Phone(buyer.msisdn, line, SmscUssd(line))
    phone.dial()
    phone.choose("Buy units")
    phone.choose("Home")
    assert figures(phone.answer("20000").text)["units"] == 281
    sold = phone.choose("Pay from account")
    assert not sold.more
    assert token_in(town.reads(buyer)) == token_in(sold.text)
    phone.close()
    town.books_are_right()
