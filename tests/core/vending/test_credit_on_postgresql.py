"""PostgreSQL: many ask for units on credit at once, and many purchases want to pay the same item.

Row locks alone keep it right: the partitions' leases are left out, as in the tests of collection.
"""

from collections.abc import Iterator

import pytest

from core.messages import AskAdvance, GiveAdvance, Outcome
from core.store.upgrade import upgrade
from hub.channel import Accepted
from hub.proof import EVERYTHING, Proof
from tests.core.collection.desk import debt, desk_on, done, money, whole
from tests.core.collection.test_concurrency import all_at_once
from tests.core.vending.credit import OPERATORS, SUPERVISOR, collection, rule, taking
from tests.hub.machine import METER, PHONE, Machine, buy
from tests.servers.postgres import Postgres

pytestmark = pytest.mark.slow
MANY = 64


@pytest.fixture
def machine(postgres: Postgres) -> Iterator[Machine]:
    url = postgres.prepared("credit", upgrade)
    rules = collection(rule("energy", taking("percent_of_tender", 30_000_000)))
    machine = desk_on(url, collection=rules, operators={**OPERATORS, **SUPERVISOR})
    done(machine, money(1_000_000))
    yield machine
    machine.store.close()
    postgres.drop(url)


def proved(machine: Machine) -> None:
    proof = Proof(machine.store.reader, EVERYTHING, {"demo": "Africa/Kampala"})
    list(proof.run())
    assert proof.findings.listed == []


def test_one_advance_of_sixty_four_and_the_sales_beside_them(machine: Machine) -> None:
    asks = []
    for number in range(MANY):
        message = AskAdvance(phone=PHONE, meter=METER) if number % 2 else GiveAdvance(
            operator="mary", meter=METER, reason="night"
        )  # fmt: skip
        key = f"ask{number - 1 if number % 10 == 9 else number}"  # a tenth is asked again
        asks.append(machine.accept(message, key))
    machine.intake.step()
    all_at_once(machine)
    machine.settle()
    ids = {heard[0].message_id for heard in asks if isinstance(heard[0], Accepted)}
    outcomes = [machine.answer(id_) for id_ in ids]
    assert [each.outcome for each in outcomes].count(Outcome.DONE) == 1
    assert {each.code for each in outcomes} == {"ok", "advance-open"}
    assert machine.rows("SELECT count(*) FROM token WHERE cause = 'advance'") == [(1,)]
    whole(machine)
    proved(machine)


def test_an_item_is_paid_once_by_many_purchases(machine: Machine) -> None:
    item = debt(machine, 20_000)
    for number in range(16):
        machine.accept(buy(15_000, another=True), f"sale{number}")
    machine.intake.step()
    all_at_once(machine)
    machine.settle()
    assert machine.rows("SELECT count(*) FROM sale WHERE state = 'issued'") == [(16,)]
    rows = machine.rows("SELECT sum(amount) FROM allocation WHERE item_id = :i", i=item)
    assert int(rows[0][0]) == 20_000
    assert machine.rows("SELECT open FROM open_item") == [(0,)]
    whole(machine)
    proved(machine)
