"""What channels of wallets read: what would become of money before it is sent, and of what came.

Nothing is locked and nothing is written. ``validate`` answers a provider's validation question; the
same reading of the reference decides when the money has come (``core.wallets.pay_ins``).
"""

from typing import Literal

import msgspec

from core.book import Stage, Wants
from core.collection.entities import OpenItem
from core.company import Terms
from core.entities import Account, Agreement, Debt, Meter
from core.refusals import Refusal
from core.store.load import load
from core.store.load_sales import Horizon
from core.store.tx import Reader
from core.vending import checks
from core.wallets.held_states import reason_of
from core.wallets.pay_ins import routed
from core.wallets.routing import Target
from core.wallets.terms import Wallet

#: Why money should not be sent: its reference, its amount, or what it is for, as it stands.
Reason = Literal["", "account", "amount", "other"]


class Decision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer to a provider's validation question, in nobody's codes. ``name`` is the holder's,
    masked, for the payer to compare; ``names`` and ``number`` what his reference was read as;
    ``why`` the reason for which the money would be held."""

    ok: bool
    reason: Reason = ""
    name: str = ""
    names: str = ""
    number: str = ""
    why: str = ""


class PaymentView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A payment by wallet as its counterpart may be told of it."""

    number: str
    receipt: str
    state: str
    outcome: str
    amount: int
    currency: str


def validate(reader: Reader, terms: Terms, wallet: Wallet, typed: str, amount: int) -> Decision:
    """Whether money for this reference would be of use. One look at the books, no price."""
    horizon = Horizon(references=terms.wallets.references, items=bool(terms.collection.purchases))
    stage = Stage(load(reader, terms.code, Wants(typed=(typed,)), horizon, lock=False))
    target = routed(stage, terms.wallets, typed)
    if not target.known:
        return Decision(ok=False, reason="account", why="unknown")
    read = Decision(
        ok=True, name=_holder(reader, stage, target), names=str(target.names),
        number=target.number,
    )  # fmt: skip
    if _amount_wrong(terms, wallet, amount, target):
        return msgspec.structs.replace(read, ok=False, reason="amount", why="over-limit")
    why = _in_the_way(terms, stage, target)
    if why:
        return msgspec.structs.replace(read, ok=False, reason="other", why=why)
    return read


def _amount_wrong(terms: Terms, wallet: Wallet, amount: int, target: Target) -> bool:
    """Too little for this provider, too much for him or for one sale; what is too little for a
    token is taken all the same, as credit."""
    most = wallet.most
    if target.names == "meter" and terms.limits.per_sale:
        most = min(most or terms.limits.per_sale, terms.limits.per_sale)
    return amount < max(1, wallet.least) or 0 < most < amount


def _in_the_way(terms: Terms, stage: Stage, target: Target) -> str:
    """The reason for which all of it would be held; empty: it would be booked."""
    if target.names == "agent":
        return ""
    account = stage.get(Account, target.account_id) if target.account_id else None
    if target.names != "meter":
        return "" if account is not None and account.state == "active" else "refused"
    try:
        _, agreement = checks.sellable(terms, stage, target.number)
        checks.account_of(stage, agreement)
    except Refusal as refusal:
        why = reason_of(refusal.code)
        if account is None or account.state != "active":
            return why
        if why == "postpaid" or (why == "blocked" and _owes(terms, stage, account)):
            return ""  # it pays the bill, or what purchases would take
        return why
    return ""


def _owes(terms: Terms, stage: Stage, account: Account) -> bool:
    """Whether there is something that a payment for a blocked meter pays."""
    find = terms.collection.purchase_rule
    items = (stage.need(OpenItem, id_) for id_ in stage.linked("items-of", account.id) or ())
    if any(item.open and find(item.code, item.item_class) for item in items):
        return True
    debts = stage.linked("debts-of-account", account.id) or ()
    return any(stage.need(Debt, id_).outstanding for id_ in debts)


def _holder(reader: Reader, stage: Stage, target: Target) -> str:
    """The masked name of whom the money is for."""
    meter = stage.get(Meter, target.number) if target.names == "meter" else None
    linked = stage.linked("agreement-of", meter.id) if meter is not None else None
    agreement = stage.get(Agreement, linked)
    if agreement is not None:
        return checks.masked(agreement.holder)
    if not target.account_id:
        return ""
    rows = reader.rows(
        "SELECT c.name FROM account a JOIN customer c ON c.id = a.customer_id WHERE a.id = :id",
        id=target.account_id,
    )
    return checks.masked(str(rows[0][0])) if rows else ""


def payment_by_receipt(
    reader: Reader, company: str, wallet: str, receipt: str
) -> PaymentView | None:
    """What came under a provider's receipt; None: nothing yet."""
    rows = reader.rows(
        "SELECT number, receipt, state, outcome, paid, currency FROM wallet_payment "
        "WHERE company = :company AND wallet = :wallet AND receipt = :receipt AND receipt <> ''",
        company=company,
        wallet=wallet,
        receipt=receipt,
    )
    return PaymentView(**dict(zip(_VIEW, rows[0], strict=True))) if rows else None


_VIEW = ("number", "receipt", "state", "outcome", "amount", "currency")
