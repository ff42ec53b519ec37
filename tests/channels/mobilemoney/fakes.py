"""The channel of a wallet between a provider played by hand and a hub in memory."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from adapters.mobilemoney.sending import Answered, Call, Kind
from channels.mobilemoney.addresses import Addresses
from channels.mobilemoney.client import LostError, NotSentError
from channels.mobilemoney.config import MobileMoneyConfig
from channels.mobilemoney.service import build
from core.messages import AskPayer, ReceivePayIn, ReportCollection, ReportReversal, ReversePayment
from core.queries.wallet_receipts import known_receipts
from core.wallets.terms import Wallet, WalletTerms
from hub.channel import HttpRequest, HttpResponse, Outbound
from tests.channels.harness import START_US, FakePorts, House

SECRET = "0123456789abcdef0123456789abcdef-path"
PUBLIC, PATH = "https://pay.example.test", "/wallets/in"
PAYER = "+254708374149"
METER = "04123456789"
SECRETS = ("consumer_key", "consumer_secret", "passkey", "security_credential", "api_key",
           "subscription_key", "client_id", "client_secret")  # fmt: skip
SETTINGS = {
    "initiator": "tester",
    "api_user": "user",
    "target_environment": "sandbox",
    "country": "UG",
    "country_code": "256",
}
CURRENCY = {"mpesa": "KES", "mtn": "UGX", "airtel": "UGX"}
#: Where a provider is asked for what.
WHERE = {
    "mpesa": {
        "ask": "/mpesa/stkpush/v1/processrequest",
        "status": "/mpesa/stkpushquery/v1/query",
        "refund": "/mpesa/reversal/v1/request",
        "payment": "/mpesa/transactionstatus/v1/query",
        "pull": "/pulltransactions/v1/query",
    },
    "mtn": {"ask": "/collection/v1_0/requesttopay", "status": "/collection/v1_0/requesttopay/0"},
    "airtel": {
        "ask": "/merchant/v1/payments/",
        "status": "/standard/v1/payments/0",
        "refund": "/standard/v1/payments/refund",
    },
}


def uuid(number: int) -> str:
    """A reference of ours."""
    return f"00000000-0000-4000-8000-{number:012d}"


def said(http: int = 200, /, **body: Any) -> Answered:
    """A JSON answer."""
    return Answered(status=http, body=json.dumps(body).encode())


TOKEN = said(access_token="tok", expires_in="3599")
LOST, AWAY = LostError("no answer in time"), NotSentError("refused")


@dataclass
class NotingPorts(FakePorts):
    """Ports with a notebook. ``unwritten``: what the next notes fail with; ``pages``: while it is a
    list, notes wait in it until :meth:`write`; ``known``: receipts on file."""

    name: str = "purse"
    folder: Path = field(default_factory=Path)
    notebook: dict[str, str] = field(default_factory=dict)
    unwritten: list[Exception] = field(default_factory=list)
    unread: list[Exception] = field(default_factory=list)
    pages: "list[tuple[str, str, Deferred[None]]] | None" = None
    known: dict[str, tuple[int, str]] = field(default_factory=dict)
    asked: "list[tuple[tuple[Any, ...], Deferred[Any]]]" = field(default_factory=list)
    log: Any = field(default_factory=lambda: Said())

    def file(self, name: str) -> Path:
        return self.folder / name

    def keep(self, key: str, value: str) -> "Deferred[None]":
        if self.unwritten:
            return fail(self.unwritten.pop(0))
        if self.pages is not None:
            done: Deferred[None] = Deferred()
            self.pages.append((key, value, done))
            return done
        self.notebook[key] = value
        return succeed(None)

    def write(self) -> None:
        """The commit of what waits."""
        pages, self.pages = self.pages or [], None
        for key, value, done in pages:
            self.notebook[key] = value
            done.callback(None)

    def kept(self, key: str) -> "Deferred[str | None]":
        if self.unread:
            return fail(self.unread.pop(0))
        return succeed(self.notebook.get(key))

    def query(self, function: Callable[..., Any], *args: Any) -> "Deferred[Any]":
        if function is known_receipts:
            told: dict[str, tuple[int, str]] = {}
            for each in self.messages():
                if isinstance(each, ReceivePayIn) or getattr(each, "state", "") == "paid":
                    told.setdefault(each.receipt, (each.amount, each.currency))
            found = self.known | told
            return succeed({receipt: found[receipt] for receipt in args[1] if receipt in found})
        done: Deferred[Any] = Deferred()
        self.asked.append(((function, *args), done))
        return done


class Said:
    """A log that remembers (level, event, fields)."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, Any]]] = []

    def __getattr__(self, level: str) -> Callable[..., None]:
        return partial(self._say, level)

    def _say(self, level: str, event: str, **told: Any) -> None:
        self.lines.append((level, event, told))

    def events(self) -> list[str]:
        """What was said, in order."""
        return [event for _, event, _ in self.lines]


