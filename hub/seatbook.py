"""Nodes and seats as the database has them (PostgreSQL), by its own clock.

All of it goes over one connection that a node keeps for this alone. On it stand the session locks:
one on the node's name, one on each seat that it holds. When the process dies the server sees the
socket close and the locks are free at once; when the host is cut off the server finds out by
keepalives; and a holder that is frozen is put out after its time, by ending its session.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from core.store import pg
from core.store.pg import PgTx
from core.store.tx import Reader, TransientStoreError

#: How long a seat is held after the last word of its holder.
LEASE_US = 5_000_000

#: Something changed that every node should look at: a seat is free, a channel was stopped.
BELL: Final = "wattbus_seat"
NOW: Final = "(SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint))"
#: A cut-off host is found within the lease: asked after 2 s of silence, twice, a second apart. No
#: statement of this connection may take longer than the lease has left.
_SETTINGS: Final = (
    "SET tcp_keepalives_idle = 2",
    "SET tcp_keepalives_interval = 1",
    "SET tcp_keepalives_count = 2",
    "SET tcp_user_timeout = 4000",
    "SET statement_timeout = 4000",
    "SET lock_timeout = 3000",
)
#: One look is one statement: where each takes seconds, the next beat must not wait for three. Who
#: holds a session lock is in ``pg_locks`` with the lock's key in two halves.
_LOOK: Final = (
    "SELECT 'lock', '', '', (classid::bigint << 32) | objid::bigint, pid::bigint, false "
    "FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND granted "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    f"UNION ALL SELECT 'seat', name, node, epoch, 0, node = '' OR until <= {NOW} FROM seat "
    "WHERE name IN :names "
    "UNION ALL SELECT 'node', name, roles, 0, 0, false FROM node"
)
_BEAT: Final = (
    f"WITH beat AS (UPDATE node SET seen = {NOW} WHERE name = :node) "
    f"UPDATE seat SET until = {NOW} + :lease WHERE node = :node AND name IN :names "
    "RETURNING name, epoch"
)
#: FOR UPDATE waits for whoever writes for the seat (``hub.seats.Seats.moved``); a beat does not.
_TAKE: Final = (
    "WITH free AS (SELECT name FROM seat WHERE name = :name AND epoch = :epoch FOR UPDATE) "
    f"UPDATE seat SET node = :node, epoch = epoch + 1, until = {NOW} + :lease, since = {NOW} "
    "FROM free WHERE seat.name = free.name AND seat.epoch = :epoch RETURNING seat.epoch"
)


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What a node says of itself."""

    name: str
    host: str
    pid: int
    roles: tuple[str, ...]
    version: str


class SeatRow(NamedTuple):
    """A seat as it was seen. ``locked``: the server's process whose session has its lock, or 0."""

    name: str
    node: str
    epoch: int
    over: bool  # its time is over, or nobody had it
    locked: int


@dataclass(frozen=True, slots=True)
class View:
    """One look: the seats, and the nodes that live (their sessions do), with their roles."""

    seats: tuple[SeatRow, ...]
    live: Mapping[str, tuple[str, ...]]


class NameTakenError(Exception):
    """A node of this name runs; a sentence that says where."""


def lock_key(kind: str, name: str) -> int:
    """The number that a name's lock has in this database: 64 bits, signed."""
    digest = hashlib.sha256(f"wattbus/{kind}/{name}".encode()).digest()
    return int.from_bytes(digest[:8], signed=True)


