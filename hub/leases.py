"""Partitions give locality: a worker consumes those that it leases, and no others.

``partition_lease(partition, owner, epoch, until)`` is spread over the live workers, by the
database's own clock. Each batch locks its lease rows FOR SHARE and checks owner and epoch
(fencing): a frozen worker that wakes up after its lease has moved commits nothing. Row locks alone
give correctness.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from time import monotonic
from typing import NamedTuple

from core.store.tx import Reader, Row, Tx
from core.store.upgrade import Store
from hub.partitions import every
from hub.worker import FencedError

#: A lease lasts this long; it is renewed at a third of it. A dead worker's partitions move on then.
LEASE_US = 5_000_000

_NOW = "(SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint))"
_LOOK = f"SELECT partition, owner, epoch, until > {_NOW} FROM partition_lease"


class _Plan(NamedTuple):
    """Partitions to keep, to take and to give up."""

    keep: list[int]
    taken: list[int]
    given: list[int]


def unleased(reader: Reader) -> int:
    """How many partitions no live worker holds. On SQLite, and before the first worker ever, there
    are no leases: none."""
    if not reader.rows("SELECT 1 FROM partition_lease LIMIT 1"):
        return 0
    return sum(1 for _, owner, _, live in reader.rows(_LOOK) if not owner or not live)


@dataclass(slots=True)
class Leases:
    """The leases of one worker process (PostgreSQL)."""

    store: Store
    owner: str
    epochs: dict[int, int] = field(default_factory=dict)
    _renewed: float = field(default=float("-inf"))

    def prepare(self) -> None:
        """Make sure that every partition has its row, and that no namesake holds any.

        A worker that is started again has its predecessor's name. What that one held is free at
        once; should it still live (an orphan, a frozen process), it is fenced from now on.
        """
        with self.store.transaction() as tx:
            tx.insert(
                "partition_lease",
                ("partition", "owner", "epoch", "until"),
                [(number, "", 0, 0) for number in every()],
                "ON CONFLICT (partition) DO NOTHING",
            )
            tx.run(
                "UPDATE partition_lease SET owner = '', epoch = epoch + 1, until = 0 "
                "WHERE owner = :owner",
                owner=self.owner,
            )

    def due(self) -> bool:
        """Whether it is time to renew: a third of the lease has gone."""
        return monotonic() - self._renewed > LEASE_US / 3e6

    def hold(self) -> None:
        """Renew what we hold if it is time: long work in one step must not cost the lease.

        Nothing is taken and nothing given up; what has moved meanwhile is found by the fence.
        """
        if self.due():
            with self.store.transaction() as tx:
                tx.run(
                    f"UPDATE partition_lease SET until = {_NOW} + :lease WHERE owner = :owner",
                    lease=LEASE_US,
                    owner=self.owner,
                )
            self._renewed = monotonic()

    def balance(self) -> list[int]:
        """Say that we live, take our fair share, give up what is over it; returns what we hold.

        Where nothing is to be moved, only our own rows are locked: another's are held by his batch
        until it commits, and we would wait for it at each renewal.
        """
        with self.store.transaction() as tx:
            plan = self._plan(tx, tx.rows(_LOOK))
            settled = not plan.taken and not plan.given
            mine = f"{_LOOK} WHERE owner = :owner" if settled else _LOOK
            rows = tx.rows(f"{mine} ORDER BY partition FOR UPDATE", owner=self.owner)
            if not settled:
                plan = self._plan(tx, rows)
            held = {row[0]: row[2] for row in rows if row[0] in plan.keep and self._is_ours(*row)}
            self._write(tx, plan._replace(keep=sorted(held)))
            held.update({row[0]: row[2] + 1 for row in rows if row[0] in plan.taken})
        self.epochs = held
        self._renewed = monotonic()
        return sorted(held)

    def _plan(self, tx: Tx, rows: list[Row]) -> "_Plan":
        """What to keep, take and give, by rows of ``_LOOK``."""
        live = {owner for _, owner, _, alive in rows if alive and owner} | {self.owner}
        share = -(-len(every()) // len(live | set(_waiting(tx, self.owner))))
        # what a process of our name held before us is taken anew: the epoch locks it out
        named = [row[0] for row in rows if row[1] == self.owner and row[3]]
        mine = [row[0] for row in rows if row[3] and self._is_ours(*row)]
        orphans = [partition for partition in named if partition not in mine]
        free = orphans + [row[0] for row in rows if not row[3] or not row[1]]
        keep = mine[:share]
        taken = free[: max(0, share - len(keep))]
        given = mine[share:] + [each for each in orphans if each not in taken]
        return _Plan(keep, taken, given)

    def _is_ours(self, partition: int, owner: str, epoch: int, _alive: bool = True) -> bool:
        """Ours, not a namesake's: the epoch tells."""
        return owner == self.owner and self.epochs.get(partition) == epoch

    def _write(self, tx: Tx, plan: "_Plan") -> None:
        if plan.keep:
            tx.run(
                f"UPDATE partition_lease SET until = {_NOW} + :lease WHERE partition IN :keep",
                lease=LEASE_US,
                keep=plan.keep,
            )
        if plan.taken:
            tx.run(
                f"UPDATE partition_lease SET owner = :owner, epoch = epoch + 1, "
                f"until = {_NOW} + :lease WHERE partition IN :taken",
                owner=self.owner,
                lease=LEASE_US,
                taken=plan.taken,
            )
        if plan.given:
            tx.run(
                "UPDATE partition_lease SET owner = '', until = 0 WHERE partition IN :given",
                given=plan.given,
            )
        tx.run(
            f"INSERT INTO worker_node (name, seen) VALUES (:name, {_NOW}) "
            "ON CONFLICT (name) DO UPDATE SET seen = excluded.seen",
            name=self.owner,
        )

    def holds(self, partition: int) -> bool:
        """Whether it was ours at the last look."""
        return partition in self.epochs

    def fence(self, tx: Tx, partitions: Iterable[int] | None = None) -> None:
        """Lock the leases of these partitions (all of ours) and check them. Raises FencedError.

        Only what a batch works on: each lock is written to its row.
        """
        mine = sorted(set(self.epochs if partitions is None else partitions))
        rows = tx.rows(
            "SELECT partition, owner, epoch FROM partition_lease WHERE partition IN :mine "
            "ORDER BY partition FOR SHARE",
            mine=mine,
        )
        if len(rows) != len(mine):
            raise FencedError("partitions of ours are no more: their count was changed")
        for partition, owner, epoch in rows:
            if not self._is_ours(partition, owner, epoch):
                raise FencedError(f"partition {partition} has moved to {owner or 'nobody'}")

    def release(self) -> None:
        """Give everything back: the end of this worker."""
        with self.store.transaction() as tx:
            rows = tx.rows(
                "SELECT partition, owner, epoch FROM partition_lease ORDER BY partition FOR UPDATE"
            )
            tx.run(
                "UPDATE partition_lease SET owner = '', until = 0 WHERE partition IN :ours",
                ours=[row[0] for row in rows if self._is_ours(*row)],
            )
            tx.run("DELETE FROM worker_node WHERE name = :name", name=self.owner)
        self.epochs = {}


def _waiting(tx: Tx, owner: str) -> list[str]:
    """Workers that have said that they live, also those that hold nothing yet."""
    rows = tx.rows(
        f"SELECT name FROM worker_node WHERE seen + :lease > {_NOW} AND name <> :owner",
        lease=LEASE_US,
        owner=owner,
    )
    return [row[0] for row in rows]
