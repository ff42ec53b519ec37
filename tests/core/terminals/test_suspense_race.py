"""Money in suspense is given to its account while its payment is taken back.

A payment in suspense has no account whose lock would keep the two apart: the agent's float does.
On PostgreSQL, with connections of their own.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from core.store.load_agents import load_agents
from core.store.upgrade import upgrade
from hub.bus.table import TableSource
from tests.core.agents.shop import float_of, opened, shop_on, whole
from tests.core.agents.test_concurrency import crew
from tests.core.terminals.till import back, closing, done, offline, registered
from tests.hub.machine import Machine
from tests.servers.postgres import Postgres

pytestmark = pytest.mark.slow
LOAD = "core.store.load.load_agents"


@pytest.fixture
def machine(postgres: Postgres) -> Iterator[Machine]:
    url = postgres.prepared("suspense", upgrade)
    machine = shop_on(url)
    opened(machine, money=100_000, commission="own")
    registered(machine)
    yield machine
    machine.store.close()
    postgres.drop(url)


@pytest.mark.parametrize("waits", ["taken", "given"])
def test_it_is_given_away_while_it_is_taken_back(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, waits: str
) -> None:
    """One has read the payment when the other one commits."""
    before = float_of(machine)
    asked = done(machine, offline(machine, 1, 4_000, account="999999"))
    messages = {"taken": back(machine, 1), "given": closing(asked["case"], account="100001")}
    heard = {name: machine.accept(each, name) for name, each in messages.items()}
    machine.intake.step()
    with machine.store.transaction() as tx:
        tx.run("UPDATE delivery SET partitionkey = 'demo/' || seq WHERE state = 0")
    fetched = TableSource(machine.store).take(256)
    assert fetched is not None
    first, second = fetched.deliveries if waits == "taken" else fetched.deliveries[::-1]
    workers = crew(machine)

    def meanwhile(*args: Any) -> None:
        monkeypatch.setattr(LOAD, load_agents)
        workers[1].process([second])
        load_agents(*args)

    monkeypatch.setattr(LOAD, meanwhile)
    workers[0].process([first])
    for worker in workers:
        worker.store.close()
    machine.settle()
    answers = {name: machine.answer(each[0].message_id) for name, each in heard.items()}
    assert answers["taken"].data["state"] == "reversed"
    assert answers["given"].code == ("ok" if waits == "taken" else "act-wrong")
    whole(machine)
    assert float_of(machine) == before
    assert machine.rows("SELECT credit FROM account") == [(0,)]
    assert machine.rows(
        "SELECT count(*) FROM (SELECT ledger FROM posting WHERE ledger LIKE 'suspense%' "
        "GROUP BY ledger HAVING sum(amount) <> 0) u"
    ) == [(0,)]
