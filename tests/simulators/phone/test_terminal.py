"""The phone in a terminal: what is typed, what is shown."""

import os
import threading
from collections.abc import Iterator

import pytest

from simulators.phone.command import run
from simulators.phone.handset import Phone, Sms
from simulators.phone.line import ControlLine, NetworkError
from simulators.phone.terminal import converse, framed, help_text, respond, shown
from simulators.phone.ussd import HttpUssd
from simulators.ussd.gateway import Screen
from tests.simulators.phone.network import FakeMenus, FakeNetwork, network

MENU = Screen("Demo Power\n1 Buy units", True)
END = Screen("Bye", False)


@pytest.fixture
def fake() -> Iterator[FakeNetwork]:
    with network() as made:
        yield made


def phone_on(fake: FakeNetwork, *screens: Screen) -> Phone:
    return Phone("+256700000001", ControlLine("127.0.0.1", fake.port), FakeMenus(*screens))


def delivered(fake: FakeNetwork) -> list[tuple[str, str]]:
    return [(ask["to"], ask["text"]) for ask in fake.asked if ask["do"] == "deliver"]


def test_a_screen_has_a_frame_and_says_when_it_is_the_last() -> None:
    assert framed(MENU).splitlines()[1] == "  | Demo Power                   |"
    assert "closed" not in framed(MENU)
    assert framed(END).endswith("(the menu is closed)")


def test_codes_open_menus_and_answers_go_into_them(fake: FakeNetwork) -> None:
    phone = phone_on(fake, MENU, MENU, END)
    assert respond(phone, "*123#") == framed(MENU)
    assert respond(phone, "BUY 1 2") == framed(MENU)
    assert respond(phone, "1") == framed(END)
    assert delivered(fake) == []
    phone.close()


def test_a_code_in_a_menu_dials_again_and_hangup_closes(fake: FakeNetwork) -> None:
    phone = phone_on(fake, MENU, MENU)
    respond(phone, "*123#")
    assert respond(phone, "*123*1#") == framed(MENU)
    assert respond(phone, "hangup") == "  (hung up)"
    assert respond(phone, "hangup") == "  (no menu is open)"
    phone.close()


def test_other_lines_are_texts(fake: FakeNetwork) -> None:
    phone = phone_on(fake)
    assert respond(phone, " BUY 04123456784 20000 ") == "  (sent to 8080)"
    assert respond(phone, "sms +256700000002 hello there") == "  (sent to +256700000002)"
    phone.delivered([3, 4], 5.0)
    assert delivered(fake) == [
        ("8080", "BUY 04123456784 20000"),
        ("+256700000002", "hello there"),
    ]
    phone.close()


def test_help_inbox_quit(fake: FakeNetwork) -> None:
    fake.stored = [{"from": "8080", "text": "Token\n1 kWh", "parts": 1}]
    phone = phone_on(fake)
    assert respond(phone, "") == help_text(phone)
    assert respond(phone, "inbox") == "  [SMS from 8080]\n    Token\n    1 kWh"
    assert respond(phone, "quit") is None
    phone.close()


def test_the_networks_errors_are_shown_and_close_the_menu(fake: FakeNetwork) -> None:
    phone = phone_on(fake, MENU)
    respond(phone, "*123#")
    assert respond(phone, "1") == "  ! connection problem or invalid MMI code"
    assert not phone.in_menu()
    phone.close()


def test_the_loop_serves_keyboard_and_network_until_the_end_of_input(fake: FakeNetwork) -> None:
    phone = phone_on(fake, MENU)
    keyboard, typing = os.pipe()
    written: list[str] = []
    came = threading.Event()

    def write(text: str) -> None:
        written.append(text)
        if "kWh" in text:
            came.set()

    loop = threading.Thread(target=converse, args=(phone, keyboard, write, "> "))
    loop.start()
    os.write(typing, b"*123#\nhang")
    os.write(typing, b"up\n")
    fake.push("28.1 kWh")
    assert came.wait(10)
    os.write(typing, b"HELP")
    os.close(typing)
    loop.join(10)
    assert not loop.is_alive()
    os.close(keyboard)
    assert written[0] == "> "
    assert f"{framed(MENU)}\n> " in written
    assert "  (hung up)\n> " in written
    assert f"\n{shown(Sms('8080', '28.1 kWh'))}\n> " in written
    assert written[-1] == "  (sent to 8080)\n> "
    phone.close()


def test_the_command_needs_a_network(capsys: pytest.CaptureFixture[str]) -> None:
    with network() as fake:
        port = fake.port
    with pytest.raises(SystemExit) as ended:
        run(smsc=f"127.0.0.1:{port}")
    assert ended.value.code == 1
    assert "no SMSC answers" in capsys.readouterr().err
    with pytest.raises(SystemExit) as wrong:
        run(smsc="2776")
    assert wrong.value.code == 2


def test_an_address_of_another_kind_is_refused() -> None:
    with pytest.raises(NetworkError, match=r"ftp://example\.net"):
        HttpUssd("ftp://example.net", 1)
