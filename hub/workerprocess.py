"""A worker process: leases, batches, wake-ups; ends after its batch on SIGTERM."""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from core.store.tx import TransientStoreError
from core.store.upgrade import Store, open_store
from hub import interpreter
from hub.bus.backends import BrokerSource, make_source
from hub.bus.relay import reopen
from hub.bus.table import TableSource
from hub.clock import Sources
from hub.companies import all_terms
from hub.config import Config
from hub.engine import Parts, check_partitions, clocked, make_batch
from hub.installed import SpecOf, channel_spec, check_schema, make_routing
from hub.leases import Leases
from hub.stages import AWAY_S, IDLE_S, lingers, log_away
from hub.supervisor import PARENT
from hub.wakeups import DONE, WORK, Listener, concerns, notify
from hub.watch import make_watch
from hub.worker import StoreAway, Worker

log = structlog.get_logger("hub.worker")


def run(config: Config, index: int, spec_of: SpecOf = channel_spec) -> None:
    """Work until SIGTERM (or until the process that started us is gone)."""
    name = f"{config.hub.name}-{socket.gethostname()}-{index}"
    url = config.database_url()
    parts = _parts(config, f"{config.hub.name}/worker-{index}", spec_of)
    store = open_store(url, f"wattbus-{name}", config.database.limits())
    check_partitions(store)
    leases = Leases(store, name)
    stop, wake = threading.Event(), threading.Event()
    source = _source(config, store, name, wake.set)
    by_the_clock = clocked(parts, store, source)
    worker = Worker(
        store,
        make_batch(parts, name),
        by_the_clock,
        fence=leases.fence,
        doorbell=lambda tx: notify(tx, DONE),
        alive=leases.hold,
        leased=leases.holds,
        watch=parts.watch,
    )

    def end(*_: object) -> None:
        stop.set()
        wake.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one who started us stops us

    def heard(said: str) -> None:
        if concerns(said, leases.holds):
            wake.set()

    listener = Listener(url, WORK, heard, config.database.limits())
    listener.start()
    interpreter.settle()
    log.info("worker.up", worker=name, pid=os.getpid())
    told = parts.watch.file(config.path(config.hub.data), f"worker-{index}", config.hub.name)
    right, linger_s = by_the_clock.guard.right, config.hub.linger_ms / 1_000
    beat = _Beat(stop, wake, right, linger_s, told.tick)
    _work(worker, leases, beat)
    listener.stop()
    if not isinstance(source, TableSource):
        source.stop()
    leases.release()
    parts.watch.spans.stop()
    told.remove()
    log.info("worker.down", worker=name)


def _parts(config: Config, process: str, spec_of: SpecOf) -> Parts:
    url = config.database_url()
    check_schema(url)
    specs = {n: spec_of(section.kind) for n, section in config.channels.items()}
    routing = make_routing(config, specs)
    return Parts(
        url,
        all_terms(config),
        routing,
        0,
        lambda *_: None,
        Sources(),
        tokens=config.tokens,
        watch=make_watch(config.traces, process),
    )


def _source(
    config: Config, store: Store, name: str, wake: Callable[[], None]
) -> TableSource | BrokerSource:
    """The bus that the configuration names."""
    if config.bus.kind == "table":
        return TableSource(store, [])
    now_us = Sources().now_us

    def again(partitions: Sequence[int]) -> int:
        with store.transaction() as tx:
            return reopen(tx, partitions, now_us())

    source = make_source(config.bus_section(), f"wattbus-{name}", wake, again)
    source.start()
    return source


@dataclass(frozen=True, slots=True)
class _Beat:
    """What a worker goes by: bells to stop and to wake, whether its clock is right, its pause."""

    stop: threading.Event
    wake: threading.Event
    fit: Callable[[], bool]
    linger_s: float
    tick: Callable[[], None] = lambda: None  # its numbers are written now and then


def _work(worker: Worker, leases: Leases, beat: _Beat) -> None:
    stop, wake = beat.stop, beat.wake
    # told, not asked: who is started by a node that dies at once would take init for its parent
    parent = int(os.environ.get(PARENT, os.getppid()))
    prepared, away = False, False
    while not stop.is_set() and os.getppid() == parent:
        wake.clear()
        beat.tick()
        try:
            if not prepared:
                leases.prepare()
                prepared = True
            if not beat.fit():  # a wrong clock: other hosts' workers take over what this one holds
                if leases.epochs:
                    worker.source.assign([])
                    leases.release()
                away = True
                stop.wait(IDLE_S)
                continue
            if away or leases.due():
                worker.source.assign(leases.balance())
                away = False
            busy = worker.step()
            if lingers(worker.last):
                stop.wait(beat.linger_s)
        except (StoreAway, TransientStoreError) as error:
            log_away(error, AWAY_S)
            away, busy = True, False
            time.sleep(AWAY_S)
        if not busy:
            wake.wait(IDLE_S)
