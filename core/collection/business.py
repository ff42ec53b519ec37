"""Fees that business raises by itself: a change of a customer's life, a copy of a token, service
again after a pause. What a company declares says which event costs which fee, and whom.

The table of events is closed: an event that nothing raises would be a fee that nobody ever owes.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from core.calendars import local_date
from core.collection.charges import owe_fee, prepaid_agreement, recover_fee
from core.collection.entities import AccountAgreement, OpenItem
from core.collection.items import items_of
from core.entities import Account, Agreement
from core.handlers.base import Context

#: Who pays: the account that it is about; of two of them the one that leaves, or that comes.
ACCOUNT, LEAVES, COMES = "account", "leaves", "comes"
_ONE, _TWO = (ACCOUNT,), (LEAVES, COMES)
#: A last bill, whatever it is the end of.
FINAL_BILL = "final-bill"
#: Why there was no service -> what its coming back is called.
RESUMED: Final[Mapping[str, str]] = {"disconnected": "reconnection", "vacant": "service-resumed"}
#: Acts of operators about tokens that may cost something; each has the act's own name.
ACT_EVENTS: Final = ("reprint", "replacement", "reallocation", "power-limit", "test")
#: Event -> who may be made to pay for it. Those before the final bill are kinds of changes.
EVENTS: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(("to-postpaid", "to-prepaid", "meter-exchange", "move-out"), _ONE),
    **dict.fromkeys(("move-in", "holder"), _ONE),
    "take-over": _TWO,
    FINAL_BILL: _ONE,
    **dict.fromkeys(RESUMED.values(), _ONE),
    **dict.fromkeys(ACT_EVENTS, _ONE),
}
#: Fees of one event: a receipt has room for them, and the ids that a message may draw are bounded.
MAX_FEES: Final = 4
#: What one event may draw beside what its message draws anyway; a change may be two events.
FEE_IDS: Final[Mapping[str, int]] = dict.fromkeys(("ledger_txn", "open_item", "debt"), MAX_FEES)
CHANGE_FEES: Final = 2 * MAX_FEES


class Payer(msgspec.Struct, frozen=True):
    """Who pays for an event: the account, in which part, as a customer of which tariffs (a class is
    waived only where all of them are of waived classes), and the agreement that it is about."""

    account: Account
    tariffs: tuple[str, ...] = ()
    pays: str = ACCOUNT
    agreement_id: int = 0


def fees_of(ctx: Context, event: str, payer: Payer) -> tuple[str, ...]:
    """The fees that an event of today raises of this payer; one without a price today is none."""
    terms, today = ctx.terms.collection, local_date(ctx.now_us, ctx.terms.zone)
    classes = {terms.class_of(tariff) for tariff in payer.tariffs} or {""}
    return terms.raised_by(event, payer.pays, classes, today)


def raise_for(ctx: Context, event: str, cause: str, payer: Payer) -> list[OpenItem]:
    """The event's fees are owed, once for each ``cause`` (what happened, with its number)."""
    return [
        owe_fee(ctx, payer.account, code, payer.agreement_id, f"fee/{cause}/{code}")
        for code in fees_of(ctx, event, payer)
    ]


def charge_for(ctx: Context, event: str, cause: str, agreement: Agreement) -> dict[str, Any]:
    """The same of who holds the agreement, whose purchases pay them where the catalogue says so;
    what an answer says of it."""
    account = ctx.stage.need(Account, agreement.account_id)
    payer = Payer(account, (agreement.tariff,), agreement_id=agreement.id)
    items = raise_for(ctx, event, cause, payer)
    if agreement.mode == "prepaid" and agreement.state == "active":
        own = AccountAgreement(agreement.id, agreement.tariff, agreement.mode, agreement.state)
        for item in items:
            recover_fee(ctx, item, own)
    return told(items)


def recover_raised(ctx: Context, account_id: int, message_id: str, agreement_id: int) -> None:
    """What a message has raised of an account is paid by purchases from now on, where the catalogue
    says so and it is still open."""
    agreement = prepaid_agreement(ctx, account_id, agreement_id)
    for item in items_of(ctx, account_id):
        if (item.message_id, item.kind) == (message_id, "fee") and item.open:
            recover_fee(ctx, item, agreement)


def told(items: Sequence[OpenItem]) -> dict[str, Any]:
    """What an answer says of them; nothing where there are none."""
    fees = [{"fee": item.code, "amount": item.amount, "item": item.id} for item in items]
    return {"fees": fees} if fees else {}
