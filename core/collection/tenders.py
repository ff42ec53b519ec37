"""How a payment was made, and the natural key by which the same money is known again.

A repeat under the same idempotency key is answered from memory. The same money under another key
(a second teller, another channel, a file after a callback) is known by its own number: a cheque by
its bank and number, whoever took it; anything else by way, desk and reference. A payment without a
number of its own is like no other.
"""

from typing import Final

import msgspec

from core.collection.allocation import Rule
from core.counter.entities import TILL
from core.handlers.base import Context
from core.ledger import CUSTOMER_CREDIT
from core.messages import ReceiveJointPayment, ReceivePayment
from core.refusals import Refusal, refuse

UNCLEARED = "uncleared"
#: What agents have collected for accounts that are not there.
SUSPENSE = "suspense:agent"
#: Names of the chart: a way of paying with one of them would post into the books of another.
_CHART = (
    CUSTOMER_CREDIT, UNCLEARED, "receivable", "revenue", "expense", "tax", "payable", "deposit",
    "opening", "agent-float", "agent-deposit", "commission", "agent",
    "till", "safe", "cash-in-transit", "cash-office", "over-short", "balance",
    "agent-short", "suspense", "wallet",
)  # fmt: skip
#: Coins and notes: at a desk with shifts they are in its till.
CASH: Final = "cash"
#: What the cash office brought to tills and got from them beside deposits.
CASH_OFFICE: Final = "cash-office"
#: The longest remittance text of a bank is 140 characters; a natural key must fit an index.
MAX_REFERENCE, MAX_NAME = 140, 60


class Tender(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How it was paid. ``bank``: whose cheque it is. By an agent: way ``agent``, his number and
    till as the desk."""

    way: str
    desk: str
    reference: str = ""
    bank: str = ""
    rule: str = ""
    receipt: str = ""
    agent_id: int = 0  # whose float pays it in
    counter_receipt_id: int = 0  # taken in a cashier's shift
    part: int = 0  # of a payment in several ways: which
    rule_itself: Rule | None = None  # in place of a named one
    source: str = ""  # by wallet: the ledger that has the money; nobody else may name one

    @property
    def place(self) -> str:
        """The ledger that has the money, if no float does."""
        if self.source:
            return self.source
        if self.counter_receipt_id and self.way == CASH:
            return TILL + self.desk
        return f"{self.way}:{self.desk}"


def wrong(what: str) -> Refusal:
    """What was asked for does not fit together: whoever asks must say it otherwise."""
    return refuse("payment-wrong", what=what)


def unknown(what: str) -> Refusal:
    """What is named is not there, or another account's: whoever asks must name something else."""
    return refuse("payment-unknown", what=what)


def not_now(what: str) -> Refusal:
    """It is there, and as it stands this cannot be done with it: something else comes first."""
    return refuse("payment-not-now", what=what)


def identity_of(command: ReceivePayment | ReceiveJointPayment) -> str:
    """The natural key of a payment; empty: it has none, and is a payment of its own."""
    reference = command.reference.strip()
    if not reference:
        return ""
    if command.bank.strip():
        number = reference.lstrip("0") if reference.isdecimal() else reference
        return _joined("cheque", " ".join(command.bank.casefold().split()), number or "0")
    return _joined("paid", command.way, command.desk.strip(), reference)


def _joined(*parts: str) -> str:
    """None of the parts can pass for another's."""
    return "/".join(part.replace("%", "%25").replace("/", "%2F") for part in parts)


def declared(ctx: Context, tender: Tender) -> None:
    """Only ways that are declared: a cheque by another name would be spendable at once."""
    ways = [way for way in ctx.terms.collection.ways if way not in _CHART and ":" not in way]
    if tender.way not in ways:
        raise wrong(f"{tender.way or 'nothing'} is no way to pay; there are: {', '.join(ways)}")
    if not tender.desk.strip() or ":" in tender.desk:
        raise wrong(f"{tender.way}:{tender.desk} is no way to pay at a desk")
    if tender.bank.strip() and not tender.reference.strip():
        raise wrong(f"the number of the cheque of {tender.bank} is missing")
    if len(tender.reference) > MAX_REFERENCE or max(len(tender.bank), len(tender.desk)) > MAX_NAME:
        raise wrong(
            f"a reference has at most {MAX_REFERENCE} characters, a bank or desk {MAX_NAME}"
        )


def not_received(ctx: Context, identity: str, tender: Tender) -> None:
    """Refuse what was received before under another key: it is the same money."""
    known = ctx.stage.linked("received-as", identity) if identity else None
    if known:
        raise refuse(
            "payment-known",
            payment=known,
            reference=tender.reference.strip(),
            way=tender.way,
            desk=tender.bank.strip() or tender.desk,
        )
