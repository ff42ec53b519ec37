"""`wattbus bench billing`: bills a second, beside raw COPY of the very rows that the run wrote.

A round: a fresh copy of the town is billed (planned, frozen, calculated, approved, issued); what it
wrote is copied out and, timed, by plain COPY into an empty copy of the tables, with the same
indexes and triggers, on the same server; then every reading is corrected and all is rebilled.
"""

import os
import tempfile
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from core.billing import runs
from core.billing.runs import Plan
from core.billing.states import RunMove
from core.store.pg import connect
from core.store.upgrade import open_store, upgrade
from hub.billruns import open_desk, run_phase
from simulators.bench import billtown, cpu
from simulators.bench.options import Options
from simulators.bench.servers import Postgres, start_postgres

NAME = "billing"
HELP = "Bill runs: bills a second beside raw COPY of the very rows that they wrote."
ENGINES = ("sqlite", "postgresql")
AIM, AIM_REBILL, AIM_TIME, AIM_MEMORY = 0.50, 0.4, 10.5, 1.10
#: What a run writes.
TABLES = ("bill", "bill_line", "ledger_txn", "posting", "open_item", "run_partition")
LEAST_ROUNDS = 5
_PIECE = 1 << 20
_TEN_MILLION = 10_000_000
_LOADED = 10_000  # rows read and loaded at once on SQLite


@dataclass(frozen=True, slots=True)
class Billed:
    """One run: seconds by phase, and the largest process in KiB."""

    seconds: dict[str, float]
    peak_kib: int

    @property
    def total(self) -> float:
        """All phases."""
        return sum(self.seconds.values())


def run(options: Options) -> dict[str, Any]:
    """The figures of one engine."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wattbus-bench-")))
        if options.engine == "sqlite":
            figures = _embedded(folder, options)
        else:
            options.say("starting a private PostgreSQL")
            server = start_postgres()
            stack.callback(server.stop)
            figures = _server(folder, server, options)
    return {"bench": NAME, "engine": options.engine, "accounts": options.households, **figures}


def bill_all(url: str, workers: int, kind: str = "regular") -> Billed:
    """Bill the town from the plan to the last open item."""
    books = billtown.books(url)
    seconds: dict[str, float] = {}
    begin = time.monotonic()

    def lap(name: str) -> None:
        nonlocal begin
        now = time.monotonic()
        seconds[name], begin = now - begin, now

    wanted = Plan(company=books.company, period=billtown.PERIOD, currency=books.currency,
                  operator="planner", kind=kind)  # fmt: skip
    with closing(open_desk(books)) as desk, desk.transaction() as (tx, draw):
        number = runs.plan(tx, wanted, draw, books.now_us())
    lap("plan")
    peak = run_phase(books, number, RunMove.FREEZE, workers).peak_kib
    lap("freeze")
    peak = max(peak, run_phase(books, number, RunMove.CALCULATE, workers).peak_kib)
    lap("calculate")
    with closing(open_desk(books)) as desk, desk.transaction() as (tx, _):
        runs.approve(tx, number, "approver", books.now_us())
    peak = max(peak, run_phase(books, number, RunMove.ISSUE, workers).peak_kib)
    lap("issue")
    return Billed(seconds, peak)


# --- PostgreSQL -------------------------------------------------------------------------------


def _server(folder: Path, server: Postgres, options: Options) -> dict[str, Any]:
    workers, count = os.cpu_count() or 1, options.households
    billtown.settle(server.create("town"), count, options.say)
    upgrade(server.create("empty"))
    rounds = [_round(folder, server, options, workers) for _ in range(options.rounds)]
    figures: dict[str, Any] = {
        name: round(median(one[name] for one in rounds), 3 if "_to_" in name else 0)
        for name in rounds[0]
        if name != "seconds"
    }
    figures |= {
        "workers": workers,
        "aim": AIM,
        "rounds_bills_to_copy": [round(one["bills_to_copy"], 3) for one in rounds],
        "rounds_rebill_to_bills": [round(one["rebill_to_bills"], 3) for one in rounds],
        "load_average": os.getloadavg()[0],
        "seconds_by_phase": {k: round(v, 2) for k, v in rounds[-1]["seconds"].items()},
        "hours_for_10_million": round(_TEN_MILLION / figures["bills_per_s"] / 3600, 2),
    }
    if options.tenfold:
        figures["tenfold"] = _tenfold(server, options, workers)
    return figures


def _copy_of(server: Postgres, template: str, name: str) -> str:
    """A database like another one; nobody may be connected to that."""
    with connect(server.url()) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    server.checkpoint()
    return server.url(name)


def _round(folder: Path, server: Postgres, options: Options, workers: int) -> dict[str, Any]:
    count = options.households
    url = _copy_of(server, "town", "billed")
    before = _cpu(server)
    billed = bill_all(url, workers)
    spent = _since(before, _cpu(server), count)
    assert billtown.counted(url) == count, "every agreement has its bill"
    yard = _copy_of(server, "empty", "yard")
    copied, copying = _raw_copy(folder, url, yard, server)
    billtown.correct(url, count)
    server.checkpoint()
    again = bill_all(url, workers, "rebill")
    assert billtown.counted(url) == count, "every bill was corrected"
    options.say(f"{count / billed.total:,.0f} bills/s, COPY {count / copied:,.0f}/s, "
                f"rebill {count / again.total:,.0f}/s")  # fmt: skip
    return {
        "bills_per_s": count / billed.total,
        "copy_per_s": count / copied,
        "bills_to_copy": copied / billed.total,
        "rebills_per_s": count / again.total,
        "rebill_to_bills": billed.total / again.total,
        "peak_mib": billed.peak_kib / 1024,
        "postgres_cpu_us": spent["postgres"],
        "workers_cpu_us": spent["processes"],
        "copy_cpu_us": copying / count * 1e6,
        "bills_to_copy_if_quiet": copying / count * 1e6 * workers / sum(spent.values()),
        "seconds": billed.seconds,
    }


def _cpu(server: Postgres) -> dict[str, float]:
    """CPU seconds so far: the server's, and ours with all workers (the server is our child)."""
    parts = {"postgres": cpu.Part(server.process.pid), "all": cpu.Part(os.getpid())}
    found = cpu.read(parts)
    return {"postgres": found["postgres"], "processes": found["all"] - found["postgres"]}


