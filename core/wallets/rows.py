"""Rows of ``wallet_payment``: making one, finding one by what the provider knows it by."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec.structs import asdict, replace

from core.book import Stage
from core.handlers.base import Context
from core.wallets.entities import WalletPayment

#: What a message wants of ``Wants.wallets``: (what, with whom, key).
BY_REFERENCE: Final = "reference"  # (wallet, our reference), with all that its plan needs
BY_RECEIPT: Final = "receipt"  # (wallet, the provider's receipt)
BY_NUMBER: Final = "number"  # ("", its number for people)
OPEN_OF: Final = "open"  # (payer, ""): collections that have not ended

#: The outcome of money whose token a module on the network is still to make.
ORDERED: Final = "ordered"

#: Ids that one new row draws.
ROW_IDS: Final = {"wallet_payment": 1, "wallet-number/{company}": 1}


def number_of(count: int) -> str:
    """The number that people see."""
    return f"W-{count:06d}"


def new_number(ctx: Context) -> str:
    """The next number of the company."""
    return number_of(ctx.new_id(f"wallet-number/{ctx.terms.code}"))


def write(ctx: Context, payment: WalletPayment) -> WalletPayment:
    """A new row: written, and known to the rest of its batch."""
    ctx.stage.add("wallet_payment", **asdict(payment))
    return keep(ctx.stage, payment)


def keep(stage: Stage, payment: WalletPayment) -> WalletPayment:
    """A new or changed payment, found from now on by its receipt too."""
    stage.put(payment.id, payment)
    stage.link("wallet-number", payment.number, payment.id)
    if payment.reference:
        stage.link("wallet-reference", (payment.wallet, payment.reference), payment.id)
    if payment.receipt:
        stage.link("wallet-receipt", (payment.wallet, payment.receipt), payment.id)
    return payment


def by_reference(stage: Stage, wallet: str, reference: str) -> WalletPayment | None:
    """The collection that was asked for under our reference with this wallet."""
    return _found(stage, "wallet-reference", (wallet, reference))


def by_receipt(stage: Stage, wallet: str, receipt: str) -> WalletPayment | None:
    """The payment that has this receipt of the provider."""
    return _found(stage, "wallet-receipt", (wallet, receipt))


def by_number(stage: Stage, number: str) -> WalletPayment | None:
    """The payment of this number."""
    return _found(stage, "wallet-number", number)


def token_ended(stage: Stage, paid_with: Mapping[str, Any], outcome: str) -> WalletPayment | None:
    """A token that was ordered for money by wallet has come, or will not: the row says so. None:
    it was ordered for other money, or has ended before."""
    number = paid_with.get("payment") if "wallet" in paid_with else None
    payment = by_number(stage, str(number)) if number else None
    if payment is None or payment.outcome != ORDERED:
        return None
    return keep(stage, replace(payment, outcome=outcome))


def _found(stage: Stage, link: str, key: object) -> WalletPayment | None:
    id_ = stage.linked(link, key)
    return stage.need(WalletPayment, id_) if id_ else None
