"""How many partitions the installation has, and which one orders a key.

The count is a fact of the database, kept in the table ``setting``: a process reads it once, at its
start, and every connection that it opens later to write asks whether it still holds. Only
``hub.repartition`` changes it, while no node lives.
"""

from typing import Final
from zlib import crc32

from core.store.pg import PgStore
from core.store.tx import Reader, TransientStoreError
from core.store.upgrade import Store

#: What a new database gets: enough for many nodes, few enough that a worker's look at all of its
#: own stays one short index scan.
NEW: Final = 16
#: At one partition everything is in one order, which one worker does. Beyond 256 nothing is won (a
#: partition is the least that a worker process can have), and each costs: a quorum queue with its
#: log on every broker, a lease that is written every other second, a line in the metrics, a bit in
#: the bell, which PostgreSQL keeps for who is slow to hear it.
LEAST, MOST = 1, 256

#: Names in the table ``setting``: the count that holds, and one that is being changed to.
NAME, NEXT = "partitioning", "partitioning-next"
HASH: Final = "crc32"

_count = NEW


class PartitioningError(Exception):
    """This process cannot work on the database's partitions; a sentence for the operator."""


class RepartitionedError(TransientStoreError):
    """The count was changed since this process began: it may write nothing any more."""


def partition_of(partitionkey: str) -> int:
    """The partition that orders this key."""
    return crc32(partitionkey.encode()) % _count


def every() -> range:
    """All partitions of this installation."""
    return range(_count)


def use(count: int) -> None:
    """What this process goes by from now on."""
    global _count
    if not LEAST <= count <= MOST:
        raise PartitioningError(f"{count} partitions: there are {LEAST} to {MOST}")
    _count = count


def words(count: int) -> str:
    """As the database keeps it."""
    return f"{HASH}/{count}"


def count_of(said: str) -> int:
    """The count that the database's words say. PartitioningError: another hash, or no count."""
    kind, _, count = said.partition("/")
    if kind != HASH or not count.isdecimal() or not LEAST <= int(count) <= MOST:
        wanted = f"{HASH}/{LEAST} to {HASH}/{MOST}"
        raise PartitioningError(f"the database is partitioned by {said}, this version by {wanted}")
    return int(count)


def stands(reader: Reader) -> tuple[int, int]:
    """(the count that holds, the one that is being changed to or 0). PartitioningError."""
    rows = reader.rows("SELECT name, value FROM setting WHERE name IN :names", names=[NAME, NEXT])
    found = {name: count_of(value) for name, value in rows}
    return found.get(NAME, NEW), found.get(NEXT, 0)


def adopt(*stores: Store) -> None:
    """Go by the database's count; a new database gets one. Before anything is written.

    The stores (of one database) will refuse a connection that finds another. PartitioningError.
    """
    with stores[0].transaction() as tx:
        tx.insert(
            "setting", ("name", "value"), [(NAME, words(NEW))], "ON CONFLICT (name) DO NOTHING"
        )
        count, coming = stands(tx)
    if coming:
        raise PartitioningError(
            f"the partitions are being changed from {count} to {coming}: wait for its end, or "
            f"where it was interrupted run `wattbus db partitions {coming}` again"
        )
    use(count)
    for store in stores:
        if isinstance(store, PgStore):  # a SQLite database has one process at a time
            store.greet = still_stands


def still_stands(reader: Reader) -> None:
    """A new connection's first question. RepartitionedError when this process is of yesterday."""
    try:
        now = stands(reader)
    except PartitioningError as error:
        raise RepartitionedError(str(error)) from error
    if now != (_count, 0):
        coming = f", on the way to {now[1]}" if now[1] else ""
        raise RepartitionedError(
            f"this process began with {_count} partitions, the database has {now[0]} by now"
            f"{coming}: start it again"
        )
