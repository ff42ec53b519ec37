"""PostgreSQL with several workers at once: row locks alone keep money right, in one order.

Threads here, each with a connection of its own; the partitions' leases are left out on purpose,
because correctness must not lean on them.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import pytest

from core.store.tx import TransientStoreError
from core.store.upgrade import open_store
from hub.batch import Batch
from hub.bus.table import TableSource
from hub.clock import Sources
from hub.inbox import Delivery
from hub.intake import Intake
from hub.worker import Worker
from tests.promises import company
from tests.promises.checker import Broken, holds
from tests.promises.company import HOUSEHOLDS, OPENING, Ask, buy, pay
from tests.promises.conftest import POSTGRESQL
from tests.promises.mutants import installed
from tests.promises.worlds import START_US, SteppedWorld, Time

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("engine", [POSTGRESQL])]
DEADLINE_S = 60.0


@dataclass
class Crew:
    """Workers beside the world's own, one thread each."""

    world: SteppedWorld
    workers: list[Worker] = field(default_factory=list)
    faults: list[BaseException] = field(default_factory=list)
    #: what made a batch run again: with one lock order nothing should
    reruns: list[str] = field(default_factory=list)

    def hire(self, count: int) -> None:
        """``count`` workers with connections of their own."""
        for number in range(count):
            name = f"crew{number}"
            sources = Sources(lambda: START_US, Time(drawn=1_000_000 * (number + 1)).random_bytes)
            model: Batch = self.world.worker.batch
            batch = Batch(
                model.terms, model.routing, name, sources.random_bytes, self.world.time.now_us
            )
            store = open_store(self.world.url, name)
            self.workers.append(Worker(store, batch, TableSource(store, [])))

    def start(self, number: int, fetched: Sequence[Delivery]) -> threading.Thread:
        """Hand a batch to one of them."""
        thread = threading.Thread(
            target=self._run, args=(self.workers[number], fetched), name=f"crew{number}"
        )
        thread.start()
        return thread

    def _run(self, worker: Worker, fetched: Sequence[Delivery]) -> None:
        try:
            worker.process(fetched)
        except BaseException as error:
            self.faults.append(error)

    def dismiss(self) -> None:
        """Close their connections."""
        for worker in self.workers:
            worker.store.close()


