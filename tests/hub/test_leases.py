"""Leases on PostgreSQL: who holds what when a process is frozen, cut off or started twice."""

import random
from collections.abc import Iterator

import psycopg
import pytest

from core.store import pg
from core.store.limits import PgLimits
from core.store.tx import DataStoreError
from core.store.upgrade import open_store, upgrade
from hub import leases
from hub.leases import Leases
from hub.partitions import NEW as PARTITIONS
from hub.worker import FencedError
from tests.servers.postgres import Postgres

pytestmark = pytest.mark.slow


@pytest.fixture
def url(postgres: Postgres) -> Iterator[str]:
    made = postgres.prepared("leases", upgrade)
    yield made
    postgres.drop(made)


def _leases(url: str, owner: str) -> Leases:
    made = Leases(open_store(url), owner)
    made.prepare()
    return made


def test_a_worker_started_in_the_place_of_an_orphan_locks_it_out(url: str) -> None:
    orphan, heir = _leases(url, "node-0"), _leases(url, "node-0")
    assert len(orphan.balance()) == PARTITIONS
    assert len(heir.balance()) == PARTITIONS, "a name's own leases are taken over at once"
    with pytest.raises(FencedError), orphan.store.transaction() as tx:
        orphan.fence(tx)
    orphan.release()  # it ends at last: what the heir holds is not its to give back
    with heir.store.transaction() as tx:
        heir.fence(tx)


def test_two_workers_share_and_a_lost_one_s_part_moves_on(url: str) -> None:
    one, two = _leases(url, "node-0"), _leases(url, "node-1")
    one.balance()
    two.balance()
    one.balance()
    two.balance()
    assert (len(one.epochs), len(two.epochs)) == (PARTITIONS // 2, PARTITIONS // 2)
    two.release()
    with one.store.transaction() as tx:
        tx.run("DELETE FROM worker_node WHERE name = 'node-1'")
    assert len(one.balance()) == PARTITIONS


def test_a_renewal_does_not_wait_for_another_s_batch(url: str) -> None:
    one, two = _leases(url, "node-0"), _leases(url, "node-1")
    for worker in (one, two, one, two):
        worker.balance()
    with one.store.transaction() as tx:
        one.fence(tx)
        assert len(two.balance()) == PARTITIONS // 2


def test_a_frozen_worker_does_not_stop_the_others_from_renewing(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "LEASE_US", 100_000)
    frozen, other = _leases(url, "node-0"), _leases(url, "node-1")
    frozen.store = open_store(url, "node-0", PgLimits(idle_s=0.2))
    frozen.balance()
    connection = frozen.store.connection()  # type: ignore[union-attr]
    connection.execute("BEGIN")
    frozen.fence(pg.PgTx(connection))  # and here it stops: its leases stay locked
    while len(other.balance()) < PARTITIONS:  # until they have run out
        pass
    with pytest.raises(psycopg.Error):
        connection.execute("COMMIT")


def test_a_value_too_large_for_an_index_is_the_data_s_fault(url: str) -> None:
    chance = random.Random(1)
    key = "".join(chr(chance.randrange(0x4E00, 0x9FFF)) for _ in range(5_000))
    with pytest.raises(DataStoreError), open_store(url).transaction() as tx:
        tx.insert("setting", ("name", "value"), [(key, "")])
