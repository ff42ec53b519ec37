"""The engines: which stages share a thread, and what wakes whom.

SQLite: one process, one writing thread for every stage. PostgreSQL: in the channel process the
journal and the edge have a thread and a connection each; workers are processes of their own.
"""

import asyncio
import fcntl
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from core.company import Terms
from core.store.limits import LIMITS, PgLimits
from core.store.tx import Tx
from core.store.upgrade import Store, is_sqlite, open_store, sqlite_path
from hub.answers import Answers
from hub.batch import Batch
from hub.bulk import BulkWorker
from hub.bus import Source
from hub.bus.backends import BackendError, make_publisher
from hub.bus.events import EventRelay
from hub.bus.publisher import BusState, Publishing
from hub.bus.relay import Relay
from hub.bus.table import TableSource
from hub.chores import Chores
from hub.clock import Sources
from hub.config import BusSection, TokensSection
from hub.fence import ALONE, KEEPER, RELAY, Fence, seated
from hub.heldsweep import HeldSweep
from hub.hostclock import ClockedSource, ClockGuard
from hub.intake import Intake
from hub.janitor import Janitor
from hub.journal import Journal
from hub.notebook import Notebook
from hub.outbound import OutboundStage
from hub.partitions import PartitioningError, adopt
from hub.pressure import Pressure
from hub.prover import Prover
from hub.routing import Routing
from hub.stages import Stage, StageLoop, lingers
from hub.sweeper import Sweeper
from hub.wakeups import DONE, WORK, Listener, notify
from hub.watch import Watch
from hub.worker import Worker

#: The janitor's pauses are shorter than those of a loop that waits for work.
JANITOR_IDLE_S = 0.05


class EngineError(Exception):
    """The engine cannot start; a sentence for the operator."""


@dataclass(slots=True)
class Engine:
    """The stages of the channel process and the loops that run them."""

    intake: Intake
    answers: Answers
    outbound: OutboundStage
    chores: Chores
    notebook: Notebook
    readers: Store
    loops: list[StageLoop]
    stores: list[Store]
    listeners: list[Listener] = field(default_factory=list)
    lock: "IO[str] | None" = None
    publisher: Publishing | None = None
    janitor: Janitor | None = None

    def start(self) -> None:
        """Run the loops."""
        if self.publisher is not None:
            self.publisher.start()
        for loop in self.loops:
            loop.start()
        for listener in self.listeners:
            listener.start()

    def stop(self) -> None:
        """Stop the loops after their step, and close the stores."""
        for listener in self.listeners:
            listener.stop()
        for loop in self.loops:
            loop.stop()
        if self.publisher is not None:
            self.publisher.stop()
        for store in self.stores:
            store.close()
        if self.lock is not None:
            self.lock.close()

    def healthy(self) -> bool:
        """Whether every loop reached its store last time, and the relay its broker."""
        bus = self.bus()
        return (bus is None or bus.connected) and all(loop.healthy for loop in self.loops)

    def bus(self) -> BusState | None:
        """What this node knows of its broker; None: the bus is the database."""
        return None if self.publisher is None else self.publisher.state()


@dataclass(frozen=True, slots=True)
class Parts:
    """What both engines are made of."""

    url: str
    terms: dict[str, Terms]
    routing: Routing
    open_messages: int
    on_reactor: Callable[..., Any]
    sources: Sources
    bus: BusSection = field(default_factory=BusSection)
    linger_s: float = 0.0
    tokens: TokensSection = field(default_factory=TokensSection)
    watch: Watch = field(default_factory=Watch)
    limits: PgLimits = LIMITS
    node: str = "hub"  # who writes tallies and the journal: on PostgreSQL each node for itself
    fence: Fence = ALONE
    janitor: Callable[[Store], Janitor] | None = None


def make_batch(parts: Parts, writer: str) -> Batch:
    """The batch of one worker; ``writer`` names it in tallies and module logs."""
    return Batch(
        terms=parts.terms,
        routing=parts.routing,
        writer=writer,
        random_bytes=parts.sources.random_bytes,
        now_us=parts.sources.now_us,
    )


