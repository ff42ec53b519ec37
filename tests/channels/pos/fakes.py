"""A POS channel on the hub in memory, and terminals that speak to it by our own codec."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from adapters.iso8583.framing import Framer, frame
from adapters.iso8583.message import Message as Iso
from channels.pos import asking
from channels.pos.config import PosConfig
from channels.pos.service import PosChannel, build
from core.messages import Answer, Message, Outcome
from core.messages.agents import CollectPayment, SellCredit
from core.messages.terminals import (
    CollectOffline,
    ReverseAtTerminal,
    SettleTerminal,
    SignOffCashier,
    SignOnCashier,
    UploadItem,
)
from core.queries.terminal_copies import CopyView, OpenBill
from core.queries.terminals import ReceiptSeries, TerminalView
from core.queries.views import BillView, LineView, MeterView, QuoteView, SaleView
from core.refusals import Refusal, refuse
from hub.channel import Accepted, Arrival
from hub.wire import Wire
from tests.channels.harness import START_US, FakePorts, House

METER, TOKEN, TERMINAL = "04123456784", "12345678901234567890", "T0000001"
LINES = (
    LineView(code="service", amount=3_360),
    LineView(code="vat", amount=3_051),
    LineView(code="energy.1", amount=13_587, quantity_milli=28_100, rate_e8=48_352_000_000),
)
#: The tests' second 0 in Kampala: 2026-11-21 12:00:00.
DAY, TODAY, NOON = 20_261_121, "1121", "120000"


@dataclass(frozen=True)
class Shop(House):
    """A company that tests."""

    test: bool = True


def terminal(number: str = TERMINAL, **changes: Any) -> TerminalView:
    view = TerminalView(
        number=number, agent="A-017", agent_name="Kisoro shop", agent_state="active",
        state="active", currency="UGX", name="", place="", merchant="",
        parameters={"footer": "Asante"},
        parameters_version=3, message="", message_number=0, cashiers_needed=False, cashier="",
        shift_id=0, emergency_limit=0, latitude=0, longitude=0, signal=0, application="",
        parameters_seen=0, message_seen=0, seen_at=0, registered_at=0,
    )  # fmt: skip
    return msgspec.structs.replace(view, **changes)


def sale(**changes: Any) -> dict[str, Any]:
    view = SaleView(
        receipt="DP-00000042", meter=METER, token=TOKEN, units_tenths=281, tender=20_000,
        currency="UGX", lines=LINES, carried_forward=2, at=START_US,
    )  # fmt: skip
    plain: dict[str, Any] = msgspec.to_builtins(msgspec.structs.replace(view, **changes))
    return plain


def refused(code: str, data: Mapping[str, Any] | None = None, **args: Any) -> Answer:
    return Answer(outcome=Outcome.REFUSED, code=code, args=args, data=dict(data or {}))


def done(**data: Any) -> Answer:
    return Answer(outcome=Outcome.DONE, data=data)


def usual(message: Message) -> Answer:
    """As the docstrings of the messages say."""
    if isinstance(message, SellCredit):
        return done(**sale(meter=message.meter, tender=message.tender))
    if isinstance(message, CollectPayment | CollectOffline):
        return done(payment="P-7", account=message.account, amount=message.amount,
                    currency=message.currency, credit=0)  # fmt: skip
    if isinstance(message, ReverseAtTerminal):
        return done(state="barred")
    if isinstance(message, SettleTerminal):
        ours = msgspec.to_builtins(message.totals)
        return done(balanced=True, state="closed", ours=ours, differences=0)
    if isinstance(message, SignOnCashier):
        return done(shift=5, cashier=message.cashier, name="Ruth")
    if isinstance(message, SignOffCashier):
        return done(shift=5, cashier="", count=3)
    if isinstance(message, UploadItem):
        return done(item=1)
    return done()


@dataclass
class PosPorts(FakePorts):
    """``decide`` gives each answer (None: none in time); ``slow``: while it is a list, answers wait
    in it; ``items``: (terminal, day, stan) that the books know."""

    name: str = "pos1"
    company: House = field(default_factory=Shop)
    folder: Path = Path()
    known: dict[str, TerminalView] = field(default_factory=lambda: {TERMINAL: terminal()})
    decide: Callable[[Message], Answer | None] = usual
    slow: "list[tuple[Deferred[Answer | None], Answer | None]] | None" = None
    items: set[tuple[str, int, int]] = field(default_factory=set)
    notebook: dict[str, str] = field(default_factory=dict)
    given: dict[str, Any] = field(default_factory=dict)
    made: dict[str, Answer | None] = field(default_factory=dict)

    def accept(self, arrival: Arrival) -> "Deferred[Accepted]":
        before = len(self.arrivals)
        accepted = super().accept(arrival)
        if len(self.arrivals) > before and self.held is None:
            self._decide(arrival, accepted)
        return accepted

    def _decide(self, arrival: Arrival, accepted: "Deferred[Accepted]") -> None:
        answer = self.decide(arrival.message)
        message_id = str(accepted.result.message_id)
        self.made[message_id] = answer
        if answer is not None and self.slow is None:
            self.answers[arrival.key] = answer

    def answer(self, message_id: str, within_s: float) -> "Deferred[Answer | None]":
        answer = self.made.get(message_id)
        waiting: Deferred[Answer | None] = Deferred()
        if self.slow is not None:
            self.slow.append((waiting, answer))
        elif answer is None:
            self.reactor.callLater(within_s, waiting.callback, None)
        else:
            waiting.callback(answer)
        return waiting

    def settle(self) -> None:
        """Gives the answers that were waited for."""
        slow, self.slow = self.slow or [], None
        for waiting, answer in slow:
            waiting.callback(answer)

    def query(self, function: Callable[..., Any], *args: Any) -> "Deferred[Any]":
        self.queries.append((function.__name__, *args))
        if function is asking.terminal_of:
            return succeed(self.known.get(args[0]))
        if function is asking.item_of:
            return succeed("an item" if args in self.items else None)
        return succeed(self.given.get(function.__name__, _GIVEN[function.__name__]))

    def keep(self, key: str, value: str) -> "Deferred[None]":
        self.notebook[key] = value
        return succeed(None)

    def kept(self, key: str) -> "Deferred[str | None]":
        return succeed(self.notebook.get(key))

    def file(self, name: str) -> Path:
        return self.folder / name


_GIVEN: Mapping[str, Any] = {
    "quote_at_till": QuoteView(
        meter=MeterView(drn=METER, holder="J***** D*****"), tender=20_000, currency="UGX",
        units_tenths=281, lines=LINES, carried_forward=2, account="100001", credit=90_000,
    ),
    "meter_at_till": MeterView(drn=METER, holder="J***** D*****"),
    "bill_at_till": BillView(account="100001", holder="O***** D*****", due=45_000, currency="UGX"),
    "copy_of": CopyView(kind="sale", data=sale()),
    "emergency_list": [OpenBill(account="100001", name="O***** D*****", due=45_000)],
    "receipts_of": [ReceiptSeries(first=1_001, last=1_100, assigned_at=0)],
}  # fmt: skip


def unknown_meter(meter: str = METER) -> Refusal:
    return refuse("meter-unknown", meter=meter, company="Demo Power")


@dataclass
class Shopfront:
    """A channel, and one link of it at which a terminal stands."""

    dialect: str = "generic-1987-ascii"
    config: dict[str, Any] = field(default_factory=dict)
    ports: PosPorts = field(default_factory=lambda: PosPorts(Clock()))
    channel: PosChannel = field(init=False)
    wire: Wire = field(init=False)
    transport: StringTransport = field(init=False)
    stan: int = 0

    def __post_init__(self) -> None:
        options = {"endpoint": "tcp:0", "dialect": self.dialect, **self.config}
        config = msgspec.convert(options, PosConfig)
        self.channel = build(self.ports, config, draw=lambda size: bytes(range(1, size + 1)))
        self.channel.clock = self.ports.reactor
        self.connect()

    def connect(self) -> None:
        """A new link."""
        self.wire = self.channel.wire()
        self.transport = StringTransport()
        self.wire.makeConnection(self.transport)
        self._framer = Framer(self.profile.dialect.framing)

    @property
    def profile(self) -> Any:
        return self.channel.desk.profile

    @property
    def counts(self) -> Mapping[str, int]:
        return self.channel.desk.evidence.counts

    def message(self, mti: str, **fields: Any) -> Iso:
        """A message of this terminal: fields as ``f3="500000"``; None leaves one out."""
        self.stan += 1
        values: dict[int, Any] = {11: f"{self.stan:06d}", 41: TERMINAL}
        values |= {int(name[1:]): value for name, value in fields.items()}
        kept = {number: value for number, value in values.items() if value is not None}
        return Iso(mti, kept, bytes(self.profile.dialect.codec.layout.header))

    def send(self, message: Iso) -> None:
        self.octets(self.profile.dialect.codec.encode(message))

    def octets(self, data: bytes) -> None:
        """A whole message as it is."""
        self.wire.dataReceived(frame(self.profile.dialect.framing, data))

    def answers(self) -> list[Iso]:
        """What came back since the last look."""
        self.ports.reactor.advance(0)
        data, _ = self.transport.value(), self.transport.clear()
        codec = self.profile.dialect.codec
        return [codec.decode(each) for each in self._framer.feed(data)]

    def ask(self, mti: str, **fields: Any) -> Iso:
        """Sends one message and gives its one answer."""
        self.send(self.message(mti, **fields))
        (answer,) = self.answers()
        return answer

    def vend(self, mti: str = "0200", **changes: Any) -> Iso:
        """A purchase of 20,000 shillings for the meter."""
        return self.ask(mti, **{**VEND, **changes})


VEND: Mapping[str, Any] = {
    "f3": "500000", "f4": "000002000000", "f12": NOON, "f13": TODAY, "f49": "800",
    "f60": "000007", "f48": {"meter": METER, "customer": "000000000000", "rest": ""},
}  # fmt: skip
