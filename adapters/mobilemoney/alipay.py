"""Alipay, precreate: the payer scans a code (Alipay's open platform, gateway, sign type RSA2).

Amounts are decimal texts in yuan. A request is a form whose fields are signed sorted; an answer is
JSON in which one object's very bytes are signed; a notice is a form whose decoded fields are.
Times are Beijing's.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from adapters.mobilemoney import fields, signing
from adapters.mobilemoney.fields import Object
from adapters.mobilemoney.reading import NoticeError, Payer, Reading, Said
from adapters.mobilemoney.signing import ForgedError

NAME, CURRENCY = "alipay", "CNY"
#: China has no summer time.
BEIJING: Final = timezone(timedelta(hours=8))
TIME: Final = "%Y-%m-%d %H:%M:%S"
#: Of ``trade_status``. TRADE_CLOSED is told apart below: it is said of what was never paid and of
#: what was paid and wholly given back.
STATUS: Final = {
    "TRADE_SUCCESS": Said.PAID,
    "TRADE_FINISHED": Said.PAID,
    "WAIT_BUYER_PAY": Said.PENDING,
    "TRADE_CLOSED": Said.FAILED,
}
OK: Final = "10000"
#: Nothing was done: a field missing or wrong, no permission, a token that is none.
SURE: Final = frozenset(("20001", "40001", "40002", "40003", "40006"))
#: ``sub_code`` of 40004 after which an order or a refund surely was not taken.
REFUSED: Final = frozenset(
    "ACQ.INVALID_PARAMETER ACQ.ACCESS_FORBIDDEN ACQ.PARTNER_ERROR ACQ.TOTAL_FEE_EXCEED "
    "ACQ.SELLER_BALANCE_NOT_ENOUGH ACQ.REFUND_AMT_NOT_EQUAL_TOTAL ACQ.TRADE_HAS_FINISHED "
    "ACQ.TRADE_STATUS_ERROR ACQ.REASON_TRADE_REFUND_FEE_ERR".split()
)
#: Before anybody has scanned the code there is no trade yet: this is no end.
NOT_YET: Final = "ACQ.TRADE_NOT_EXIST"
#: Nobody has paid: the end, once the code has expired.
UNPAID: Final = (NOT_YET, "WAIT_BUYER_PAY")

#: A repeat of a refund moves nothing, and a question finds nothing: neither says how it ends.
NO_REFUND: Final = "no-refund-yet"


def signed(told: Mapping[str, str], key: RSAPrivateKey) -> dict[str, str]:
    """The fields of a request with their ``sign``; what has no value is left out."""
    left = {name: value for name, value in told.items() if value}
    return left | {"sign": signing.sign(key, signing.joined(left, "sign").encode())}


def open_notice(
    body: bytes, platform: Mapping[str, RSAPublicKey], app_id: str, seller_id: str
) -> bytes:
    """A notice, believed: signed by them, of our application and our account. Its fields as JSON,
    without ``sign`` and ``sign_type``. ForgedError, NoticeError.

    A notice has no time that is refused: one that was not answered comes again for 25 hours."""
    told = fields.read_form(body)
    if told.get("sign_type") != "RSA2":
        raise ForgedError("sign_type", "only RSA2 is taken")
    text = signing.joined(told, "sign", "sign_type").encode()
    signing.check(_key(platform), text, fields.wanted(told, "sign"), "sign")
    for name, own in (("app_id", app_id), ("seller_id", seller_id)):
        if fields.wanted(told, name, 64) != own:
            raise NoticeError(name, "of another merchant")
    left = {name: value for name, value in told.items() if name not in ("sign", "sign_type")}
    return json.dumps(left, ensure_ascii=False).encode()


def open_answer(body: bytes, platform: Mapping[str, RSAPublicKey]) -> bytes:
    """The object of an answer, believed: exactly the bytes that were signed. ForgedError;
    NoticeError: there is none. What the gateway says when it could not read us, it does not
    sign."""
    whole = fields.read_json(body)
    names = [name for name in whole if name.endswith("_response")]
    if len(names) != 1:
        raise NoticeError("", "exactly one object named …_response was expected")
    inner = _inside(body, names[0])
    if names[0] == "error_response" and "sign" not in whole:
        if fields.text(fields.read_json(inner), "code", 16) == OK:
            raise ForgedError("sign", "missing")
        return inner
    signing.check(_key(platform), inner, fields.text(whole, "sign"), "sign")
    return inner


def _inside(body: bytes, name: str) -> bytes:
    """The object under ``name`` as it stands there, to the byte."""
    try:
        text = body.decode()
    except ValueError as error:
        raise NoticeError("", "not UTF-8") from error
    at = text.find(f'"{name}"')
    start = text.find("{", at + len(name)) if at >= 0 else -1
    if start < 0:
        raise NoticeError(name, "missing")
    try:
        _, end = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError) as error:
        raise NoticeError(name, "no object") from error
    return text[start:end].encode()


def _key(platform: Mapping[str, RSAPublicKey]) -> RSAPublicKey:
    """Their key: Alipay's signatures do not say which."""
    if len(platform) != 1:
        raise ForgedError("sign", "exactly one key of theirs is wanted")
    return next(iter(platform.values()))


