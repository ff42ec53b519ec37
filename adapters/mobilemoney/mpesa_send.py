"""What we send to Safaricom M-Pesa (facts, mobile money §M-Pesa; Daraja documents 3.0).

A push has no number of ours: what identifies it comes in its answer (CheckoutRequestID). So its
callback address carries our reference, and when the answer is lost, only that callback or the list
of payments (pull) tells what became of it.
"""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final

from adapters.mobilemoney import fields, mpesa
from adapters.mobilemoney.mpesa_pull import read_pull
from adapters.mobilemoney.reading import Reading, Said
from adapters.mobilemoney.sending import (
    JSON,
    Answered,
    Ask,
    Call,
    Came,
    Given,
    Kind,
    Refund,
    Reply,
    Result,
    Sender,
    UnfitError,
    Verdict,
    Window,
    body_of,
    read_token,
    secret,
    setting,
    told_or_lost,
    whole,
)

#: An access token that is none any more, said with HTTP 404 in place of 401.
STALE: Final = frozenset(("404.001.03", "400.003.01"))
#: The two texts of a push that the payer sees are cut by the provider.
MAX_REFERENCE, MAX_DESCRIPTION = 12, 13
_TIME: Final = "%Y%m%d%H%M%S"
#: Answers to a validation (C2B, version 2).
ANSWERS: Final = {
    Verdict.PAYER: "C2B00011",
    Verdict.REFERENCE: "C2B00012",
    Verdict.AMOUNT: "C2B00013",
    Verdict.OTHER: "C2B00016",
}


def token(given: Given) -> Call:
    """Sign in; a new token kills the one before."""
    pair = f"{secret(given, 'consumer_key')}:{secret(given, 'consumer_secret')}"
    basic = b64encode(pair.encode()).decode()
    headers = {"Authorization": f"Basic {basic}", "Accept": "application/json"}
    return Call(method="GET", path=given.paths["token"], headers=headers, bearer=False)


def _password(given: Given) -> dict[str, str]:
    code, at = setting(given, "short_code"), given.now.strftime(_TIME)
    text = f"{code}{secret(given, 'passkey')}{at}"
    return {
        "BusinessShortCode": code,
        "Password": b64encode(text.encode()).decode(),
        "Timestamp": at,
    }


def ask(given: Given, asked: Ask) -> Call:
    """The push (STK). Whole shillings only."""
    told = _password(given)
    till = given.settings.get("till", "")
    return _post(
        given,
        "ask",
        told
        | {
            "TransactionType": "CustomerBuyGoodsOnline" if till else "CustomerPayBillOnline",
            "Amount": int(whole(asked.amount)),
            "PartyA": asked.payer,
            "PartyB": till or told["BusinessShortCode"],
            "PhoneNumber": asked.payer,
            "CallBackURL": given.callback(Kind.NOTICE, asked.reference),
            "AccountReference": account_reference(asked.shown or asked.reference),
            "TransactionDesc": given.settings.get("description", "Payment")[:MAX_DESCRIPTION],
        },
    )


def account_reference(shown: str) -> str:
    """What the payer reads as the account, and what a list of payments shows of it."""
    return shown[:MAX_REFERENCE]


def read_ask(answered: Answered) -> Result:
    """What the answer to a push says."""
    return told_or_lost(answered, _asked)


def _asked(body: Mapping[str, Any]) -> Result:
    if "errorCode" in body:
        return _error(body)
    found = mpesa.read_push_answer(body)
    if found.said is Said.PENDING and found.key:
        return Result(came=Came.TAKEN, key=found.key, text=found.text)
    came = Came.REFUSED if found.said is Said.FAILED else Came.LOST
    return Result(came=came, code=found.reason, text=found.text)


def _error(body: Mapping[str, Any]) -> Result:
    found = mpesa.read_error(body)
    if found.reason in STALE:
        return Result(came=Came.STALE, code=found.reason, text=found.text)
    came = Came.REFUSED if found.said is Said.FAILED else Came.LOST
    return Result(came=came, code=found.reason, text=found.text)


def status(given: Given, asked: Ask) -> Call | None:
    """What became of a push; None while we have no number of it."""
    if not asked.key:
        return None
    return _post(given, "status", _password(given) | {"CheckoutRequestID": asked.key})


def read_status(answered: Answered) -> Result:
    """Paid is said without a receipt: the list of payments or the callback has it."""
    return told_or_lost(answered, _status)


def _status(body: Mapping[str, Any]) -> Result:
    if "errorCode" in body:
        found = mpesa.read_error(body)
        if found.reason in STALE:
            return Result(came=Came.STALE, code=found.reason)
        # a question that is refused says nothing about what it asks for
        said = Said.PENDING if found.said is Said.PENDING else Said.UNKNOWN
        return Result(
            came=Came.ENDED, code=found.reason, text=found.text, reading=Reading(said=said)
        )
    found = mpesa.read_push_answer(body)
    if body.get("ResultCode") is None:
        found = Reading(said=Said.UNKNOWN, key=found.key, reason=found.reason, text=found.text)
    return Result(came=Came.ENDED, code=found.reason, text=found.text, reading=found)


