"""Drives bill runs: partition after partition, in this process or in several on PostgreSQL.

The processes share nothing but the run's work list in the database, so any of them may be killed at
any time: what it had begun is rolled back, and the others (or the next start) do it.
"""

import gc
import multiprocessing
import resource
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection
from multiprocessing.context import ForkProcess
from typing import IO

from core.billing import issue, partitions, runs
from core.billing.partitions import Partition
from core.billing.shapes import BillingError, Draw, RunTerms
from core.billing.states import PHASES, RUN_MOVES, RunMove, after
from core.calendars import local_date
from core.store.ids import take
from core.store.tx import StoreError, TransientStoreError, Tx
from core.store.upgrade import Store, is_sqlite, open_store, sqlite_path
from core.tariffs.compiling import CompiledTariff
from hub import failpoints, interpreter
from hub.companies import tariffs_of
from hub.config import Config
from hub.engine import lock_file

#: A partition that met a deadlock or a lost connection is done again so often before it is told.
ATTEMPTS = 5
_REST_S = 0.2
_LOOK_S = 0.1
Watch = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Books:
    """Where the bills of one company are made."""

    url: str
    company: str
    zone: str
    currency: str
    tariffs: Mapping[str, CompiledTariff]
    now_us: Callable[[], int]


def books_of(config: Config, company: str, now_us: Callable[[], int]) -> Books:
    """From the configuration. OSError, ValueError when a tariff cannot be read."""
    section = config.companies[company]
    tariffs = tariffs_of(config, section)
    return Books(
        config.database_url(), company, section.zone, section.currency, tariffs, now_us
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Desk:
    """An open database. On PostgreSQL ids come by a connection of their own (``counter``): no
    counter's row is held by a partition."""

    books: Books
    store: Store
    counter: Store | None
    lock: "IO[str] | None" = None

    @contextmanager
    def transaction(self) -> Iterator[tuple[Tx, Draw]]:
        """A transaction, and where its ids come from."""
        with self.store.transaction() as tx:
            yield tx, self._counted if self.counter else _drawn(tx)

    def _counted(self, name: str, count: int) -> int:
        assert self.counter is not None, "asked only where there is one"
        with self.counter.transaction() as tx:
            return take(tx, name, count).start

    def close(self) -> None:
        """Close what is open."""
        for store in (self.store, self.counter):
            if store is not None:
                store.close()
        if self.lock is not None:
            self.lock.close()


def _drawn(tx: Tx) -> Draw:
    return lambda name, count: take(tx, name, count).start


def open_desk(books: Books) -> Desk:
    """Open the database. StoreError; on SQLite EngineError beside a running hub: one process."""
    if is_sqlite(books.url):
        lock = lock_file(sqlite_path(books.url))
        return Desk(books, open_store(books.url, "wattbus-billrun"), None, lock)
    counter = open_store(books.url, "wattbus-billrun-ids")
    return Desk(books, open_store(books.url, "wattbus-billrun"), counter)


# --- one process ------------------------------------------------------------------------------


def do_next(desk: Desk, terms: RunTerms, phase: RunMove) -> int | None:
    """One partition in one transaction: how many bills, None when there was no free partition."""
    with desk.transaction() as (tx, draw):
        part = partitions.claim(tx, terms.id, phase)
        if part is None:
            return None
        done = _step(tx, terms, part, phase, (draw, desk.books.now_us()))
        failpoints.hit("billrun.before-commit")
    failpoints.hit("billrun.after-commit")
    return done


def _step(tx: Tx, terms: RunTerms, part: Partition, phase: RunMove, means: tuple[Draw, int]) -> int:
    draw, now = means
    if phase is RunMove.FREEZE:
        return partitions.freeze(tx, terms, part)
    if phase is RunMove.CALCULATE:
        return partitions.compute(tx, terms, part, draw, now)
    return issue.issue(tx, runs.run_of(tx, terms.id), part, draw, now)


def work(desk: Desk, terms: RunTerms, phase: RunMove, watch: Watch = lambda *_: None) -> int:
    """Partition after partition until none is free; bills done. StoreError after some attempts."""
    done = failures = 0
    while True:
        try:
            found = do_next(desk, terms, phase)
        except TransientStoreError:
            failures += 1
            if failures == ATTEMPTS:
                raise
            time.sleep(_REST_S * failures)
            continue
        if found is None:
            return done
        failures = 0
        done += found
        watch(done, 0)


# --- several processes ------------------------------------------------------------------------


@dataclass(slots=True)
class Spent:
    """What a phase took: bills, and the largest resident set of a process in KiB."""

    bills: int = 0
    peak_kib: int = 0


def run_phase(
    books: Books, run_id: int, phase: RunMove, workers: int = 1, watch: Watch = lambda *_: None
) -> Spent:
    """Do all partitions of a phase, then move the run. ``watch``: (partitions done, of all).

    BillingError, WrongMoveError; BillingError also when workers ended and left partitions.
    """
    with closing(open_desk(books)) as desk:
        terms = _begin(desk, run_id, phase)
        before, of = _progress(desk, run_id, phase)
        watch(before, of)
        if workers == 1 or is_sqlite(books.url):
            steps = iter(range(before + 1, of + 1))
            bills = work(desk, terms, phase, lambda *_: watch(next(steps, of), of))
            spent = Spent(bills, peak_kib())
    if workers > 1 and not is_sqlite(books.url):
        spent = _fan_out(books, terms, phase, workers, watch)
    with closing(open_desk(books)) as desk, desk.transaction() as (tx, _):
        runs.move(tx, run_id, phase)
        if phase is RunMove.CALCULATE:
            runs.move(tx, run_id, RunMove.VALIDATE)
    return spent


def _begin(desk: Desk, run_id: int, phase: RunMove) -> RunTerms:
    with desk.transaction() as (tx, _):
        run = runs.run_of(tx, run_id, lock=True)
        if run.company != desk.books.company:
            raise BillingError(f"run {run_id} is of {run.company}")
        after(RUN_MOVES, run.state, phase)
        if phase is RunMove.FREEZE:
            return runs.freeze_tariffs(tx, run_id, desk.books.tariffs, desk.books.zone)
        if phase is RunMove.ISSUE:
            now = desk.books.now_us()
            due = local_date(now, desk.books.zone) + timedelta(days=run.due_days)
            issue.set_due(tx, run_id, due.isoformat(), now)
        return runs.terms_of(run, desk.books.tariffs)


def _progress(desk: Desk, run_id: int, phase: RunMove) -> tuple[int, int]:
    with desk.store.reader_on_writer() as reader:
        of = sum(runs.tally(reader, run_id).partitions.values())
        return runs.ended(reader, run_id, phase), of


def _fan_out(books: Books, terms: RunTerms, phase: RunMove, workers: int, watch: Watch) -> Spent:
    """Forked, with no connection open: they start in milliseconds, the tariffs compiled."""
    context = multiprocessing.get_context("fork")
    crew: list[tuple[ForkProcess, Connection]] = []
    for _ in range(workers):
        here, there = context.Pipe(duplex=False)
        process = context.Process(target=_crew_member, args=(books, terms, phase, there))
        process.start()
        there.close()
        crew.append((process, here))
    with closing(open_desk(books)) as desk:
        while any(process.is_alive() for process, _ in crew):
            crew[0][0].join(_LOOK_S)
            watch(*_progress(desk, terms.id, phase))
            _rest(crew)
        watch(*_progress(desk, terms.id, phase))
    return _collected(crew, phase)


def _rest(crew: list[tuple[ForkProcess, Connection]]) -> None:
    for process, _ in crew[1:]:
        if not crew[0][0].is_alive() and process.is_alive():
            process.join(_LOOK_S)


def _crew_member(books: Books, terms: RunTerms, phase: RunMove, there: Connection) -> None:
    gc.freeze()  # no collection first: it would copy every page that is shared with the parent
    gc.set_threshold(interpreter.YOUNG, 20, 20)
    try:
        with closing(open_desk(books)) as desk:
            done = work(desk, terms, phase)
        there.send((done, peak_kib(), ""))
    except (StoreError, BillingError) as error:
        there.send((0, peak_kib(), str(error)))


def _collected(crew: list[tuple[ForkProcess, Connection]], phase: RunMove) -> Spent:
    spent, problems = Spent(), []
    for process, here in crew:
        process.join()
        try:
            bills, peak, problem = here.recv()
        except EOFError:
            bills, peak, problem = 0, 0, f"a worker ended with {process.exitcode}"
        spent.bills += bills
        spent.peak_kib = max(spent.peak_kib, peak)
        problems += [problem] if problem else []
    if problems:
        then = PHASES[phase][1]
        raise BillingError(f"not all is {then}: {problems[0]}; start it again, it goes on")
    return spent


def peak_kib() -> int:
    """The largest resident set that this process had, in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
