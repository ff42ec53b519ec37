"""Leases and fencing on PostgreSQL: who has lost a partition commits nothing in it."""

from collections.abc import Iterator

import pytest

from core.store.upgrade import Store, open_store
from hub.intake import Intake
from hub.leases import Leases
from hub.partitions import NEW as PARTITIONS
from hub.worker import FencedError
from tests.promises.checker import Broken, holds
from tests.promises.company import HOUSEHOLDS, buy
from tests.promises.conftest import POSTGRESQL
from tests.promises.mutants import installed
from tests.promises.worlds import SteppedWorld

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("engine", [POSTGRESQL])]


@pytest.fixture
def store(world: SteppedWorld) -> Iterator[Store]:
    """A connection of another worker."""
    other = open_store(world.url, "other")
    yield other
    other.close()


def is_fenced(leases: Leases) -> bool:
    """Whether a batch under these leases would be refused."""
    try:
        with leases.store.transaction() as tx:
            leases.fence(tx)
    except FencedError:
        return True
    return False


def expire(world: SteppedWorld) -> None:
    """As if all that time had passed while everybody was frozen."""
    world.change("UPDATE partition_lease SET until = 0")
    world.change("UPDATE worker_node SET seen = 0")


def test_a_worker_that_wakes_up_after_its_lease_commits_nothing(
    world: SteppedWorld, store: Store
) -> None:
    world.far.offer(*[buy(f"b{n}", n, 5_000) for n in HOUSEHOLDS])
    world.turn(Intake)
    fetched = world.fetched()  # here it freezes
    expire(world)
    other = Leases(store, "other")
    assert other.balance() == list(range(PARTITIONS))
    stopped = False
    try:
        world.worker.process(fetched)
    except FencedError:
        stopped = True
    holds(world.rows("SELECT count(*) FROM sale") == [(0,)], "TWICE a fenced worker sold")
    holds(stopped, "TWICE a fenced worker went on")
    other.release()
    expire(world)
    world.kill()
    world.settle()
    world.verify()


def test_two_workers_share_the_partitions_and_none_is_left(
    world: SteppedWorld, store: Store
) -> None:
    expire(world)
    one, two = Leases(world.worker.store, "one"), Leases(store, "two")
    assert len(one.balance()) == PARTITIONS
    assert two.balance() == []  # it has said that it lives
    kept = one.balance()
    taken = two.balance()
    assert sorted([*kept, *taken]) == list(range(PARTITIONS))
    assert len(kept) == len(taken)
    assert not is_fenced(one)
    assert not is_fenced(two)


def test_a_worker_that_was_started_again_fences_its_orphan(
    world: SteppedWorld, store: Store
) -> None:
    """The same name, two processes: the old one outlived the node that had started it."""
    expire(world)
    old, new = Leases(world.worker.store, "node-0"), Leases(store, "node-0")
    old.balance()
    new.prepare()
    assert new.balance() == list(range(PARTITIONS))  # at once, without waiting for the lease
    holds(is_fenced(old), "TWICE the orphan still works on the partitions of its successor")
    assert not is_fenced(new)
    old.balance()  # should it live on, then at the other's cost, never beside it
    holds(is_fenced(old) or is_fenced(new), "TWICE both hold the same partitions")


def test_the_suite_notices_a_missing_fence(world: SteppedWorld, store: Store) -> None:
    with installed("no-fence"):
        world.kill()  # a machine that is built with the mutant in place
        with pytest.raises(Broken):
            test_a_worker_that_wakes_up_after_its_lease_commits_nothing(world, store)
