"""`wattbus bench sales`: what the core sells, without any wire, beside the database's own measure.

One purchase for each household of the town and round. On PostgreSQL the workers are processes, as
in production: first the journal takes every purchase in, then the workers sell them; then both at
once, which is the sum of all that a sale costs but for its wire. On SQLite one process does the
same in turn, beside bare commits of the same durability.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from core.store.upgrade import Store, open_store
from hub.bus.table import TableSource
from hub.clock import Sources
from hub.companies import all_terms
from hub.config import read as read_config
from hub.engine import Parts, make_batch
from hub.worker import MAX_BATCH, Worker
from simulators.bench import cpu, feeder, town, yardstick
from simulators.bench.options import Options
from simulators.bench.servers import Postgres, start_postgres
from simulators.bench.site import Site, environment, make_site, stop

NAME = "sales"
HELP = "Core sales: journal and workers without a wire, beside TPC-B or bare commits."
ENGINES = ("sqlite", "postgresql")
AIM_TPCB, AIM_COMMITS = 1.0, 0.4
#: While both run at once, so many purchases may wait: enough for full batches of every worker.
AHEAD = 2_048
#: A round is measured between these shares of its sales: starting and running dry are left out.
FROM, TO = 0.3, 0.95
_LOOK_S = 0.05
_STUCK_S = 120.0
_NO_PORT = 1  # the workers never dial; the configuration wants some SMSC


class StuckError(Exception):
    """The workers sell nothing any more."""


def run(options: Options) -> dict[str, Any]:
    """The figures of one engine."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wattbus-bench-")))
        if options.engine == "sqlite":
            figures = _embedded(folder, options)
        else:
            options.say("starting a private PostgreSQL; pgbench fills its tables")
            server = start_postgres()
            stack.callback(server.stop)
            yardstick.prepare_tpcb(server, options.scale)
            site = make_site(folder, server.create("wattbus"), options.households, options.say)
            figures = _server(site, server, options)
    return {"bench": NAME, "engine": options.engine, **figures}


# --- PostgreSQL: worker processes -------------------------------------------------------------


@dataclass(slots=True)
class Workers:
    """The purchases of a database and how they are sold."""

    site: Site
    store: Store
    feeder: feeder.Feeder

    @contextmanager
    def running(self, count: int) -> Iterator[list[int]]:
        """So many worker processes (``wattbus worker``); their pids."""
        config = self.site.configure(_NO_PORT, count)
        with (self.site.folder / "hub.log").open("ab") as log:
            started = [
                subprocess.Popen(
                    [
                        *(sys.executable, "-m", "hub", "worker", "-c", str(config)),
                        *("--index", str(index)),
                    ],
                    cwd=self.site.folder,
                    env=environment(),
                    stdout=log,
                    stderr=log,
                )
                for index in range(count)
            ]
        try:
            yield [process.pid for process in started]
        finally:
            for process in started:
                stop(process)

    def fill(self, count: int) -> float:
        """Take in ``count`` purchases; seconds."""
        begin = time.monotonic()
        self._feed(count)
        return time.monotonic() - begin

    def _feed(self, count: int) -> None:
        left = count
        while left:
            left -= self.feeder.step(left)

    def sell(self, before: int, count: int, meanwhile: Callable[[int], None]) -> float:
        """Sales a second until ``count`` more than ``before`` are sold.

        ``meanwhile`` is called with what is sold at each look.
        """
        first: tuple[float, int] | None = None
        moved, at = before, time.monotonic()
        while True:
            now, done = time.monotonic(), feeder.sold(self.store, self.feeder.handler)
            if done != moved:
                moved, at = done, now
            elif now - at > _STUCK_S:
                raise StuckError(f"{done - before} of {count} sold: {self.site.log()}")
            if first is None and done - before >= count * FROM:
                first = (now, done)
            if first is not None and done - before >= count * TO:
                return (done - first[1]) / max(now - first[0], _LOOK_S)
            meanwhile(done)


def _wait(_sold: int) -> None:
    time.sleep(_LOOK_S)


def _server(site: Site, server: Postgres, options: Options) -> dict[str, Any]:
    store = open_store(site.url, "wattbus-bench")
    workers = Workers(site, store, feeder.Feeder(store, options.households))
    try:
        options.say("warming up")
        _apart(workers, options.households, os.cpu_count() or 1)
        town.analyze(store)
        rounds = [_round(workers, server, options, number) for number in range(options.rounds)]
        server.checkpoint()
        single = _apart(workers, options.households, 1)
    finally:
        store.close()
    middle: dict[str, Any] = {
        name: median(one[name] for one in rounds) for name in rounds[0] if name != "cpu"
    }
    figures: dict[str, Any] = {
        name: round(value, 3 if "_to_" in name else 0) for name, value in middle.items()
    }
    return {
        "workers": os.cpu_count(),
        **figures,
        "aim": AIM_TPCB,
        "one_worker_per_s": round(single["workers_per_s"]),
        "one_worker_to_tpcb": round(single["workers_per_s"] / middle["tpcb_per_s"], 3),
        "cpu_us_per_sale": rounds[-1]["cpu"],
    }


