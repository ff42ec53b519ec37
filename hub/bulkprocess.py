"""A process of the bulk lane (PostgreSQL): one command after another, until SIGTERM.

It leases nothing: what it works on is locked in the transaction that does it (``hub.bulk``).
"""

import os
import signal
import socket
import threading
import time

import structlog

from core.store.tx import TransientStoreError
from core.store.upgrade import open_store
from hub import interpreter
from hub.bulk import BulkWorker
from hub.clock import Sources
from hub.companies import all_terms
from hub.config import Config
from hub.engine import check_partitions
from hub.figures import FigureFile
from hub.installed import SpecOf, channel_spec, check_schema, make_routing
from hub.stages import AWAY_S, IDLE_S, log_away
from hub.supervisor import PARENT
from hub.wakeups import DONE, notify
from hub.watch import make_watch

#: What somebody waits for gets the processor first.
NICE = 5

log = structlog.get_logger("hub.bulk")


def run(config: Config, index: int, spec_of: SpecOf = channel_spec) -> None:
    """Work until SIGTERM (or until the process that started us is gone)."""
    name = f"{config.hub.name}-{socket.gethostname()}-bulk{index}"
    url = config.database_url()
    check_schema(url)
    specs = {n: spec_of(section.kind) for n, section in config.channels.items()}
    limits = config.database.limits()
    store = open_store(url, f"wattbus-{name}", limits.bulk())
    check_partitions(store)
    worker = BulkWorker(
        store,
        all_terms(config),
        make_routing(config, specs),
        name,
        Sources(),
        counter=open_store(url, f"wattbus-{name}-ids", limits),
        doorbell=lambda tx: notify(tx, DONE),
        watch=make_watch(config.traces, f"{config.hub.name}/bulk-{index}"),
    )
    told = worker.watch.file(config.path(config.hub.data), f"bulk-{index}", config.hub.name)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one who started us stops us
    os.nice(NICE)
    interpreter.settle()
    log.info("bulk.up", worker=name, pid=os.getpid())
    _work(worker, stop, told)
    worker.watch.spans.stop()
    told.remove()
    log.info("bulk.down", worker=name)


def _work(worker: BulkWorker, stop: threading.Event, told: FigureFile) -> None:
    """A run may wait half a second for its first command: nobody rings for this lane."""
    # told, not asked: who is started by a node that dies at once would take init for its parent
    parent = int(os.environ.get(PARENT, os.getppid()))
    while not stop.is_set() and os.getppid() == parent:
        told.tick()
        try:
            busy = worker.step()
        except TransientStoreError as error:
            log_away(error, AWAY_S)
            busy = False
            time.sleep(AWAY_S)
        if not busy:
            stop.wait(IDLE_S)