def _initiator(given: Given, command: str) -> dict[str, Any]:
    return {
        "Initiator": setting(given, "initiator"),
        "SecurityCredential": secret(given, "security_credential"),
        "CommandID": command,
    }


def refund(given: Given, wanted: Refund) -> Call:
    """Reverse a payment, whole or in part; its end comes as a callback."""
    where = given.callback(Kind.REFUND, wanted.reference)
    return _post(
        given,
        "refund",
        _initiator(given, "TransactionReversal")
        | {
            "TransactionID": wanted.receipt,
            "Amount": int(whole(wanted.amount)),
            "ReceiverParty": setting(given, "short_code"),
            "RecieverIdentifierType": "11",  # spelt so
            "ResultURL": where,
            "QueueTimeOutURL": where,
            "Remarks": "Refund",
            "Occasion": wanted.reference[:100],
        },
    )


def read_taken(answered: Answered) -> Result:
    """Whether a request was taken whose end comes as a callback."""
    return told_or_lost(answered, _taken)


def _taken(body: Mapping[str, Any]) -> Result:
    if "errorCode" in body:
        return _error(body)
    code, text = fields.code(body, "ResponseCode"), fields.text(body, "ResponseDescription")
    key = fields.text(body, "ConversationID")
    if code == "0":
        return Result(came=Came.TAKEN, key=key, text=text)
    came = Came.REFUSED if code in mpesa.FAILED else Came.LOST
    return Result(came=came, code=code, text=text)


def payment(given: Given, receipt: str) -> Call:
    """Ask about a payment by its receipt; the answer comes as a callback."""
    return _transaction(given, receipt, given.callback(Kind.PAYMENT, receipt))


def refund_status(given: Given, wanted: Refund) -> Call:
    """Ask about the payment that was to be reversed: it says so when it is."""
    return _transaction(given, wanted.receipt, given.callback(Kind.REFUND, wanted.reference))


def _transaction(given: Given, receipt: str, where: str) -> Call:
    return _post(
        given,
        "payment",
        _initiator(given, "TransactionStatusQuery")
        | {
            "TransactionID": receipt,
            "PartyA": setting(given, "short_code"),
            "IdentifierType": "4",
            "ResultURL": where,
            "QueueTimeOutURL": where,
            "Remarks": "Status",
            "Occasion": "",
        },
    )


def pull(given: Given, window: Window) -> Call:
    """The payments of at most 48 hours."""
    return _post(
        given,
        "pull",
        {
            "ShortCode": setting(given, "short_code"),
            "StartDate": window.since.strftime("%Y-%m-%d %H:%M:%S"),
            "EndDate": window.until.strftime("%Y-%m-%d %H:%M:%S"),
            "OffSetValue": str(window.offset),
        },
    )


def register(given: Given) -> Call:
    """Where validations and confirmations shall go, and what a silent validator means."""
    return _post(
        given,
        "register",
        {
            "ShortCode": setting(given, "short_code"),
            "ResponseType": given.settings.get("when_silent", "Completed"),
            "ConfirmationURL": given.callback(Kind.CONFIRMATION),
            "ValidationURL": given.callback(Kind.VALIDATION),
        },
    )


def _post(given: Given, name: str, told: Mapping[str, Any]) -> Call:
    if name not in given.paths:
        raise UnfitError("path", f"the provider's data has no path {name}")
    return Call(method="POST", path=given.paths[name], headers=JSON, body=body_of(told))


def reply() -> Reply:
    """A callback was stored."""
    return _reply("0", "Accepted")


def answer(verdict: Verdict, transaction: str = "") -> Reply:
    """To a validation. ``transaction``: ours, given back with the confirmation."""
    if verdict is Verdict.ACCEPT:
        return _reply("0", "Accepted", transaction)
    return _reply(ANSWERS[verdict], "Rejected")


def _reply(code: str, text: str, transaction: str = "") -> Reply:
    told = {"ResultCode": code, "ResultDesc": text}
    if transaction:
        told["ThirdPartyTransID"] = transaction
    return Reply(200, body_of(told).decode(), {"Content-Type": "application/json"})


SENDER: Final = Sender(
    name=mpesa.NAME,
    token=token,
    read_token=read_token,
    ask=ask,
    read_ask=read_ask,
    status=status,
    read_status=read_status,
    refund=refund,
    read_refund=read_taken,
    refund_status=refund_status,
    read_refund_status=read_taken,
    payment=payment,
    register=register,
    pull=pull,
    read_pull=read_pull,
    reply=reply,
    answer=answer,
)