def clocked(parts: Parts, store: Store, source: Source) -> ClockedSource:
    """A worker's source, shut while the host's clock is wrong."""
    guard = ClockGuard(
        store.reader_on_writer,
        not is_sqlite(parts.url),
        parts.tokens.clock_limit_s * 1_000_000,
        parts.sources,
    )
    parts.watch.clock_wrong = lambda: bool(guard.wrong)
    return ClockedSource(source, guard)


def _prover(parts: Parts, store: Store) -> Prover:
    zones = {code: terms.zone for code, terms in parts.terms.items()}
    return Prover(store, zones, parts.tokens.proof_at, parts.sources)


def _held_sweep(
    parts: Parts, store: Store, doorbell: Callable[[Tx], None] = lambda _tx: None
) -> HeldSweep:
    paid = frozenset(code for code, terms in parts.terms.items() if terms.wallets.wallets)
    return HeldSweep(store, parts.routing, parts.sources, paid, doorbell)


def make_engine(parts: Parts) -> Engine:
    """The engine that the database's URL names."""
    return _embedded(parts) if is_sqlite(parts.url) else _server(parts)


def _embedded(parts: Parts) -> Engine:
    lock = lock_file(sqlite_path(parts.url))
    store = open_store(parts.url)
    check_partitions(store)
    intake, answers, outbound, pressure = _edge(parts, store, store)
    chores = Chores(store, parts.on_reactor)
    notebook = Notebook(store, parts.on_reactor, parts.sources)
    source = clocked(parts, store, TableSource(store))
    worker = Worker(store, make_batch(parts, "hub"), source, watch=parts.watch)
    stages: list[Stage] = [
        intake,
        chores,
        notebook,
        worker,
        answers,
        outbound,
        # last of the work: one chunk a turn, and all that came meanwhile is done before the next
        BulkWorker(store, parts.terms, parts.routing, "hub", parts.sources, watch=parts.watch),
        Sweeper(store, parts.sources),
        _held_sweep(parts, store),
        pressure,
        _prover(parts, store),
    ]
    janitor = parts.janitor(store) if parts.janitor is not None else None
    stages += [janitor] if janitor is not None else []
    loop = StageLoop("store", stages)
    intake.poke = answers.poke = outbound.poke = chores.poke = notebook.poke = loop.poke
    edge = (intake, answers, outbound, chores, notebook)
    return Engine(*edge, store, [loop], [store], lock=lock, janitor=janitor)


def _server(parts: Parts) -> Engine:
    journal_store = open_store(parts.url, "wattbus-journal", parts.limits)
    edge_store = open_store(parts.url, "wattbus-edge", parts.limits)
    check_partitions(edge_store, journal_store)
    intake, answers, outbound, pressure = _edge(parts, journal_store, edge_store)
    chores = Chores(edge_store, parts.on_reactor, doorbell=_rung(outbound))
    notebook = Notebook(edge_store, parts.on_reactor, parts.sources, fence=parts.fence)

    def after(stage: Intake | OutboundStage) -> Callable[[], float]:
        return lambda: parts.linger_s if lingers(stage.last) else 0.0

    journal = StageLoop("journal", [intake], linger=after(intake))
    once_per_installation = (
        Sweeper(edge_store, parts.sources, doorbell=_rung(outbound)),
        _held_sweep(parts, edge_store, lambda tx: notify(tx, WORK)),
        _prover(parts, edge_store),
    )
    chain: list[Stage] = [chores, notebook, answers, outbound, pressure]
    chain += [seated(stage, KEEPER, parts.fence) for stage in once_per_installation]
    edge = StageLoop("edge", chain, linger=after(outbound))
    intake.poke = journal.poke
    intake.journal.doorbell = lambda tx, partitions: notify(tx, WORK, partitions)
    intake.journal.outbell = lambda tx: notify(tx, DONE)
    answers.poke = outbound.poke = chores.poke = notebook.poke = edge.poke
    outbound.alone = False
    intake.outward = outbound.ring
    engine = Engine(
        intake,
        answers,
        outbound,
        chores,
        notebook,
        edge_store,
        [journal, edge],
        [journal_store, edge_store],
        [Listener(parts.url, DONE, lambda _said: outbound.ring(), parts.limits)],
    )
    if parts.bus.kind != "table":
        _add_relay(engine, parts)
    if parts.janitor is not None:
        _add_janitor(engine, parts, parts.janitor)
    return engine


