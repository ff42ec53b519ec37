"""What we send to Airtel Money (facts, mobile money §Airtel).

Our reference is the transaction's id: a doubled one is refused as doubled, which says that the
first was taken. Callbacks go to the one address that is set in the provider's portal.
"""

from collections.abc import Mapping
from typing import Any, Final

from adapters.mobilemoney import airtel, fields
from adapters.mobilemoney.reading import NoticeError, Reading, Said
from adapters.mobilemoney.sending import (
    JSON,
    Answered,
    Ask,
    Call,
    Came,
    Given,
    Refund,
    Result,
    Sender,
    body_of,
    by_status,
    plain,
    read_object,
    read_token,
    secret,
    setting,
    told_or_lost,
)

#: ``result_code``: taken before under this id; not sure whether it was taken.
DOUBLED: Final = "ESB000045"
DONE: Final = "ESB000010"
MAX_REFERENCE: Final = 64


def token(given: Given) -> Call:
    """Sign in."""
    told = {
        "client_id": secret(given, "client_id"),
        "client_secret": secret(given, "client_secret"),
        "grant_type": "client_credentials",
    }
    path = given.paths["token"]
    return Call(method="POST", path=path, headers=JSON, body=body_of(told), bearer=False)


def _headers(given: Given) -> dict[str, str]:
    where = {"X-Country": setting(given, "country"), "X-Currency": setting(given, "currency")}
    return dict(JSON) | where


def ask(given: Given, asked: Ask) -> Call:
    """The push. The payer's number goes without its country code."""
    country, code = setting(given, "country"), setting(given, "country_code")
    told = {
        "reference": (asked.shown or asked.reference)[:MAX_REFERENCE],
        "subscriber": {
            "country": country,
            "currency": asked.currency,
            "msisdn": asked.payer.removeprefix(code),
        },
        "transaction": {
            "amount": plain(asked.amount),
            "country": country,
            "currency": asked.currency,
            "id": asked.reference,
        },
    }
    path = given.paths["ask"]
    return Call(method="POST", path=path, headers=_headers(given), body=body_of(told))


def read_ask(answered: Answered) -> Result:
    """``Success.`` means that it was taken, not that it was paid."""
    return told_or_lost(answered, _asked)


def _asked(body: Mapping[str, Any]) -> Result:
    told = body.get("status")
    code = fields.text(told, "result_code", 32) if isinstance(told, Mapping) else ""
    if code == DOUBLED:
        return Result(came=Came.TAKEN, code=code)
    found = airtel.read(body, "payment request response")
    came = {Said.PENDING: Came.TAKEN, Said.FAILED: Came.REFUSED}.get(found.said, Came.LOST)
    return Result(came=came, code=found.reason, text=found.text)


def status(given: Given, asked: Ask) -> Call:
    """What became of it, by our own reference."""
    path = given.paths["status"].replace("{reference}", asked.reference)
    return Call(method="GET", path=path, headers=_headers(given))


def read_status(answered: Answered) -> Result:
    """Paid is only what says TS and has a receipt."""
    early = by_status(answered)
    if early is not None:
        return early
    if answered.status != 200:
        return Result(came=Came.LOST, code=str(answered.status))
    try:
        found = airtel.read(read_object(answered), "payment status")
    except NoticeError as error:
        return Result(came=Came.LOST, text=str(error))
    if found.said in (Said.FAILED, Said.PENDING) and not found.key:
        found = Reading(said=Said.UNKNOWN, reason=found.reason, text=found.text)
    return Result(came=Came.ENDED, code=found.reason, text=found.text, reading=found)


def refund(given: Given, wanted: Refund) -> Call:
    """Give a whole payment back."""
    told = {"transaction": {"airtel_money_id": wanted.receipt}}
    path = given.paths["refund"]
    return Call(method="POST", path=path, headers=_headers(given), body=body_of(told))


def read_refund(answered: Answered) -> Result:
    """Done is what says so by its code; after anything else that is no refusal nobody knows."""
    return told_or_lost(answered, _refunded)


def _refunded(body: Mapping[str, Any]) -> Result:
    told, data = fields.inner(body, "status"), body.get("data")
    inner = data.get("transaction") if isinstance(data, Mapping) else None
    done = inner if isinstance(inner, Mapping) else {}
    code, text = fields.text(told, "result_code", 32), fields.text(told, "message")
    letters = fields.text(done, "status", 32).upper().rstrip(".")
    if code == DONE and told.get("success") is True and letters in ("SUCCESS", "TS"):
        reading = Reading(
            said=Said.REVERSED, reversal_receipt=fields.text(done, "airtel_money_id", 64)
        )
        return Result(came=Came.ENDED, code=code, text=text, reading=reading)
    found = airtel.read(body, "payment request response")
    came = Came.REFUSED if found.said is Said.FAILED else Came.LOST
    return Result(came=came, code=found.reason or code, text=text)


SENDER: Final = Sender(
    name=airtel.NAME,
    token=token,
    read_token=read_token,
    ask=ask,
    read_ask=read_ask,
    status=status,
    read_status=read_status,
    refund=refund,
    read_refund=read_refund,
)
