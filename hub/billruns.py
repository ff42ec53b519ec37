"""Drives bill runs without a hub: partition after partition, in this process or, on PostgreSQL, in
several. (Where a hub runs, its bulk lane does it: ``hub.bulk``.)

The processes share nothing but the run's work list in the database, so any of them may be killed at
any time: what it had begun is rolled back, and the others (or the next start) do it.
"""

import gc
import multiprocessing
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkProcess
from typing import IO

from core.billing import partitions, runs
from core.billing.shapes import BillingError, Draw, RunTerms
from core.billing.states import PHASES, RunMove, WrongMoveError
from core.store.ids import take
from core.store.tx import StoreError, TransientStoreError, Tx
from core.store.upgrade import Store, is_sqlite, open_store, sqlite_path
from hub import billphases, failpoints, interpreter
from hub.billphases import Books
from hub.companies import tariffs_of
from hub.config import Config
from hub.engine import lock_file

#: A partition that met a deadlock or a lost connection is done again so often before it is told.
ATTEMPTS = 5
_REST_S = 0.2
_LOOK_S = 0.1
Watch = Callable[[int, int], None]


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


def do_next(desk: Desk, terms: RunTerms, phase: RunMove, above: int = 0) -> tuple[int, int] | None:
    """The first free partition above one, in one transaction: its number and how many bills; None
    when there was none."""
    with desk.transaction() as (tx, draw):
        part = partitions.claim(tx, terms.id, phase, above=above)
        if part is None:
            return None
        done = billphases.step(tx, terms, part, phase, (draw, desk.books.now_us()))
        failpoints.hit("billrun.before-commit")
    failpoints.hit("billrun.after-commit")
    return part.number, done


def work(desk: Desk, terms: RunTerms, phase: RunMove, watch: Watch = lambda *_: None) -> int:
    """Partition after partition until none is free; bills done. StoreError after some attempts."""
    done = failures = at = 0
    while True:
        try:
            found = do_next(desk, terms, phase, at)
        except TransientStoreError:
            failures += 1
            if failures == ATTEMPTS:
                raise
            time.sleep(_REST_S * failures)
            continue
        failures = 0
        if found is not None:
            at, bills = found
            done += bills
            watch(done, 0)
        elif at:
            at = 0  # once more from the first: one that another had may have been given back
        else:
            return done


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
        with desk.transaction() as (tx, _):
            terms = billphases.begin(tx, books, run_id, phase)
        before, of = _progress(desk, run_id, phase)
        watch(before, of)
        if workers == 1 or is_sqlite(books.url):
            steps = iter(range(before + 1, of + 1))
            bills = work(desk, terms, phase, lambda *_: watch(next(steps, of), of))
            spent = Spent(bills, peak_kib())
    if workers > 1 and not is_sqlite(books.url):
        spent = _fan_out(books, terms, phase, workers, watch)
    with closing(open_desk(books)) as desk, desk.transaction() as (tx, _):
        billphases.finish(tx, run_id, phase)
    return spent


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
    except (StoreError, BillingError, WrongMoveError) as error:
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