def _add_janitor(engine: Engine, parts: Parts, make: Callable[[Store], Janitor]) -> None:
    """With a thread and a connection of its own: what it deletes nobody else waits for."""
    store = open_store(parts.url, "wattbus-retention", parts.limits)
    engine.janitor = make(store)
    engine.loops.append(StageLoop("retention", [engine.janitor], idle_s=JANITOR_IDLE_S))
    engine.stores.append(store)


def _rung(outbound: OutboundStage) -> Callable[[Tx], None]:
    """What was opened again is for workers, or for channels, of this node or of another."""

    def ring(tx: Tx) -> None:
        notify(tx, WORK)
        notify(tx, DONE)
        outbound.ring()  # the same thread: it looks after this commit

    return ring


def _add_relay(engine: Engine, parts: Parts) -> None:
    """A broker: what the journal wrote is published by a relay with a thread of its own."""
    store = open_store(parts.url, "wattbus-relay", parts.limits)
    check_partitions(store)
    loop = asyncio.get_event_loop()
    try:
        publisher = make_publisher(parts.bus, loop, "wattbus-relay")
    except BackendError as error:
        raise EngineError(str(error)) from None
    bundles = Relay(store, publisher, parts.sources)
    stages = [seated(bundles, RELAY, parts.fence, bundles.begin)]
    if parts.bus.kind == "rabbitmq":
        events = EventRelay(store, publisher, f"{parts.node}-relay", parts.sources)
        stages.append(seated(events, RELAY, parts.fence))
    relay = StageLoop("relay", stages)
    engine.intake.committed = lambda _count: relay.poke()
    # what another node's journal wrote
    engine.listeners.append(Listener(parts.url, WORK, lambda _said: relay.poke(), parts.limits))
    engine.loops.append(relay)
    engine.stores.append(store)
    engine.publisher = publisher


def _edge(
    parts: Parts, journal_store: Store, edge_store: Store
) -> tuple[Intake, Answers, OutboundStage, Pressure]:
    backlog = 0 if parts.bus.kind == "table" else parts.bus.backlog
    pressure = Pressure(edge_store, parts.open_messages, parts.sources, backlog)
    pressure.step()  # before anything is taken in: a queue that was full is full
    intake = Intake(
        store=journal_store,
        journal=Journal(parts.node, parts.sources, watch=parts.watch),
        on_reactor=parts.on_reactor,
        committed=lambda _count: None,
        gate=pressure.open_for,
    )
    answers = Answers(edge_store, parts.on_reactor)
    outbound = OutboundStage(edge_store, parts.node, parts.on_reactor, parts.sources)
    outbound.fence, outbound.watch = parts.fence, parts.watch
    return intake, answers, outbound, pressure


def lock_file(path: Path) -> "IO[str]":
    """The one process that may use a SQLite database holds this lock while it lives."""
    handle = open(f"{path}.lock", "w", encoding="ascii")  # noqa: SIM115 - held for life
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.close()
        raise EngineError(f"{path} is in use by another Wattbus process") from None
    handle.write(str(os.getpid()))
    handle.flush()
    return handle


def check_partitions(*stores: Store) -> None:
    """Go by the partitions that the database has. EngineError: they are not ours to work on."""
    try:
        adopt(*stores)
    except PartitioningError as error:
        raise EngineError(str(error)) from None
