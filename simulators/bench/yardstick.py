"""What everything is measured beside, in the same run: TPC-B, bare commits, a bare echo."""

import re
import resource
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from core.store.sqlite import connect
from simulators.bench import cpu
from simulators.bench.servers import Postgres, ServerMissingError, postgres_programs

#: TPC-B as pgbench has it, exactly so: other figures would be another yardstick.
SCALE, CLIENTS, THREADS, SECONDS = 50, 16, 2, 20
#: The longest round: a disk that commits nothing in so long is no yardstick.
PATIENCE_S = 64
#: Arguments of pgbench: clients, threads, script, the database last.
Command = Sequence[str | Path]
_COMMITTED = re.compile(r"^number of transactions actually processed: ([0-9]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class TpcB:
    """Transactions a second, and the mean time of one in milliseconds.

    ``cpu_us``: CPU time of server and clients per transaction. ``elsewhere``: the share of the
    machine that others used meanwhile.
    """

    tps: float
    mean_ms: float
    cpu_us: float = 0.0
    elsewhere: float = 0.0


def pgbench() -> Path:
    """The program, of the same version as the server. Raises ServerMissingError."""
    found = postgres_programs() / "pgbench"
    if not found.exists():
        raise ServerMissingError("no pgbench: run `sh tests/install-peers postgresql-contrib`")
    return found


def prepare_tpcb(server: Postgres, scale: int = SCALE) -> None:
    """``pgbench -i``: its tables in a database of their own."""
    url = server.create("tpcb")
    command: list[str | Path] = [pgbench(), "-i", "-q", "-s", str(scale), url]
    subprocess.run(command, check=True, capture_output=True)


def tpcb(server: Postgres, seconds: int = SECONDS) -> TpcB:
    """One round of TPC-B."""
    command: Command = ["-c", str(CLIENTS), "-j", str(THREADS), server.url("tpcb")]
    parts = {"server": cpu.Part(server.process.pid)}
    before, clients, busy = cpu.read(parts)["server"], _children(), cpu.machine()
    found, count = _count(command, seconds)
    spent = cpu.read(parts)["server"] - before + _children() - clients
    return replace(found, cpu_us=spent / count * 1e6, elsewhere=cpu.elsewhere(busy, spent))


def run(command: Command, seconds: int) -> TpcB:
    """One run of pgbench with these arguments; ``seconds`` are added here.

    Raises:
        ValueError: it is another report, or it commits nothing in ``PATIENCE_S``.
    """
    return _count(command, seconds)[0]


def _count(command: Command, seconds: int) -> tuple[TpcB, int]:
    """What it measured and how many transactions; a disk that stands still is asked for longer."""
    while True:
        whole = [pgbench(), "-M", "prepared", "-T", str(seconds), *command]
        done = subprocess.run(whole, check=True, capture_output=True, text=True)
        committed = _COMMITTED.search(done.stdout)
        if committed is None:
            raise ValueError(f"not a report of pgbench: {done.stdout[:200]}")
        if int(committed[1]) > 0:
            return parse(done.stdout), int(committed[1])
        if seconds >= PATIENCE_S:
            raise ValueError(f"pgbench committed nothing in {seconds} s: see the disk")
        seconds = min(4 * seconds, PATIENCE_S)


def _children() -> float:
    """CPU seconds of the programs that we have waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def parse(report: str) -> TpcB:
    """What pgbench printed. Raises ValueError when it is another report."""
    tps = re.search(r"^tps = ([0-9.]+)", report, re.MULTILINE)
    mean = re.search(r"^latency average = ([0-9.]+) ms", report, re.MULTILINE)
    if tps is None or mean is None:
        raise ValueError(f"not a report of pgbench: {report[:200]}")
    return TpcB(float(tps[1]), float(mean[1]))


def bare_commits(folder: Path, seconds: float) -> float:
    """Commits a second of one small row each on SQLite, as durable as ours (WAL, FULL)."""
    path = folder / "bare.db"
    connection = connect(path)
    connection.execute("CREATE TABLE IF NOT EXISTS bare (id INTEGER PRIMARY KEY, n INTEGER)")
    count, until = 0, time.monotonic() + seconds
    begin = time.monotonic()
    while time.monotonic() < until:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO bare (n) VALUES (?)", (count,))
        connection.execute("COMMIT")
        count += 1
    took = time.monotonic() - begin
    connection.close()
    for name in (path, *path.parent.glob(f"{path.name}-*")):
        name.unlink()
    return count / took
