"""Private servers that are stopped, killed, filled and started again."""

import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from simulators.bench import servers as bench
from tests.promises.worlds import fill
from tests.servers import postgres

#: A command of the broker starts a machine of its own, on a busy host.
CTL_S = 120.0
#: What a fresh RabbitMQ has for a watermark.
USUAL_WATERMARK = "0.4"


def children(pid: int) -> list[int]:
    """The processes that a process has started, their own too; parents first."""
    of: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            words = path.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
            of.setdefault(int(words[1]), []).append(int(path.parent.name))
    found: list[int] = []
    waiting = [pid]
    while waiting:
        waiting += (mine := sorted(of.get(waiting.pop(0), ())))
        found += mine
    return found


@dataclass(slots=True)
class Postgres(postgres.Postgres):
    """A private server, and how it is hurt."""

    hogs: list["psycopg.Connection[tuple[object, ...]]"] = field(default_factory=list)

    def restart(self, how: signal.Signals) -> None:
        """SIGINT: fast; SIGQUIT: immediate."""
        self.end(how)
        self.run()

    def end(self, how: signal.Signals) -> None:
        """End it as ``pg_ctl stop`` would; returns when it is gone."""
        self.server.process.send_signal(how)
        self.server.process.wait(bench.STOP_S)

    def kill(self) -> None:
        """SIGKILL to all of its processes, as a power cut of that machine's memory."""
        process = self.server.process
        of_it = children(process.pid)
        process.kill()
        for pid in of_it:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait(bench.STOP_S)

    def run(self) -> None:
        """Start it again, where it is not running; returns when it answers."""
        if self.server.process.poll() is not None:
            self.server.start_again()

    def hog(self, database: str) -> None:
        """Take every connection that there is, those of ``database`` by force."""
        with suppress(psycopg.OperationalError):  # until there is none
            while True:
                self.hogs.append(psycopg.connect(self.url("postgres"), autocommit=True))
                cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
                self.hogs[0].execute(cut, (database,))

    def move_journal(self, url: str, folder: Path) -> None:
        """The journal of a database, all of its parts, to a disk of its own."""
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"CREATE TABLESPACE small LOCATION '{folder}'")
            found = connection.execute(
                "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE 'journal%'"
            ).fetchall()
            for (name,) in found:
                connection.execute(f'ALTER TABLE "{name}" SET TABLESPACE small')

    def let_go(self) -> None:
        """Give the connections back."""
        while self.hogs:
            self.hogs.pop().close()

    def stop(self) -> None:
        """End the server and remove what it kept."""
        self.let_go()
        self.run()
        self.server.stop()


@dataclass(slots=True)
class Rabbit:
    """A private broker, and how it is hurt."""

    server: bench.Rabbit

    def end(self) -> None:
        """SIGTERM, and until it is gone."""
        self.server.process.terminate()
        self.server.process.wait(bench.STOP_S)

    def kill(self) -> None:
        """SIGKILL to all of its processes."""
        process = self.server.process
        of_it = children(process.pid)
        process.kill()
        for pid in of_it:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait(bench.STOP_S)

    def run(self) -> None:
        """Start it again, where it is not running; returns when it answers."""
        if self.server.process.poll() is not None:
            self.server.start_again()

    def ctl(self, *words: str) -> str:
        """What ``rabbitmqctl`` says."""
        script = bench.rabbit_script().with_name("rabbitmqctl")
        environment = dict(self.server.environment or {})
        done = subprocess.run(
            [script, "-n", environment["RABBITMQ_NODENAME"], *words],
            env=environment, cwd=self.server.folder, capture_output=True, text=True,
            timeout=CTL_S, check=False, **bench._as(self.server.owner),
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def alarm(self, watermark: str) -> None:
        """``0``: out of memory at once."""
        self.ctl("set_vm_memory_high_watermark", watermark)

    def stop(self) -> None:
        """End the server and remove what it kept."""
        self.run()
        self.server.stop()


@dataclass(slots=True)
class Servers:
    """One of each, started when first asked for."""

    folder: str | None = None
    filler: Callable[[str], None] = fill
    _postgres: Postgres | None = None
    _rabbit: Rabbit | None = None

    @property
    def postgres(self) -> Postgres:
        """The database server."""
        if self._postgres is None:
            with _temporary(self.folder):
                self._postgres = Postgres(postgres.start().server)
        return self._postgres

    @property
    def rabbit(self) -> Rabbit:
        """The broker."""
        if self._rabbit is None:
            with _temporary(self.folder):
                self._rabbit = Rabbit(bench.start_rabbit())
        return self._rabbit

    def stop(self) -> None:
        """End what was started; one that does not end keeps no other from it."""
        with ExitStack() as stack:
            for server in (self._postgres, self._rabbit):
                if server is not None:
                    stack.callback(server.stop)


@contextmanager
def _temporary(folder: str | None) -> Iterator[None]:
    before, tempfile.tempdir = tempfile.tempdir, folder or tempfile.tempdir
    try:
        yield
    finally:
        tempfile.tempdir = before
