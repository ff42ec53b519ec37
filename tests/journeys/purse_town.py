"""A month's end without sockets: a hub's stages, the real channels of three wallets, and the three
providers with their payers, all on one clock. What the providers say really happened is the truth.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from adapters.mobilemoney.sending import Answered, Call, Kind
from channels.mobilemoney.client import LostError, NotSentError
from channels.mobilemoney.config import MobileMoneyConfig
from channels.mobilemoney.service import MobileMoneyChannel, build
from core.company import Terms
from core.messages import (
    Answer,
    Message,
    Outcome,
    RequestCollection,
    SettleWallet,
    StatementLine,
    TakeStatement,
)
from core.messages.vending import CreditVend, Recipient
from core.store.invariants import offences
from core.tariffs.load import load_file
from core.wallets.terms import HeldRule, ReferenceRule, Wallet, WalletTerms
from hub.channel import Accepted, Arrival, HttpRequest
from hub.journal import Entry, Noted
from hub.notebook import Notebook, note_of
from simulators.mobilemoney.airtel import Airtel
from simulators.mobilemoney.book import Movement
from simulators.mobilemoney.kinds import KINDS
from simulators.mobilemoney.mpesa import Mpesa
from simulators.mobilemoney.mtn import Mtn
from simulators.mobilemoney.purse import Options, Purse
from simulators.mobilemoney.wire import Call as SimCall
from simulators.mobilemoney.wire import Notice
from tests.hub.links.memory_smsc import quiet_log
from tests.hub.machine import ROOT, FakeTime, Machine, demo_terms, enrol

#: 2026-11-27 08:00 in Kampala and Nairobi.
START_US = 1_795_755_600_000_000
SECRETS = {
    "consumer_key": "key", "consumer_secret": "secret", "passkey": "sim-passkey",
    "security_credential": "x", "api_key": "key", "subscription_key": "sim-subscription",
    "client_id": "client", "client_secret": "secret", "path": "p" * 40,
}  # fmt: skip
NEEDS: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "mpesa": (
        {"initiator": "us"},
        ("consumer_key", "consumer_secret", "passkey", "security_credential"),
    ),
    "mtn": ({"api_user": "user", "target_environment": "sandbox"}, ("api_key", "subscription_key")),
    "airtel": ({"country": "UG", "country_code": "256"}, ("client_id", "client_secret")),
}
#: The names of companies by provider: M-Pesa pays in shillings of Kenya.
COMPANIES = {"mpesa": "kenya", "mtn": "demo", "airtel": "demo"}
HELD = {
    reason: HeldRule(owner="wallets", hours=72, then="work-list")
    for reason in (
        "unknown", "small", "postpaid", "blocked", "vacant", "exchanging", "over-limit", "differs",
        "refused",
    )
}  # fmt: skip
HOUSES = 20
_keys = count()


@dataclass
class RunningTime(FakeTime):
    """The machine's time follows the clock."""

    clock: Clock = field(default_factory=Clock)

    def now_us(self) -> int:
        self.at_us = max(self.at_us + 1, START_US + int(self.clock.seconds() * 1_000_000))
        return self.at_us


def meter(house: int) -> str:
    """A valid meter number of a household."""
    from core.sts.meter_id import luhn_digit

    serial = f"0477{house:06d}"
    return serial + str(luhn_digit(serial))


def payer(provider: str, house: int) -> str:
    """The phone that the household pays from."""
    head = {"mpesa": "254790", "mtn": "256770", "airtel": "256700"}[provider]
    return f"+{head}{house:06d}"


@cache
def kenya() -> Any:
    """A tariff in shillings of Kenya."""
    name = "kenya-domestic-2013.yaml"
    return load_file((ROOT / "mappings/tariffs" / name).read_text(), name).tariff


def wallet(name: str, currency: str, large: int, prefix: str) -> Wallet:
    """What a company declares; a wallet has the name of its provider here."""
    return Wallet(
        name=name, channel=name, provider=name, label=name, currency=currency, large=large,
        prefixes=(prefix,), short_code="600966", asks_s=300,
    )  # fmt: skip


