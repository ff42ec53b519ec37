"""A whole machine without threads, reactor or sockets: the tests step its stages by hand."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from twisted.internet.defer import Deferred, succeed

from core.company import Terms
from core.messages import Answer, CreditVend, Enrol, Message, MeterLink, PhoneLink, ReceivePayment
from core.messages.vending import Recipient
from core.store.upgrade import open_store, sqlite_path, upgrade
from core.sts.keystore import demo_keys
from core.sts.module import open_module
from core.sts.sta import SAMPLE_TABLES
from core.tariffs.load import load_file
from hub import balance
from hub.acts import Desk
from hub.bus.table import TableSource
from hub.channel import Accepted, Arrival, Outbound, SendResult, Sent
from hub.chores import Chores
from hub.clock import Sources
from hub.engine import Parts, make_batch
from hub.intake import Intake
from hub.journal import Entry, Journal
from hub.outbound import OutboundStage
from hub.routing import Routing
from hub.sweeper import Sweeper
from hub.worker import Worker
from tests.scratch import in_memory

ROOT = Path(__file__).parent.parent.parent
MASTER = bytes(range(32))
#: 2026-11-21 09:00 in Kampala
MORNING_US = 1_795_240_800_000_000
PHONE = "+256700000001"
METER = "04123456784"


class FakeChannel:
    """Takes every notice and remembers it."""

    def __init__(self) -> None:
        self.sent: list[Outbound] = []
        self.room = 100
        self.results: list[SendResult] = []

    def start(self) -> None: ...

    def stop(self) -> "Deferred[None]":
        return succeed(None)

    def capacity(self) -> int:
        return self.room

    def send(self, outbound: Outbound) -> "Deferred[SendResult]":
        self.sent.append(outbound)
        result = self.results.pop(0) if self.results else Sent((f"ref{len(self.sent)}",))
        return succeed(result)

    def status(self) -> Mapping[str, Any]:
        return {}


@dataclass
class FakeTime:
    """A clock that moves when told; randomness that counts."""

    at_us: int = MORNING_US
    drawn: int = 0

    def now_us(self) -> int:
        self.at_us += 1
        return self.at_us

    def random_bytes(self, count: int) -> bytes:
        self.drawn += 1
        return self.drawn.to_bytes(8, "big")[-count:].rjust(count, b"\0")

    def sources(self) -> Sources:
        return Sources(self.now_us, self.random_bytes)


@cache
def _tariff() -> Any:
    """The demo company's tariff: immutable, read once."""
    text = (ROOT / "mappings/tariffs/uganda-domestic.yaml").read_text()
    return load_file(text, "uganda-domestic.yaml").tariff


def demo_terms(code: str = "demo", **changes: Any) -> Terms:
    """The demo company with the public test keys."""
    tariff = _tariff()
    values: dict[str, Any] = {
        "code": code,
        "name": "Demo Power",
        "zone": "Africa/Kampala",
        "currency": "UGX",
        "exponent": 0,
        "module": open_module(
            f"virtual-{code}", demo_keys(MASTER, code), MASTER, SAMPLE_TABLES, {code}
        ),
        "tariffs": {tariff.tariff.code: tariff},
        "test": True,
        "country_code": "256",
        "receipt_series": "DP-",
    }
    return Terms(**{**values, **changes})


