"""Originals and their reversals in several workers at once: the rows alone keep the money right.

On PostgreSQL, with connections of their own and without the partitions' leases.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from core.messages import Outcome
from core.store.upgrade import upgrade
from tests.core.agents.shop import float_of, opened, shop_on, whole
from tests.core.agents.test_concurrency import all_at_once
from tests.core.collection.test_concurrency import the_same_by_replay
from tests.core.terminals.till import back, paid, registered, settling, sold, totals
from tests.hub.machine import Machine
from tests.servers.postgres import Postgres

pytestmark = pytest.mark.slow
MONEY = 1_000_000
SALES, PAYMENTS = 16, 16


@pytest.fixture
def machine(postgres: Postgres) -> Iterator[Machine]:
    url = postgres.prepared("items", upgrade)
    machine = shop_on(url)
    opened(machine, money=MONEY, commission="own")
    registered(machine)
    yield machine
    machine.store.close()
    postgres.drop(url)


@pytest.mark.parametrize("size", [1, 5])
def test_each_pair_meets(machine: Machine, size: int) -> None:
    """Every original is asked for beside its reversal, which comes twice under other keys."""
    asked: list[Any] = []
    for stan in range(SALES + PAYMENTS):
        original = sold(machine, stan) if stan < SALES else paid(machine, stan, 1_000 + stan)
        asked += [original, back(machine, stan), back(machine, stan)]
    mixed = [asked[(number * 37) % len(asked)] for number in range(len(asked))]
    assert len({id(each) for each in mixed}) == len(asked)
    heard = [machine.accept(each, f"race{n}") for n, each in enumerate(mixed)]
    machine.intake.step()
    all_at_once(machine, size)
    machine.settle()
    answers = [machine.answer(each[0].message_id) for each in heard]
    assert {answer.code for answer in answers} <= {"ok", "reversed-before"}
    _checked(machine)
    machine.time.at_us += 60_000_000
    theirs = totals(*machine.rows(
        "SELECT count(*), CAST(COALESCE(sum(amount), 0) AS BIGINT) FROM terminal_item "
        "WHERE state = 'kept'"
    )[0])  # fmt: skip
    answer = machine.do(settling(machine, theirs), "settled")
    assert (answer.outcome, answer.data["balanced"]) == (Outcome.DONE, True)
    whole(machine)
    the_same_by_replay(machine)


def _checked(machine: Machine) -> None:
    """A sale was kept with its token, or barred; a payment came back, or was barred."""
    items = machine.rows("SELECT stan, state FROM terminal_item ORDER BY stan")
    assert [stan for stan, _ in items] == list(range(SALES + PAYMENTS))
    for stan, state in items:
        assert state in (("kept" if stan < SALES else "reversed"), "barred")
    kept = [stan for stan, state in items if state == "kept"]
    assert machine.rows("SELECT count(*) FROM sale") == [(len(kept),)]
    assert machine.rows("SELECT count(*) FROM token") == [(len(kept),)]
    assert machine.rows("SELECT count(*) FROM payment WHERE state = 'received'") == [(0,)]
    ((earned,),) = machine.rows(
        "SELECT CAST(COALESCE(sum(gross - tax), 0) AS BIGINT) FROM agent_commission"
    )
    assert float_of(machine) == (MONEY - 5_000 * len(kept) + earned, 0)
    cases = machine.rows("SELECT count(*) FROM terminal_case WHERE kind = 'kept-token'")
    assert cases == [(len(kept),)]
