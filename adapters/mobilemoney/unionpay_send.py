"""What we send to UnionPay (platform interface 5.1.0, product QR).

The payer scans what the answer brings (``qrCode``). Our reference, without its hyphens, is the
order's number, but a question must name its time as well: it is that of the note which was made
before the call left, or of the reference, which carries one (UUIDv7).
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final

from adapters.mobilemoney import fields, unionpay, unionpay_bill
from adapters.mobilemoney.bills import Bill, Where
from adapters.mobilemoney.reading import NoticeError, Reading, Said
from adapters.mobilemoney.sending import (
    Answered,
    Ask,
    Call,
    Came,
    Given,
    Kind,
    Refund,
    Result,
    Sender,
    UnfitError,
    by_status,
    read_object,
    setting,
)
from adapters.mobilemoney.sending_signed import (
    compact,
    fen,
    form_of,
    own_key,
    refused,
    their_keys,
)

#: How long a code can be scanned. Shorter than ``absent_after_s`` of the provider's data: only
#: after it is "nobody has paid" the end.
CODE_MINUTES: Final = 10
#: There is no file of that day: none yet, or nothing moved.
NO_BILL: Final = "98"
_BEIJING: Final = timezone(timedelta(hours=unionpay.ZONE_HOURS))
_TIME: Final = "%Y%m%d%H%M%S"
_HEADERS: Final = {"Content-Type": "application/x-www-form-urlencoded;charset=utf-8"}


def order_time(reference: str, at: datetime | None) -> str:
    """The time that an order is known by. UnfitError: neither noted nor in the reference."""
    if at is None:
        at = _carried(compact(reference))
    if at is None:
        raise UnfitError("time", "when it was asked for was not noted")
    return at.astimezone(_BEIJING).strftime(_TIME)


def _carried(number: str) -> datetime | None:
    """The time in a UUIDv7 (RFC 9562 §5.7), given in hex digits; None: it is none."""
    if len(number) != 32 or number[12] != "7":
        return None
    return datetime.fromtimestamp(int(number[:12], 16) / 1000, UTC)


def _post(given: Given, path: str, told: Mapping[str, str]) -> Call:
    whole = {
        "version": unionpay.VERSION,
        "encoding": "UTF-8",
        "signMethod": "01",
        "bizType": "000000",
        "channelType": "08",
        "accessType": "0",
        "merId": setting(given, "mer_id"),
        "certId": setting(given, "cert_id"),
        **told,
    }
    body = form_of(unionpay.signed(whole, own_key(given)))
    path = given.paths[path]
    return Call(method="POST", path=path, headers=_HEADERS, body=body, bearer=False)


def open_answer(answered: Answered, given: Given) -> Answered:
    """The fields as JSON, once they are believed. What is not 200 is none of the platform's."""
    if answered.status != 200:
        return answered
    told = unionpay.read_answer(answered.body)
    unionpay.check(told, their_keys(given), setting(given, "mer_id"))
    return Answered(status=200, body=unionpay.as_json(told), headers=answered.headers)


def open_notice(body: bytes, headers: Mapping[str, str], given: Given) -> bytes:
    """Signed, ours."""
    del headers
    return unionpay.open_notice(body, their_keys(given), setting(given, "mer_id"))


def ask(given: Given, asked: Ask) -> Call:
    """The order that a code is made of."""
    until = given.now.astimezone(_BEIJING) + timedelta(minutes=CODE_MINUTES)
    return _post(
        given,
        "ask",
        {
            "txnType": unionpay.PURCHASE,
            "txnSubType": "07",
            "orderId": compact(asked.reference),
            "txnTime": order_time(asked.reference, asked.at),
            "txnAmt": str(fen(asked.amount)),
            "currencyCode": unionpay.CURRENCY_CODE,
            "payTimeout": until.strftime(_TIME),
            "backUrl": given.callback(Kind.NOTICE, asked.reference),
        },
    )


def read_ask(answered: Answered) -> Result:
    """Taken is what brings a code."""
    found = _read(answered, "request")
    if isinstance(found, Result):
        return found
    if found.code:
        return Result(came=Came.TAKEN, shown=found.code)
    return _refused(found)


