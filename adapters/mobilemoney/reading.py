"""What a provider's message says about one payment, whoever the provider is.

A reading is evidence, never a decision: whether a notice is believed, and whether its amount is
what was asked for, is the business of whoever gave us the bytes.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


class Said(StrEnum):
    """What the provider says of a payment (facts, mobile money: common rules)."""

    PAID = "paid"
    PENDING = "pending"  # taken for processing; no money has moved
    FAILED = "failed"  # surely no money
    UNKNOWN = "unknown"  # they do not know, or it is a code that we do not: it is asked again
    UNVERIFIED = "unverified"  # they say paid but not what or to whom: our own status read decides
    QUESTION = "question"  # a validation: they want an answer, nothing has happened yet
    REVERSED = "reversed"


class Payer(StrEnum):
    """How the payer's number is given."""

    OPEN = "open"
    MASKED = "masked"  # 2547*****126: never a key
    HASHED = "hashed"  # SHA-256 of the number in hex
    ABSENT = "absent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One message, read. What the message does not say is empty or None.

    ``key`` is our own request's id as the provider knows it, ``receipt`` the provider's number of
    the payment (unique with him), ``account`` what the payer typed, ``amount`` in major units as
    sent, ``reason`` the provider's code of a refusal. ``original``: the receipt that a reversal
    takes back, under ``reversal_receipt``. ``code``: what the payer scans, where he must.
    """

    said: Said
    key: str = ""
    receipt: str = ""
    amount: Decimal | None = None
    currency: str = ""
    account: str = ""
    short_code: str = ""
    payer: str = ""
    payer_form: Payer = Payer.ABSENT
    at: datetime | None = None
    reason: str = ""
    text: str = ""
    original: str = ""
    reversal_receipt: str = ""
    code: str = ""


class NoticeError(ValueError):
    """A message that cannot be read: it is kept and not booked.

    ``path`` names the field as the provider does; the value is repeated only where it is no
    person's number.
    """

    def __init__(self, path: str, sentence: str) -> None:
        super().__init__(f"{path}: {sentence}" if path else sentence)
        self.path = path
