"""Safaricom M-Pesa, as Daraja sends it (facts, mobile money §M-Pesa; Daraja documents 3.0).

Callbacks are unsigned. Result codes are integers or texts as it happens. Times are Nairobi's.
"""

from collections.abc import Callable
from typing import Final

from adapters.mobilemoney import fields
from adapters.mobilemoney.fields import Object
from adapters.mobilemoney.reading import NoticeError, Reading, Said

NAME, CURRENCY = "mpesa", "KES"
#: East Africa Time has no summer time.
ZONE_HOURS: Final = 3
#: Codes after which no money can have moved: insufficient, limits, the rule against a repeat within
#: two minutes, busy, expired, push error, cancelled, unreachable, wrong PIN, product, locked.
FAILED: Final = frozenset(
    "1 2 3 4 8 17 1001 1019 1025 1032 1037 2001 2028 8006".split()
)  # fmt: skip
#: Codes that mean: still being processed.
BUSY: Final = frozenset(("4999", "500.001.1001"))
#: What a transaction status query says of a transaction.
STATUS: Final = {
    "completed": Said.PAID,
    "pending": Said.PENDING,
    "authorized": Said.PENDING,
    "failed": Said.FAILED,
    "declined": Said.FAILED,
    "cancelled": Said.FAILED,
    "expired": Said.FAILED,
    "reversed": Said.REVERSED,
}


def read_c2b(body: Object, *, question: bool = False) -> Reading:
    """A payment to a pay bill or till: the validation of one, or its confirmation."""
    number, form = fields.payer(fields.text(body, "MSISDN"))
    at = fields.local_time(fields.wanted(body, "TransTime"), ZONE_HOURS)
    if at is None:
        raise NoticeError("TransTime", "no time in the form yyyyMMddHHmmss")
    return Reading(
        said=Said.QUESTION if question else Said.PAID,
        key=fields.text(body, "ThirdPartyTransID"),
        receipt=fields.receipt(body, "TransID"),
        amount=fields.amount(body, "TransAmount"),
        currency=CURRENCY,
        account=fields.text(body, "BillRefNumber", fields.MAX_REFERENCE),
        short_code=fields.wanted(body, "BusinessShortCode", 16),
        payer=number,
        payer_form=form,
        at=at,
    )


def read_push_result(body: Object) -> Reading:
    """The end of a push to a phone (STK); what was paid is told only where it was."""
    said = fields.inner(body, "Body", "stkCallback")
    key, code = fields.wanted(said, "CheckoutRequestID"), fields.code(said, "ResultCode")
    text = fields.text(said, "ResultDesc")
    if code != "0":
        return Reading(said=_refused(code), key=key, reason=code, text=text, currency=CURRENCY)
    told = said.get("CallbackMetadata")
    items = fields.pairs(told.get("Item") if isinstance(told, dict) else None, "Name")
    flat = {name: values[-1] for name, values in items.items()}
    if not (flat.get("Amount") and flat.get("MpesaReceiptNumber")):
        return Reading(said=Said.UNVERIFIED, key=key, text=text, currency=CURRENCY)
    number, form = fields.payer(flat.get("PhoneNumber", ""))
    return Reading(
        said=Said.PAID,
        key=key,
        receipt=fields.receipt(flat, "MpesaReceiptNumber"),
        amount=fields.amount(flat, "Amount"),
        currency=CURRENCY,
        payer=number,
        payer_form=form,
        at=fields.local_time(flat.get("TransactionDate", ""), ZONE_HOURS),
        text=text,
    )