class HandClient:
    """Answers by script: ``will[path]`` holds what the next calls there come to; without, a call
    waits in ``out``. Signing in succeeds unless it is scripted."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.bearers: list[str] = []
        self.will: dict[str, list[Any]] = {}
        self.out: list[tuple[Call, Deferred[Answered]]] = []
        self.tokens = 0
        self.closed = False

    def call(self, call: Call, bearer: str, within_s: float) -> "Deferred[Answered]":
        assert 1 <= within_s <= 120
        if not call.bearer:
            self.tokens += 1
        else:
            self.calls.append(call)
            self.bearers.append(bearer)
        script = self.will.get(call.path)
        found = script.pop(0) if script else None if call.bearer else TOKEN
        if isinstance(found, Exception):
            return fail(found)
        if found is not None:
            return succeed(found)
        done: Deferred[Answered] = Deferred()
        self.out.append((call, done))
        return done

    def close(self) -> "Deferred[None]":
        self.closed = True
        return succeed(None)

    def sent_to(self, path: str) -> list[Call]:
        """Calls at a path; one that ends in ``/0``: below it."""
        if path.endswith("/0"):
            return [each for each in self.calls if each.path.startswith(path)]
        return [each for each in self.calls if each.path == path]


class Stage:
    """``channel`` between ``client`` and ``ports``; :meth:`restart` makes another one on the same
    notebook and journal."""

    def __init__(self, folder: Path, provider: str = "mpesa", **options: Any) -> None:
        self.clock = Clock()
        self.provider = provider
        large = options.pop("large", 0)
        for name in (*SECRETS, "path"):
            (folder / name).write_text(SECRET if name == "path" else f"the-{name}")
        wallet = Wallet(
            name="purse", channel="purse", provider=provider, label="Purse", short_code="600966",
            currency=CURRENCY[provider], large=large, asks_s=120,
        )  # fmt: skip
        house = House(wallets=WalletTerms(wallets={"purse": wallet}))
        self.ports = NotingPorts(self.clock, company=house, folder=folder)
        self.options = {
            "wallet": "purse", "base": "https://api.example.test", "public": PUBLIC,
            "path_secret": "path", "path": PATH, "settings": SETTINGS,
            "secrets": {name: name for name in SECRETS}, "callers": ("192.0.2.0/24",), **options,
        }  # fmt: skip
        self.begin()

    def begin(self) -> None:
        self.client = HandClient()
        config = msgspec.convert(self.options, MobileMoneyConfig)
        self.channel = build(self.ports, config, self.client)
        self.will("pull", *[said(Response=[[]])] * 50)
        self.channel.start()

    def restart(self, after_s: float = 0.0) -> None:
        """The process was killed; another one starts."""
        self.clock = Clock()
        self.clock.advance((self.ports.now_us() - START_US) / 1e6 + after_s)
        self.ports.reactor = self.clock
        self.ports.mounted.clear()
        self.begin()

    # --- what the provider does -----------------------------------------------------------------

    def path(self, name: str, reference: str = "") -> str:
        """Where he is asked for it."""
        where = WHERE[self.provider].get(name, f"/no/{name}")
        return f"{where.removesuffix('0')}{reference}" if name == "status" else where

    def will(self, name: str, *answers: Any, reference: str = "") -> None:
        """What the next calls of a kind come to."""
        path = self.path(name, reference if self.provider != "mpesa" else "")
        self.client.will.setdefault(path, []).extend(answers)

    def calls(self, name: str) -> list[dict[str, Any]]:
        """Bodies of the calls of a kind."""
        where = WHERE[self.provider].get(name, f"/no/{name}")
        return [json.loads(each.body or b"{}") for each in self.client.sent_to(where)]

    def answers(self, answer: Any) -> None:
        """The oldest call that is out comes to its end."""
        _, done = self.client.out.pop(0)
        if isinstance(answer, Exception):
            done.errback(answer)
        else:
            done.callback(answer)

    def calls_back(
        self, kind: Kind, reference: str, body: Any, **other: Any
    ) -> "Deferred[HttpResponse]":
        """A callback; ``body`` is JSON unless it is octets."""
        url = Addresses(PUBLIC, PATH, SECRET).of(kind, reference)
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.request(HttpRequest(
            method=other.get("method", "POST"), path=other.get("path", url.removeprefix(PUBLIC)),
            query={}, headers={}, body=data, peer=other.get("peer", "192.0.2.7"),
        ))  # fmt: skip

    def request(self, request: HttpRequest) -> "Deferred[HttpResponse]":
        """Through what the channel has mounted."""
        (handler,) = self.ports.mounted.values()
        found: Deferred[HttpResponse] = handler(request)
        return found

    # --- what the hub does ----------------------------------------------------------------------

    def send(self, message: AskPayer | ReversePayment, since_us: int = 0) -> "Deferred[Any]":
        """The hub hands over a request."""
        at_us = since_us or self.ports.now_us()
        id_ = str(UUID(int=(at_us // 1000) << 80 | 7 << 76 | 1))
        return self.channel.send(Outbound(id_, message, 1, message.reference))

    def advance(self, seconds: float) -> None:
        """Time passes in steps of the channel's own tick."""
        for _ in range(int(seconds)):
            self.clock.advance(1.0)

    def told(self) -> list[ReportCollection]:
        """Reports of collections."""
        return [m for m in self.ports.messages() if isinstance(m, ReportCollection)]

    def states(self) -> list[str]:
        """Their states."""
        return [each.state for each in self.told()]

    def reversals(self) -> list[ReportReversal]:
        """Reports of refunds."""
        return [m for m in self.ports.messages() if isinstance(m, ReportReversal)]

    def pay_ins(self) -> list[ReceivePayIn]:
        """Money that came by itself."""
        return [m for m in self.ports.messages() if isinstance(m, ReceivePayIn)]

    def step_of(self, reference: str) -> str | None:
        """What the notebook says."""
        text = self.ports.notebook.get(reference)
        return str(json.loads(text).get("step", "waiting")) if text else None


