"""A worker process: leases, batches, wake-ups; ends after its batch on SIGTERM."""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable

import structlog

from core.store.tx import TransientStoreError
from core.store.upgrade import Store, open_store
from hub import interpreter
from hub.boot import SpecOf, channel_spec, check_schema, make_routing
from hub.bus import Source
from hub.bus.rabbit import RabbitSource
from hub.bus.table import TableSource
from hub.clock import Sources
from hub.companies import all_terms
from hub.config import Config
from hub.engine import Parts, make_batch
from hub.leases import Leases
from hub.stages import AWAY_S, IDLE_S, lingers, log_away
from hub.supervisor import PARENT
from hub.wakeups import DONE, WORK, Listener, concerns, notify
from hub.worker import StoreAway, Worker

log = structlog.get_logger("hub.worker")


def run(config: Config, index: int, spec_of: SpecOf = channel_spec) -> None:
    """Work until SIGTERM (or until the process that started us is gone)."""
    name = f"{config.hub.name}-{socket.gethostname()}-{index}"
    url = config.database_url()
    check_schema(url)
    specs = {n: spec_of(section.kind) for n, section in config.channels.items()}
    parts = Parts(
        url, all_terms(config), make_routing(config, specs), 0, lambda *_: None, Sources()
    )
    store = open_store(url, f"wattbus-{name}")
    leases = Leases(store, name)
    stop, wake = threading.Event(), threading.Event()
    source = _source(config, store, name, wake.set)
    worker = Worker(
        store,
        make_batch(parts, name),
        source,
        fence=leases.fence,
        doorbell=lambda tx: notify(tx, DONE),
        alive=leases.hold,
        leased=leases.holds,
    )

    def end(*_: object) -> None:
        stop.set()
        wake.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one who started us stops us

    def heard(said: str) -> None:
        if concerns(said, leases.holds):
            wake.set()

    listener = Listener(url, WORK, heard)
    listener.start()
    interpreter.settle()
    log.info("worker.up", worker=name, pid=os.getpid())
    _work(worker, leases, (stop, wake), config.hub.linger_ms / 1_000)
    listener.stop()
    if isinstance(source, RabbitSource):
        source.stop()
    leases.release()
    log.info("worker.down", worker=name)


def _source(config: Config, store: Store, name: str, wake: Callable[[], None]) -> Source:
    """The bus that the configuration names."""
    if config.bus.kind == "table":
        return TableSource(store, [])
    source = RabbitSource(config.bus.url, config.bus.prefix, f"wattbus-{name}", wake)
    source.start()
    return source


def _work(
    worker: Worker, leases: Leases, bells: tuple[threading.Event, threading.Event], linger_s: float
) -> None:
    """``bells``: to stop, and to wake."""
    stop, wake = bells
    # told, not asked: who is started by a node that dies at once would take init for its parent
    parent = int(os.environ.get(PARENT, os.getppid()))
    prepared, away = False, False
    while not stop.is_set() and os.getppid() == parent:
        wake.clear()
        try:
            if not prepared:
                leases.prepare()
                prepared = True
            if away or leases.due():
                worker.source.assign(leases.balance())
                away = False
            busy = worker.step()
            if lingers(worker.last):
                stop.wait(linger_s)
        except (StoreAway, TransientStoreError) as error:
            log_away(error, AWAY_S)
            away, busy = True, False
            time.sleep(AWAY_S)
        if not busy:
            wake.wait(IDLE_S)