@pytest.fixture
def crew(world: SteppedWorld, monkeypatch: pytest.MonkeyPatch) -> Iterator[Crew]:
    """Workers for the world; their faults are the test's."""
    made, once = Crew(world), Worker._once

    def noted(self: Worker, *args: Any) -> None:
        try:
            once(self, *args)
        except TransientStoreError as error:
            made.reruns.append(str(error))
            raise

    monkeypatch.setattr(Worker, "_once", noted)
    yield made
    made.dismiss()


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Until it is so; fails at the deadline."""
    pause, until = threading.Event(), monotonic() + DEADLINE_S
    while not condition():
        assert monotonic() < until, f"never: {what}"
        pause.wait(0.01)


def join(*threads: threading.Thread) -> None:
    """Until they have ended."""
    for thread in threads:
        thread.join(DEADLINE_S)
        assert not thread.is_alive(), f"{thread.name} hangs"


def deliver(world: SteppedWorld, *asks: Ask) -> list[Delivery]:
    """Journal these; their open deliveries, each under a key of its own.

    The order within a key would keep them apart: here only the rows do.
    """
    world.far.offer(*asks)
    world.turn(Intake)
    world.change("UPDATE delivery SET partitionkey = 'demo/' || seq WHERE state = 0")
    return world.fetched()


def blocked(world: SteppedWorld) -> bool:
    """Whether some connection waits for a row lock."""
    sql = (
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
        "AND datname = current_database()"
    )
    return bool(world.rows(sql)[0][0])


def one_behind_the_other(crew: Crew, first: Sequence[Delivery], second: Sequence[Delivery]) -> None:
    """The second batch begins while the first holds its rows, and goes on after its commit."""
    holding, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        if threading.current_thread().name == "crew0":
            holding.set()
            assert go_on.wait(DEADLINE_S)

    crew.world.hooks["worker.before-commit"] = hold
    one = crew.start(0, first)
    assert holding.wait(DEADLINE_S)
    two = crew.start(1, second)
    try:
        wait_for(
            lambda: blocked(crew.world) or not two.is_alive(), "the second waits for the first"
        )
    finally:
        go_on.set()
        join(one, two)
    holds(not crew.faults, f"LOST {crew.faults}")


def test_who_waits_for_a_row_reads_what_it_is_after_the_wait(
    world: SteppedWorld, crew: Crew
) -> None:
    """One payer in two batches at once, for two meters: no credit is spent twice."""
    crew.hire(2)
    most = OPENING - 10_000
    one, two = deliver(world, buy("a", 2, most, payer=1), buy("b", 3, most, payer=1))
    one_behind_the_other(crew, [one], [two])
    world.settle()
    world.verify("none")
    ends = sorted(world.record.answer(key).get("code", "ok") for key in ("a", "b"))
    holds(ends == ["credit-insufficient", "ok"], f"BOOKS money was spent twice: {ends}")


def test_one_meter_sold_to_by_two_workers_has_two_tids(world: SteppedWorld, crew: Crew) -> None:
    crew.hire(2)
    one, two = deliver(world, buy("a", 1, 5_000), buy("b", 1, 6_000))
    one_behind_the_other(crew, [one], [two])
    world.settle()
    world.verify("none")


def test_a_confirmation_is_taken_once_though_two_take_it(world: SteppedWorld, crew: Crew) -> None:
    """``YES nnnn`` under two keys, in two batches at once: one purchase."""
    crew.hire(2)
    ask = buy("ask", 2, 5_000, payer=1, holder_confirmed=False)
    world.far.offer(ask)
    world.settle()
    code = world.record.answer("ask")["args"]["code"]
    one, two = deliver(world, company.confirm("y1", 1, code), company.confirm("y2", 1, code))
    one_behind_the_other(crew, [one], [two])
    world.settle()
    holds(world.rows("SELECT count(*) FROM sale") == [(1,)], "TWICE one YES, two sales")
    codes = sorted(world.record.answer(key).get("code", "ok") for key in ("y1", "y2"))
    holds(codes == ["confirm-taken", "ok"], f"TWICE {codes}")


def test_two_enrolments_that_collide_are_both_done(world: SteppedWorld, crew: Crew) -> None:
    """One customer number, two accounts, the second finds it in its rerun."""
    crew.hire(2)
    asks = [company.second_account(f"e{n}", n, START_US) for n in (7, 8)]
    one, two = deliver(world, *asks)
    one_behind_the_other(crew, [one], [two])
    world.settle()
    done = [world.record.answer(ask.key)["outcome"] for ask in asks]
    holds(done == ["done", "done"], f"LOST an enrolment: {done}")


def test_sixty_four_purchases_at_once_sell_what_there_is_and_no_more(
    world: SteppedWorld, crew: Crew
) -> None:
    """One account pays for the meters of all, from four workers, beside purchases the other way."""
    crew.hire(4)
    price = OPENING // 40  # the payer can afford 40 of the 64
    asks = []
    for n in range(64):
        number = n % len(HOUSEHOLDS) + 1
        asks.append(buy(f"out{n}", number, price + n, payer=1))
        asks.append(buy(f"back{n}", 1, 4_000 + n, payer=number))
    fetched = deliver(world, *asks)
    join(*[crew.start(n, fetched[n::4]) for n in range(4)])
    holds(not crew.faults, f"LOST {crew.faults}")
    holds(not crew.reruns, f"BOOKS the lock order lets them get in each other's way: {crew.reruns}")
    world.settle()
    world.verify("none")
    codes = [world.record.answer(f"out{n}").get("code", "ok") for n in range(64)]
    holds("credit-insufficient" in codes and "ok" in codes, f"BOOKS {codes}")


@pytest.mark.parametrize(
    ("mutant", "promise"),
    [
        ("rule-2-read-before-lock", test_who_waits_for_a_row_reads_what_it_is_after_the_wait),
        ("rule-2-no-lock", test_who_waits_for_a_row_reads_what_it_is_after_the_wait),
        ("rule-2-read-before-lock", test_one_meter_sold_to_by_two_workers_has_two_tids),
        (
            "lock-order-of-its-own",
            test_sixty_four_purchases_at_once_sell_what_there_is_and_no_more,
        ),
        ("rule-7-one-try-alone", test_two_enrolments_that_collide_are_both_done),
    ],
)
def test_the_suite_notices(
    world: SteppedWorld, crew: Crew, mutant: str, promise: Callable[..., Any]
) -> None:
    with installed(mutant), pytest.raises(Broken):
        promise(world, crew)


def test_payments_and_purchases_from_all_sides_add_up(world: SteppedWorld, crew: Crew) -> None:
    crew.hire(4)
    asks = [pay(f"p{n}", n % 6 + 1, 100 + n) for n in range(60)]
    asks += [buy(f"b{n}", n % 6 + 1, 4_000 + n, payer=(n + 1) % 6 + 1) for n in range(60)]
    fetched = deliver(world, *asks)
    join(*[crew.start(n, fetched[n::4]) for n in range(4)])
    holds(not crew.faults, f"LOST {crew.faults}")
    world.settle()
    world.verify("none")
