"""Sixty-four sales on one float at once: none twice, none too many, whoever is killed in between.

On PostgreSQL first with connections of their own and without the partitions' leases, so that the
row locks alone keep the money right; then as processes, one of them killed while it holds the
float's row. On SQLite the one process is killed before and after its commit.
"""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from core.messages import Outcome
from core.queries.agent_books import statement_of
from core.queries.agent_days import day_of, dues, wishes
from core.store.invariants import offences
from core.store.upgrade import Store, open_store, upgrade
from hub.batch import Batch
from hub.bus.table import TableSource
from hub.clock import Sources
from hub.worker import Worker
from simulators.bench import floats
from simulators.bench.site import ROOT, Site, environment, make_site, stop
from tests.core.agents import sixty_four
from tests.core.agents.shop import (
    agreed,
    ask,
    collect,
    deposit,
    done,
    float_of,
    give,
    opened,
    sell,
    whole,
    wish,
    yes,
)
from tests.core.agents.sixty_four import SALES, TENDER, ask_all, check, open_shop
from tests.core.collection.desk import act as money_act
from tests.core.collection.desk import yes as money_yes
from tests.hub.machine import FakeTime, Machine, fresh_sqlite
from tests.servers.postgres import Postgres

pytestmark = pytest.mark.slow
WORKERS = 4
DEADLINE_S = 100.0
#: Of the agent whose sales processes make: enough for forty.
MONEY = 40 * floats.TENDER


@pytest.fixture
def machine(postgres: Postgres) -> Iterator[Machine]:
    url = postgres.prepared("agents", upgrade)
    machine = open_shop(url)
    yield machine
    machine.store.close()
    postgres.drop(url)


def crew(machine: Machine) -> list[Worker]:
    """Workers beside the machine's own, each with a connection and ids of its own."""
    workers = []
    for number in range(WORKERS):
        model = machine.worker.batch
        time_ = FakeTime(machine.time.at_us + 1_000_000, drawn=(number + 1) * 1_000_000)
        sources: Sources = time_.sources()
        batch = Batch(
            model.terms, model.routing, f"crew{number}", sources.random_bytes, sources.now_us
        )
        store = open_store(machine.url, f"crew{number}")
        workers.append(Worker(store, batch, TableSource(store, [])))
    return workers


