"""The contract of a batch, rule by rule, and what else a stage owes to those who wait for it."""

from collections.abc import Callable

from core.store.tx import TransientStoreError
from hub.intake import Intake
from hub.worker import Worker
from tests.promises.checker import holds
from tests.promises.company import HOUSEHOLDS, buy, pay
from tests.promises.farend import ERROR
from tests.promises.poison import POISON, SENSELESS, UNKNOWN
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


def test_a_doubled_delivery_is_dropped_before_anything_else(world: SteppedWorld) -> None:
    world.far.offer(pay("a", 1, 11), pay("b", 2, 22))
    world.turn(Intake)
    fetched = world.fetched()
    commits: list[str] = []
    world.hooks["worker.after-commit"] = lambda: commits.append("batch")
    world.worker.process([*fetched, *fetched])
    holds(len(commits) == 1, f"TWICE a doubled delivery cost {len(commits)} transactions")
    world.settle()
    world.verify()


def test_a_row_given_twice_in_one_set_is_refused(world: SteppedWorld) -> None:
    """An UPDATE from a set applies one of the two in silence: the helper must not let it."""
    ((id_, credit),) = world.rows("SELECT id, credit FROM account WHERE number = '100001'")
    rows = [(id_, credit + 1), (id_, credit + 2)]
    noticed = False
    try:
        with world.engine.readers.transaction() as tx:
            tx.update("account", ("id", "credit"), rows)
    except AssertionError:
        noticed = True
    holds(noticed, "BOOKS a row was written twice and nobody noticed")
    holds(world.credit(1) == credit, "BOOKS it was written all the same")


def test_trouble_of_the_store_reruns_the_batch_and_burns_no_attempt(world: SteppedWorld) -> None:
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
    world.kill()
    world.hooks["worker.before-commit"] = Trouble(40)
    world.far.offer(pay("a", 1, 11), pay("b", 2, 22))
    world.settle()
    world.verify()
    holds(world.states() == {"a": DONE, "b": DONE}, f"LOST {world.states()}")


def test_an_earlier_message_does_not_wait_for_a_later_unreadable_one(world: SteppedWorld) -> None:
    world.far.offer(pay("a", 1, 11), pay("bad", 1, 22), pay("c", 1, 33))
    world.turn(Intake)
    world.change(
        "UPDATE message SET envelope = replace(envelope, '\"data\":{', '\"data\":[') WHERE id = "
        "(SELECT message_id FROM request WHERE key = 'bad' AND channel = 'line')"
    )
    world.turn(Worker)
    holds(
        world.states() == {"a": DONE, "bad": DEAD, "c": PARKED},
        f"ORDER an innocent earlier one was held back: {world.states()}",
    )


def test_what_comes_back_while_a_batch_is_under_way_keeps_its_place(world: SteppedWorld) -> None:
    """An earlier message may become open again between the fetch and the batch."""
    world.settle()
    world.far.offer(pay("bad", 1, 22, reference=POISON), pay("other", 2, 1))
    world.turn(Intake, Worker)
    world.far.offer(pay("later", 1, 33))
    world.turn(Intake)
    fetched = world.fetched()
    world.cure()
    world.change("UPDATE delivery SET state = 0 WHERE state = 1")  # as the sweeper does
    world.worker.process(fetched)
    holds(world.states()["later"] != DONE, "ORDER the later one overtook the one that came back")
    world.settle()
    world.verify("per-type")


def test_a_price_keeps_its_instant_in_a_rerun(world: SteppedWorld) -> None:
    """What the clock and chance gave to a message is drawn once, whatever is rolled back."""
    world.settle()
    began = world.time.at_us
    trouble = Trouble(2)

    def later() -> None:
        world.time.at_us += 3_600_000_000
        trouble()

    world.hooks["worker.before-commit"] = later
    world.far.offer(buy("b", 1, 5_000))
    world.turn(Intake, Worker)
    ((priced_at,),) = world.rows("SELECT priced_at FROM sale")
    holds(priced_at - began < 60_000_000, "BOOKS the rerun priced at another instant")


def test_what_cannot_be_stored_is_dead_alone(world: SteppedWorld) -> None:
    """An amount beyond 64 bits: no row can hold it; the rest of its batch goes on."""
    world.settle()
    world.far.offer(pay("a", 1, 11), pay("bad", 2, 2**63), pay("c", 3, 33), buy("d", 4, 5_000))
    world.settle()
    world.verify()
    holds(
        world.states() == {"a": DONE, "bad": DEAD, "c": DONE, "d": DONE},
        f"LOST {world.states()}",
    )


def test_a_fault_outside_the_decision_hurts_its_message_alone(world: SteppedWorld) -> None:
    world.far.offer(pay("a", 1, 11), pay("bad", 2, 22, reference=SENSELESS), pay("c", 3, 33))
    world.settle()
    world.verify()
    holds(world.states() == {"a": DONE, "bad": DEAD, "c": DONE}, f"LOST {world.states()}")


def test_an_arrival_that_no_text_can_hold_is_refused_alone(world: SteppedWorld) -> None:
    """Half a surrogate pair is a string in Python and nothing in UTF-8."""
    bad = pay("bad\ud800", 1, 22)
    world.far.offer(pay("a", 1, 11), bad, pay("c", 3, 33))
    for _ in range(3):
        world.turn()
    holds(world.record.states(bad.key)[0] == ERROR, "LOST the far end heard nothing")
    del world.record.asks[bad.key]
    world.settle()
    world.verify()


def test_a_reference_that_no_text_can_hold_stops_no_other_notice(world: SteppedWorld) -> None:
    world.far.references = ["far\ud800", "far\0", "good"]
    world.far.offer(*[buy(f"b{n}", n, 5_000) for n in HOUSEHOLDS])
    world.settle()
    world.verify()
    holds(
        ("good",) in world.rows("SELECT reference FROM notice_reference"),
        "NOTICE a good reference was lost",
    )


def test_an_unknown_outcome_counts_as_pending(world: SteppedWorld) -> None:
    world.far.offer(pay("u", 1, 11, reference=UNKNOWN))
    world.settle()
    holds(world.unaccounted() == 0, "UNACCOUNTED an unknown outcome")


def test_a_full_queue_is_full_after_a_restart_too(
    make_world: Callable[..., SteppedWorld],
) -> None:
    world = make_world(open_messages=20)
    world.far.offer(*[pay(f"p{n}", n % 6 + 1, 100 + n) for n in range(20)])
    world.turn(Intake)
    world.far.patient = True
    world.kill()
    world.far.offer(*[pay(f"q{n}", n % 6 + 1, 200 + n) for n in range(20)])
    states = [state for n in range(20) for state in world.record.states(f"q{n}")]
    holds(states == ["overloaded"] * 20, f"BOOKS accepted over the limit: {states}")
    world.settle()
    world.verify("none")
