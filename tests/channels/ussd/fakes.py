"""A hub of plain lists for the USSD channel: what it was asked, and answers set by the test."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

import msgspec
import structlog
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from channels.ussd.service import CHANNEL, UssdConfig
from core.messages import Answer, CreditVend, Outcome
from core.queries import customer
from core.queries.views import (
    AccountView,
    BalanceView,
    LineView,
    MeterView,
    PhoneView,
    QuoteView,
    SaleView,
)
from hub.channel import Accepted, Arrival, HttpRequest, HttpResponse

HOME, OTHER = "04123456784", "07123456781"
CALLER = "+256700000001"
TOKEN = "12345678901234567890"
LINES = (
    LineView(code="service", amount=3360),
    LineView(code="vat", amount=3051),
    LineView(code="energy", amount=3750),
    LineView(code="energy", amount=9837),
)


@dataclass(frozen=True)
class FakeCompany:
    code: str = "demo"
    name: str = "Demo Power"
    zone: str = "Africa/Kampala"
    currency: str = "UGX"
    exponent: int = 0
    languages: tuple[str, ...] = ("en",)
    test: bool = False
    country_code: str = "256"
    help_line: str = "0800 123456"


def sale_view(**changes: Any) -> SaleView:
    view = SaleView(
        receipt="00000042",
        meter=HOME,
        token=TOKEN,
        units_tenths=281,
        tender=20_000,
        currency="UGX",
        lines=LINES,
        carried_forward=2,
        at=1_795_000_000_000_000,
    )
    return msgspec.structs.replace(view, **changes)


def quote_view(meter: str = HOME, tender: int = 20_000, **changes: Any) -> QuoteView:
    view = QuoteView(
        meter=MeterView(drn=meter, name="Home" if meter == HOME else "", own=meter == HOME,
                        holder="" if meter == HOME else "J***** D*****"),
        tender=tender,
        currency="UGX",
        units_tenths=281,
        lines=LINES,
        carried_forward=2,
        account="100001",
        credit=50_000,
    )  # fmt: skip
    return msgspec.structs.replace(view, **changes)


def phone_view(**changes: Any) -> PhoneView:
    view = PhoneView(
        msisdn=CALLER,
        registered=True,
        language="en",
        name="Jane Doe",
        accounts=(AccountView(number="100001", credit=50_000, currency="UGX"),),
        meters=(MeterView(drn=HOME, name="Home", own=True),),
    )
    return msgspec.structs.replace(view, **changes)


def done(**changes: Any) -> Answer:
    return Answer(outcome=Outcome.DONE, data=msgspec.to_builtins(sale_view(**changes)))


def refused(code: str, data: Mapping[str, Any] | None = None, **args: Any) -> Answer:
    return Answer(outcome=Outcome.REFUSED, code=code, args=args, data=dict(data or {}))


@dataclass
class FakePorts:
    """``says`` holds what each query gives (a value, or a function of its arguments); ``answers``
    what each purchase ends with, in turn (None: nothing in time; an exception: accept fails)."""

    name: str = "ussd-mno"
    company: Any = field(default_factory=FakeCompany)
    reactor: Any = field(default_factory=Clock)
    log: Any = field(default_factory=lambda: structlog.wrap_logger(None, processors=[_drop]))
    says: dict[Callable[..., Any], Any] = field(default_factory=dict)
    answers: list[Any] = field(default_factory=list)
    arrivals: list[Arrival] = field(default_factory=list)
    records: list[tuple[str, str]] = field(default_factory=list)
    asked: list[tuple[Any, ...]] = field(default_factory=list)
    mounted: dict[str, Any] = field(default_factory=dict)
    links: dict[str, Any] = field(default_factory=dict)
    waiting: list["Deferred[Any]"] = field(default_factory=list)
    known: dict[str, tuple[str, Answer | None]] = field(default_factory=dict)
    key: bytes | None = None

    def __post_init__(self) -> None:
        self.says = {
            customer.phone_view: phone_view(),
            customer.quote: lambda _phone, meter, tender, *_: quote_view(meter, tender),
            customer.last_sales: (sale_view(),),
            customer.balance: BalanceView(
                account="100001", credit=30_000, currency="UGX", block_left_milli=1_900
            ),
            **self.says,
        }

    def accept(self, arrival: Arrival) -> "Deferred[Accepted]":
        self.arrivals.append(arrival)
        if arrival.key in self.known:
            message_id, answer = self.known[arrival.key]
            return succeed(Accepted(message_id, repeat=True, answer=answer))
        answer = self.answers.pop(0) if self.answers else done()
        if isinstance(answer, Exception):
            return fail(answer)
        if isinstance(answer, Deferred):
            return answer
        self.known[arrival.key] = (f"m{len(self.known)}", answer)
        return succeed(Accepted(self.known[arrival.key][0]))

    def answer(self, message_id: str, within_s: float) -> "Deferred[Answer | None]":
        found = next(answer for known, answer in self.known.values() if known == message_id)
        late: Deferred[Answer | None] = Deferred()
        if found is None:
            self.reactor.callLater(within_s, late.callback, None)
        else:
            late.callback(found)
        return late

    def query(self, function: Callable[..., Any], *args: Any) -> "Deferred[Any]":
        inspect.signature(function).bind(None, None, *args)  # as the hub calls it
        self.asked.append((function.__name__, *args))
        said = self.says[function]
        said = said(*args) if callable(said) else said
        if isinstance(said, Deferred):
            return said
        return fail(said) if isinstance(said, ArithmeticError | OSError) else succeed(said)

    def record(self, key: str, raw: str, party: str = "") -> None:
        self.records.append((key, raw))

    def link(self, name: str) -> Any:
        return self.links[name]

    def now_us(self) -> int:
        return 1_795_000_000_000_000 + int(self.reactor.seconds() * 1_000_000)

    def pin_key(self) -> bytes | None:
        return self.key

    def wake(self) -> None: ...

    def mount(self, path: str, handler: Any) -> None:
        self.mounted[path] = handler

    @property
    def purchases(self) -> list[CreditVend]:
        return [each.message for each in self.arrivals if isinstance(each.message, CreditVend)]


def _drop(*_: Any) -> Any:
    raise structlog.DropEvent


def form(text: str | list[str], session: str = "ATUid_1", **changes: Any) -> bytes:
    fields: dict[str, Any] = {
        "sessionId": session,
        "serviceCode": "*123#",
        "phoneNumber": CALLER,
        "networkCode": "64110",
        "text": text,
    }
    return urlencode({**fields, **changes}, doseq=True).encode()


def post(body: bytes, **changes: Any) -> HttpRequest:
    return replace(HttpRequest("POST", "/ussd/mno", {}, {}, body, "127.0.0.1:40000"), **changes)


@dataclass
class Phone:
    """A customer at the HTTP face: dials, answers, and keeps the aggregator's history."""

    ports: FakePorts = field(default_factory=FakePorts)
    config: dict[str, Any] = field(default_factory=dict)
    session: str = "ATUid_1"
    history: str = ""
    channel: Any = None

    def __post_init__(self) -> None:
        config = msgspec.convert({"path": "/ussd/mno", **self.config}, UssdConfig)
        self.channel = CHANNEL.build(self.ports, config)
        self.channel.start()

    def send(self, request: HttpRequest) -> "Deferred[HttpResponse]":
        sent: Deferred[HttpResponse] = self.ports.mounted["/ussd/mno"](request)
        return sent

    def get(self, request: HttpRequest) -> HttpResponse:
        found: list[Any] = []
        self.send(request).addBoth(found.append)
        assert found, "no answer yet"
        assert isinstance(found[0], HttpResponse), found[0]
        return found[0]

    def dial(self, text: str = "", session: str = "") -> str:
        self.session, self.history = session or self.session, text
        return self.hop()

    def answer(self, *texts: str) -> str:
        shown = ""
        for text in texts:
            self.history = f"{self.history}*{text}" if self.history else text
            shown = self.hop()
        return shown

    def hop(self) -> str:
        response = self.get(post(form(self.history, self.session)))
        assert response.status == 200, response
        return response.body

    def restart(self) -> "Phone":
        """The same phone and hub after the channel's process came up again."""
        return Phone(self.ports, self.config, self.session, self.history)
