"""What we send to a provider of mobile money, as data: requests, and what their answers mean.

A provider's module has one :class:`Sender`: plain functions that build an HTTP request and read its
answer. None of them has a socket, a clock or chance: :class:`Given` brings them. What differs by
installation or by edition (addresses, codes, names of settings) is data beside it
(``mappings/wallets/providers``), never code.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, Literal

from adapters.mobilemoney import fields
from adapters.mobilemoney.bills import MAX_PACKED, Bill, Where
from adapters.mobilemoney.reading import NoticeError, Reading

JSON: Final = {"Content-Type": "application/json", "Accept": "application/json"}


class UnfitError(ValueError):
    """The request cannot be made of this: nothing was sent, and nothing would be by trying again.
    ``code``: our word for it."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One HTTP request. ``path`` begins with ``/`` and is put behind the provider's base address
    (an address of its own with ``https://`` is taken as it is). ``bearer``: the channel adds the
    access token; else the headers are whole (a basic sign-in, or a signature of the request).
    ``most``: the longest answer that is one, where that is a file."""

    method: Literal["GET", "POST", "PUT"]
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    bearer: bool = True
    most: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An HTTP answer, whole; names of headers in small letters."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a request is made of beside what it asks for.

    ``paths``, ``settings``: of the provider's data and of the channel's section; ``secrets``: by
    name; ``now``: with its zone, the provider's; ``nonce``: 32 hex digits, new for each request;
    ``address``: of a callback of a kind about a reference, with its unguessable part.
    """

    paths: Mapping[str, str]
    settings: Mapping[str, str]
    secrets: Mapping[str, str] = field(repr=False)
    now: datetime
    nonce: str
    address: Callable[["Kind", str], str] = field(repr=False)

    def callback(self, kind: "Kind", reference: str = "") -> str:
        """Where the provider shall send what he has to say of our request ``reference``."""
        return self.address(kind, reference)


class Kind(StrEnum):
    """What a callback is about: a part of its address, before what it is about."""

    NOTICE = "notice"  # the end of what we asked a payer for, by our reference
    VALIDATION = "validation"  # may this payment be made? an answer is waited for
    CONFIRMATION = "confirmation"  # money came by itself
    REFUND = "refund"  # the end of a refund, by our reference
    PAYMENT = "payment"  # the answer to our question about a payment, by its receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Ask ``payer`` (digits of E.164 without +) for ``amount`` (major units). ``key``: the
    provider's own number of an earlier call of ours, for a question about it; empty: none known.
    ``at``: when it was first asked for, as it was noted before the call left: one provider's
    question must name it."""

    reference: str
    payer: str
    amount: Decimal
    currency: str
    shown: str = ""
    key: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """Give the payment ``receipt`` back under ``reference``. ``ask``: the reference of what was
    asked for, where it was a collection. ``key``, ``at``: as in :class:`Ask`."""

    reference: str
    receipt: str
    amount: Decimal
    currency: str
    payer: str = ""
    ask: str = ""
    key: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """From when until when (with the provider's zone); ``offset``: so many rows were read."""

    since: datetime
    until: datetime
    offset: int = 0


class Came(StrEnum):
    """What an answer says of the call; what it says of the money is its reading."""

    TAKEN = "taken"  # they have it; what becomes of it they tell, or are asked
    ENDED = "ended"  # the reading says the end, or that they do not know it yet
    REFUSED = "refused"  # surely not taken, and would not be if it were sent again
    STALE = "stale"  # surely not taken: the access token is none any more
    BUSY = "busy"  # surely not taken: they have no room just now
    ABSENT = "absent"  # to a question: they know nothing of it
    LOST = "lost"  # it may have been taken: ask, never send again under a new reference


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """``key``: their number of our call; ``code``: theirs; ``text``: their words; ``shown``: what
    the payer must see (the text of a QR code)."""

    came: Came
    key: str = ""
    code: str = ""
    text: str = ""
    shown: str = ""
    reading: Reading | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """An access token, and how long it is good."""

    value: str = field(repr=False)
    seconds: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """A page of what the provider has; ``more``: there is another one. ``unread``: what of it could
    not be read, as evidence."""

    readings: tuple[Reading, ...]
    more: bool = False
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """What a callback is answered with."""

    status: int = 200
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


class Verdict(StrEnum):
    """Our answer to a provider's question whether a payment may be made."""

    ACCEPT = "accept"
    PAYER = "payer"  # this payer may not
    REFERENCE = "reference"  # nobody knows what he typed
    AMOUNT = "amount"
    OTHER = "other"


def _read_plain(body: bytes, headers: Mapping[str, str], given: Given) -> bytes:
    """A notice that is neither signed nor enciphered."""
    del headers, given
    return body


def _as_it_came(answered: "Answered", given: Given) -> "Answered":
    """An answer that is believed because of TLS."""
    del given
    return answered


def _fetched(where: Where) -> Call:
    """The file of a day, from an address that carries its own permission."""
    return Call(method="GET", path=where.url, bearer=False, most=MAX_PACKED)


def _no_signature(call: Call, given: Given) -> Call:
    del given
    return call


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """A provider as functions; None: he has nothing of the kind.

    ``token``: None where every request is signed by itself (``sign``). ``ask``/``read_ask``: ask a
    payer. ``status``/``read_status``: what became of it; ``read_status`` gives ENDED with a reading
    (PAID, FAILED, PENDING, UNKNOWN, REVERSED), or ABSENT, STALE, BUSY, LOST. ``refund`` likewise,
    with ``refund_status`` as its question. ``payment``: ask about a payment that came by itself;
    its answer comes as a callback of kind PAYMENT (TAKEN) or at once (ENDED). ``register``: tell
    the provider our addresses, answered as ``read_refund`` reads it. ``pull``: what the
    provider has of a window. ``open_notice`` checks a notice's signature and deciphers it; it
    raises NoticeError for one that is not the provider's. ``open_answer`` does the same to an HTTP
    answer before any ``read_…`` of it; after its NoticeError nobody knows (LOST). ``bill``: ask for
    the file of a day; ``read_bill``: where it is; ``fetch_bill``: get it from there, where it did
    not come with the answer; ``open_bill``: its lines, or NoticeError. ``reply``: what
    a callback is answered with once it is stored; ``answer``: to a validation.
    """

    name: str
    ask: Callable[[Given, Ask], Call]
    read_ask: Callable[[Answered], Result]
    status: Callable[[Given, Ask], Call | None]
    read_status: Callable[[Answered], Result]
    token: Callable[[Given], Call] | None = None
    read_token: Callable[[Answered], Token] | None = None
    refund: Callable[[Given, Refund], Call] | None = None
    read_refund: Callable[[Answered], Result] | None = None
    refund_status: Callable[[Given, Refund], Call] | None = None
    read_refund_status: Callable[[Answered], Result] | None = None
    payment: Callable[[Given, str], Call] | None = None
    register: Callable[[Given], Call] | None = None
    pull: Callable[[Given, Window], Call] | None = None
    read_pull: Callable[[Answered], Page] | None = None
    sign: Callable[[Call, Given], Call] = _no_signature
    open_notice: Callable[[bytes, Mapping[str, str], Given], bytes] = _read_plain
    open_answer: Callable[[Answered, Given], Answered] = _as_it_came
    bill: Callable[[Given, date], Call] | None = None
    read_bill: Callable[[Answered], Where] | None = None
    fetch_bill: Callable[[Where], Call] = _fetched
    open_bill: Callable[[Given, date, Where, bytes], Bill] | None = None
    reply: Callable[[], Reply] = Reply
    answer: Callable[[Verdict, str], Reply] | None = None


def body_of(told: Mapping[str, Any]) -> bytes:
    """A JSON body; amounts are texts or whole numbers already."""
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def read_object(answered: Answered, most: int = fields.MAX_BYTES) -> Mapping[str, Any]:
    """The JSON object of an answer, or NoticeError."""
    return fields.read_json(answered.body, most)


def by_status(answered: Answered) -> Result | None:
    """What the HTTP status alone says, whoever the provider is; None: the body must be read.

    401: the token; 429: no room. A 5xx says nothing about what was done before it.
    """
    if answered.status == 401:
        return Result(came=Came.STALE, code="401")
    if answered.status == 429:
        return Result(came=Came.BUSY, code="429")
    return None


def told_or_lost(answered: Answered, read: Callable[[Mapping[str, Any]], Result]) -> Result:
    """Read the body; where it cannot be read (HTML, half a text) nobody knows, except after a 4xx:
    a request that was wrong surely did nothing."""
    early = by_status(answered)
    if early is not None:
        return early
    try:
        return read(read_object(answered))
    except NoticeError as error:
        sure = 400 <= answered.status < 500 and answered.status not in (408, 409)
        came = Came.REFUSED if sure else Came.LOST
        return Result(came=came, code=str(answered.status), text=str(error))


def read_token(answered: Answered) -> Token:
    """``access_token`` and ``expires_in`` (number or text), as OAuth has them. NoticeError."""
    if answered.status != 200:
        raise NoticeError("", f"HTTP {answered.status} in place of an access token")
    body = read_object(answered)
    value = fields.wanted(body, "access_token", 8_192)
    seconds = fields.decimal(fields.text(body, "expires_in", 16) or "3600")
    if seconds is None or not value.isascii() or not value.isprintable():
        raise NoticeError("expires_in", "no number of seconds")
    return Token(value, min(int(seconds), 86_400))


def setting(given: Given, name: str) -> str:
    """A setting of the channel. UnfitError: it is not there."""
    found = given.settings.get(name, "")
    if not found:
        raise UnfitError("setting", f"the setting {name} is missing")
    return found


def secret(given: Given, name: str) -> str:
    """A secret of the channel. UnfitError: it is not there."""
    found = given.secrets.get(name, "")
    if not found:
        raise UnfitError("secret", f"the secret {name} is missing")
    return found


def whole(amount: Decimal) -> str:
    """An amount without a fraction, as some providers want it. UnfitError."""
    if amount != amount.to_integral_value() or amount <= 0:
        raise UnfitError("amount", f"{amount} is no whole amount")
    return str(int(amount))


def plain(amount: Decimal) -> str:
    """An amount with the decimals of its currency."""
    if amount <= 0:
        raise UnfitError("amount", f"{amount} is no amount")
    return format(amount, "f")
