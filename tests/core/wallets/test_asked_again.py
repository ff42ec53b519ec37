"""What a screen asks before a wallet pays for another's meter what was bought a moment ago."""

from pathlib import Path

from core.messages import Enrol, Outcome
from core.queries import customer
from core.queries.views import QuoteView
from tests.core.wallets.payer import OTHER, purse
from tests.hub.machine import PHONE, buy, enrol, pay

NEIGHBOUR = "+256700000002"


def test_a_registered_payer_is_asked_about_a_repeat(tmp_path: Path) -> None:
    """His own account bought nothing; the meter's did, and the purchase by wallet is one of it."""
    machine = purse(tmp_path)
    theirs: Enrol = enrol("100002", OTHER, NEIGHBOUR)
    assert machine.do(theirs, "enrol2").outcome is Outcome.DONE
    assert machine.do(pay(50_000, "100002"), "pay2").outcome is Outcome.DONE
    bought = machine.do(buy(20_000, meter=OTHER, phone=NEIGHBOUR), "buy2")
    assert bought.outcome is Outcome.DONE, bought
    with machine.store.reader() as reader:
        now = machine.time.at_us
        asked = customer.quote(reader, machine.terms, PHONE, OTHER, 20_000, "", now)
    assert isinstance(asked, QuoteView), asked
    assert (asked.wallet, asked.account) == ("Airtel Money", "")
    assert asked.earlier is not None
    assert asked.earlier.receipt == bought.data["receipt"]
