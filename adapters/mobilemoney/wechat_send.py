"""What we send to WeChat Pay, API v3 (WeChat Pay's merchant documents, native payment).

The payer scans what the answer brings (``code_url``). Our reference, without its hyphens, is the
order's number: an order sent again is the same order. Every request is signed, and so is every
answer that says yes.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from adapters.mobilemoney import fields, wechat, wechat_bill
from adapters.mobilemoney.bills import Bill, Where
from adapters.mobilemoney.reading import NoticeError, Said
from adapters.mobilemoney.sending import (
    JSON,
    Answered,
    Ask,
    Call,
    Came,
    Given,
    Kind,
    Refund,
    Result,
    Sender,
    body_of,
    by_status,
    read_object,
    setting,
    told_or_lost,
)
from adapters.mobilemoney.sending_signed import compact, fen, own_key, their_keys

#: How long a code can be scanned, in minutes. Shorter than ``absent_after_s`` of the provider's
#: data: only after it is "nobody has paid" the end.
CODE_MINUTES: Final = 10
MAX_DESCRIPTION: Final = 127
#: There is no bill of that day: none yet, or nothing moved.
NO_BILL: Final = "NO_STATEMENT_EXIST"


def merchant(given: Given) -> wechat.Merchant:
    """Who we are to them. UnfitError."""
    return wechat.Merchant(
        mch_id=setting(given, "mch_id"),
        app_id=setting(given, "app_id"),
        platform=their_keys(given),
        key_id=given.settings.get("platform_key_id", ""),
    )


def sign(call: Call, given: Given) -> Call:
    """Every request, by our certificate's key."""
    who = setting(given, "mch_id"), setting(given, "serial")
    at = urlsplit(call.path)  # a bill's address is whole
    path = f"{at.path}?{at.query}" if at.query else at.path
    what = call.method, path, call.body
    stamp = int(given.now.timestamp())
    header = wechat.authorization(who, own_key(given), what, stamp, given.nonce)
    return replace(call, headers={**call.headers, "Authorization": header}, bearer=False)


def open_answer(answered: Answered, given: Given) -> Answered:
    """A yes without a signature is none of theirs. An error may come unsigned, and so does the file
    of a day, which is no JSON and has a digest."""
    yes = 200 <= answered.status < 300 and answered.body.lstrip()[:1] == b"{"
    if yes or "wechatpay-signature" in answered.headers:
        now = int(given.now.timestamp())
        wechat.check(merchant(given), answered.body, answered.headers, now)
    return answered


def open_notice(body: bytes, headers: Mapping[str, str], given: Given) -> bytes:
    """Signed, fresh, deciphered, ours."""
    key = given.secrets.get("api_v3_key", "").encode()
    return wechat.open_notice(merchant(given), key, body, headers, int(given.now.timestamp()))


def ask(given: Given, asked: Ask) -> Call:
    """The order that a code is made of."""
    until = given.now + timedelta(minutes=CODE_MINUTES)
    told = {
        "appid": setting(given, "app_id"),
        "mchid": setting(given, "mch_id"),
        "description": (asked.shown or asked.reference)[:MAX_DESCRIPTION],
        "out_trade_no": compact(asked.reference),
        "time_expire": until.isoformat(timespec="seconds"),
        "notify_url": given.callback(Kind.NOTICE, asked.reference),
        "amount": {"total": fen(asked.amount), "currency": asked.currency},
    }
    return _post(given.paths["ask"], told)


def _post(path: str, told: Mapping[str, Any]) -> Call:
    return Call(method="POST", path=path, headers=JSON, body=body_of(told), bearer=False)


def read_ask(answered: Answered) -> Result:
    """Taken is what brings a code."""
    return told_or_lost(_not_by_401(answered), _asked)


def _asked(body: Mapping[str, Any]) -> Result:
    found = wechat.read(body, "request")
    if found.code:
        return Result(came=Came.TAKEN, shown=found.code)
    return _refused(found.reason, found.text, found.said)


