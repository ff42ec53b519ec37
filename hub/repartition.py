"""Another count of partitions for a database that has been at work, while no node lives.

A mark is set first, so that no node starts in between; then every delivery that is not done gets
the partition of its key by the new count, in chunks, and is to be published again; the leases, the
count itself and the record for the audit come last, in one commit that takes the mark away. A run
that was interrupted is simply run again, also to another count: what a row gets depends on its key
alone.

Why no process can write by the old count: a node's connections are opened before it reads the
count, and any that is opened later reads it first (``hub.partitions``). So a process whose sessions
were not there when the mark stood finds the mark, or the new count.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic, sleep
from zlib import crc32

import msgspec

from core.store.pg import PgStore
from core.store.tx import Reader, Row, TransientStoreError, Tx, Update
from core.store.upgrade import Store
from hub import audit
from hub.audit import Act
from hub.cluster import SILENT_US
from hub.leases import LEASE_US
from hub.partitions import LEAST, MOST, NAME, NEXT, stands, words
from hub.seatbook import NOW, lock_key

#: Rows of one commit: tens of milliseconds, and little to do again after an interruption.
CHUNK = 2_000
#: What is just ending is waited for so long.
PATIENCE_S = 5.0
LOOK_S = 0.1
#: The verb's own connection, and those that only look: all others of ours may write.
SESSION = "wattbus-partitions"
_HARMLESS = [SESSION, "wattbus-cli"]
#: A sentence names so many of who is in the way.
_NAMED = 8

_SET = "ON CONFLICT (name) DO UPDATE SET value = excluded.value"


class RepartitionError(Exception):
    """It cannot be, or not now; a sentence for the operator."""


class Moved(msgspec.Struct, frozen=True):
    """What was done: ``deliveries`` that are not done, ``moved`` to another partition of them."""

    before: int
    after: int
    deliveries: int
    moved: int


@dataclass(slots=True)
class Repartition:
    """One run. ``told`` hears after each commit (deliveries so far, of how many); ``emptied`` is
    called with both counts when the rows are done: what lies at a broker is of yesterday."""

    store: Store
    writer: str  # of the audit's chain: the node that is configured here
    now_us: Callable[[], int]
    told: Callable[[int, int], None] = lambda _done, _of: None
    emptied: Callable[[int, int], None] = lambda _before, _after: None
    chunk: int = CHUNK
    patience_s: float = PATIENCE_S
    _seen: int = 0
    _moved: int = 0
    _all: int = field(default=0)

    def run(self, count: int, actor: str) -> Moved:
        """From the database's count to ``count``. RepartitionError, PartitioningError, StoreError.

        On SQLite the caller holds the database's lock.
        """
        if not LEAST <= count <= MOST:
            raise RepartitionError(f"{count} partitions: there are {LEAST} to {MOST}")
        with _alone(self.store):
            before, coming = self._marked(count)
            if before == count and not coming:
                self.emptied(before, count)  # what an earlier run could not reach
                return Moved(before, count, 0, 0)
            self._wait_for_the_living(coming)
            with self.store.reader_on_writer() as reader:
                self._all = _unfinished(reader)
            for rows in self._chunks():
                self._move(rows, count)
            self.emptied(before, count)
            done = Moved(before, count, self._seen, self._moved)
            with self.store.transaction() as tx:
                self._settle(tx, done, actor)
            return done

    def _marked(self, count: int) -> tuple[int, int]:
        """Set the mark; (the count that holds, what an interrupted run was on the way to or 0)."""
        with self.store.transaction() as tx:
            before, coming = stands(tx)
            if before != count or coming:
                tx.insert("setting", ("name", "value"), [(NEXT, words(count))], _SET)
        return before, coming

    def _wait_for_the_living(self, coming: int) -> None:
        until = monotonic() + self.patience_s
        while living := self._living():
            if monotonic() > until:
                if not coming:  # nothing was changed yet: whoever lives goes on
                    with self.store.transaction() as tx:
                        tx.run("DELETE FROM setting WHERE name = :name", name=NEXT)
                more = len(living) - _NAMED
                named = [*living[:_NAMED], *([f"{more} more"] if more > 0 else [])]
                raise RepartitionError(f"stop every node first; there is {', '.join(named)}")
            sleep(LOOK_S)

    def _living(self) -> list[str]:
        if self.store.dialect == "sqlite":
            return []  # the lock says it
        with self.store.reader_on_writer() as reader:
            return living(reader)

    def _chunks(self) -> Iterator[list[Row]]:
        """Every delivery that is not done, as (seq, partitionkey, partition, published)."""
        with self.store.reader_on_writer() as reader:
            found = reader.rows("SELECT DISTINCT target FROM delivery WHERE state = 0")
        for (target,) in sorted(found):
            yield from self._open(target)
        yield from self._held()

    def _open(self, target: str) -> Iterator[list[Row]]:
        """By the index of what is open."""
        last = 0
        while rows := self._read(
            "SELECT seq, partitionkey, partition, published FROM delivery WHERE target = :target "
            "AND state = 0 AND seq + 0 > :last ORDER BY seq + 0 LIMIT :limit",
            target=target,
            last=last,
        ):
            last = rows[-1][0]
            yield rows

    def _held(self) -> Iterator[list[Row]]:
        """What is retried, parked or dead, by the index of that."""
        key, handler, last = "", "", 0
        while rows := self._read(
            "SELECT seq, partitionkey, partition, published, handler FROM delivery "
            "WHERE state IN (1, 2, 3) AND (partitionkey, handler, seq) > (:key, :handler, :last) "
            "ORDER BY partitionkey, handler, seq LIMIT :limit",
            key=key,
            handler=handler,
            last=last,
        ):
            last, key, handler = rows[-1][0], rows[-1][1], rows[-1][4]
            yield [row[:4] for row in rows]

    def _read(self, sql: str, **params: object) -> list[Row]:
        with self.store.reader_on_writer() as reader:
            return reader.rows(sql, limit=self.chunk, **params)

    def _move(self, rows: Sequence[Row], count: int) -> None:
        changed = []
        for seq, key, partition, published in rows:
            wanted = crc32(key.encode()) % count
            if (partition, published) != (wanted, 0):
                changed.append((seq, wanted, 0))
                self._moved += partition != wanted
        if changed:
            with self.store.transaction() as tx:
                tx.write([Update("delivery", ("seq", "partition", "published"), changed)])
        self._seen += len(rows)
        self.told(self._seen, self._all)

    def _settle(self, tx: Tx, done: Moved, actor: str) -> None:
        """Leases, the record, and only now the count."""
        _rewrite_leases(tx, done.after)
        facts = msgspec.to_builtins(done)
        audit.append(tx, self.writer, [Act(actor, "repartition", NAME, facts)], self.now_us())
        tx.insert("setting", ("name", "value"), [(NAME, words(done.after))], _SET)
        tx.run("DELETE FROM setting WHERE name = :name", name=NEXT)


@contextmanager
def _alone(store: Store) -> Iterator[None]:
    """Two runs at a time would each put the other's rows back."""
    if store.dialect == "sqlite":
        yield
        return
    key = lock_key("verb", NAME)
    with store.reader_on_writer() as reader:
        if not reader.rows("SELECT pg_try_advisory_lock(:key)", key=key)[0][0]:
            raise RepartitionError("another `wattbus db partitions` is at it")
        if isinstance(store, PgStore):
            store.greet = _only_one  # the lock goes with the connection
        yield


