"""The composition root: the one place where you see who knows whom."""

import importlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
from twisted.internet import defer
from twisted.internet.endpoints import UNIXServerEndpoint
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from core.company import Terms
from core.store.tables.orders import OPEN
from core.store.upgrade import Store
from hub.acts import Desk
from hub.billdesk import BillDesk
from hub.channel import Channel, ChannelSpec
from hub.clock import Sources
from hub.companies import all_terms
from hub.config import ChannelSection, Config, ConfigError
from hub.control import ControlFactory, submit
from hub.engine import Engine, EngineError, Parts, make_engine
from hub.http import HttpService
from hub.installed import SpecOf, channel_spec, check_schema, make_routing
from hub.keys.custodians import KeyDesk
from hub.lasttids import LastTidDesk
from hub.metrics import Node, render
from hub.modules.settings import NETWORK
from hub.operators import Identity, OperatorDesk
from hub.pausing import PauseDesk, paused_now
from hub.ports import HubPorts, logger
from hub.routing import Routing

#: The channel instance that command-line verbs come by.
CONTROL = "control"

log = structlog.get_logger("hub.boot")


@dataclass(slots=True)
class Hub:
    """A running hub. ``stop`` drains: what was accepted is never dropped."""

    config: Config
    reactor: Any
    terms: dict[str, Terms]
    engine: Engine
    routing: Routing
    http: HttpService
    channels: dict[str, Channel] = field(default_factory=dict)
    links: dict[str, Any] = field(default_factory=dict)
    ports: dict[str, HubPorts] = field(default_factory=dict)
    sources: Sources = field(default_factory=Sources)
    _control: Any = None

    def start(self) -> "defer.Deferred[None]":
        """Stages, then links and channels, then HTTP and the control socket."""
        self.engine.start()
        for link in self.links.values():
            link.start()
        for channel in self.channels.values():
            channel.start()
        self.http.start()
        return self._listen_control()

    @defer.inlineCallbacks
    def _listen_control(self) -> Any:
        path = control_path(self.config)
        path.unlink(missing_ok=True)
        endpoint: Any = UNIXServerEndpoint(self.reactor, str(path), mode=0o600)  # type: ignore[no-untyped-call]
        by_company = {
            port.company.code: port for name, port in self.ports.items() if is_control(name)
        }
        desk = Desk(self.engine.chores, self.routing, self.sources, self.config.hub.name)
        operators = OperatorDesk(
            Identity.of(self.config),
            self.engine.chores,
            submit(by_company, vouched=True),
            self.config.hub.name,
            self.sources.now_us,
        )
        last_tids = LastTidDesk(
            operators.identity,
            self.engine.chores,
            self.terms,
            self.config.hub.name,
            self.sources.now_us,
        )
        bills = BillDesk(operators, self.terms, self.config.database_url())
        verbs = {
            "submit": submit(by_company),
            "act": operators.act,
            "key": KeyDesk(
                operators.identity, self.engine.chores, operators.writer, operators.now_us
            ).key,
            "last-tids": last_tids.take_over,
            "status": lambda _request: self.status(),
            **bills.verbs(),
            **desk.verbs(),
            **self._pauses().verbs(),
        }
        self._control = yield endpoint.listen(ControlFactory(verbs))
        log.info("hub.up", channels=sorted(self.channels), pid=os.getpid())

    @defer.inlineCallbacks
    def stop(self) -> Any:
        """Take in nothing more, finish what is in flight within the drain limit, close."""
        log.info("hub.draining")
        if self._control is not None:
            yield self._control.stopListening()
        until = self.reactor.seconds() + self.config.hub.drain_s
        ending = defer.gatherResults([c.stop() for c in self.channels.values()])
        yield self._at_most(ending, self.config.hub.drain_s)
        yield self.http.stop()
        while self._in_flight() and self.reactor.seconds() < until:
            yield deferLater(self.reactor, 0.05, lambda: None)
        for link in self.links.values():
            yield link.stop()
        yield deferToThread(self.engine.stop)
        log.info("hub.down")

    def _pauses(self) -> PauseDesk:
        return PauseDesk(
            self.engine.chores,
            self.ports,
            self.channels,
            self.config.hub.name,
            self.sources.now_us,
            lambda name: self.engine.outbound.hold(name, self.ports[name].paused is not None),
        )

    def _in_flight(self) -> int:
        return self.engine.intake.pending() + self.engine.outbound.in_flight()

    def _at_most(self, ending: "defer.Deferred[Any]", seconds: float) -> "defer.Deferred[None]":
        """Fires with ``ending``, or without it when its time is over: a far end may be silent."""
        over: defer.Deferred[None] = defer.Deferred()
        timer = self.reactor.callLater(seconds, over.callback, None)

        def ended(_result: Any) -> None:
            if timer.active():
                timer.cancel()
                over.callback(None)

        ending.addErrback(lambda failure: log.error("channel.stop", error=str(failure.value)))
        ending.addCallback(ended)
        return over

    def status(self) -> Mapping[str, Any]:
        """For /readyz and ``wattbus status``."""
        return {
            "ok": self.engine.healthy(),
            "node": self.config.hub.name,
            "pid": os.getpid(),
            "channels": {name: self._said(name) for name in self.channels},
            "links": {name: dict(link.status()) for name, link in self.links.items()},
            **({} if (bus := self.engine.bus()) is None else {"bus": bus.words()}),
        }

    def _said(self, name: str) -> dict[str, Any]:
        """What a channel says of itself, unless it is paused: then that comes first."""
        said, pause = dict(self.channels[name].status()), self.ports[name].paused
        return said if pause is None else {**said, "state": "paused", "paused": pause.words()}

    async def metrics(self) -> str:
        """The Prometheus page, read in a thread."""
        node = Node(
            channels={name: self._said(name) for name in self.channels},
            links={name: link.status() for name, link in self.links.items()},
            arrived={name: self.ports[name].arrived_us for name in self.channels},
            well=self.engine.healthy(),
            bus=self.engine.bus(),
        )
        page: str = await deferToThread(self._metrics, node)
        return page

    def _metrics(self, node: Node) -> str:
        with self.engine.readers.reader() as reader:
            return render(reader, node, self.sources.now_us())


