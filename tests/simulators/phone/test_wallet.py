"""The phone's purse: a prompt is shown before everything else, and answered or let go."""

import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from simulators.phone.command import run
from simulators.phone.handset import Phone
from simulators.phone.line import ControlLine, NetworkError
from simulators.phone.terminal import converse, respond
from simulators.phone.wallet import Wallet, money
from simulators.ussd.gateway import Screen
from tests.simulators.phone.network import FakeMenus, FakeNetwork, network

PUSH = {
    "event": "push", "phone": "256772000001", "provider": "mtn", "merchant": "Demo Power",
    "amount": 20_000, "currency": "UGX", "shown": "04123456784", "ending": "",
}  # fmt: skip
ASKS = "Pay UGX 20,000 to Demo Power (04123456784)? Type your PIN, or 0 to cancel."


class FakePurse(FakeNetwork):
    """Answers as a provider's control port does."""

    def _do(self, request: dict[str, Any]) -> None:
        self.asked.append(request)
        answer: dict[str, Any] = {"id": request["id"], "ok": True}
        if request["do"] == "answer":
            good = request["pin"] == "1234"
            answer["ending"] = "paid" if good else "wrong-pin" if request["pin"] else "cancelled"
            self.tell({**PUSH, "event": "push-over", "ending": answer["ending"]})
        if request["do"] == "pay":
            rich = request["amount"] < 1_000
            answer |= {"receipt": "RKL1" if rich else "", "refused": "" if rich else "too poor"}
        self.tell(answer)

    def tell(self, value: dict[str, Any]) -> None:
        self._say(value)


@pytest.fixture
def purse() -> Iterator[FakePurse]:
    made = FakePurse()
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def phone() -> Iterator[Phone]:
    with network() as fake:
        line = ControlLine("127.0.0.1", fake.port)
        made = Phone("+256772000001", line, FakeMenus(Screen("1 Buy", True), Screen("Bye", False)))
        yield made
        made.close()


def wallet_on(purse: FakePurse) -> Wallet:
    return Wallet("+256772000001", ControlLine("127.0.0.1", purse.port))


def test_a_prompt_comes_and_takes_the_pin(purse: FakePurse) -> None:
    wallet = wallet_on(purse)
    purse.tell(PUSH)
    found = wallet.wait_for_prompt(30.0)
    assert found is not None
    assert found.text == ASKS
    assert wallet.answer("9999") == "wrong-pin"
    assert wallet.prompt is None
    assert wallet.answer("0") == "cancelled"
    assert wallet.answer("1234") == "paid"
    assert wallet.news() == []  # that it is over is no news to whoever ended it
    wallet.close()


def test_a_prompt_is_before_the_menu_and_after_it_the_menu_goes_on(
    purse: FakePurse, phone: Phone
) -> None:
    wallet = wallet_on(purse)
    respond(phone, "*123#", [wallet])
    purse.tell(PUSH)
    assert wallet.wait_for_prompt(30.0) is not None
    assert respond(phone, "1234", [wallet]) == "  [purse] paid"
    assert "Bye" in str(respond(phone, "1", [wallet]))
    wallet.close()


def test_a_payment_by_hand(purse: FakePurse, phone: Phone) -> None:
    wallet = wallet_on(purse)
    assert respond(phone, "pay 0412 345 6784 500", [wallet]) == "  [purse] paid, receipt RKL1"
    assert purse.asked[-1]["account"] == "0412 345 6784"
    assert respond(phone, "pay x 5000", [wallet]) == "  ! not paid: too poor"
    with pytest.raises(NetworkError):
        wallet.pay("x", 5_000)
    wallet.close()


def test_it_is_shown_between_the_lines_and_ends_by_itself(purse: FakePurse, phone: Phone) -> None:
    wallet = wallet_on(purse)
    keyboard, typing = os.pipe()
    written: list[str] = []

    def write(text: str) -> None:
        written.append(text)
        if ASKS in text:
            purse.tell({**PUSH, "event": "push-over", "ending": "timeout"})
        if "timeout" in text:
            os.close(typing)

    purse.tell(PUSH)
    try:
        converse(phone, keyboard, write, "> ", [wallet])
    finally:
        os.close(keyboard)
        wallet.close()
    assert [text.strip("\n> ") for text in written] == [
        "", f"[purse] {ASKS}", "[purse] The payment is over: timeout.",
    ]  # fmt: skip


def test_amounts_as_people_read_them() -> None:
    assert [money(500, "UGX"), money(2_000_050, "KES"), money(100, "KES")] == [
        "UGX 500", "KES 20,000.50", "KES 1",
    ]  # fmt: skip


def test_the_command_says_what_is_no_address(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run(wallet="nowhere")
    assert "--wallet 'nowhere' is not HOST:PORT" in capsys.readouterr().err
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    with pytest.raises(SystemExit):
        run(smsc=f"127.0.0.1:{port}")