@dataclass
class Machine:
    """Stages over one store, stepped by hand. ``others``: more companies in the installation."""

    url: str
    time: FakeTime = field(default_factory=FakeTime)
    terms: Terms = field(default_factory=demo_terms)
    others: tuple[Terms, ...] = ()

    def __post_init__(self) -> None:
        self.channel = FakeChannel()
        self.store = open_store(self.url)
        sources = self.time.sources()
        companies = {terms.code: terms for terms in (self.terms, *self.others)}
        self.routing = Routing({(code, "sms"): "sms" for code in companies})
        parts = Parts(self.url, companies, self.routing, 10_000, self.call, sources)
        self.intake = Intake(self.store, Journal("hub", sources), self.call, lambda _n: None)
        self.worker = Worker(self.store, make_batch(parts, "hub"), TableSource(self.store))
        self.outbound = OutboundStage(self.store, "hub", self.call, sources)
        self.outbound.attach({"sms": self.channel})
        self.outbound.wake("sms")
        self.sweeper = Sweeper(self.store, sources)
        self.chores = Chores(self.store, self.call)
        self.desk = Desk(self.chores, self.routing, sources, "node1")

    @staticmethod
    def call(function: Any, *args: Any) -> None:
        function(*args)

    def accept(
        self, message: Message, key: str, ref: str = "", company: str = "", **options: Any
    ) -> list[Any]:
        """Offer an arrival; the list gets Accepted or the failure when the journal has run."""
        heard: list[Any] = []
        arrival = Arrival(
            key=key, message=message, raw=key, partition_ref=ref or _ref(message), **options
        )
        company = company or self.terms.code
        routes = self.routing.routes(company, message)
        entry = Entry(company, "sms", arrival, routes)
        self.intake.accept(entry).addBoth(heard.append)
        return heard

    def settle(self, rounds: int = 50) -> None:
        """Step everything until nothing moves."""
        for _ in range(rounds):
            stages = (self.intake, self.chores, self.worker, self.outbound)
            moved = [stage.step() for stage in stages]
            if True not in moved and not self.outbound.in_flight():
                return

    def do(self, message: Message, key: str, **options: Any) -> Answer:
        """Accept, settle, and give the stored answer."""
        heard = self.accept(message, key, **options)
        self.settle()
        assert isinstance(heard[0], Accepted), heard
        return self.answer(heard[0].message_id)

    def answer(self, message_id: str) -> Answer:
        import msgspec

        (row,) = self.rows("SELECT answer FROM request WHERE message_id = :m", m=message_id)
        return msgspec.json.decode(row[0], type=Answer)

    def rows(self, sql: str, **params: Any) -> list[tuple[Any, ...]]:
        with self.store.reader() as reader:
            return reader.rows(sql, **params)

    def unaccounted(self) -> int:
        with self.store.reader() as reader:
            return balance.unaccounted(reader)


def _ref(message: Message) -> str:
    for name in ("account", "meter", "phone"):
        if getattr(message, name, ""):
            return f"{name}/{getattr(message, name)}"
    return "other/1"


def enrol(number: str = "100001", drn: str = METER, phone: str = PHONE, **changes: Any) -> Enrol:
    """A household with a meter and a phone."""
    values: dict[str, Any] = {
        "customer": f"C{number}",
        "name": "Okello Daniel",
        "account": number,
        "currency": "UGX",
        "service_point": f"S{number}",
        "tariff": "uganda-domestic",
        "since": "2026-11-01",
        "meter": MeterLink(drn=drn, sgc="201457"),
        "phones": (PhoneLink(msisdn=phone, meter_name="Home"),),
    }
    return Enrol(**{**values, **changes})


def pay(amount: int, account: str = "100001") -> ReceivePayment:
    """Cash at the desk."""
    return ReceivePayment(account=account, amount=amount, currency="UGX")


def buy(tender: int = 20_000, meter: str = METER, phone: str = PHONE, **options: Any) -> CreditVend:
    """A purchase by SMS."""
    reply = (Recipient(way="sms", address=phone),)
    return CreditVend(
        meter=meter,
        tender=tender,
        currency="UGX",
        phone=phone,
        **{"reply": reply, "answer_by_notice": True, **options},
    )


@cache
def _migrated() -> bytes:
    """The file of a migrated database, made once: the migrations take half a second."""
    with TemporaryDirectory(dir=in_memory()) as folder:
        path = Path(folder) / "wattbus.db"
        upgrade(f"sqlite:{path}")
        return path.read_bytes()


def migrated_at(url: str) -> None:
    """A migrated, empty SQLite database where this URL says."""
    sqlite_path(url).write_bytes(_migrated())


def fresh_sqlite(folder: Path) -> str:
    """A migrated, empty SQLite database."""
    url = f"sqlite:{folder / 'wattbus.db'}"
    migrated_at(url)
    return url
