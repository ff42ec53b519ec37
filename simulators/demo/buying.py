"""Acts 2 and 5: a purchase by USSD, and a customer who does it again."""

import json
import time

from simulators.demo.expected import Sale
from simulators.demo.money import credit_of
from simulators.demo.people import HOME
from simulators.demo.reading import receipt_in, tenths, token_in
from simulators.demo.stage import Stage
from simulators.phone.handset import Phone

#: The application has taken what the network delivers within this time.
TAKEN_S = 10.0


def _asks_for(stage: Stage, phone: Phone, tender: int) -> str:
    """Dial, meter, amount; the screen after that."""
    stage.dials(phone)
    stage.chooses(phone, "Buy units")
    stage.chooses(phone, HOME.meter_name)
    return stage.types(phone, str(tender)).text


def buy_by_ussd(stage: Stage) -> None:
    """Act 2."""
    phone, sale = stage.phone(HOME), stage.expected.first
    quote = _asks_for(stage, phone, sale.tender)
    stage.shows_sale("the quote", sale, quote)
    sold = stage.chooses(phone, f"Pay from account {HOME.account}").text
    stage.first_token_s = time.monotonic() - stage.house.hub_started
    stage.shows_sale("the screen", sale, sold, all_lines=False)
    text = stage.reads_sms(phone)
    stage.shows_sale("the SMS", sale, text)
    token = token_in(sold)
    stage.same("digits of the token on the screen", 20, len(token.replace(" ", "")), quiet=True)
    stage.same("the same digits on the screen and by SMS", token, token_in(text))
    stage.seen.update(token=token, receipt=receipt_in(text))
    left = stage.expected.received - sale.tender + sale.carried
    stage.same("credit left", left, credit_of(stage, HOME))


def the_impatient_customer(stage: Stage) -> None:
    """Act 5."""
    _dials_again(stage)
    _sms_delivered_twice(stage)
    _why_fewer_units(stage)


def _dials_again(stage: Stage) -> None:
    phone, sale = stage.phone(HOME), stage.expected.first
    earlier = _asks_for(stage, phone, sale.tender)
    stage.shows_sale("the earlier purchase", sale, earlier, all_lines=False)
    stage.same("its receipt", stage.seen["receipt"], receipt_in(earlier), quiet=True)
    choices = ("1 Show that token again", "2 Buy another", "3 Cancel")
    stage.says_all("he is asked", choices, earlier)
    again = stage.chooses(phone, "Show that token again").text
    stage.same("the same digits", stage.seen["token"], token_in(again))
    stage.no_more_sms(phone)


def _sms_delivered_twice(stage: Stage) -> None:
    phone, sale = stage.phone(HOME), stage.expected.second
    before = _sales(stage)
    sent = stage.sends(phone, f"BUY {HOME.meter} {sale.tender} AGAIN", copies=2)
    phone.delivered(sent, TAKEN_S)
    stage.says("network", "delivers this text twice, as networks do; both were acknowledged")
    text = stage.reads_sms(phone)
    stage.shows_sale("the SMS", sale, text)
    stage.seen.update(second=token_in(text), second_receipt=receipt_in(text))
    stage.same("it is a new token", True, token_in(text) != stage.seen["token"], quiet=True)
    stage.same("sales made of the two deliveries", 1, _sales(stage) - before)
    stage.no_more_sms(phone)


def _why_fewer_units(stage: Stage) -> None:
    for receipt, sale in (
        (stage.seen["receipt"], stage.expected.first),
        (stage.seen["second_receipt"], stage.expected.second),
    ):
        steps = _steps(stage, receipt)
        priced = " + ".join(f"{tenths(units)} kWh at {cents / 100:g}" for units, cents in steps)
        fee = f", service {sale.service:,}" if sale.service else ", no service fee due"
        stage.says("hub", f"receipt {receipt}: {tenths(sale.units)} kWh = {priced}{fee}")
        stage.same(f"the blocks of {receipt}", sale.steps, steps, quiet=True)
    phone = stage.phone(HOME)
    stage.dials(phone)
    shown = stage.chooses(phone, "Balance").text
    stage.says_all("why", ("Left at the first price this month: 0 kWh",), shown)
    left = stage.expected.left()
    stage.says_all("credit on the screen", (f"Credit UGX {left:,}",), shown)
    phone.hang_up()


def _sales(stage: Stage) -> int:
    rows = stage.house.rows(
        "SELECT count(*) FROM sale s JOIN meter m ON m.id = s.meter_id WHERE m.drn = :drn",
        drn=HOME.meter,
    )
    return int(rows[0][0])


def _steps(stage: Stage, receipt: str) -> tuple[tuple[int, int], ...]:
    """The energy lines of a stored receipt: tenths of kWh and the price in cents."""
    ((stored,),) = stage.house.rows("SELECT lines FROM sale WHERE receipt = :r", r=receipt)
    return tuple(
        (line["quantity_milli"] // 100, line["rate_e8"] // 1_000_000)
        for line in json.loads(stored)
        if line["code"] == "energy"
    )


__all__ = ["Sale", "buy_by_ussd", "the_impatient_customer"]