def _since(before: dict[str, float], now: dict[str, float], count: int) -> dict[str, float]:
    """Microseconds a bill."""
    return {name: (now[name] - before[name]) / count * 1e6 for name in before}


def _raw_copy(folder: Path, source: str, target: str, server: Postgres) -> tuple[float, float]:
    """Seconds that COPY needs for these rows, each table in one go: on the clock, and of CPU."""
    with connect(source) as connection:
        connection.execute("SET statement_timeout = 0")
        for table in TABLES:
            copying = connection.cursor().copy(f"COPY {table} TO STDOUT")
            with (folder / table).open("wb") as file, copying as out:
                for piece in out:
                    file.write(piece)
    with connect(target) as connection:
        connection.execute("SET statement_timeout = 0")
        begin, spent = time.monotonic(), _cpu(server)
        for table in TABLES:
            copying = connection.cursor().copy(f"COPY {table} FROM STDIN")
            with (folder / table).open("rb") as file, copying as into:
                while piece := file.read(_PIECE):
                    into.write(piece)
        took = time.monotonic() - begin
    return took, _cpu(server)["postgres"] - spent["postgres"]


def _tenfold(server: Postgres, options: Options, workers: int) -> dict[str, Any]:
    """Ten times as many accounts, between two runs of as many as before: the machine drifts."""
    count = options.households
    billtown.settle(server.create("city"), count * 10, options.say)
    before, spent = _spent_on(server, _copy_of(server, "town", "billed"), workers)
    server.checkpoint()
    large, spent_large = _spent_on(server, server.url("city"), workers)
    after, spent_after = _spent_on(server, _copy_of(server, "town", "billed"), workers)
    return {
        "accounts": count * 10,
        "time_ratio": round(large.total / (before.total + after.total) * 2, 2),
        "time_ratio_if_quiet": round(spent_large / (spent + spent_after) * 2, 2),
        "memory_ratio": round(large.peak_kib / max(before.peak_kib, after.peak_kib), 3),
        "aims": f"{AIM_TIME} and {AIM_MEMORY}",
        "bills_per_s": round(count * 10 / large.total),
        "seconds_small": [round(before.total, 2), round(after.total, 2)],
        "seconds_by_phase": {k: round(v, 2) for k, v in large.seconds.items()},
    }


def _spent_on(server: Postgres, url: str, workers: int) -> tuple[Billed, float]:
    """A run, and the CPU seconds of all processes that had to do with it."""
    begin = _cpu(server)
    billed = bill_all(url, workers)
    return billed, sum(_since(begin, _cpu(server), 1).values()) / 1e6


# --- SQLite -----------------------------------------------------------------------------------


def _embedded(folder: Path, options: Options) -> dict[str, Any]:
    rounds = [_embedded_round(folder / f"round{n}", options) for n in range(options.rounds)]
    return {
        name: round(median(one[name] for one in rounds), 3 if "_to_" in name else 0)
        for name in rounds[0]
    }


def _embedded_round(folder: Path, options: Options) -> dict[str, float]:
    folder.mkdir()
    count, url = options.households, f"sqlite:{folder / 'town.db'}"
    billtown.settle(url, count, options.say)
    billed = bill_all(url, 1)
    yard = f"sqlite:{folder / 'yard.db'}"
    upgrade(yard)
    loaded = sum(_reload(url, yard, table) for table in TABLES)
    billtown.correct(url, count)
    again = bill_all(url, 1, "rebill")
    assert billtown.counted(url) == count, "every bill was corrected"
    options.say(f"{count / billed.total:,.0f} bills/s, sets {count / loaded:,.0f}/s")
    return {
        "bills_per_s": count / billed.total,
        "sets_per_s": count / loaded,
        "bills_to_sets": loaded / billed.total,
        "rebill_to_bills": billed.total / again.total,
        "peak_mib": billed.peak_kib / 1024,
    }


def _reload(source: str, target: str, table: str) -> float:
    """Seconds that the rows of a table need as sets, each committed."""
    took, done = 0.0, 0
    with closing(open_store(source)) as old, closing(open_store(target)) as new:
        while True:
            with old.reader() as reader:
                names = tuple(row[1] for row in reader.rows(f"PRAGMA table_info({table})"))
                columns = ", ".join(f'"{name}"' for name in names)
                rows = reader.rows(
                    f"SELECT {columns} FROM {table} ORDER BY rowid LIMIT :most OFFSET :done",
                    most=_LOADED, done=done,
                )  # fmt: skip
            if not rows:
                return took
            begin = time.monotonic()
            with new.transaction() as tx:
                tx.load(table, names, rows)
            took += time.monotonic() - begin
            done += len(rows)