def is_control(name: str) -> bool:
    """Whether a port is one of the command line's."""
    return name.startswith(f"{CONTROL}-")


def control_path(config: Config) -> Path:
    """Where the control socket is."""
    return config.path(config.hub.data) / "control.sock"


def check_orders(config: Config, readers: Store) -> None:
    """Money waits for the end of an order: its module must be there. Raises EngineError."""
    with readers.reader() as reader:
        waiting = reader.rows(
            f"SELECT module, count(*) FROM token_order WHERE {OPEN} GROUP BY module ORDER BY module"
        )
    for module, count in waiting:
        channel = config.channels.get(module)
        if channel is None or channel.kind != NETWORK:
            raise EngineError(
                f"{count} orders wait at security module {module}, and there is no "
                f"[channels.{module}] of kind {NETWORK}: keep it until they have ended "
                "(wattbus orders), or were given up by two people"
            )


def build(
    config: Config,
    reactor: Any,
    sources: Sources | None = None,
    spec_of: SpecOf = channel_spec,
) -> Hub:
    """Everything wired, nothing started. Raises ConfigError, EngineError."""
    sources = sources or Sources()
    config.path(config.hub.data).mkdir(parents=True, exist_ok=True)
    url = config.database_url()
    check_schema(url)
    specs = {name: spec_of(section.kind) for name, section in config.channels.items()}
    terms = all_terms(config)
    routing = make_routing(config, specs)
    parts = Parts(
        url=url,
        terms=terms,
        routing=routing,
        open_messages=config.hub.open_messages,
        on_reactor=reactor.callFromThread,
        sources=sources,
        bus=config.bus_section(),
        linger_s=config.hub.linger_ms / 1_000,
        tokens=config.tokens,
    )
    engine = make_engine(parts)
    check_orders(config, engine.readers)
    hub = Hub(config, reactor, terms, engine, routing, _http(config), sources=sources)
    hub.http.health = lambda: {"ok": True, "node": config.hub.name}
    hub.http.ready = hub.status
    hub.http.metrics = hub.metrics
    hub.links.update(_links(config, reactor))
    _channels(hub, specs, routing)
    engine.outbound.attach(hub.channels)
    _still_paused(hub)
    return hub


def _still_paused(hub: Hub) -> None:
    """What was paused before a restart still is."""
    with hub.engine.readers.reader() as reader:
        pauses = paused_now(reader)
    for name, pause in pauses.items():
        if name in hub.channels:
            hub.ports[name].paused = pause
            hub.engine.outbound.hold(name, True)
            log.warning("channel.paused", channel=name, paused=pause.words())


def _http(config: Config) -> HttpService:
    async def nothing() -> str:
        return ""

    return HttpService(config.http.host, config.http.port, dict, dict, nothing)


def _links(config: Config, reactor: Any) -> dict[str, Any]:
    links = {}
    for name, section in config.links.items():
        module = importlib.import_module(f"hub.links.{section.kind}")
        links[name] = module.make_link(name, section.options, reactor, config.base)
    return links


def _channels(hub: Hub, specs: Mapping[str, ChannelSpec], routing: Routing) -> None:
    from msgspec import ValidationError, convert

    problems = []
    for name, section in hub.config.channels.items():
        ports = _ports(hub, name, section.company, routing)
        try:
            options = convert(section.options, specs[name].config)
        except ValidationError as error:
            problems.append(_option_problem(section, specs[name], error))
            continue
        hub.ports[name] = ports
        try:
            hub.channels[name] = specs[name].build(ports, options)
        except (ValueError, LookupError) as error:  # a mapping, a file of keys, a link
            problems.append(f"[channels.{name}] {error}")
    for code in hub.terms:
        hub.ports[f"{CONTROL}-{code}"] = _ports(hub, f"{CONTROL}-{code}", code, routing)
    if problems:
        raise ConfigError(problems)


def _option_problem(section: ChannelSection, spec: ChannelSpec, error: Exception) -> str:
    known = ", ".join(spec.config.__struct_fields__)
    return f"[channels.{section.name}] {error} (known: {known})"


def _ports(hub: Hub, name: str, company: str, routing: Routing) -> HubPorts:
    engine = hub.engine
    return HubPorts(
        name=name,
        company=hub.terms[company],
        reactor=hub.reactor,
        log=logger(name),
        intake=engine.intake,
        answers=engine.answers,
        outbound=engine.outbound,
        notebook=engine.notebook,
        routing=routing,
        readers=engine.readers,
        http=hub.http,
        links=hub.links,
        clock_us=hub.sources.now_us,
        base=hub.config.base,
        pin_key_file=hub.config.companies[company].pin_key_file,
    )