def read_push_answer(body: Object) -> Reading:
    """The answer to our push, or to our question about it (that one has a ``ResultCode``)."""
    key, text = fields.text(body, "CheckoutRequestID"), fields.text(body, "ResponseDescription")
    code = fields.code(body, "ResponseCode")
    if code != "0":
        return Reading(said=_refused(code), key=key, reason=code, text=text, currency=CURRENCY)
    if not key:
        raise NoticeError("CheckoutRequestID", "missing")
    if body.get("ResultCode") is None:
        return Reading(said=Said.PENDING, key=key, text=text, currency=CURRENCY)
    result, text = fields.code(body, "ResultCode"), fields.text(body, "ResultDesc")
    if result == "0":  # their own answer to our question: the amount is that of the request
        return Reading(said=Said.PAID, key=key, text=text, currency=CURRENCY)
    return Reading(said=_refused(result), key=key, reason=result, text=text, currency=CURRENCY)


def read_error(body: Object) -> Reading:
    """``{requestId, errorCode, errorMessage}``: a wrong request surely did nothing (400, 401, 403,
    404); after any other error nobody knows."""
    code = fields.wanted(body, "errorCode", 64)
    sure = code.split(".")[0] in ("400", "401", "403", "404")
    said = Said.PENDING if code in BUSY else Said.FAILED if sure else Said.UNKNOWN
    return Reading(said=said, reason=code, text=fields.text(body, "errorMessage"))


def read_result(body: Object) -> Reading:
    """The result of a reversal or of a status query: which of them, its parameters tell."""
    result = fields.inner(body, "Result")
    code, text = fields.code(result, "ResultCode"), fields.text(result, "ResultDesc")
    key = fields.text(result, "OriginatorConversationID")
    told = result.get("ResultParameters")
    rows = told.get("ResultParameter") if isinstance(told, dict) else None
    known = {name: values[-1] for name, values in fields.pairs(rows, "Key").items()}
    if code != "0":
        # a refused reversal leaves the payment as it is; a failed question says nothing about it
        said = Said.FAILED if code.startswith("R") else Said.UNKNOWN
        return Reading(said=said, key=key, reason=code, text=text)
    if "OriginalTransactionID" in known:
        return Reading(
            said=Said.REVERSED,
            key=key,
            amount=fields.amount(known, "Amount"),
            currency=CURRENCY,
            at=fields.local_time(known.get("TransCompletedTime", ""), ZONE_HOURS),
            original=fields.receipt(known, "OriginalTransactionID"),
            reversal_receipt=fields.receipt(result, "TransactionID"),
            text=text,
        )
    return _status(known, key, text)


def _status(known: dict[str, str], key: str, text: str) -> Reading:
    status = known.get("TransactionStatus", "")
    said = STATUS.get(status.lower(), Said.UNKNOWN)
    if said is not Said.PAID:
        reason = "" if said is Said.REVERSED else status
        return Reading(said=said, key=key, receipt=known.get("ReceiptNo", ""), reason=reason,
                       text=text, currency=CURRENCY)  # fmt: skip
    return Reading(
        said=said,
        key=key,
        receipt=fields.receipt(known, "ReceiptNo"),
        amount=fields.amount(known, "Amount"),
        currency=CURRENCY,
        at=fields.local_time(known.get("FinalisedTime", ""), ZONE_HOURS),
        text=text,
    )


def _refused(code: str) -> Said:
    """What a code that is not success means; one that we do not know is asked about, never a no."""
    return Said.FAILED if code in FAILED else Said.PENDING if code in BUSY else Said.UNKNOWN


def _kind(body: Object, hint: str) -> Callable[[Object], Reading]:
    """By what is in it; only a validation looks like a confirmation, and the address tells them
    apart (``hint``)."""
    if "Body" in body:
        return read_push_result
    if "Result" in body:
        return read_result
    if "errorCode" in body:
        return read_error
    if "ResponseCode" in body:
        return read_push_answer
    if "validation" in hint:
        return lambda found: read_c2b(found, question=True)
    return read_c2b


def read(body: Object, hint: str = "") -> Reading:
    """Any message of M-Pesa. ``hint``: what it was said to be. NoticeError."""
    return _kind(body, hint)(body)
