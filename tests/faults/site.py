"""The installation under fault: a node, its workers, servers, and proxies between all of them.

A world of ``tests/promises`` whose node is kept alive as the unit of ``docs/operations`` does it:
whatever it ends of, it is started again. The checker reads the books past the proxies.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any

from core.store.tx import Reader, StoreError
from core.store.upgrade import open_store
from hub import balance, clock
from tests.faults import garbage
from tests.faults.garbage import Mad
from tests.faults.load import Load
from tests.faults.proxy import Proxy
from tests.faults.servers import Servers, children
from tests.promises import company
from tests.promises.checker import Broken
from tests.promises.farend import ERROR, OVERLOADED
from tests.promises.processes import ROOT, Listener, ProcessWorld, open_reader

#: The unit's RestartSec.
RESTART_S = 2.0
#: How often a condition of the books is looked at: each look is a connection of its own.
LOOK_S = 0.2
#: A message that is under way when all is healed has its end within this time on a busy machine.
PATIENCE_S = 240.0
#: Between whom a proxy can stand.
DATABASE, BROKER, EDGE = "database", "broker", "edge"


@dataclass
class Site(ProcessWorld):
    """``through``: the connections that go through a proxy."""

    servers: Servers = field(default_factory=Servers)
    through: tuple[str, ...] = ()
    is_drill: bool = False  # its wall clock can be moved
    random: Random = field(default_factory=Random)
    seconds: float = 5.0  # how long the fault lasts
    times: int = 1  # how often, where it is a series
    small_disk: Path | None = None  # where its books are, or its journal
    load: Load | None = None  # what is offered to it
    mad: Mad | None = None  # a network that it logs in to, beside its counterpart
    proxies: dict[str, Proxy] = field(default_factory=dict)
    #: seconds from each healing until all that waited was answered
    recoveries: list[float] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)  # exit statuses of the node
    drift: set[int] = field(default_factory=set)  # balances other than 0 that were seen
    offset_s: float = 0.0  # of its wall clock

    def __post_init__(self) -> None:
        self.listener = Listener(self.far)
        self.clock_file = self.folder / "clock"
        if self.is_drill:
            self.move_clock(0.0)
            self.environment[clock.DRILL] = str(self.clock_file)
        setting = replace(self.setting, bus_url=self._past(BROKER, self.setting.bus_url))
        port = self._proxied(EDGE, self.listener.port)
        self.config = company.write_config(
            self.folder, self._past(DATABASE, self.url), port, setting
        )
        if self.mad is not None:
            with self.config.open("a", encoding="utf-8") as file:
                file.write(garbage.CONFIG.format(port=self.mad.port))
        self.var = self.folder / "var"
        self.store = None
        self._stopping = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)

    def _proxied(self, name: str, port: int) -> int:
        if name not in self.through:
            return port
        self.proxies[name] = Proxy(port)
        return self.proxies[name].port

    def _past(self, name: str, url: str) -> str:
        """The URL with the proxy's port, where one stands before it."""
        if name not in self.through:
            return url
        before, _, rest = url.rpartition("@127.0.0.1:")
        port, _, path = rest.partition("/")
        return f"{before}@127.0.0.1:{self._proxied(name, int(port))}/{path}"

    # -- life and death ---------------------------------------------------------------------

    def start(self) -> None:
        """A node that is kept alive; returns when its channel has come up."""
        self._spawn()
        self._keeper.start()
        self.until(lambda: self.far.is_connected, "the channel is up")

    def _spawn(self) -> None:
        command = [sys.executable, "-m", "tests.promises.node", "run", "-c", str(self.config)]
        with (self.folder / "log").open("ab") as log:
            self.node = subprocess.Popen(
                [*self.wrapper, *command],
                cwd=ROOT,
                env={**os.environ, **self.environment},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _keep(self) -> None:
        while not self._stopping.wait(0.05):
            assert self.node is not None
            if self.node.poll() is not None:
                self.ends.append(self.node.returncode)
                if self._stopping.wait(RESTART_S):
                    return
                self._spawn()

    def processes(self) -> list[int]:
        """The node and its workers."""
        assert self.node is not None
        return [self.node.pid, *children(self.node.pid)]

    def kill_one(self) -> None:
        """SIGKILL to one of them, by chance."""
        pids = self.processes()
        at = self.random.randrange(len(pids))
        with suppress(ProcessLookupError):
            os.kill(pids[at], signal.SIGKILL)

    def close(self) -> None:
        """End everything that was started here."""
        self._stopping.set()
        if self._keeper.ident is not None:
            self._keeper.join()
        if self.node is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.node.pid, signal.SIGKILL)
            self.node.wait()
        for proxy in self.proxies.values():
            proxy.close()
        self.listener.close()
        if self.mad is not None:
            self.mad.close()

    # -- time -------------------------------------------------------------------------------

    def move_clock(self, seconds: float) -> None:
        """The wall clock of the installation jumps, forward or back."""
        assert self.is_drill
        self.offset_s += seconds
        new = self.clock_file.with_suffix(".new")
        new.write_text(str(int(self.offset_s * 1e6)), "ascii")
        os.replace(new, self.clock_file)

    def lasts(self, seconds: float = 0.0) -> None:
        """The fault lasts; load goes on."""
        self._stopping.wait(seconds or self.seconds)

    def until(self, condition: Callable[[], bool], what: str, within_s: float = PATIENCE_S) -> None:
        """Until it is so; Broken at the deadline. The far end is not held up by the looks."""
        end = monotonic() + within_s
        while not condition():
            if monotonic() > end:
                raise Broken(f"OPEN never: {what}\n{self.log()}")
            self._stopping.wait(LOOK_S)

    def recovers(self) -> None:
        """From now until all that waits now is answered; the seconds are noted."""
        began, waiting = monotonic(), set(self.far.unfinished())

        def answered() -> bool:
            waiting.intersection_update(self.far.unfinished())
            return not waiting

        self.until(answered, "what waited when it was healed is answered")
        self.recoveries.append(monotonic() - began)

    def settle(self) -> None:
        """Until nothing is under way and the far end has heard of everything it still asks for."""

        def quiet() -> bool:
            try:
                self._sample()
                return not self.unsettled()
            except StoreError:
                return False

        self.until(quiet, "it settles")

    def _sample(self) -> None:
        with self.reader() as reader:
            if lost := balance.unaccounted(reader):
                self.drift.add(lost)
        self.samples += 1

    # -- looking ----------------------------------------------------------------------------

    @contextmanager
    def reader(self) -> Iterator[Reader]:
        """A look at the books past every proxy; a connection of its own."""
        if not self._is_server:
            with open_reader(self.url) as reader:
                yield reader
            return
        store: Any = open_store(self.url, "checker")
        try:
            with store.reader_on_writer() as reader:
                yield reader
        finally:
            store.close()

    @property
    def database(self) -> str:
        """The database's name on its server."""
        return self.url.rpartition("/")[2]

    def refused(self) -> int:
        """How often the far end was told to come again."""
        with self.far.changed:
            told = [ack["state"] for acks in self.record.acks.values() for ack in acks]
        return sum(state in (OVERLOADED, ERROR) for state in told)