def _round(workers: Workers, server: Postgres, options: Options, number: int) -> dict[str, Any]:
    server.checkpoint()
    yard = yardstick.tpcb(server, options.seconds)
    base = yard.tps
    server.checkpoint()
    found = _apart(workers, options.households, os.cpu_count() or 1)
    server.checkpoint()
    found |= _together(workers, server, options.households)
    found |= {"tpcb_per_s": base, "tpcb_cpu_us": yard.cpu_us}
    found["together_to_tpcb_by_cpu"] = yard.cpu_us / sum(found["cpu"].values())
    for name in ("journal", "workers", "together"):
        found[f"{name}_to_tpcb"] = found[f"{name}_per_s"] / base
    options.say(
        f"round {number + 1}: TPC-B {base:,.0f}/s, "
        + ", ".join(f"{n} {found[f'{n}_per_s']:,.0f}/s" for n in ("journal", "workers", "together"))
    )
    return found


def _apart(workers: Workers, count: int, processes: int) -> dict[str, Any]:
    """First the journal alone, then the workers alone."""
    before = feeder.sold(workers.store)
    filling = workers.fill(count)
    with workers.running(processes):
        rate = workers.sell(before, count, _wait)
        drain(workers, before + count)
    return {"journal_per_s": count / filling, "workers_per_s": rate}


def _together(workers: Workers, server: Postgres, count: int) -> dict[str, Any]:
    """Journal and workers at once; the CPU time of each part per sale."""
    before = feeder.sold(workers.store)
    goal = workers.feeder.taken_in + count

    def feed(sold: int) -> None:
        waiting = workers.feeder.taken_in - sold
        room = min(AHEAD - waiting, goal - workers.feeder.taken_in)
        if room >= MAX_BATCH or 0 < room == goal - workers.feeder.taken_in:
            workers.feeder.step(room)
        else:
            time.sleep(0.005)

    with workers.running(os.cpu_count() or 1) as pids:
        parts = {f"worker{n}": cpu.Part(pid) for n, pid in enumerate(pids)}
        parts |= {
            "journal": cpu.Part(os.getpid(), "alone"),
            "postgres": cpu.Part(server.process.pid),
        }
        begun = cpu.read(parts)
        rate = workers.sell(before, count, feed)
        spent = {name: value - begun[name] for name, value in cpu.read(parts).items()}
        sales = feeder.sold(workers.store) - before
        drain(workers, before + count)
    by_part = {"journal": spent["journal"], "postgres": spent["postgres"]}
    by_part["workers"] = sum(spent[f"worker{n}"] for n in range(len(pids)))
    per_sale = {name: round(value / sales * 1e6) for name, value in by_part.items()}
    return {"together_per_s": rate, "cpu": per_sale}


def drain(workers: Workers, goal: int, meanwhile: Callable[[int], None] = _wait) -> None:
    """Let the last ones be sold, so that the next round begins with nothing open."""
    until = time.monotonic() + _STUCK_S
    while (done := feeder.sold(workers.store, workers.feeder.handler)) < goal:
        if time.monotonic() > until:
            raise StuckError(f"some are never sold: {workers.site.log()}")
        meanwhile(done)


# --- SQLite: one process ----------------------------------------------------------------------


def _embedded(folder: Path, options: Options) -> dict[str, Any]:
    site = make_site(folder, f"sqlite:{folder / 'wattbus.db'}", options.households, options.say)
    config = read_config(site.configure(_NO_PORT))
    store = open_store(site.url)
    parts = Parts(site.url, all_terms(config), feeder.routing(), 0, lambda *_: None, Sources())
    worker = Worker(store, make_batch(parts, "hub"), TableSource(store))
    feed = feeder.Feeder(store, options.households)
    try:
        feed.step(MAX_BATCH)
        while worker.step():
            pass
        town.analyze(store)
        rounds = [_alone(feed, worker, folder, options, number) for number in range(options.rounds)]
    finally:
        store.close()
    figures = {name: median(one[name] for one in rounds) for name in rounds[0]}
    return {
        **{name: round(value, 3 if "_to_" in name else 0) for name, value in figures.items()},
        "aim": AIM_COMMITS,
    }


def _alone(
    feed: feeder.Feeder, worker: Worker, folder: Path, options: Options, number: int
) -> dict[str, float]:
    """One round of everything in this one process."""
    base = yardstick.bare_commits(folder, min(5.0, options.seconds / 4))
    begin, used = time.monotonic(), time.process_time()
    left = options.households
    while left:
        left -= feed.step(left)
    middle = time.monotonic()
    while worker.step():
        pass
    end, spent = time.monotonic(), time.process_time() - used
    sales = options.households
    found = {
        "bare_commits_per_s": base,
        "journal_per_s": sales / (middle - begin),
        "worker_per_s": sales / (end - middle),
        "together_per_s": sales / (end - begin),
        "cpu_us_per_sale": spent / sales * 1e6,
    }
    found["worker_to_commits"] = found["worker_per_s"] / base
    found["together_to_commits"] = found["together_per_s"] / base
    options.say(
        f"round {number + 1}: bare commits {base:,.0f}/s, worker {found['worker_per_s']:,.0f}/s, "
        f"together {found['together_per_s']:,.0f}/s"
    )
    return found
