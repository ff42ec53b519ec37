"""WeChat Pay, API v3, native: the payer scans a code (WeChat Pay's merchant documents, API v3).

Amounts are whole fen. What is signed is text with a line feed behind every part. The platform signs
answers and notices alike; the part of a notice that matters is enciphered with the API v3 key too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from adapters.mobilemoney import fields, signing
from adapters.mobilemoney.fields import Object
from adapters.mobilemoney.reading import NoticeError, Reading, Said
from adapters.mobilemoney.signing import ForgedError

NAME, CURRENCY = "wechat", "CNY"
SCHEME: Final = "WECHATPAY2-SHA256-RSA2048"
#: Of ``trade_state``. An attempt that failed (PAYERROR) can be made again with the same code;
#: REFUND says that something of it was given back, not how much.
STATE: Final = {
    "SUCCESS": Said.PAID,
    "REFUND": Said.REVERSED,
    "NOTPAY": Said.PENDING,
    "ACCEPT": Said.PENDING,
    "USERPAYING": Said.PENDING,
    "PAYERROR": Said.PENDING,
    "CLOSED": Said.FAILED,
    "REVOKED": Said.FAILED,
}
#: Nobody has paid: the end, once the code has expired.
UNPAID: Final = ("NOTPAY", "PAYERROR")
#: Of a refund. ABNORMAL: it left us and could not reach the payer's card; people must act.
REFUND: Final = {
    "SUCCESS": Said.REVERSED,
    "PROCESSING": Said.PENDING,
    "CLOSED": Said.FAILED,
    "ABNORMAL": Said.UNKNOWN,
}
#: Errors after which an order or a refund surely was not taken. A number that was used before
#: (OUT_TRADE_NO_USED) is not among them: it is our own first try.
SURE: Final = frozenset(
    "PARAM_ERROR INVALID_REQUEST SIGN_ERROR NO_AUTH APPID_MCHID_NOT_MATCH MCH_NOT_EXISTS "
    "RULE_LIMIT NOT_ENOUGH USER_ACCOUNT_ABNORMAL RESOURCE_NOT_EXISTS ACCOUNT_ERROR".split()
)
BUSY: Final = frozenset("FREQUENCY_LIMITED FREQUENCY_LIMIT RATELIMIT_EXCEEDED".split())
#: To a question: they know no such order, or no such refund.
ABSENT: Final = frozenset("ORDER_NOT_EXIST ORDERNOTEXIST RESOURCE_NOT_EXISTS".split())


@dataclass(frozen=True, slots=True)
class Merchant:
    """Who we are to them, and their keys by number. ``key_id``: the number of the one that is no
    certificate."""

    mch_id: str
    app_id: str
    platform: Mapping[str, RSAPublicKey]
    key_id: str = ""


def authorization(
    merchant: tuple[str, str], key: RSAPrivateKey, call: tuple[str, str, bytes],
    stamp: int, nonce: str,
) -> str:  # fmt: skip
    """The header of a request: ``merchant`` is our number and the serial of our certificate,
    ``call`` method, path with its query, and body."""
    method, path, body = call
    text = f"{method}\n{path}\n{stamp}\n{nonce}\n".encode() + body + b"\n"
    parts = {
        "mchid": merchant[0],
        "nonce_str": nonce,
        "timestamp": str(stamp),
        "serial_no": merchant[1],
        "signature": signing.sign(key, text),
    }
    return f"{SCHEME} " + ",".join(f'{name}="{value}"' for name, value in parts.items())


def check(merchant: Merchant, body: bytes, headers: Mapping[str, str], now: int) -> None:
    """Whether the platform signed this answer or notice, just now. ``headers`` in small letters.
    ForgedError."""
    serial = headers.get("wechatpay-serial", "")
    number = "" if merchant.key_id and serial == merchant.key_id else serial.upper() or "none"
    key = merchant.platform.get(number)
    if key is None:
        raise ForgedError("Wechatpay-Serial", f"{serial[:64]!r} is no key of theirs that we have")
    stamp, nonce = headers.get("wechatpay-timestamp", ""), headers.get("wechatpay-nonce", "")
    text = f"{stamp}\n{nonce}\n".encode() + body + b"\n"
    signing.check(key, text, headers.get("wechatpay-signature", ""), "Wechatpay-Signature")
    signing.check_fresh(stamp, now, "Wechatpay-Timestamp")


def unseal(body: bytes, api_key: bytes) -> bytes:
    """What a notice is about, deciphered: a transaction or a refund. NoticeError."""
    resource = fields.inner(fields.read_json(body), "resource")
    if fields.wanted(resource, "algorithm", 32) != "AEAD_AES_256_GCM":
        raise NoticeError("resource.algorithm", "only AEAD_AES_256_GCM is known")
    return signing.unseal(
        api_key,
        fields.wanted(resource, "nonce", 16),
        fields.wanted(resource, "ciphertext", fields.MAX_BYTES),
        fields.text(resource, "associated_data", 16),
    )


def open_notice(
    merchant: Merchant, api_key: bytes, body: bytes, headers: Mapping[str, str], now: int
) -> bytes:
    """A notice, believed: signed, fresh, deciphered, and ours. NoticeError, ForgedError."""
    check(merchant, body, headers, now)
    plain = unseal(body, api_key)
    told = fields.read_json(plain)
    for name, own in (("mchid", merchant.mch_id), ("appid", merchant.app_id)):
        found = fields.text(told, name, 64)
        if found != own and (found or name == "mchid"):  # a refund's notice names no appid
            raise NoticeError(name, "of another merchant")
    return plain


def read(body: Object, hint: str = "") -> Reading:
    """Any message of theirs, deciphered. ``hint`` has ``status`` in it when it is the answer to a
    question: an error then says nothing about the money. NoticeError."""
    if "trade_state" in body:
        return _transaction(body)
    if "out_refund_no" in body:
        return _refund(body)
    if "code_url" in body:
        return Reading(said=Said.PENDING, code=fields.wanted(body, "code_url"))
    code, text = fields.wanted(body, "code", 64), fields.text(body, "message")
    sure = code in SURE and "status" not in hint
    return Reading(said=Said.FAILED if sure else Said.UNKNOWN, reason=code, text=text)


def _transaction(body: Object) -> Reading:
    state = fields.wanted(body, "trade_state", 32)
    said = STATE.get(state, Said.UNKNOWN)
    receipt = fields.text(body, "transaction_id", 64)
    if said is Said.PAID and not receipt:
        said = Said.UNVERIFIED
    paid = said is Said.PAID
    amount = fields.inner(body, "amount") if paid else {}
    return Reading(
        said=said,
        key=fields.reference(body, "out_trade_no"),
        receipt=fields.receipt(body, "transaction_id") if receipt else "",
        amount=fields.hundredths(amount, "total") if paid else None,
        currency=_currency(amount) if paid else CURRENCY,
        at=fields.zoned_time(fields.text(body, "success_time", 40)),
        short_code=fields.text(body, "mchid", 32),
        reason="" if paid else state,
        text=fields.text(body, "trade_state_desc"),
    )


def _refund(body: Object) -> Reading:
    """An answer has ``status``, a notice ``refund_status``."""
    state = fields.text(body, "refund_status", 32) or fields.wanted(body, "status", 32)
    said = REFUND.get(state, Said.UNKNOWN)
    amount = fields.inner(body, "amount")
    return Reading(
        said=said,
        key=fields.reference(body, "out_refund_no"),
        amount=fields.hundredths(amount, "refund"),
        currency=_currency(amount),
        at=fields.zoned_time(fields.text(body, "success_time", 40)),
        original=fields.receipt(body, "transaction_id"),
        reversal_receipt=fields.receipt(body, "refund_id"),
        reason="" if said is Said.REVERSED else state,
    )


def _currency(amount: Object) -> str:
    """Absent, it is the only one that native codes are paid in."""
    return fields.text(amount, "currency", 3) or CURRENCY
