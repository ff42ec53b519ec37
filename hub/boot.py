"""The composition root: the one place where you see who knows whom."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import structlog
from twisted.internet import defer
from twisted.internet.endpoints import UNIXServerEndpoint
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from core.company import Terms
from core.store.tables.orders import OPEN
from core.store.upgrade import Store, is_sqlite
from hub.acts import Desk
from hub.billdesk import BillDesk
from hub.building import Builder
from hub.channel import Channel, ChannelSpec
from hub.clock import Sources
from hub.companies import all_terms
from hub.config import Config
from hub.control import ControlError, ControlFactory, submit
from hub.engine import Engine, EngineError, Parts, make_engine
from hub.erasuredesk import ErasureDesk
from hub.fence import KEEPER
from hub.figures import Told
from hub.groups import Group
from hub.hostclock import ahead
from hub.http import HttpService
from hub.httpguard import Limits
from hub.httptls import server_tls
from hub.installed import SpecOf, channel_spec, check_folder, check_schema, make_routing
from hub.janitor import Janitor, archive_of, houses_of
from hub.keys.custodians import KeyDesk
from hub.lasttids import LastTidDesk
from hub.membership import Membership, membership
from hub.metricnode import Node, processes
from hub.metrics import render
from hub.modules.settings import NETWORK
from hub.operators import Identity, OperatorDesk
from hub.pausing import Notes, Pause, PauseDesk, notes_of
from hub.ports import HubPorts, logger
from hub.quotas import quota_of
from hub.reloaddesk import ReloadDesk
from hub.routing import Routing
from hub.seatbook import BELL
from hub.stations import Stations, at_most
from hub.wakeups import notify
from hub.watch import Watch, make_watch

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
    membership: Membership
    channels: dict[str, Channel] = field(default_factory=dict)
    links: dict[str, Any] = field(default_factory=dict)
    ports: dict[str, HubPorts] = field(default_factory=dict)
    sources: Sources = field(default_factory=Sources)
    watch: Watch = field(default_factory=Watch)
    stops: dict[str, Pause] = field(default_factory=dict)  # channels that operators have stopped
    stations: Stations = field(init=False)
    builder: Builder = field(init=False)
    identity: Identity = field(init=False)
    renew: Callable[[], Any] = lambda: None  # other worker processes, which read the file anew
    _reloads: ReloadDesk = field(init=False)
    _control: Any = None
    _joined: bool = False

    @defer.inlineCallbacks
    def join(self) -> Any:
        """Be a node of the installation. EngineError when another process has our name, or our
        folder: its operators would ask us."""
        check_folder(control_path(self.config))
        yield self.membership.join()
        self._joined = True

    def __post_init__(self) -> None:
        self.identity = Identity.of(self.config)
        self._reloads = ReloadDesk(self, self.config.file, lambda: self.renew())

    def reload(self, request: dict[str, Any]) -> "defer.Deferred[dict[str, Any]]":
        """Take up the configuration as the file says it now; ControlError: what is wrong."""
        done: defer.Deferred[dict[str, Any]] = self._reloads.reload(request)
        return done

    @defer.inlineCallbacks
    def start(self) -> Any:
        """After :meth:`join`: stages, then links and channels of what is ours, then HTTP and the
        control socket."""
        self.engine.start()
        self.stations.settle()
        self.membership.watch(
            self.reactor.callFromThread,
            self.stations.settle,
            self._noted,
            self.config.database,
        )
        self.http.start()
        yield self._listen_control()

    def _noted(self, notes: Notes) -> None:
        """What operators have noted, on whatever node they were."""
        self.stops = dict(notes.stopped)
        for name in self.config.channels:
            if self.ports[name].paused != notes.paused.get(name):
                self.ports[name].paused = notes.paused.get(name)
                self._told(name)
        self.stations.stop_only(self.stops)

    def _told(self, name: str) -> None:
        """The way out, of a pause or its end."""
        self.engine.outbound.hold(name, self.ports[name].paused is not None)

    def _stopped(self, name: str, stop: Pause | None) -> None:
        self.stops = {known: by for known, by in self.stops.items() if known != name}
        if stop is not None:
            self.stops[name] = stop
        self.stations.stop_only(self.stops)

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
            self.identity,
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
            "reload": self.reload,
            "prune": self._prune,
            "erase": ErasureDesk(
                operators.identity,
                self.engine.chores,
                operators.writer,
                operators.now_us,
                archive_of(self.config),
            ).erase,
        }
        self._control = yield endpoint.listen(ControlFactory(verbs))
        log.info("hub.up", channels=sorted(self.channels), pid=os.getpid())

    @defer.inlineCallbacks
    def stop(self) -> Any:
        """Take in nothing more, finish what is in flight within the drain limit, close."""
        if not self._joined:
            return  # we were refused: nothing runs, and what is there is another's
        log.info("hub.draining")
        if self._control is not None:
            yield self._control.stopListening()
        until = self.reactor.seconds() + self.config.hub.drain_s
        yield at_most(self.reactor, self.stations.drain(), self.config.hub.drain_s)
        yield self.http.stop()
        while self._in_flight() and self.reactor.seconds() < until:
            yield deferLater(self.reactor, 0.05, lambda: None)
        yield self.stations.close_links()
        yield deferToThread(self.membership.leave)
        yield deferToThread(self.engine.stop)
        yield deferToThread(self.watch.spans.stop)
        log.info("hub.down")

    def _pauses(self) -> PauseDesk:
        return PauseDesk(
            self.engine.chores,
            self.ports,
            self.channels,
            self.config.hub.name,
            self.sources.now_us,
            self._told,
            self._stopped,
            lambda tx: notify(tx, BELL),
        )

    def _prune(self, request: dict[str, Any]) -> dict[str, Any]:
        if self.engine.janitor is None:
            raise ControlError("this node does not prune")
        self.engine.janitor.ask(str(request.get("actor", "")) or "unknown")
        return {"begun": True}

    def _in_flight(self) -> int:
        return self.engine.intake.pending() + self.engine.outbound.in_flight()

    def status(self) -> Mapping[str, Any]:
        """For /readyz and ``wattbus status``."""
        links = {
            name: dict(link.status()) if self.stations.has_link(name) else {"state": "closed"}
            for name, link in self.links.items()
        }
        return {
            "ok": self.engine.healthy() and self.membership.well(),
            "node": self.config.hub.name,
            "pid": os.getpid(),
            "roles": list(self.config.hub.roles),
            "channels": {name: self._said(name) for name in self.channels},
            "links": links,
            **({} if (bus := self.engine.bus()) is None else {"bus": bus.words()}),
            "processes": {
                told.process: {"memory": told.usage.memory, "cpu_s": told.usage.cpu_s}
                for told in self._processes()
            },
        }

    def _processes(self) -> list[Told]:
        return processes(self.config.path(self.config.hub.data), self.config.hub.name, self.watch)

    def _said(self, name: str) -> dict[str, Any]:
        """What a channel says of itself, unless it is paused, stopped, or not here."""
        if name in self.stops:
            return {"state": "stopped", "stopped": self.stops[name].words()}
        if self.stations.is_open(name):
            said = dict(self.channels[name].status())
            if (quota := self.ports[name].quota) is not None:
                said["quota"] = quota.said()
        else:
            holder = self.membership.holder(self.membership.seat_of(name))
            said = {"state": "elsewhere", "node": holder} if holder else {"state": "closed"}
        pause = self.ports[name].paused
        return said if pause is None else {**said, "state": "paused", "paused": pause.words()}

    async def metrics(self) -> str:
        """The Prometheus page, read in a thread."""
        here = [name for name in self.channels if self.stations.is_open(name)]
        links = {name: link for name, link in self.links.items() if self.stations.has_link(name)}
        node = Node(
            channels={name: self._said(name) for name in here},
            links={name: link.status() for name, link in links.items()},
            arrived={name: self.ports[name].arrived_us for name in here},
            well=self.engine.healthy() and self.membership.well(),
            data=self.config.path(self.config.hub.data),
            engine=self._engine_name(),
            seats=self.membership.holds(),
            bus=self.engine.bus(),
        )
        page: str = await deferToThread(self._metrics, node)
        return page

    def _metrics(self, node: Node) -> str:
        with self.engine.readers.reader() as reader:
            ahead_s = None if is_sqlite(self.config.database_url()) else ahead(reader, self.sources)
            node = replace(node, processes=self._processes(), ahead_s=ahead_s)
            return render(reader, node, self.sources.now_us())

    def _engine_name(self) -> str:
        if is_sqlite(self.config.database_url()):
            return "sqlite"
        return "postgresql" if self.config.bus.kind == "table" else self.config.bus.kind


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
    ours, watch = membership(config), make_watch(config.traces, f"{config.hub.name}/hub")
    parts = replace(_parts(config, reactor, sources, (terms, routing, ours)), watch=watch)
    engine = make_engine(parts)
    engine.chores.node = config.hub.name
    check_orders(config, engine.readers)
    hub = Hub(
        config, reactor, terms, engine, routing, _http(config), ours, sources=sources, watch=watch
    )
    hub.http.tracing = watch.tracing
    hub.http.health = lambda: {"ok": True, "node": config.hub.name}
    hub.http.ready = hub.status
    hub.http.metrics = hub.metrics
    hub.http.elsewhere = lambda: not all(map(hub.stations.is_open, hub.channels))
    _furnish(hub, specs)
    _still_noted(hub)
    return hub


def _parts(
    config: Config,
    reactor: Any,
    sources: Sources,
    of: tuple[dict[str, Terms], Routing, Membership],
) -> Parts:
    terms, routing, ours = of
    url = config.database_url()
    return Parts(
        url=url,
        terms=terms,
        routing=routing,
        open_messages=config.hub.open_messages,
        on_reactor=reactor.callFromThread,
        sources=sources,
        bus=config.bus_section(),
        linger_s=config.hub.linger_ms / 1_000,
        tokens=config.tokens,
        limits=config.database.limits(),
        node="hub" if is_sqlite(url) else config.hub.name,
        fence=ours.fence,
        janitor=lambda store: Janitor(
            *(store, houses_of(config), config.retention, archive_of(config)),
            *(config.hub.name, sources),
            leads=lambda: bool(ours.fence.epoch(KEEPER)),
        ),
    )


def _furnish(hub: Hub, specs: Mapping[str, ChannelSpec]) -> None:
    """Links and channels, built and not yet open. ConfigError."""
    builder = Builder(
        hub.config,
        hub.reactor,
        specs,
        lambda name, company: _ports(hub, name, company),
        hub.channels,
        hub.links,
        hub.ports,
    )
    builder.all()
    hub.builder = builder
    for name, section in hub.config.channels.items():
        hub.ports[name].quota = quota_of(hub.ports[name], section.quota)
    for code in hub.terms:
        hub.ports[f"{CONTROL}-{code}"] = _ports(hub, f"{CONTROL}-{code}", code)
    hub.stations = Stations(
        hub.reactor,
        hub.membership.groups,
        hub.engine.outbound,
        hub.channels,
        hub.links,
        hub.ports,
        lambda group, names: _again(hub, group, names),
        hub.membership.held,
        hub.config.hub.drain_s,
        hub.membership.decline,
    )
    hub.stations.built()


def _again(hub: Hub, group: Group, channels: tuple[str, ...]) -> None:
    """A group that opens again, perhaps after another node had it."""
    hub.builder.group(group, channels)
    for name in channels:
        hub.ports[name].quota = quota_of(hub.ports[name], hub.config.channels[name].quota)


def _still_noted(hub: Hub) -> None:
    """What was paused or stopped before a restart still is."""
    with hub.engine.readers.reader() as reader:
        notes = notes_of(reader, list(hub.channels))
    hub.stops = dict(notes.stopped)
    hub.stations.stopped = frozenset(notes.stopped)
    for name, stop in notes.stopped.items():
        log.warning("channel.stopped", channel=name, stopped=stop.words())
    for name, pause in notes.paused.items():
        hub.ports[name].paused = pause
        hub.engine.outbound.hold(name, True)
        log.warning("channel.paused", channel=name, paused=pause.words())


def _http(config: Config) -> HttpService:
    async def nothing() -> str:
        return ""

    http = config.http
    return HttpService(
        *(http.host, http.port, dict, dict, nothing),
        tls=server_tls(config.base, http.tls_cert, http.tls_key, http.tls_client_ca),
        limits=Limits(http.connections, http.per_peer),
    )


def _ports(hub: Hub, name: str, company: str) -> HubPorts:
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
        routing=hub.routing,
        readers=engine.readers,
        http=hub.http,
        links=hub.links,
        clock_us=hub.sources.now_us,
        base=hub.config.base,
        pin_key_file=hub.config.companies[company].pin_key_file,
    )
