"""The channel of one wallet: who knows whom, what goes out, and the clock of all of it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any, Final

import msgspec
from twisted.internet.defer import Deferred, DeferredList, succeed

from adapters.mobilemoney.sending import Came, Given, Kind
from channels.mobilemoney import asks, refunds
from channels.mobilemoney.addresses import Addresses
from channels.mobilemoney.callbacks import Callbacks
from channels.mobilemoney.caller import Caller
from channels.mobilemoney.client import Client
from channels.mobilemoney.config import (
    MIN_PATH_SECRET,
    MobileMoneyConfig,
    check_public,
    read_secret,
)
from channels.mobilemoney.life import TICK_S, Lives, Running
from channels.mobilemoney.notices import Notices
from channels.mobilemoney.payins import PayIns
from channels.mobilemoney.provider import Provider, provider
from channels.mobilemoney.pulls import Pulls
from channels.mobilemoney.statements import Statements
from channels.mobilemoney.steps import OVER, SECOND_US, Note, Step, restored
from channels.mobilemoney.validation import Validation
from core.messages import AskPayer, ReversePayment
from core.money import CURRENCIES
from core.queries.wallets import validate
from hub.breaker import Breaker
from hub.channel import NOT_SENT, Failed, Outbound, Ports, SendResult, Sent, Site
from hub.envelope import made_at_us
from hub.files import read_bytes
from hub.http import REST

#: What is set once in a provider's portal.
REGISTERED: Final = (Kind.NOTICE, Kind.VALIDATION, Kind.CONFIRMATION)
#: A pem of a few certificates.
MAX_CA: Final = 1 << 20


@dataclass(slots=True)
class MobileMoneyChannel:
    """Implements ``hub.channel.Channel``."""

    ports: Ports
    config: MobileMoneyConfig
    provider: Provider
    asks_s: float
    caller: Caller
    lives: Lives
    pay_ins: PayIns
    pulls: Pulls
    callbacks: Callbacks
    statements: Statements
    counters: Counter[str] = field(default_factory=Counter)
    _taking: int = 0
    _timer: Any = None
    _stopping: bool = False

    # --- what a channel is ----------------------------------------------------------------------

    def start(self) -> None:
        """Callbacks are taken at once: they may be about what is not handed over again yet."""
        self.ports.mount(f"{self.config.path}{REST}", self.callbacks.handle)
        if self.config.register:
            Deferred.fromCoroutine(self._register()).addErrback(self._said, "register")
        self._tick()
        self.ports.wake()

    def stop(self) -> "Deferred[None]":
        """Waits for the calls that are out; what waits goes back to the database."""
        self._stopping = True
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        left: Deferred[Any] = DeferredList(
            [_after(each.done) for each in self.lives.running.values()]
        )
        self.lives.stop()
        return left.addCallback(lambda _: self.caller.client.close())

    def capacity(self) -> int:
        """Requests are taken while the provider is away too: their payers must be told."""
        held = len(self.lives.running) + self._taking
        return 0 if self._stopping else max(0, self.config.waiting - held)

    def send(self, outbound: Outbound) -> "Deferred[SendResult]":
        """Take a request; fires when its end is journaled."""
        message = outbound.message
        if not isinstance(message, AskPayer | ReversePayment):
            return succeed(Failed("a wallet asks payers and gives back, nothing else", retry=False))
        if message.wallet != self.config.wallet or message.currency not in CURRENCIES:
            return succeed(Failed(f"not of the wallet {self.config.wallet}", retry=False))
        self._taking += 1
        return Deferred.fromCoroutine(self._take(message, outbound))

    def status(self) -> Mapping[str, Any]:
        """The breaker, requests by their step, and counts since the start."""
        steps = Counter(each.note.step.value for each in self.lives.running.values())
        return {
            "state": "stopping" if self._stopping else "up",
            "provider": self.provider.name,
            "breaker": self.caller.breaker.state.value,
            "requests": dict(steps),
            "large": len(self.pay_ins.waiting),
            "signed_in": self.caller.tokens.signed_in,
            "lists": self.pulls.fetched,
            "found_in_lists": self.pulls.found,
            "statements": self.statements.taken,
            "calls": dict(self.lives.counters),
            "callbacks": {**self.callbacks.counters, **self.callbacks.notices.counters},
            "pay_ins": dict(self.pay_ins.counters),
        }

    # --- a request begins -----------------------------------------------------------------------

    async def _take(self, message: AskPayer | ReversePayment, outbound: Outbound) -> SendResult:
        try:
            text = await self.ports.kept(message.reference)
        except Exception as error:
            self.ports.log.warning("wallet.note", error=str(error))
            return Failed("its note cannot be read", retry=True, error_class=NOT_SENT)
        finally:
            self._taking -= 1
        try:
            note = restored(text) if text is not None else self._note_of(message)
        except ValueError as error:  # what was begun must not be begun again by guessing
            return Failed(f"its note is none: {error}", retry=False)
        if note.step in OVER and not note.untold:
            return Sent()  # somebody sent it again: its end is journaled
        if self._stopping or message.reference in self.lives.running:
            return Failed("it is under way, or the channel stops", True, NOT_SENT)
        since = made_at_us(outbound.message_id)
        running = Running(self._job_of(message, since), note, since, outbound.correlation)
        if note.step is Step.LOST:
            self.counters["doubtful after a restart"] += 1
        return await self.lives.begin(running)

    def _note_of(self, message: AskPayer | ReversePayment) -> Note:
        if isinstance(message, AskPayer):
            return asks.note_of(message)
        return refunds.note_of(message)

    def _job_of(
        self, message: AskPayer | ReversePayment, since_us: int
    ) -> asks.AskJob | refunds.RefundJob:
        if isinstance(message, AskPayer):
            left = self.asks_s
            if message.deadline:
                left = min(left, (message.deadline - since_us) / SECOND_US)
            return asks.AskJob(self.provider, message.reference, message.payer, left)
        return refunds.RefundJob(self.provider, message.reference, message.payer)

    # --- now and then ---------------------------------------------------------------------------

    def _tick(self) -> None:
        if self._stopping:
            return
        self._timer = self.ports.reactor.callLater(TICK_S, self._tick)
        self.pay_ins.tick()
        self.callbacks.notices.tick()
        self.pulls.tick()
        self.statements.tick()

    async def _register(self) -> None:
        """Tell the provider our addresses."""
        sender = self.provider.sender
        if sender.register is None or sender.read_refund is None:
            self.ports.log.warning("wallet.register", why="nothing to register with this provider")
            return
        result = await self.caller.make(sender.register, sender.read_refund)
        if result is None or result.came is not Came.TAKEN:
            self.ports.log.error("wallet.register", why=result.text[:200] if result else "")

    def _said(self, failure: Any, what: str) -> None:
        self.ports.log.error(
            "wallet.chore-failed", what=what, error=failure.getErrorMessage()[:300]
        )


def _after(deferred: "Deferred[Any]") -> "Deferred[None]":
    """Fires when another one has ended, whatever its end; leaves its result alone."""
    done: Deferred[None] = Deferred()

    def ended(result: Any) -> Any:
        done.callback(None)
        return result

    deferred.addBoth(ended)
    return done


@dataclass(frozen=True, slots=True)
class Settings:
    """What a section says, read and checked."""

    provider: Provider
    wallet: Any
    addresses: Addresses
    settings: Mapping[str, str]
    secrets: Mapping[str, str] = field(repr=False)
    ca: bytes = b""

    def given(self, at: Any, nonce: str) -> Given:
        """What a request is made of."""
        return Given(
            paths=self.provider.data.paths,
            settings=self.settings,
            secrets=self.secrets,
            now=at,
            nonce=nonce,
            address=self.addresses.of,
        )


def settle(site: "Ports | Site", config: MobileMoneyConfig) -> Settings:
    """Everything that the section names. ValueError: what is wrong with it."""
    wallet = site.company.wallets.wallets.get(config.wallet)
    if wallet is None:
        known = ", ".join(site.company.wallets.wallets) or "none"
        raise ValueError(f"the company has no wallet {config.wallet!r} (known: {known})")
    if wallet.channel != site.name:
        raise ValueError(f"the wallet {wallet.name} is that of the channel {wallet.channel!r}")
    try:
        found = provider(wallet.provider)
    except LookupError as error:
        raise ValueError(str(error)) from error
    if wallet.currency not in found.data.currencies:
        taken = ", ".join(found.data.currencies)
        raise ValueError(f"{found.name} does not take {wallet.currency} (it takes {taken})")
    secret = read_secret(config.path_secret, site.file)
    if len(secret) < MIN_PATH_SECRET:
        raise ValueError(f"path_secret has less than {MIN_PATH_SECRET} characters")
    addresses = Addresses(config.public, config.path, secret)
    check_public(addresses.public + addresses.path, found.data.forbidden_in_urls)
    settings = {"short_code": wallet.short_code, "currency": wallet.currency, **config.settings}
    missing = [name for name in found.data.settings if not settings.get(name)]
    missing += [f"secrets.{name}" for name in found.data.secrets if name not in config.secrets]
    if missing:
        raise ValueError(f"{found.name} needs {', '.join(missing)}")
    secrets = {name: read_secret(where, site.file) for name, where in config.secrets.items()}
    ca = read_bytes(site.file(config.ca_file), MAX_CA) if config.ca_file else b""
    return Settings(found, wallet, addresses, settings, secrets, ca)


def check(site: Site, config: MobileMoneyConfig) -> None:
    """For ``wattbus check``: files, secrets and the wallet. ValueError."""
    settle(site, config)


def build(ports: Ports, config: MobileMoneyConfig, client: Any = None) -> MobileMoneyChannel:
    """Who knows whom. ``client``: another one than HTTPS, for tests."""
    site = settle(ports, config)
    large = site.wallet.large
    http = client or Client(ports.reactor, config.base, site.ca, config.connections)
    breaker = Breaker(config.failures, config.pause_s)
    caller = Caller(ports, site.provider, http, breaker, site.given)
    lives = Lives(ports, caller, config, ended=ports.wake)
    pay_ins = PayIns(ports, caller, lives, config.wallet, large)
    pulls = Pulls(ports, caller, pay_ins, config.pull_every_s)
    lives.look = pay_ins.look = pulls.soon
    notices = Notices(
        ports, site.provider, lives, large, lambda: len(lives.running) < config.waiting
    )
    callbacks = Callbacks(
        ports,
        caller,
        site.addresses,
        tuple(ip_network(each) for each in config.callers),
        notices,
        pay_ins,
        Validation(ports, site.wallet, config.answer_within_s, validate),
    )
    statements = Statements(ports, caller, config.wallet, site.wallet.currency)
    return MobileMoneyChannel(
        ports, config, site.provider, site.wallet.asks_s, caller, lives, pay_ins, pulls, callbacks,
        statements,
    )  # fmt: skip


def addresses_of(data: bytes) -> dict[str, str]:
    """``wattbus inspect wallet-addresses FILE``: what is registered with a provider once.

    ``FILE`` is JSON: ``{"public", "path", "secret"}``, the secret itself. ValueError.
    """
    try:
        found = msgspec.json.decode(data, type=dict[str, str])
        made = Addresses(found["public"], found["path"], found["secret"])
    except (msgspec.MsgspecError, KeyError) as error:
        raise ValueError(f'not {{"public", "path", "secret"}}: {error}') from error
    return {kind.value: made.of(kind) for kind in REGISTERED}