def terms() -> tuple[Terms, Terms]:
    """Two companies: one takes MTN and Airtel, the other M-Pesa. ``large`` is a little above what
    people pay, so that a notice that says ten times as much is asked about."""
    references = (ReferenceRule(names="meter", pattern="[0-9]{11}"),)
    ug = WalletTerms(
        wallets={"mtn": wallet("mtn", "UGX", 60_000, "25677"),
                 "airtel": wallet("airtel", "UGX", 60_000, "25670")},
        references=references, held=HELD, smallest=500,
    )  # fmt: skip
    ke = WalletTerms(
        wallets={"mpesa": wallet("mpesa", "KES", 600_000, "25479")},
        references=references,
        held=HELD,
        smallest=5_000,
    )
    tariffs = {kenya().tariff.code: kenya()}
    return demo_terms(wallets=ug), demo_terms(
        "kenya", wallets=ke, currency="KES", exponent=2, zone="Africa/Nairobi", tariffs=tariffs,
        country_code="254", name="Kenya Demo Power", receipt_series="KE-",
    )  # fmt: skip


@dataclass
class TownPorts:
    """``hub.channel.Ports`` on the machine's stages."""

    town: "PurseTown"
    name: str
    company: Terms
    mounted: dict[str, Any] = field(default_factory=dict)
    log: Any = field(default_factory=quiet_log)

    @property
    def reactor(self) -> Any:
        return self.town.clock

    def accept(self, arrival: Arrival) -> "Deferred[Accepted]":
        machine = self.town.machine
        routes = machine.routing.routes(self.company.code, arrival.message)
        entry = Entry(self.company.code, self.name, arrival, routes)
        return machine.intake.accept(entry)

    def record(self, key: str, raw: str, party: str = "") -> None:
        self.town.machine.intake.record(Noted(self.company.code, self.name, key, party, raw))

    def keep(self, key: str, value: str) -> "Deferred[None]":
        return self.town.notebook.keep(self.name, key, value)

    def kept(self, key: str) -> "Deferred[str | None]":
        with self.town.machine.store.reader() as reader:
            return succeed(note_of(reader, self.name, key))

    def query(self, function: Callable[..., Any], *args: Any) -> "Deferred[Any]":
        with self.town.machine.store.reader() as reader:
            return succeed(function(reader, self.company, *args))

    def file(self, name: str) -> Path:
        return self.town.folder / name

    def now_us(self) -> int:
        return self.town.machine.time.now_us()

    def wake(self) -> None:
        self.town.machine.outbound.wake(self.name)

    def mount(self, path: str, handler: Any) -> None:
        self.mounted[path] = handler


@dataclass
class Line:
    """The channel's HTTP client, without sockets. ``cut``: the hub was killed meanwhile."""

    purse: Purse
    clock: Clock
    cut: bool = False

    def call(self, call: Call, bearer: str, within_s: float) -> "Deferred[Answered]":
        if self.cut:
            return fail(NotSentError("the hub is gone"))
        path, _, query = call.path.partition("?")
        headers = {name.lower(): value for name, value in call.headers.items()}
        if call.bearer and bearer:
            headers["authorization"] = f"Bearer {bearer}"
        pairs = dict(part.split("=", 1) for part in query.split("&") if part)
        asked = self.purse.handle(SimCall(call.method, path, pairs, headers, call.body))
        asked.addTimeout(within_s, self.clock, lambda *_: fail(LostError("no answer in time")))
        return asked.addCallback(
            lambda reply: Answered(status=reply.status, body=reply.body, headers={})
        )

    def close(self) -> "Deferred[None]":
        return succeed(None)


