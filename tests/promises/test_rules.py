"""The contract of a batch, rule by rule, and what else a stage owes to those who wait for it."""

from core.store.tx import TransientStoreError
from hub.intake import Intake
from hub.worker import Worker
from tests.promises.checker import holds
from tests.promises.company import pay
from tests.promises.worlds import SteppedWorld

OPEN, RETRY, PARKED, DEAD, DONE = range(5)


class Trouble:
    """A store that fails at a point for some times, as a deadlock or a full disk makes it."""

    def __init__(self, times: int) -> None:
        self.left = times

    def __call__(self) -> None:
        if self.left:
            self.left -= 1
            raise TransientStoreError("the store is in trouble")


def test_trouble_of_the_store_reruns_the_batch_and_burns_no_attempt(world: SteppedWorld) -> None:
    world.settle()
    world.hooks["worker.before-commit"] = Trouble(7)
    world.far.offer(pay("a", 1, 11), pay("b", 2, 22))
    world.settle()
    world.verify()
    holds(
        world.rows("SELECT attempt FROM delivery WHERE origin = 'line'") == [(1,), (1,)],
        "LOST attempts were burned",
    )


def test_trouble_of_the_store_after_a_start_kills_nobody(world: SteppedWorld) -> None:
    """Starts are counted to find what kills the process; the store's trouble is no such start."""
    world.hooks["worker.before-commit"] = Trouble(40)
    world.far.offer(pay("a", 1, 11), pay("b", 2, 22))
    world.settle()
    world.verify()
    holds(world.states() == {"a": DONE, "b": DONE}, f"LOST {world.states()}")