def read(body: Object, hint: str = "") -> Reading:
    """Any message of theirs, opened. ``hint`` has ``status`` in it when it is the answer to a
    question, ``refund`` when that was about one. NoticeError."""
    if "notify_id" in body:
        return _refund_notice(body) if body.get("out_biz_no") else _trade(body)
    code = fields.wanted(body, "code", 16)
    if code != OK:
        return _error(body, code, hint)
    if "qr_code" in body:
        return Reading(said=Said.PENDING, key=fields.reference(body, "out_trade_no"),
                       code=fields.wanted(body, "qr_code"))  # fmt: skip
    if "refund" in hint or "fund_change" in body or "refund_status" in body:
        return _refund(body)
    return _trade(body)


def _error(body: Object, code: str, hint: str) -> Reading:
    sub = fields.text(body, "sub_code", 64)
    question = "status" in hint
    said = Said.UNKNOWN
    if sub == NOT_YET and question and "refund" not in hint:
        said = Said.PENDING
    elif not question and (code in SURE or sub in REFUSED):
        said = Said.FAILED
    return Reading(said=said, reason=sub or code, text=fields.text(body, "sub_msg"))


def _trade(body: Object) -> Reading:
    state = fields.wanted(body, "trade_status", 32)
    said = STATUS.get(state, Said.UNKNOWN)
    if state == "TRADE_CLOSED" and (body.get("gmt_payment") or body.get("send_pay_date")):
        said = Said.REVERSED
    paid = said is Said.PAID
    receipt = fields.text(body, "trade_no", 64)
    shown, form = fields.payer(fields.text(body, "buyer_logon_id", 128))
    masked = bool(shown) and form is Payer.MASKED
    return Reading(
        said=said,
        key=fields.reference(body, "out_trade_no"),
        receipt=fields.receipt(body, "trade_no") if paid or receipt else "",
        amount=fields.amount(body, "total_amount") if paid else None,
        currency=CURRENCY,
        payer=shown if masked else "",
        payer_form=Payer.MASKED if masked else Payer.ABSENT,
        at=_time(body.get("gmt_payment") or body.get("send_pay_date")),
        short_code=fields.text(body, "seller_id", 32),
        reason="" if paid else state,
    )


def _refund(body: Object) -> Reading:
    """Money moved now where ``fund_change`` is Y; a repeat says N, and the question decides."""
    done = body.get("fund_change") == "Y" or body.get("refund_status") == "REFUND_SUCCESS"
    said = Said.REVERSED if done else Said.UNKNOWN
    amount = body.get("refund_amount") or body.get("refund_fee") if done else None
    return Reading(
        said=said,
        key=fields.reference(body, "out_request_no") if body.get("out_request_no") else "",
        amount=fields.amount({"refund_amount": amount}, "refund_amount") if amount else None,
        currency=CURRENCY,
        at=_time(body.get("gmt_refund_pay")),
        original=fields.receipt(body, "trade_no") if done else "",
        reversal_receipt=fields.text(body, "out_request_no", 64),
        reason="" if done else NO_REFUND,
    )


def _refund_notice(body: Object) -> Reading:
    """A refund is told as one more notice of the trade, still called paid; ``refund_fee`` is the
    sum of all refunds, so how much this one was our own question says."""
    return Reading(
        said=Said.UNVERIFIED,
        key=fields.reference(body, "out_biz_no"),
        currency=CURRENCY,
        original=fields.receipt(body, "trade_no"),
        reversal_receipt=fields.wanted(body, "out_biz_no", 64),
        reason="refund",
    )


def _time(found: object) -> datetime | None:
    try:
        return datetime.strptime(str(found or "")[:19], TIME).replace(tzinfo=BEIJING)
    except ValueError:
        return None
