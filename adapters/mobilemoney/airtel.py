"""Airtel Money: the answer to a request, the status of a payment, the callback (facts, §Airtel).

``"Success."`` in an answer to a request means that it was taken, not that it was paid. Paid is only
a status read that says TS and has an ``airtel_money_id``. A callback carries no amount and its hash
is optional: what it calls successful waits for our own status read.
"""

from collections.abc import Mapping
from typing import Final

from adapters.mobilemoney import fields
from adapters.mobilemoney.fields import Object
from adapters.mobilemoney.reading import Reading, Said

NAME = "airtel"
STATUS: Final = {
    "TS": Said.PAID,
    "TF": Said.FAILED,
    "TIP": Said.PENDING,
    "TA": Said.UNKNOWN,  # ambiguous: a client that counts it as failed sells again
    "TE": Said.FAILED,
}
#: Of ``response_code``: wrong PIN, limits, amount, no PIN given, balance, refused, not permitted.
REFUSED: Final = frozenset(
    f"DP0080000{last}" for last in ("1002", "1003", "1004", "1005", "1007", "1008", "1010")
)
IN_PROCESS: Final = "DP00800001006"
#: Of ``result_code``: insufficient; a doubled one is no answer about the first.
NOT_TAKEN: Final = frozenset(("ESB000014",))


def read(body: Object, hint: str = "") -> Reading:
    """Any message of Airtel. ``hint``: what it was said to be. NoticeError."""
    if "transaction" in body:
        return _callback(fields.inner(body, "transaction"))
    status = body.get("status")
    told = status if isinstance(status, Mapping) else {}
    data = body.get("data")
    found = data.get("transaction") if isinstance(data, Mapping) else None
    transaction = found if isinstance(found, Mapping) else {}
    letters = fields.text(transaction, "status", 32)
    if letters.upper() in STATUS and "request" not in hint:
        return _status(transaction, letters.upper(), told)
    return _answer(transaction, told)


def _status(transaction: Object, letters: str, told: Object) -> Reading:
    said, receipt = STATUS[letters], fields.text(transaction, "airtel_money_id")
    if said is Said.PAID and not receipt:
        said = Said.UNVERIFIED
    amount = transaction.get("amount")
    return Reading(
        said=said,
        key=fields.text(transaction, "id"),
        receipt=fields.receipt(transaction, "airtel_money_id") if receipt else "",
        amount=None if amount in (None, "") else fields.amount(transaction, "amount"),
        currency=fields.text(transaction, "currency", 3),
        reason=_code(told) if said is not Said.PAID else "",
        text=fields.text(transaction, "message"),
    )


def _callback(transaction: Object) -> Reading:
    said = STATUS.get(fields.wanted(transaction, "status_code", 16).upper(), Said.UNKNOWN)
    receipt = fields.text(transaction, "airtel_money_id")
    return Reading(
        said=Said.UNVERIFIED if said is Said.PAID else said,
        key=fields.wanted(transaction, "id"),
        receipt=fields.receipt(transaction, "airtel_money_id") if receipt else "",
        text=fields.text(transaction, "message"),
    )


def _answer(transaction: Object, told: Object) -> Reading:
    """To a request: it was taken, it was refused, or nobody knows."""
    code = _code(told)
    if code in REFUSED or code in NOT_TAKEN:
        said = Said.FAILED
    elif code == IN_PROCESS or (told.get("success") is True and not code.startswith("DP")):
        said = Said.PENDING
    else:
        said = Said.UNKNOWN
    return Reading(
        said=said,
        key=fields.text(transaction, "id"),
        reason="" if said is Said.PENDING else code,
        text=fields.text(told, "message"),
    )


def _code(told: Object) -> str:
    return fields.text(told, "response_code", 32) or fields.text(told, "result_code", 32)