def all_at_once(machine: Machine, size: int) -> None:
    """What is open is dealt out in batches of ``size``; some are given to two workers."""
    with machine.store.transaction() as tx:  # else the order within a key would keep them apart
        tx.run("UPDATE delivery SET partitionkey = 'demo/' || seq WHERE state = 0")
    fetched = TableSource(machine.store).take(256)
    assert fetched is not None
    dealt = [list(fetched.deliveries[number::WORKERS]) for number in range(WORKERS)]
    for number in range(WORKERS):
        dealt[number] += dealt[(number + 1) % WORKERS][:2]
    workers, faults = crew(machine), []
    barrier = threading.Barrier(WORKERS)

    def work(worker: Worker, mine: Sequence[object]) -> None:
        try:
            barrier.wait(30)
            for first in range(0, len(mine), size):
                worker.process(mine[first : first + size])  # type: ignore[arg-type]
        except BaseException as error:
            faults.append(error)

    threads = [
        threading.Thread(target=work, args=pair) for pair in zip(workers, dealt, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    for worker in workers:
        worker.store.close()
    assert faults == []


@pytest.mark.parametrize("size", [1, 5])
def test_the_rows_alone_keep_the_money_right(machine: Machine, size: int) -> None:
    ids = ask_all(machine)
    all_at_once(machine, size)
    machine.settle()
    check(machine.store, ids)


@pytest.mark.parametrize("size", [1, 7])
def test_transfers_both_ways_among_sales_payments_and_acts(machine: Machine, size: int) -> None:
    """Floats of a tree, from all sides at once: each act is done once, nobody below his limit."""
    opened(machine, "A2", money=90_000, parent="A1", commission="own", transfers="both")
    agreed(machine, ask("alter", transfers="both"))
    paid = done(machine, collect(4_000, "A2"))["payment"]
    asked: list[Any] = []
    for number in range(6):
        one, two = ("A1", "A2") if number % 2 else ("A2", "A1")
        act = done(machine, ask("transfer", one, other=two, amount=30_000 + number))["act"]
        asked += [yes(act), yes(act)]
    for kind in ("topup", "withdraw"):
        asked.append(yes(done(machine, ask(kind, "A2", amount=50_000, reference="FT1"))["act"]))
    asked.append(money_yes(done(machine, money_act("reverse", payment=paid))["act"]))
    asked += [deposit(7_000, "FT1", agent) for agent in ("A1", "A2")]
    asked += [sell(TENDER, f"A{1 + n % 2}", another=True) for n in range(24)]
    asked += [  # of their own, both ways
        give(9_000 + n, f"A{1 + n % 2}", f"A{2 - n % 2}", another=True) for n in range(16)
    ]
    asked += [wish(7_000, "FT1", agent) for agent in ("A1", "A2")]
    asked += [collect(2_000 + n, f"A{1 + n % 2}") for n in range(12)]
    mixed = [asked[(number * 29) % len(asked)] for number in range(len(asked))]
    assert len({id(each) for each in mixed}) == len(asked)
    heard = [machine.accept(each, f"mixed{n}") for n, each in enumerate(mixed)]
    machine.intake.step()
    all_at_once(machine, size)
    machine.settle()
    answers = [machine.answer(each[0].message_id) for each in heard]
    assert {a.outcome for a in answers} <= {Outcome.DONE, Outcome.REFUSED}
    acts = [a.data["act"] for a in answers if a.outcome is Outcome.DONE and "act" in a.data]
    assert len(acts) == len(set(acts)), "an act is done once"
    topups = machine.rows("SELECT count(*) FROM agent_movement WHERE reference = 'FT1'")
    assert topups[0][0] <= 2  # one top-up, and the withdrawal that names it too
    whole(machine)
    read_alike(machine)


def read_alike(machine: Machine) -> None:
    """The books that operators read, on this engine."""
    now = machine.time.at_us
    with machine.store.reader() as reader:
        for agent in ("A1", "A2"):
            made = statement_of(reader, "demo", agent, 0, 2**60)
            assert made.after == float_of(machine, agent)[0]
            assert all(line.about for line in made.lines)
            found = day_of(reader, "demo", agent, (0, 2**60), now, 24)
            assert found.before + sum(kind.amount for kind in found.kinds) == made.after
        assert dues(reader, "demo", now, 24) == []
        assert len(wishes(reader, "demo", now, ended=True)) >= len(wishes(reader, "demo", now))


# --- SQLite --------------------------------------------------------------------------------------


def test_on_sqlite(tmp_path: Path) -> None:
    machine = open_shop(fresh_sqlite(tmp_path))
    ids = ask_all(machine)
    machine.settle()
    check(machine.store, ids)


@pytest.mark.parametrize("point", ["worker.before-commit", "worker.after-commit"])
def test_on_sqlite_killed(tmp_path: Path, point: str) -> None:
    url = fresh_sqlite(tmp_path)
    machine = open_shop(url)
    ids = ask_all(machine)
    machine.store.close()
    killed = subprocess.run(
        [sys.executable, "-m", sixty_four.__name__, url],
        cwd=ROOT,
        env={**environment(), "WATTBUS_FAILPOINT": point},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    sixty_four.go_on(url)
    store = open_store(url)
    check(store, ids)
    store.close()


# --- PostgreSQL: processes -----------------------------------------------------------------------


def started(site: Site, index: int, failpoint: str = "") -> "subprocess.Popen[bytes]":
    """A worker process, which kills itself at a point."""
    with (site.folder / "hub.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "hub", "worker", "-c", site.folder / "wattbus.toml",
             "--index", str(index)],
            cwd=site.folder,
            env={**environment(), "WATTBUS_FAILPOINT": failpoint},
            stdout=log,
            stderr=log,
        )  # fmt: skip


def until(condition: object, site: Site) -> None:
    end = time.monotonic() + DEADLINE_S
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, site.log()
        threading.Event().wait(0.05)


@pytest.mark.timeout(400)
def test_processes_one_killed_with_the_row_in_its_hand(postgres: Postgres, tmp_path: Path) -> None:
    """Sixty-four households buy at one agent's tills; the worker that dies sold nothing twice."""
    url = postgres.create()
    site = make_site(tmp_path, url, SALES, lambda _said: None)
    site.configure(1, 2)
    with ExitStack() as stack:
        store = open_store(url, "tests")
        stack.callback(store.close)
        floats.open_float(store, MONEY)
        workers = [started(site, 0, "worker.before-commit")]
        stack.callback(lambda: [stop(each) for each in workers])
        tills = Repeating(store, SALES)
        tills.step(20)
        until(lambda: workers[0].poll() is not None, site)
        assert workers[0].returncode == -signal.SIGKILL
        workers += [started(site, index) for index in range(2)]
        until(lambda: site.log().count("worker.up") == 3, site)
        for _ in range(11):
            tills.step(4)
        until(lambda: not _open(store), site)
        _checked(store)


class Repeating(floats.Tills):
    """Each tenth sale is asked for once more under the same key."""

    def _next(self, count: int) -> Iterator[int]:
        for number in super()._next(count):
            yield number - 1 if number % 10 == 9 else number


def _open(store: Store) -> int:
    with store.reader_on_writer() as reader:
        sql = "SELECT count(*) FROM delivery WHERE state <> 4 AND handler = 'agents.sell-credit'"
        return int(reader.rows(sql)[0][0])


def _checked(store: Store) -> None:
    with store.reader_on_writer() as reader:
        repeats = reader.rows("SELECT count(*) FROM journal WHERE outcome = 'duplicate'")
        sold = reader.rows(
            "SELECT count(*), count(DISTINCT message_id), CAST(sum(tender) AS BIGINT) FROM sale"
        )
        tokens = reader.rows("SELECT count(*), count(DISTINCT digits) FROM token")
        float_ = reader.rows("SELECT balance, reserved FROM agent_float")
    with store.reader() as reader:
        assert list(offences(reader, store.dialect)) == []
    most = MONEY // floats.TENDER
    assert repeats == [(6,)]
    assert sold == [(most, most, most * floats.TENDER)]
    assert tokens == [(most, most)]
    assert float_ == [(0, 0)]