def _read(answered: Answered, hint: str) -> Reading | Result:
    early = by_status(answered)
    if early is not None:
        return early
    if answered.status != 200:
        return Result(came=Came.LOST, code=str(answered.status))
    try:
        return unionpay.read(read_object(answered), hint)
    except NoticeError as error:
        return Result(came=Came.LOST, text=str(error))


def _refused(found: Reading) -> Result:
    if found.reason in unionpay.BUSY:
        return Result(came=Came.BUSY, code=found.reason, text=found.text)
    return refused(found.reason, found.text, found.said)


def status(given: Given, asked: Ask) -> Call:
    """What became of it, by our own number and its time."""
    return _question(given, asked.reference, asked.at)


def _question(given: Given, reference: str, at: datetime | None) -> Call:
    number, time = compact(reference), order_time(reference, at)
    told = {"txnType": "00", "txnSubType": "00", "orderId": number, "txnTime": time}
    return _post(given, "status", told)


def read_status(answered: Answered) -> Result:
    """Nobody has paid, or an attempt failed: absent, the end once the code has expired."""
    found = _read(answered, "status")
    if isinstance(found, Result):
        return found
    if found.said is Said.PENDING and found.reason not in unionpay.OPEN:
        return Result(came=Came.ABSENT, code=found.reason, text=found.text)
    if found.said is Said.UNKNOWN:
        came = Came.BUSY if found.reason in unionpay.BUSY else Came.LOST
        return Result(came=came, code=found.reason, text=found.text)
    return Result(came=Came.ENDED, code=found.reason, text=found.text, reading=found)


def refund(given: Given, wanted: Refund) -> Call:
    """Give a payment back, whole or in part; it is an order of its own, with a number and time."""
    return _post(
        given,
        "refund",
        {
            "txnType": unionpay.REFUND,
            "txnSubType": "00",
            "orderId": compact(wanted.reference),
            "txnTime": order_time(wanted.reference, wanted.at),
            "origQryId": wanted.receipt,
            "txnAmt": str(fen(wanted.amount)),
            "backUrl": given.callback(Kind.REFUND, wanted.reference),
        },
    )


def read_refund(answered: Answered) -> Result:
    """``00`` means that it was taken, not that it was done."""
    found = _read(answered, "refund request")
    if isinstance(found, Result):
        return found
    if found.said is Said.PENDING:
        return Result(came=Came.TAKEN, code=found.reason, text=found.text)
    return _refused(found)


def refund_status(given: Given, wanted: Refund) -> Call:
    """What became of a refund, by its own number and time."""
    return _question(given, wanted.reference, wanted.at)


def bill(given: Given, day: date) -> Call:
    """The file of a day of settlement; there in the morning of the next."""
    now = given.now.astimezone(_BEIJING).strftime(_TIME)
    settled = day.strftime("%m%d")
    told = {"txnType": "76", "txnSubType": "01", "fileType": "00", "settleDate": settled}
    return replace(_post(given, "bill", told | {"txnTime": now}), most=unionpay.MAX_ANSWER)


def read_bill(answered: Answered) -> Where:
    """It comes along. NoticeError: no such answer."""
    body = read_object(answered, unionpay.MAX_ANSWER)
    code = fields.wanted(body, "respCode", 8)
    if code == NO_BILL:
        return Where()
    if code not in unionpay.DONE:
        raise NoticeError("respCode", f"{code}: {fields.text(body, 'respMsg')}")
    return Where(content=fields.wanted(body, "fileContent", unionpay.MAX_ANSWER))


def open_bill(given: Given, day: date, where: Where, data: bytes) -> Bill:
    """Its lines."""
    del data  # it came with the answer
    return unionpay_bill.read(where.content, setting(given, "mer_id"), day)


SENDER: Final = Sender(
    name=unionpay.NAME,
    open_answer=open_answer,
    open_notice=open_notice,
    ask=ask,
    read_ask=read_ask,
    status=status,
    read_status=read_status,
    refund=refund,
    read_refund=read_refund,
    refund_status=refund_status,
    read_refund_status=read_status,
    bill=bill,
    read_bill=read_bill,
    open_bill=open_bill,
)
