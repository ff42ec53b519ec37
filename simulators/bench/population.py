"""Millions of accounts into a PostgreSQL: generated, sent by COPY, in constant memory.

Ids are taken once for all, so several processes can load at the same time; each chunk is a
transaction. What stands in the tables is what enrolling each would have left (``bench.town``).
"""

import multiprocessing
import os
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from core.store.pg import connect
from core.store.upgrade import open_store
from hub.clock import Sources
from simulators.bench import town

#: Accounts of one transaction: some 10 MB of COPY, a second of work; a process holds one.
CHUNK = 5_000
#: The town's phones have seven digits of their own.
MOST = 10_000_000
#: What an account takes on disk with its indexes and a margin (measured: 1,760 octets at a
#: million), and what WAL, TPC-B and sorting take beside it. Who runs out of disk in the last minute
#: has lost an hour.
BYTES_PER_ACCOUNT, BYTES_BESIDE = 2_500, 10 * 2**30
#: Accounts a second on two cores that others used too; only for the announcement.
USUAL_PER_S = 6_000
Progress = Callable[[str], None]


class NoRoomError(Exception):
    """The disk has no room for so many accounts; the sentence says how much it takes."""


@dataclass(frozen=True, slots=True)
class _Task:
    """What every loading process is told once."""

    url: str
    first: dict[str, int]
    when: town.Enrolment


def bytes_needed(accounts: int) -> int:
    """Disk that the database, its WAL and the sort space of an ANALYZE want."""
    return accounts * BYTES_PER_ACCOUNT + min(BYTES_BESIDE, accounts * BYTES_PER_ACCOUNT)


def check_room(folder: Path, accounts: int) -> None:
    """Raises NoRoomError, and ValueError beyond the numbers that there are."""
    if not 0 < accounts <= MOST:
        raise ValueError(f"{accounts:,} accounts: from 1 to {MOST:,}")
    free, need = shutil.disk_usage(folder).free, bytes_needed(accounts)
    if free < need:
        raise NoRoomError(
            f"{accounts:,} accounts need {need / 2**30:.1f} GiB at {folder}, "
            f"{free / 2**30:.1f} GiB are free (TMPDIR names another place)"
        )


def populate(url: str, accounts: int, say: Progress, processes: int = 0) -> float:
    """Fill an empty, migrated database; vacuumed and analyzed. Returns the seconds of loading."""
    begin = time.monotonic()
    task = _Task(url, _ids(url, accounts), town.Enrolment(Sources().now_us()))
    context = multiprocessing.get_context("spawn")  # no connection, no lock is inherited
    crew = processes or os.cpu_count() or 1
    with ProcessPoolExecutor(crew, context, initializer=_kindly) as pool:
        chunks = (range(at, min(at + CHUNK, accounts)) for at in range(0, accounts, CHUNK))
        under_way = [pool.submit(_load, task, houses) for houses in chunks]
        done = told = 0
        try:
            for ended in as_completed(under_way):
                done += ended.result()
                if done - told >= accounts / 20:
                    told = done
                    say(_progress(done, accounts, time.monotonic() - begin))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    took = time.monotonic() - begin
    say(f"loaded {accounts:,} accounts in {took:,.0f} s; vacuuming and analyzing")
    settle(url)
    return took


def _progress(done: int, of: int, seconds: float) -> str:
    rate = done / max(seconds, 1e-9)
    return f"loaded {done:,} of {of:,} accounts, {rate:,.0f}/s, {(of - done) / rate:,.0f} s to go"


def _ids(url: str, accounts: int) -> dict[str, int]:
    with closing(open_store(url, "wattbus-bench")) as store, store.transaction() as tx:
        return {name: block.start for name, block in town.ids_for(tx, accounts).items()}


def _kindly() -> None:
    """Who has something better to do on these cores goes first."""
    with suppress(OSError):
        os.nice(5)


def _load(task: _Task, houses: range) -> int:
    rows = town.rows_of(houses, 0, task.first, task.when)  # first: no transaction waits for it
    with closing(open_store(task.url, "wattbus-bench")) as store, store.transaction() as tx:
        # the commit need not wait for the disk here: a load that breaks off begins anew
        tx.run("SET LOCAL synchronous_commit = off")
        # nor is anybody held up when a busy machine leaves us standing between two tables
        tx.run("SET LOCAL idle_in_transaction_session_timeout = 0")
        town.write(tx, rows)
    return len(houses)


def settle(url: str) -> None:
    """As a server leaves rows that have been there for some time: looked through and counted."""
    with connect(url) as connection:
        connection.execute("SET statement_timeout = 0")
        connection.execute("VACUUM (ANALYZE)")


def sizes(url: str) -> dict[str, int]:
    """Octets on disk by table, with indexes and TOAST; the largest first."""
    with connect(url) as connection:
        found = connection.execute(
            "SELECT relname, pg_total_relation_size(oid) FROM pg_class "
            "WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace "
            "ORDER BY 2 DESC, 1"
        ).fetchall()
    return {str(name): int(octets) for name, octets in found}


def database_size(url: str) -> int:
    """Octets of the whole database."""
    with connect(url) as connection:
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    assert row is not None, "a size is one row"
    return int(row[0])