@dataclass
class PurseTown:
    """Hub, channels and providers. ``kind``: what the providers are like."""

    url: str
    folder: Path
    kind: str = "stormy"
    clock: Clock = field(default_factory=Clock)
    purses: dict[str, Purse] = field(default_factory=dict)
    channels: dict[str, MobileMoneyChannel] = field(default_factory=dict)
    told_before: int = 0  # tokens by SMS of hubs that were killed

    def __post_init__(self) -> None:
        for name, secret in SECRETS.items():
            (self.folder / name).write_text(secret)
        dialects: Any = {"mpesa": Mpesa(credential="x"), "mtn": Mtn(), "airtel": Airtel()}
        for number, (name, dialect) in enumerate(dialects.items()):
            options = Options(
                answers="approve", payer_s=5.0, fee_per_mille=10, delay=600.0, seed=number + 1
            )
            self.purses[name] = KINDS[self.kind](
                None, dialect, options, clock=self.clock,
                wall=lambda: START_US / 1_000_000 + self.clock.seconds(),
                post=lambda notice, name=name: self._notice(name, notice),
            )  # fmt: skip
        self.lines: list[Line] = []
        self.start()

    # --- the hub lives and dies ----------------------------------------------------------------

    def start(self) -> None:
        """A hub on the database as it is, with a channel for each wallet."""
        demo, ke = terms()
        self.machine = Machine(self.url, RunningTime(clock=self.clock), demo, (ke,))
        machine = self.machine
        self.notebook = Notebook(machine.store, machine.call, machine.time.sources())
        self.companies = {"demo": demo, "kenya": ke}
        self.lines = []
        carried: dict[str, Any] = {"sms": machine.channel}
        for name, purse in self.purses.items():
            ports: Any = TownPorts(self, name, self.companies[COMPANIES[name]])
            line = Line(purse, self.clock)
            self.lines.append(line)
            client: Any = line
            self.channels[name] = build(ports, self._config(name), client)
            carried[name] = self.channels[name]
        machine.outbound.attach(carried)
        machine.outbound.wake("sms")
        for name, channel in self.channels.items():
            channel.start()
            machine.outbound.wake(name)
        airtel: Any = self.purses["airtel"].dialect
        airtel.callback = self.channels["airtel"].callbacks.addresses.of(Kind.NOTICE)

    def kill(self) -> None:
        """``kill -9``: nothing of it does anything any more, and what was committed stands."""
        for line in self.lines:
            line.cut = True
        self.told_before += self.told_tokens()
        for delayed in list(self.clock.getDelayedCalls()):
            if self._is_ours(delayed):
                delayed.cancel()
        self.channels.clear()
        self.machine.store.close()

    def _is_ours(self, delayed: Any) -> bool:
        """Whether a timer is the hub's; those of the providers go on."""
        owner = getattr(delayed.func, "__self__", None)
        return not (isinstance(owner, Purse) or getattr(delayed.func, "__module__", "").startswith(
            "simulators.mobilemoney"))  # fmt: skip

    def _config(self, name: str) -> MobileMoneyConfig:
        settings, secrets = NEEDS[name]
        return MobileMoneyConfig(
            wallet=name, base="http://127.0.0.1:1", public="https://hub.example",
            # a provider refuses an address with his own name in it
            path=f"/pay/{COMPANIES[name]}-{name[:2]}", path_secret="path",
            callers=("127.0.0.0/8",), settings=settings,
            secrets={secret: secret for secret in secrets}, register=name == "mpesa",
        )  # fmt: skip

    def _notice(self, name: str, notice: Notice) -> "Deferred[tuple[int, bytes]]":
        channel = self.channels.get(name)
        if channel is None:
            return fail(ConnectionRefusedError("the hub is down"))
        path = notice.url.removeprefix("https://hub.example")
        request = HttpRequest(notice.method, path, {}, notice.headers, notice.body(), "127.0.0.1")
        done: Deferred[Any] = channel.callbacks.handle(request)
        return done.addCallback(lambda response: (response.status, response.body.encode()))

    # --- time ----------------------------------------------------------------------------------

    def settle(self) -> None:
        """Everything that can happen now, happens."""
        for _ in range(200):
            stages = (
                self.machine.intake, self.machine.chores, self.machine.worker,
                self.machine.outbound, self.notebook,
            )  # fmt: skip
            if True not in [stage.step() for stage in stages]:
                return
            self.clock.advance(0)

    def passes(self, seconds: float, step: float = 60.0) -> None:
        """So much time passes."""
        until = self.clock.seconds() + seconds
        while (left := until - self.clock.seconds()) > 0:
            self.clock.advance(min(step, left))
            self.settle()

    # --- people --------------------------------------------------------------------------------

    def open_town(self) -> None:
        """Households of both companies, each with a meter and a phone."""
        for house in range(HOUSES):
            for company, code, tariff, head in (
                ("demo", "UGX", "uganda-domestic", "256780"),
                ("kenya", "KES", kenya().tariff.code, "254700"),
            ):
                number = f"{100_000 + house}"
                message = enrol(number, meter(house), f"+{head}{house:06d}", currency=code,
                                tariff=tariff)  # fmt: skip
                assert self.do(message, company).outcome is Outcome.DONE

    def do(self, message: Message, company: str, key: str = "") -> Answer:
        """A command and its answer."""
        heard = self.machine.accept(message, key or f"town{next(_keys)}", company=company)
        self.settle()
        assert isinstance(heard[0], Accepted), heard
        return self.machine.answer(heard[0].message_id)

    def buys(self, provider: str, house: int, amount: int) -> Answer:
        """A purchase that is paid by a push to the payer's phone."""
        phone, company = f"+256780{house:06d}", COMPANIES[provider]
        currency = self.companies[company].currency
        me = (Recipient(way="sms", address=phone),)
        bought = CreditVend(
            meter=meter(house),
            tender=amount,
            currency=currency,
            phone=phone,
            reply=me,
            another=True,
        )
        answer = self.do(
            RequestCollection(
                payer=payer(provider, house), amount=amount, currency=currency,
                purpose="vend", wallet=provider, vend=bought, reply=me,
            ),
            company,
        )  # fmt: skip
        assert answer.outcome is Outcome.DONE, answer
        return answer

    def pays_in(self, house: int, typed: str, amount: int) -> None:
        """Money that a payer sends by himself: M-Pesa's pay bill."""
        self.purses["mpesa"].pay_in(payer("mpesa", house), typed, amount)
        self.settle()

    # --- the evening ---------------------------------------------------------------------------

    def statement(self, name: str, day: date) -> Answer:
        """The provider's account of the day is taken, page by page."""
        purse, company = self.purses[name], COMPANIES[name]
        lines = [self._line(each, name) for each in purse.book.of_day(day)]
        pages = [lines[at : at + 50] for at in range(0, len(lines), 50)] or [[]]
        answer = None
        for number, page in enumerate(pages, 1):
            answer = self.do(
                TakeStatement(
                    wallet=name, day=int(f"{day:%Y%m%d}"), currency=purse.dialect.currency,
                    lines=tuple(page), page=number, last=number == len(pages), source="csv",
                ),
                company,
            )  # fmt: skip
            assert answer.outcome is Outcome.DONE, answer
        assert answer is not None
        return answer

    def _line(self, moved: Movement, name: str) -> StatementLine:
        # what a provider calls our reference: MTN and Airtel know the request's name by its key
        by_receipt = {c.receipt: c.key for c in self.purses[name].book.collections.values()}
        reference = "" if name == "mpesa" else by_receipt.get(moved.receipt, "")
        return StatementLine(
            receipt=moved.receipt, amount=moved.amount, at=int(moved.at * 1_000_000), fee=moved.fee,
            reference=reference, typed=moved.typed, payer=moved.payer, original=moved.original,
        )  # fmt: skip

    def payout(self, name: str, day: date) -> Answer | None:
        """The provider pays out; the bank says so."""
        paid = self.purses[name].settle(day)
        if paid is None:
            return None
        return self.do(
            SettleWallet(
                wallet=name, reference=paid.reference, amount=paid.amount, fee=paid.fee,
                currency=self.purses[name].dialect.currency, until=int(f"{day:%Y%m%d}"),
            ),
            COMPANIES[name],
        )  # fmt: skip

    def day(self, number: int = 0) -> date:
        """The day of the start, or a later one."""
        start = datetime.fromtimestamp(START_US / 1_000_000, UTC) + timedelta(hours=3)
        return start.date() + timedelta(days=number)

    # --- what must be --------------------------------------------------------------------------

    def ledger(self, name: str) -> int:
        """What stands on a ledger, of all companies."""
        sql = "SELECT COALESCE(sum(amount), 0) FROM posting WHERE ledger = :name"
        return int(self.machine.rows(sql, name=name)[0][0])

    def wrongs(self) -> list[Any]:
        """Offences against the books' rules."""
        dialect = self.machine.store.dialect
        with self.machine.store.reader() as reader:
            return list(offences(reader, dialect))

    def payments(self, name: str) -> dict[str, int]:
        """What we have booked of a wallet: receipt -> amount."""
        rows = self.machine.rows(
            "SELECT receipt, paid FROM wallet_payment WHERE wallet = :name AND receipt <> ''",
            name=name,
        )
        return {receipt: int(paid) for receipt, paid in rows}

    def told_tokens(self) -> int:
        """Tokens that this hub has sent by SMS."""
        sent = (outbound.message for outbound in self.machine.channel.sent)
        return sum(getattr(each, "template", "") == "token" for each in sent)

    def told(self, name: str) -> str:
        """For a failure: what the channel counted."""
        return json.dumps(dict(self.channels[name].status()), default=str)
