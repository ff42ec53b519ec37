"""A customer's own phone end to end: a buy by wallet whose provider is played here, and PINs that
are found nowhere after the whole run."""

import time
from collections.abc import Callable
from typing import Any
from urllib.request import urlopen

import pytest

from core.messages import ReportCollection
from hub.channel import Accepted
from simulators.demo.children import until
from simulators.demo.people import Household
from simulators.phone.handset import Phone
from simulators.phone.line import ControlLine
from simulators.phone.ussd import SmscUssd
from tests.hub.machine import Machine
from tests.journeys.test_ussd import by_smpp
from tests.journeys.town import SOON_S, Town, token_in

pytestmark = pytest.mark.slow

#: Eight digits each: what is looked for in whole files is not found there by chance.
PIN, WRONG = "90463718", "58203946"


def with_pins(text: str) -> str:
    """A PIN above 50,000, and the wallets of the demo."""
    assert '# wallets = "demo.yaml"' in text
    text = text.replace('# wallets = "demo.yaml"', 'wallets = "demo.yaml"')
    return text.replace("per_day_phone = 0", "per_day_phone = 0\npin_above = 50000")


def collection(town: Town, buyer: Household) -> tuple[str, int]:
    """What the provider is asked for the newest time, for this payer: our reference, the amount."""
    found: list[Any] = []

    def asked() -> bool:
        found[:] = town.house.rows(
            "SELECT reference, asked FROM wallet_payment WHERE payer = :p ORDER BY id DESC",
            p=buyer.msisdn,
        )
        return bool(found)

    until(asked, SOON_S, "the provider is asked")
    return str(found[0][0]), int(found[0][1])


def approved(town: Town, buyer: Household, receipt: str) -> None:
    """The provider says that the payer has approved: his channel, played here, has journaled it
    when the hub comes up again (only a wallet's channel may say so, no operator)."""
    reference, amount = collection(town, buyer)
    paid = ReportCollection(
        wallet="mtn", reference=reference, state="paid", proof="status", receipt=receipt,
        amount=amount, currency="UGX", payer=buyer.msisdn, payer_form="open",
    )  # fmt: skip
    assert town.house.hub is not None
    assert town.house.hub.stop() == 0
    channel = Machine(town.house.config.database_url())
    channel.time.at_us, channel.time.drawn = time.time_ns() // 1_000, int(receipt[3:]) << 16
    heard = channel.accept(paid, f"paid/{receipt}")
    channel.intake.step()
    channel.store.close()
    assert isinstance(heard[0], Accepted), heard
    town.house.start_hub()


def test_a_buy_by_wallet_over_ussd_and_by_text(open_town: Callable[..., Town]) -> None:
    town = open_town(edit=with_pins)
    buyer = town.household(credit=0)
    phone = town.phone(buyer)
    phone.dial()
    phone.choose("Buy units")
    phone.choose("Home")
    quote = phone.answer("60000").text  # above the limit: the wallet asks for its own PIN
    assert "Pay from account" not in quote
    end = phone.choose("Pay by MTN MoMo")
    assert "Do not pay twice" in end.text
    assert not end.more
    assert town.sales_of(buyer) == []
    approved(town, buyer, "MTN0001")
    first = token_in(town.reads(buyer))
    assert town.meter_takes(buyer, first) > 0
    # by text
    phone.delivered(phone.send_sms(f"PAY {buyer.meter} 20000"), SOON_S)
    until(lambda: collection(town, buyer)[1] == 20_000, SOON_S, "the text was taken")
    approved(town, buyer, "MTN0002")
    second = token_in(town.reads(buyer))
    assert second != first
    assert [sale["tender"] for sale in town.sales_of(buyer)] == [60_000, 20_000]
    # and the token of a payment again, for who knows its receipt and the meter
    phone.dial()
    phone.choose("My payment")
    phone.answer("mtn0001")
    again = phone.answer(buyer.meter).text
    assert "COPY" in again
    assert token_in(again) == first


def everything(town: Town, buyer: Household) -> str:
    """All files of the installation, what verbs show of the customer, the metrics."""
    files = [path for path in town.house.folder.rglob("*") if path.is_file()]
    text = "\n".join(path.read_bytes().decode("latin-1") for path in files)
    assert any(path.suffix == ".db" for path in files)
    for words in (("find", buyer.msisdn), ("journal", "--json"), ("deadletters", "list")):
        text += town.house.wattbus(*words).stdout
    with urlopen(f"http://127.0.0.1:{town.house.http_port}/metrics", timeout=10) as response:
        text += response.read().decode()
    assert town.house.hub is not None
    return text + town.house.hub.log.read_bytes().decode("latin-1")


@pytest.mark.parametrize("face", ["http", "smpp"])
def test_planted_pins_are_found_nowhere(open_town: Callable[..., Town], face: str) -> None:
    smpp = face == "smpp"
    town = open_town(edit=lambda text: with_pins(by_smpp(text) if smpp else text))
    buyer = town.household(credit=300_000)
    phone = town.phone(buyer)
    if smpp:
        line = ControlLine("127.0.0.1", town.house.control_port)
        phone = Phone(buyer.msisdn, line, SmscUssd(line))
    phone.dial()
    phone.choose("My PIN")
    phone.answer(PIN)
    assert "PIN is set" in phone.answer(PIN).text
    assert "The PIN of phone" in town.reads(buyer)  # he hears of it, whoever did it
    phone.choose("Buy units")
    phone.choose("Home")
    phone.answer("60000")
    assert "enter your PIN" in phone.answer("1").text
    assert "2 more times" in phone.answer(WRONG).text
    sold = phone.answer(PIN).text
    token = token_in(town.reads(buyer))
    assert token == token_in(sold)
    phone.send_sms(f"BUY {buyer.meter} 60000 PIN {PIN}")
    assert "Never send a PIN by SMS" in town.reads(buyer)
    phone.send_sms(f"BUY {buyer.meter} 70000")
    assert "need your PIN" in town.reads(buyer)
    phone.dial(f"*123*9*1*{PIN}#") if smpp else phone.dial()
    town.settle()
    kept = everything(town, buyer)
    assert buyer.meter in kept
    for planted in (PIN, WRONG):
        assert planted not in kept
    if smpp:
        phone.close()
    town.nothing_lost()
