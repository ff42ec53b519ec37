"""UnionPay QR: the payer scans a code (UnionPay's platform interface 5.1.0, product QR).

Everything is a form. What is signed is SHA-256, in hex, of all fields sorted, and again by RSA with
SHA-256; ``certId`` is the serial of the signer's certificate in decimal. Amounts are whole fen,
times Beijing's. A question names the order's number and its time, so that time is kept.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from adapters.mobilemoney import fields, signing
from adapters.mobilemoney.fields import Object
from adapters.mobilemoney.reading import NoticeError, Reading, Said
from adapters.mobilemoney.signing import ForgedError

NAME, CURRENCY, CURRENCY_CODE = "unionpay", "CNY", "156"
#: China has no summer time.
ZONE_HOURS: Final = 8
VERSION: Final = "5.1.0"
#: Done; A6: done with a flaw that is theirs to mend.
DONE: Final = ("00", "A6")
#: Nobody knows yet: timed out, state unclear, taken.
OPEN: Final = ("03", "04", "05")
#: The platform's own trouble (02: closed, 06: busy): nothing was done.
BUSY: Final = ("02", "06")
#: There is no such transaction; before the code has expired it may still come.
ABSENT: Final = "34"
#: The same number again: our own first try.
REPEATED: Final = "12"
#: An answer may hold the file of a day, packed.
MAX_ANSWER: Final = 32 * 1024 * 1024
PURCHASE, REFUND = "01", "04"


def signed(told: Mapping[str, str], key: RSAPrivateKey) -> dict[str, str]:
    """The fields of a request with their ``signature``; what has no value is left out."""
    left = {name: value for name, value in told.items() if value}
    return left | {"signature": signing.sign(key, _text(left))}


def cert_id(certificate: bytes) -> str:
    """``certId`` of a certificate in PEM: its serial in decimal. ValueError."""
    return str(x509.load_pem_x509_certificate(certificate).serial_number)


def check(told: Mapping[str, str], platform: Mapping[str, RSAPublicKey], mer_id: str) -> None:
    """Whether they signed this answer or notice, and whether it is ours. ForgedError, NoticeError.

    5.1.0 brings its certificate along: only one that we have by configuration is believed, because
    anybody can bring one."""
    serial = _serial(told)
    key = platform.get(serial)
    if key is None:
        raise ForgedError("certId", f"{serial[:64]!r} is no key of theirs that we have")
    if told.get("signMethod") != "01":
        raise ForgedError("signMethod", "only 01 (RSA with certificates) is taken")
    signing.check(key, _text(told), fields.wanted(told, "signature", 1024), "signature")
    if told.get("merId") != mer_id:
        raise NoticeError("merId", "of another merchant")


def _serial(told: Mapping[str, str]) -> str:
    """In upper hex digits, as :func:`signing.public_keys` has them."""
    brought = told.get("signPubKeyCert", "")
    if brought:
        try:
            found = x509.load_pem_x509_certificate(brought.encode())
        except ValueError as error:
            raise ForgedError("signPubKeyCert", "no certificate") from error
        return format(found.serial_number, "X")
    number = told.get("certId", "")
    plain = number.isascii() and number.isdigit() and len(number) <= 64
    return format(int(number), "X") if plain else "none"


def _text(told: Mapping[str, str]) -> bytes:
    return signing.hexed(signing.joined(told, "signature"))


def read_answer(body: bytes) -> dict[str, str]:
    """The fields of an answer: a form whose values are not percent-encoded and may hold & and =
    inside braces. NoticeError."""
    if len(body) > MAX_ANSWER:
        raise NoticeError("", f"larger than {MAX_ANSWER} bytes")
    try:
        text = body.decode().strip()
    except ValueError as error:
        raise NoticeError("", "not UTF-8") from error
    if text[:1] in ("", "<", "{", "["):
        raise NoticeError("", "HTML or JSON came where fields were expected")
    pairs = [part.partition("=") for part in _parts(text)]
    if len(pairs) > fields.MAX_FIELDS or not all(name and mark for name, mark, _ in pairs):
        raise NoticeError("", "fields were expected")
    return fields.single((name, value) for name, _, value in pairs)


def _parts(text: str) -> Iterator[str]:
    """By &, but for those between braces; a piece with more opened than closed goes on."""
    piece, depth = "", 0
    for part in text.split("&"):
        piece = f"{piece}&{part}" if depth > 0 else part
        depth = max(0, depth) + part.count("{") - part.count("}")
        if depth <= 0:
            yield piece
    if depth > 0:
        yield piece


def open_notice(body: bytes, platform: Mapping[str, RSAPublicKey], mer_id: str) -> bytes:
    """A notice, believed: its fields as JSON. ForgedError, NoticeError."""
    told = {name: str(value) for name, value in fields.read_form(body).items()}
    check(told, platform, mer_id)
    return as_json(told)


def as_json(told: Mapping[str, str]) -> bytes:
    """Fields as one JSON object, without the signature and what came with it."""
    left = {n: v for n, v in told.items() if n not in ("signature", "signPubKeyCert")}
    return json.dumps(left, ensure_ascii=False).encode()


def read(body: Object, hint: str = "") -> Reading:
    """Any message of theirs, opened. ``hint`` has ``status`` in it when it is the answer to a
    question, ``request`` when to an order or a refund: taken is not done. NoticeError."""
    code = fields.wanted(body, "respCode", 8)
    if "qrCode" in body and code in DONE:
        return Reading(said=Said.PENDING, key=fields.reference(body, "orderId"),
                       code=fields.wanted(body, "qrCode"))  # fmt: skip
    if "origRespCode" in body:
        return _transaction(body, fields.wanted(body, "origRespCode", 8))
    if "queryId" in body and "request" not in hint and "status" not in hint:
        return _transaction(body, code)
    return _answer(body, code, hint)


def _answer(body: Object, code: str, hint: str) -> Reading:
    if "status" in hint:
        said = Said.PENDING if code == ABSENT else Said.UNKNOWN
    elif code in DONE or code in OPEN:
        said = Said.PENDING
    else:
        said = Said.UNKNOWN if code == REPEATED else Said.FAILED
    key = fields.reference(body, "orderId") if body.get("orderId") else ""
    return Reading(said=said, key=key, reason=code, text=fields.text(body, "respMsg"))


def _transaction(body: Object, code: str) -> Reading:
    """What became of an order or of a refund. A failed attempt can be made again with the same
    code: it is the end only when that has expired, and so it is called pending here."""
    if code in DONE:
        return _refund(body) if body.get("txnType") == REFUND else _paid(body)
    return Reading(
        said=Said.PENDING,
        key=fields.reference(body, "orderId"),
        currency=CURRENCY,
        reason=code,
        text=fields.text(body, "origRespMsg"),
    )


def _paid(body: Object) -> Reading:
    return Reading(
        said=Said.PAID,
        key=fields.reference(body, "orderId"),
        receipt=fields.receipt(body, "queryId"),
        amount=fields.hundredths(body, "txnAmt"),
        currency=_currency(body),
        at=_time(body),
        short_code=fields.text(body, "merId", 15),
    )


def _refund(body: Object) -> Reading:
    return Reading(
        said=Said.REVERSED,
        key=fields.reference(body, "orderId"),
        amount=fields.hundredths(body, "txnAmt"),
        currency=_currency(body),
        at=_time(body),
        original=fields.text(body, "origQryId", 21),
        reversal_receipt=fields.receipt(body, "queryId"),
    )


def _currency(body: Object) -> str:
    found = fields.wanted(body, "currencyCode", 3)
    if found != CURRENCY_CODE:
        raise NoticeError("currencyCode", f"{found!r} is not {CURRENCY_CODE} ({CURRENCY})")
    return CURRENCY


def _time(body: Object) -> datetime | None:
    return fields.local_time(fields.text(body, "txnTime", 14), ZONE_HOURS)