def ask(number: int = 1, provider: str = "mpesa", **other: Any) -> AskPayer:
    """An ask for 500 shillings."""
    fields: dict[str, Any] = {
        "channel": "purse", "wallet": "purse", "collection": number, "reference": uuid(number),
        "payer": PAYER, "amount": 50_000 if provider == "mpesa" else 500,
        "currency": CURRENCY[provider], "shown": METER,
    }  # fmt: skip
    return AskPayer(**{**fields, **other})


def refund(number: int = 5, provider: str = "mpesa", **other: Any) -> ReversePayment:
    """A refund of 500 shillings."""
    fields: dict[str, Any] = {
        "channel": "purse", "wallet": "purse", "refund": number, "reference": uuid(number),
        "receipt": "SKC82PACB8", "amount": 50_000 if provider == "mpesa" else 500,
        "currency": CURRENCY[provider], "payer": PAYER,
    }  # fmt: skip
    return ReversePayment(**{**fields, **other})


def taken(key: str = "ws_CO_1") -> Answered:
    """M-Pesa takes a push."""
    return said(
        MerchantRequestID="1", CheckoutRequestID=key, ResponseCode="0", ResponseDescription="ok"
    )


def pushed(code: Any = 0, amount: Any = 500, receipt: str = "NLJ7RT61SV") -> dict[str, Any]:
    """M-Pesa's callback about a push."""
    told: dict[str, Any] = {
        "MerchantRequestID": "1", "CheckoutRequestID": "ws_CO_1", "ResultCode": code,
        "ResultDesc": "so it is",
    }  # fmt: skip
    if str(code) == "0":
        items = {"Amount": amount, "MpesaReceiptNumber": receipt, "PhoneNumber": 254708374149}
        told["CallbackMetadata"] = {
            "Item": [{"Name": name, "Value": value} for name, value in items.items()]
        }
    return {"Body": {"stkCallback": told}}


def asked_status(code: str = "0") -> Answered:
    """M-Pesa's answer to a question about a push."""
    return said(
        ResponseCode="0", CheckoutRequestID="ws_CO_1", ResultCode=code, ResultDesc="so it is"
    )


def c2b(
    receipt: str = "RKL51ZDR4F", amount: Any = "500.00", typed: str = METER, **other: Any
) -> dict[str, Any]:
    """M-Pesa's confirmation of money that came by itself."""
    return {
        "TransactionType": "Pay Bill", "TransID": receipt, "TransTime": "20261121120100",
        "TransAmount": amount, "BusinessShortCode": "600966", "BillRefNumber": typed,
        "MSISDN": "2547 ***** 149", "FirstName": "TEST", **other,
    }  # fmt: skip


def outcome(done: "Deferred[Any]") -> Any:
    """What a Deferred has come to; None while it has not."""
    found: list[Any] = []
    done.addCallback(lambda result: found.append(result) or result)  # type: ignore[func-returns-value]
    return found[0] if found else None
