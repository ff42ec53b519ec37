"""The installation as a whole: its nodes, seats, partitions and what waits, from the database."""

import msgspec

from core.store.tx import Reader
from hub import balance
from hub.seatbook import LEASE_US, NOW

#: A node that has not said that it lives for so long is counted out: some looks were missed.
SILENT_US = 2 * LEASE_US


class NodeLine(msgspec.Struct, frozen=True):
    """One node. ``started`` and ``seen``: µs UTC by the database's clock."""

    name: str
    host: str
    pid: int
    roles: tuple[str, ...]
    version: str
    started: int
    seen: int
    alive: bool


class SeatLine(msgspec.Struct, frozen=True):
    """One seat; ``node`` is empty when nobody holds it."""

    seat: str
    node: str
    epoch: int
    since: int


class WorkerLine(msgspec.Struct, frozen=True):
    """A worker process and how many partitions it leases; an empty name: nobody has them."""

    worker: str
    partitions: int


class LagLine(msgspec.Struct, frozen=True):
    """What waits for one target, and the age of the oldest."""

    target: str
    open: int
    oldest_s: float


class Cluster(msgspec.Struct, frozen=True):
    """What ``wattbus cluster`` shows."""

    nodes: list[NodeLine]
    seats: list[SeatLine]
    workers: list[WorkerLine]
    lag: list[LagLine]


def nodes_alive(reader: Reader) -> int:
    """How many nodes live; where none is listed (SQLite) it is the one that asks."""
    if not reader.rows("SELECT 1 FROM node LIMIT 1"):
        return 1
    sql = f"SELECT count(*) FROM node WHERE seen + :silent > {NOW}"
    return int(reader.rows(sql, silent=SILENT_US)[0][0])


def cluster(reader: Reader, now_us: int) -> Cluster:
    """One look at all of it; of nodes, seats and leases there are none on SQLite."""
    return Cluster(_nodes(reader), _seats(reader), _workers(reader), _lag(reader, now_us))


def _listed(reader: Reader, table: str) -> bool:
    return bool(reader.rows(f"SELECT 1 FROM {table} LIMIT 1"))


def _nodes(reader: Reader) -> list[NodeLine]:
    if not _listed(reader, "node"):
        return []
    rows = reader.rows(
        "SELECT name, host, pid, roles, version, started, seen, "
        f"seen + :silent > {NOW} FROM node ORDER BY name",
        silent=SILENT_US,
    )
    return [
        NodeLine(n, h, p, tuple(r.split()), v, at, seen, a) for n, h, p, r, v, at, seen, a in rows
    ]


def _seats(reader: Reader) -> list[SeatLine]:
    if not _listed(reader, "seat"):
        return []
    rows = reader.rows(
        f"SELECT name, CASE WHEN until > {NOW} THEN node ELSE '' END, epoch, since FROM seat "
        "ORDER BY name"
    )
    return [SeatLine(*row) for row in rows]


def _workers(reader: Reader) -> list[WorkerLine]:
    if not _listed(reader, "partition_lease"):
        return []
    rows = reader.rows(
        f"SELECT CASE WHEN until > {NOW} THEN owner ELSE '' END, count(*) FROM partition_lease "
        "GROUP BY 1 ORDER BY 1"
    )
    return [WorkerLine(*row) for row in rows]


def _lag(reader: Reader, now_us: int) -> list[LagLine]:
    rows = reader.rows("SELECT target, count(*) FROM delivery WHERE state = 0 GROUP BY target")
    oldest = balance.oldest_open(reader)
    return [
        LagLine(target, int(n), round(max(0, now_us - oldest.get(target, now_us)) / 1e6, 1))
        for target, n in sorted(rows)
    ]
