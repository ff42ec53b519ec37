"""Acts 3 and 6: a purchase that is paid from a purse on the phone, and a notice that never came.

The provider loses what he has to tell of this payment. Nobody sells for money that nobody has
spoken of, and nobody asks the customer to pay again: half a minute later the hub asks by itself.
"""

from core.sts.meter_state import Result
from simulators.demo.keypad import keyed_in
from simulators.demo.people import BAKERY
from simulators.demo.reading import token_in
from simulators.demo.stage import SMS_S, Stage

#: The hub asks after 30 s what became of it.
RECOVERED_S = 90.0
PIN = "1234"
LABEL = "MTN MoMo"


def pay_by_purse(stage: Stage) -> None:
    """Act 3."""
    phone, sale = stage.phone(BAKERY), stage.expected.bakery
    purse = stage.house.purse(BAKERY.msisdn)
    stage.says("operator", "tells the simulated provider to lose the notice of the next payment")
    purse.loses(1)
    stage.dials(phone)
    stage.chooses(phone, "Buy units")
    stage.chooses(phone, BAKERY.meter_name)
    stage.shows_sale("the quote", sale, stage.types(phone, str(sale.tender)).text)
    screen = stage.chooses(phone, f"Pay by {LABEL}").text
    asks = (f"Approve UGX {sale.tender:,} by {LABEL} on your phone", "Do not pay twice")
    stage.says_all("the screen", asks, screen)
    prompt = purse.wait_for_prompt(SMS_S)
    stage.says("phone", f"[purse] {prompt.text if prompt else ''}")
    stage.same("what the push asks for", sale.tender, prompt.amount if prompt else 0)
    stage.says("customer", "types her PIN")
    stage.same("the provider", "paid", purse.answer(PIN))
    stage.says("network", "the money has moved, and the notice of it is lost")
    stage.same("sold for money that nobody spoke of", 0, _sales(stage))


def the_lost_notice(stage: Stage) -> None:
    """Act 6."""
    phone, sale = stage.phone(BAKERY), stage.expected.bakery
    stage.says("hub", "no notice after 30 s: asks the provider what became of it")
    text = stage.reads_sms(phone, RECOVERED_S)
    stage.shows_sale("the SMS", sale, text)
    ((state, proof, receipt),) = stage.house.rows(
        "SELECT state, proof, receipt FROM wallet_payment"
    )
    stage.same("what proves the payment", ("applied", "status"), (state, proof))
    stage.says("books", f"the provider's receipt {receipt}")
    stage.same("sales of it", 1, _sales(stage))
    stage.no_more_sms(phone)
    keyed_in(stage, BAKERY, token_in(text), Result.ACCEPT)


def _sales(stage: Stage) -> int:
    rows = stage.house.rows(
        "SELECT count(*) FROM sale s JOIN meter m ON m.id = s.meter_id WHERE m.drn = :drn",
        drn=BAKERY.meter,
    )
    return int(rows[0][0])
