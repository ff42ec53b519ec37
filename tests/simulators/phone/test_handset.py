"""The phone: menus, options by their label, texts in order."""

from collections.abc import Iterator

import pytest

from simulators.phone.handset import MAX_TEXTS, Phone, Sms, option_of
from simulators.phone.line import ControlLine, NetworkError
from simulators.phone.ussd import SmscUssd
from simulators.ussd.gateway import Screen
from tests.simulators.phone.network import FakeMenus, FakeNetwork, network

HOME = Screen("Demo Power\n1 Buy units\n2 My tokens\n12. Language", True)
END = Screen("Your token", False)


@pytest.fixture
def fake() -> Iterator[FakeNetwork]:
    with network() as made:
        yield made


def phone_on(fake: FakeNetwork, *screens: Screen) -> Phone:
    return Phone("+256700000001", ControlLine("127.0.0.1", fake.port), FakeMenus(*screens))


@pytest.mark.parametrize(("label", "typed"), [("Buy units", "1"), ("my", "2"), ("Language", "12")])
def test_an_option_is_found_by_its_label(label: str, typed: str) -> None:
    assert option_of(HOME, label) == typed


def test_an_option_that_is_not_there_is_an_error_with_the_screen() -> None:
    with pytest.raises(NetworkError, match=r"no option 'Balance'.*Demo Power"):
        option_of(HOME, "Balance")


def test_dial_choose_and_the_end(fake: FakeNetwork) -> None:
    phone = phone_on(fake, HOME, END)
    assert phone.dial() is HOME
    assert phone.in_menu()
    assert phone.choose("My tokens") is END
    assert not phone.in_menu()
    phone.hang_up()
    menus = phone._ussd
    assert isinstance(menus, FakeMenus)
    assert menus.typed == ["+256700000001 dials *123#", "+256700000001 answers 2"]
    phone.close()


def test_hanging_up_an_open_menu_is_told(fake: FakeNetwork) -> None:
    phone = phone_on(fake, HOME)
    phone.dial()
    phone.hang_up()
    assert isinstance(phone._ussd, FakeMenus)
    assert phone._ussd.typed[-1] == "+256700000001 hangs up"
    with pytest.raises(NetworkError, match="no menu is open"):
        phone.choose("Buy")
    phone.close()


def test_texts_come_in_order_old_ones_are_read_already(fake: FakeNetwork) -> None:
    fake.stored = [{"from": "8080", "text": "old", "parts": 1}]
    phone = phone_on(fake)
    fake.push("one")
    fake.push("two")
    assert phone.next_sms(5.0) == Sms("8080", "one")
    assert phone.next_sms(5.0) == Sms("8080", "two")
    assert phone.next_sms(0.0) is None
    assert [sms.text for sms in phone.inbox()] == ["old", "one", "two"]
    phone.close()


def test_a_phone_keeps_so_many_texts(fake: FakeNetwork) -> None:
    phone = phone_on(fake)
    for number in range(MAX_TEXTS + 5):
        phone._keep("8080", str(number), 1)
    assert len(phone._texts) == MAX_TEXTS
    assert phone.next_sms(0.0) == Sms("8080", "5")
    phone.close()


def test_the_network_may_deliver_a_text_twice(fake: FakeNetwork) -> None:
    phone = phone_on(fake)
    sent = phone.send_sms("BUY 04123456784 20000", copies=2)
    phone.delivered(sent, 5.0)
    delivered = [asked for asked in fake.asked if asked["do"] == "deliver"]
    assert [(each["from"], each["to"], each["text"]) for each in delivered] == [
        ("+256700000001", "8080", "BUY 04123456784 20000")
    ] * 2
    phone.close()


def test_a_text_that_nobody_takes_is_an_error_when_waited_for(fake: FakeNetwork) -> None:
    phone = phone_on(fake)
    fake.mute = {"deliver"}
    sent = phone.send_sms("BALANCE", to="999")
    with pytest.raises(NetworkError, match="did not answer"):
        phone.delivered(sent, 0.05)
    phone.close()


def test_menus_by_the_smsc(fake: FakeNetwork) -> None:
    line = ControlLine("127.0.0.1", fake.port)
    fake.screens = [HOME, END, "hung up"]
    phone = Phone("+256700000001", line, SmscUssd(line))
    assert phone.dial() == HOME
    assert phone.answer("2") == END
    with pytest.raises(NetworkError, match="hung up"):
        phone.dial()
    assert [asked["do"] for asked in fake.asked[2:]] == ["hangup", "ussd", "ussd", "hangup", "ussd"]
    phone.close()