def _refused(code: str, text: str, said: Said) -> Result:
    came = Came.REFUSED if said is Said.FAILED else Came.LOST
    return Result(came=Came.BUSY if code in wechat.BUSY else came, code=code, text=text)


def _not_by_401(answered: Answered) -> Answered:
    """There is no token that could be stale: 401 is a signature that does not fit."""
    if answered.status != 401:
        return answered
    return Answered(status=400, body=answered.body, headers=answered.headers)


def status(given: Given, asked: Ask) -> Call:
    """What became of it, by our own number."""
    path = given.paths["status"].replace("{number}", compact(asked.reference))
    path = path.replace("{mch_id}", setting(given, "mch_id"))
    return Call(method="GET", path=path, headers=JSON, bearer=False)


def read_status(answered: Answered) -> Result:
    """Nobody has paid, or no such order: absent, which is the end once the code has expired."""
    return _status(answered, "status", wechat.UNPAID)


def refund(given: Given, wanted: Refund) -> Call:
    """Give a whole payment back."""
    told = {
        "transaction_id": wanted.receipt,
        "out_refund_no": compact(wanted.reference),
        "notify_url": given.callback(Kind.REFUND, wanted.reference),
        "amount": {
            "refund": fen(wanted.amount),
            "total": fen(wanted.amount),
            "currency": wanted.currency,
        },
    }
    return _post(given.paths["refund"], told)


def read_refund(answered: Answered) -> Result:
    """Done at once, under way, or refused."""
    early = by_status(_not_by_401(answered))
    if early is not None:
        return early
    try:
        found = wechat.read(read_object(answered), "refund request")
    except NoticeError as error:
        return Result(came=Came.LOST, code=str(answered.status), text=str(error))
    if not found.key:
        return _refused(found.reason, found.text, found.said)
    if found.said is Said.REVERSED:
        return Result(came=Came.ENDED, key=found.reversal_receipt, reading=found)
    return Result(came=Came.TAKEN, key=found.reversal_receipt, code=found.reason)


def refund_status(given: Given, wanted: Refund) -> Call:
    """What became of a refund, by our own number of it."""
    path = given.paths["refund_status"].replace("{number}", compact(wanted.reference))
    return Call(method="GET", path=path, headers=JSON, bearer=False)


def read_refund_status(answered: Answered) -> Result:
    """Its end, or that it is under way."""
    return _status(answered, "refund status", ())


def _status(answered: Answered, hint: str, unpaid: tuple[str, ...]) -> Result:
    early = by_status(_not_by_401(answered))
    if early is not None:
        return early
    try:
        found = wechat.read(read_object(answered), hint)
    except NoticeError as error:
        return Result(came=Came.LOST, code=str(answered.status), text=str(error))
    if found.reason in (*unpaid, *wechat.ABSENT):
        return Result(came=Came.ABSENT, code=found.reason, text=found.text)
    if not found.key:  # an error in place of an answer
        came = Came.BUSY if found.reason in wechat.BUSY else Came.LOST
        return Result(came=came, code=found.reason, text=found.text)
    return Result(came=Came.ENDED, code=found.reason, text=found.text, reading=found)


def bill(given: Given, day: date) -> Call:
    """Where the file of a day is; there from ten o'clock of the next."""
    return Call(
        method="GET",
        path=given.paths["bill"].replace("{day}", day.isoformat()),
        headers=JSON,
        bearer=False,
    )


def read_bill(answered: Answered) -> Where:
    """NoticeError: no such answer. None yet: an error of theirs that says so."""
    body = read_object(answered)
    if fields.text(body, "code", 64) == NO_BILL:
        return Where()
    if fields.wanted(body, "hash_type", 16) != "SHA1":
        raise NoticeError("hash_type", "only SHA1 is known")
    return Where(fields.wanted(body, "download_url", 2_048), fields.wanted(body, "hash_value"))


def open_bill(given: Given, day: date, where: Where, data: bytes) -> Bill:
    """Its lines."""
    del day  # it stands in every line
    return wechat_bill.read(data, where.digest, setting(given, "mch_id"))


SENDER: Final = Sender(
    name=wechat.NAME,
    sign=sign,
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
)
