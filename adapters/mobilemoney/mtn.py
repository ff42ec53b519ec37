"""MTN MoMo Collections: the status of a request to pay, read or sent to us (facts, §MTN).

The callback has the form of the status. Our own id (X-Reference-Id) is in the address and not in
the body, where ``externalId`` need not be unique.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from adapters.mobilemoney import fields
from adapters.mobilemoney.fields import Object
from adapters.mobilemoney.reading import NoticeError, Reading, Said

NAME = "mtn"
STATUS: Final = {
    "SUCCESSFUL": Said.PAID,
    "CREATED": Said.PENDING,
    "PENDING": Said.PENDING,
    "ONGOING": Said.PENDING,
    "FAILED": Said.FAILED,
    "REJECTED": Said.FAILED,
    "CANCELLED": Said.FAILED,
    "TIMEOUT": Said.FAILED,
}


def read(body: Object, hint: str = "") -> Reading:
    """A status or callback, or the error in place of one. NoticeError."""
    del hint  # every message of theirs tells what it is
    if "status" not in body and "code" in body:
        return Reading(
            said=Said.UNKNOWN, reason=fields.wanted(body, "code"), text=fields.text(body, "message")
        )
    said = STATUS.get(fields.wanted(body, "status", 32).upper(), Said.UNKNOWN)
    receipt = fields.text(body, "financialTransactionId")
    if said is Said.PAID and not receipt:
        said = Said.UNVERIFIED  # without their number it could be booked twice
    number, form = fields.payer(_party(body.get("payer")))
    return Reading(
        said=said,
        key=fields.text(body, "externalId"),
        receipt=fields.receipt(body, "financialTransactionId") if receipt else "",
        amount=_amount(body, said),
        currency=_currency(body, said),
        payer=number,
        payer_form=form,
        reason=_reason(body.get("reason")),
        text=fields.text(body, "payerMessage"),
    )


def _amount(body: Object, said: Said) -> Decimal | None:
    if said is not Said.PAID and not fields.text(body, "amount"):
        return None
    return fields.amount(body, "amount")


def _currency(body: Object, said: Said) -> str:
    found = fields.text(body, "currency", 3)
    if said is Said.PAID and not (len(found) == 3 and found.isascii() and found.isupper()):
        raise NoticeError("currency", f"{found!r} is no currency")
    return found


def _party(found: object) -> str:
    return fields.text(found, "partyId") if isinstance(found, Mapping) else ""


def _reason(found: object) -> str:
    """A text, or an object with a code."""
    if isinstance(found, Mapping):
        return fields.text(found, "code") or fields.text(found, "message")
    return fields.text({"reason": found}, "reason")