@dataclass(slots=True)
class SeatBook:
    """The statements. Every method raises TransientStoreError when the database is away."""

    url: str
    me: NodeFacts
    seats: tuple[str, ...]
    _connection: Any = field(default=None)  # the driver's
    _sessions: int = 0

    def session(self) -> int:
        """The present session; another number than before: all its locks are gone."""
        if self._connection is None or self._connection.closed or self._connection.broken:
            connection = pg.connect(self.url, application=f"wattbus-{self.me.name}-seats")
            tx = PgTx(connection)
            for setting in _SETTINGS:
                tx.run(setting)
            self._connection = connection
            self._sessions += 1
        return self._sessions

    def _tx(self) -> PgTx:
        self.session()
        return PgTx(self._connection)

    def reader(self) -> Reader:
        """Reads on the same connection, each statement by itself."""
        return self._tx()

    def lock(self, kind: str, name: str) -> bool:
        """Lock a name for as long as this session lives. Whether it is ours."""
        sql = "SELECT pg_try_advisory_lock(:key)"
        return bool(self._tx().rows(sql, key=lock_key(kind, name))[0][0])

    def unlock(self, kind: str, name: str) -> None:
        """Let a name go."""
        self._tx().rows("SELECT pg_advisory_unlock(:key)", key=lock_key(kind, name))

    def namesake(self) -> str:
        """Who has our name, as a sentence."""
        rows = self._tx().rows(
            "SELECT host, pid, to_char(to_timestamp(started / 1000000.0) AT TIME ZONE 'UTC', "
            "'YYYY-MM-DD HH24:MI:SS') FROM node WHERE name = :name",
            name=self.me.name,
        )
        who = "process {1} on host {0} since {2} UTC".format(*rows[0]) if rows else "a process"
        return (
            f"a node of the name {self.me.name} runs: {who}. Each node has a name of its own: "
            "[hub] name"
        )

    def enter(self) -> None:
        """Say who we are, and make sure that every seat has its row. NameTakenError."""
        if not self.lock("node", self.me.name):
            raise NameTakenError(self.namesake())
        tx = self._tx()
        tx.run(
            "INSERT INTO node (name, host, pid, roles, version, started, seen) "
            f"VALUES (:name, :host, :pid, :roles, :version, {NOW}, {NOW}) "
            "ON CONFLICT (name) DO UPDATE SET host = excluded.host, pid = excluded.pid, "
            "roles = excluded.roles, version = excluded.version, seen = excluded.seen, "
            "started = CASE WHEN node.host = excluded.host AND node.pid = excluded.pid "
            "THEN node.started ELSE excluded.started END",
            name=self.me.name,
            host=self.me.host,
            pid=self.me.pid,
            roles=" ".join(self.me.roles),
            version=self.me.version,
        )
        tx.insert("seat", ("name",), [(name,) for name in sorted(self.seats)],
                  "ON CONFLICT (name) DO NOTHING")  # fmt: skip

    def beat(self, held: Mapping[str, int]) -> set[str]:
        """Say that we live; which of the seats that we hold are still ours."""
        rows = self._tx().rows(_BEAT, node=self.me.name, lease=LEASE_US, names=sorted(held))
        return {name for name, epoch in rows if held.get(name) == epoch}

    def look(self) -> View:
        """The seats of our configuration, and who lives."""
        rows = self._tx().rows(_LOOK, names=sorted(self.seats))
        locks = {key: pid for kind, _, _, key, pid, _ in rows if kind == "lock"}
        seats = [
            SeatRow(name, node, epoch, over, locks.get(lock_key("seat", name), 0))
            for kind, name, node, epoch, _, over in rows
            if kind == "seat"
        ]
        live = {
            name: tuple(roles.split())
            for kind, name, roles, *_ in rows
            if kind == "node" and lock_key("node", name) in locks
        }
        return View(tuple(sorted(seats)), live)

    def take(self, seat: SeatRow) -> int:
        """Take it as it was seen; the new epoch, or 0: somebody else was faster, or writes yet."""
        if not self.lock("seat", seat.name):
            return 0
        try:
            rows = self._tx().rows(
                _TAKE, node=self.me.name, lease=LEASE_US, name=seat.name, epoch=seat.epoch
            )
        except TransientStoreError:
            self.unlock("seat", seat.name)  # a batch of the last holder's is not over
            return 0
        if not rows:
            self.unlock("seat", seat.name)
            return 0
        return int(rows[0][0])

    def evict(self, process: int) -> None:
        """End the session of a holder whose time is over."""
        self._tx().rows("SELECT pg_terminate_backend(:pid)", pid=process)

    def release(self, name: str, epoch: int) -> None:
        """Give a seat back: it is free at once."""
        self._tx().run(
            "UPDATE seat SET node = '', until = 0 "
            "WHERE name = :name AND node = :node AND epoch = :epoch",
            name=name,
            node=self.me.name,
            epoch=epoch,
        )
        self.unlock("seat", name)

    def leave(self) -> None:
        """An ordered end: no node of this name any more, unless it is another's by now."""
        self._tx().run(
            "DELETE FROM node WHERE name = :name AND host = :host AND pid = :pid",
            name=self.me.name,
            host=self.me.host,
            pid=self.me.pid,
        )
        self.drop()

    def ring(self) -> None:
        """Tell the others that a seat is free."""
        self._tx().run(f"NOTIFY {BELL}")

    def drop(self) -> None:
        """Close the session, and with it all its locks."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
