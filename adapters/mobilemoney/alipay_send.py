"""What we send to Alipay (its open platform: trade.precreate, trade.query, trade.refund).

The payer scans what the answer brings (``qr_code``); before he does there is no trade that could be
asked about. Our reference, without its hyphens, is the order's number: an order sent again is the
same order. Every request is a signed form to one address, every answer is signed.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from adapters.mobilemoney import alipay, alipay_bill, fields
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
    Reply,
    Result,
    Sender,
    body_of,
    by_status,
    plain,
    read_object,
    setting,
)
from adapters.mobilemoney.sending_signed import compact, form_of, own_key, refused, their_keys

#: How long a code can be scanned. Shorter than ``absent_after_s`` of the provider's data: only
#: after it is "nobody has paid" the end.
LIFE: Final = "10m"
MAX_SUBJECT: Final = 128
#: After these nobody knows, or the gateway had no room.
BUSY: Final = frozenset(("isv.app-call-limited", "40005", "isp.unknow-error.limit"))
#: There is no bill of that day: none yet, or nothing moved.
NO_BILL: Final = "isp.bill_not_exist"
_HEADERS: Final = {"Content-Type": "application/x-www-form-urlencoded;charset=utf-8"}


def _post(given: Given, method: str, told: Mapping[str, Any], notify: str = "") -> Call:
    """``method`` is a name of the provider's data; all go to one path."""
    whole = {
        "app_id": setting(given, "app_id"),
        "method": given.paths[method],
        "format": "JSON",
        "charset": "utf-8",
        "sign_type": "RSA2",
        "timestamp": given.now.astimezone(alipay.BEIJING).strftime(alipay.TIME),
        "version": "1.0",
        "notify_url": notify,
        "biz_content": body_of(told).decode(),
    }
    signed = alipay.signed(whole, own_key(given))
    path = given.paths["gateway"]
    return Call(method="POST", path=path, headers=_HEADERS, body=form_of(signed), bearer=False)


def open_answer(answered: Answered, given: Given) -> Answered:
    """The one object that was signed, in place of all. What is not 200 is none of the gateway's,
    and the file of a day, an archive, is not signed."""
    if answered.status != 200 or answered.body[:2] == b"PK":
        return answered
    inner = alipay.open_answer(answered.body, their_keys(given))
    return Answered(status=200, body=inner, headers=answered.headers)


def open_notice(body: bytes, headers: Mapping[str, str], given: Given) -> bytes:
    """Signed, ours."""
    del headers
    who = setting(given, "app_id"), setting(given, "seller_id")
    return alipay.open_notice(body, their_keys(given), *who)


def ask(given: Given, asked: Ask) -> Call:
    """The order that a code is made of."""
    told = {
        "out_trade_no": compact(asked.reference),
        "total_amount": plain(asked.amount),
        "subject": (asked.shown or asked.reference)[:MAX_SUBJECT],
        "seller_id": setting(given, "seller_id"),
        "qr_code_timeout_express": LIFE,
        "timeout_express": LIFE,
    }
    return _post(given, "ask", told, given.callback(Kind.NOTICE, asked.reference))


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
        return alipay.read(read_object(answered), hint)
    except NoticeError as error:
        return Result(came=Came.LOST, text=str(error))


def _refused(found: Reading) -> Result:
    if found.reason in BUSY:
        return Result(came=Came.BUSY, code=found.reason, text=found.text)
    return refused(found.reason, found.text, found.said)


def status(given: Given, asked: Ask) -> Call:
    """What became of it, by our own number."""
    return _post(given, "status", {"out_trade_no": compact(asked.reference)})


def read_status(answered: Answered) -> Result:
    """Nobody has paid, or nobody has scanned yet: absent, the end once the code has expired."""
    found = _read(answered, "status")
    if isinstance(found, Result):
        return found
    if found.reason in alipay.UNPAID:
        return Result(came=Came.ABSENT, code=found.reason, text=found.text)
    return _ended(found)


def _ended(found: Reading) -> Result:
    if not found.key and found.said is Said.UNKNOWN:
        came = Came.BUSY if found.reason in BUSY else Came.LOST
        return Result(came=came, code=found.reason, text=found.text)
    return Result(came=Came.ENDED, code=found.reason, text=found.text, reading=found)


def refund(given: Given, wanted: Refund) -> Call:
    """Give a payment back, whole or in part."""
    return _post(
        given,
        "refund",
        {
            "trade_no": wanted.receipt,
            "refund_amount": plain(wanted.amount),
            "out_request_no": compact(wanted.reference),
        },
    )


def read_refund(answered: Answered) -> Result:
    """Done where money moved now; else our question decides."""
    found = _read(answered, "refund request")
    if isinstance(found, Result):
        return found
    if found.said is Said.REVERSED:
        return Result(came=Came.ENDED, key=found.reversal_receipt, reading=found)
    return _refused(found)


def refund_status(given: Given, wanted: Refund) -> Call:
    """What became of a refund, by our own number of it."""
    told = {"trade_no": wanted.receipt, "out_request_no": compact(wanted.reference)}
    return _post(given, "refund_status", told)


def read_refund_status(answered: Answered) -> Result:
    """Its end; an answer without one says that there was no refund of that number yet."""
    found = _read(answered, "refund status")
    if isinstance(found, Result):
        return found
    if found.reason == alipay.NO_REFUND:
        return Result(came=Came.ABSENT, code=found.reason)
    return _ended(found)


def bill(given: Given, day: date) -> Call:
    """Where the file of a day is; the address lives half a minute."""
    return _post(given, "bill", {"bill_type": "trade", "bill_date": day.isoformat()})


def read_bill(answered: Answered) -> Where:
    """NoticeError: no such answer. None yet: an error of theirs that says so."""
    body = read_object(answered)
    if fields.text(body, "sub_code", 64) == NO_BILL:
        return Where()
    url = fields.wanted(body, "bill_download_url", 2_048)
    return Where(url.replace("http://", "https://", 1) if url.startswith("http://") else url)


def open_bill(given: Given, day: date, where: Where, data: bytes) -> Bill:
    """Its lines."""
    del day, where  # the day stands in every line
    return alipay_bill.read(data, setting(given, "seller_id"))


def reply() -> Reply:
    """A notice was stored: anything else brings it again."""
    return Reply(200, "success", {"Content-Type": "text/plain"})


SENDER: Final = Sender(
    name=alipay.NAME,
    open_answer=open_answer,
    open_notice=open_notice,
    ask=ask,
    read_ask=read_ask,
    status=status,
    read_status=read_status,
    refund=refund,
    read_refund=read_refund,
    refund_status=refund_status,
    read_refund_status=read_refund_status,
    bill=bill,
    read_bill=read_bill,
    open_bill=open_bill,
    reply=reply,
)