def _only_one(_reader: Reader) -> None:
    raise TransientStoreError("the connection was lost, and the lock of this run with it")


def _unfinished(reader: Reader) -> int:
    rows = reader.rows(
        "SELECT count(*) FROM delivery WHERE state = 0 "
        "UNION ALL SELECT count(*) FROM delivery WHERE state IN (1, 2, 3)"
    )
    return sum(int(row[0]) for row in rows)


def living(reader: Reader) -> list[str]:
    """Who may write, in words (PostgreSQL): by what nodes and workers say, by leases, by sessions.

    A frozen process says nothing, and its sessions stand.
    """
    found = reader.rows(
        "SELECT 'node ' || name || ' on ' || host FROM node "
        f"WHERE seen + :silent > {NOW} UNION ALL "
        f"SELECT 'worker ' || name FROM worker_node WHERE seen + :lease > {NOW} UNION ALL "
        f"SELECT DISTINCT 'a lease of ' || owner FROM partition_lease "
        f"WHERE owner <> '' AND until > {NOW} UNION ALL "
        "SELECT 'session ' || pid || ' of ' || application_name || ' from ' "
        "|| COALESCE(host(client_addr), 'this host') FROM pg_stat_activity "
        "WHERE datname = current_database() AND application_name LIKE 'wattbus-%' "
        "AND NOT (application_name IN :harmless)",
        silent=SILENT_US,
        lease=LEASE_US,
        harmless=_HARMLESS,
    )
    return [str(row[0]) for row in found]


def _rewrite_leases(tx: Tx, count: int) -> None:
    """Nobody's, and one for each; epochs only ever grow, so that no lease of old fits again."""
    rows = tx.rows("SELECT epoch FROM partition_lease")
    if not rows:
        return  # SQLite, or no worker ever
    epoch = max(row[0] for row in rows) + 1
    tx.run("DELETE FROM partition_lease")
    tx.insert(
        "partition_lease",
        ("partition", "owner", "epoch", "until"),
        [(number, "", epoch, 0) for number in range(count)],
    )
