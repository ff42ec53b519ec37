"""Sixty-four reports at once on PostgreSQL, with connections of their own and no order within a
key: the rows alone keep each receipt to one booking and each collection to one token."""

from collections import Counter
from collections.abc import Iterator

import pytest

from core.messages import Outcome
from core.store.invariants import offences
from core.store.upgrade import upgrade
from hub.channel import Accepted
from tests.core.agents.test_concurrency import all_at_once
from tests.core.wallets.payer import WALLET, Purse, asked, paid, purse_on, says, vend
from tests.core.wallets.purse import pay_in
from tests.servers.postgres import Postgres

pytestmark = pytest.mark.slow

COLLECTIONS, REPORTS = 8, 64


@pytest.fixture
def machine(postgres: Postgres) -> Iterator[Purse]:
    url = postgres.prepared("purses", upgrade)
    machine = purse_on(url)
    yield machine
    machine.store.close()
    postgres.drop(url)


@pytest.mark.parametrize("size", [1, 8])
def test_reports_of_the_same_money_from_everywhere(machine: Purse, size: int) -> None:
    references = [asked(machine, vend(20_000 + n, another=True)) for n in range(COLLECTIONS)]
    heard = []
    for number in range(REPORTS):
        which = number % COLLECTIONS
        amount, receipt = 20_000 + which, f"R{which}"
        words = (
            paid(references[which], receipt, amount),
            paid(references[which], receipt, amount, proof="status"),
            says(references[which], "unknown"),
            paid(references[which], f"S{which}", amount),  # paid a second time
            paid(references[(which + 1) % COLLECTIONS], receipt, amount),  # another's receipt
            says(references[which], "failed"),
            paid(references[which], receipt, amount, proof="pull"),
            paid(references[which], receipt, amount + 1),  # altered
        )
        heard.append(machine.accept(words[(number // COLLECTIONS + which) % 8], f"r{number}"))
    machine.intake.step()
    all_at_once(machine, size)
    machine.settle()
    assert all(isinstance(each[0], Accepted) for each in heard)
    answers = [machine.answer(each[0].message_id) for each in heard]
    assert {answer.outcome for answer in answers} == {Outcome.DONE}, answers
    check(machine)


def test_our_own_pushes_told_as_pay_ins_at_the_same_moment(machine: Purse) -> None:
    """With a text that names nobody: whichever comes first, there is one token of each."""
    references = [asked(machine, vend(20_000 + n, another=True)) for n in range(COLLECTIONS)]
    for number in range(REPORTS):
        which = number % COLLECTIONS
        amount, receipt = 20_000 + which, f"R{which}"
        words = (
            pay_in(amount, "W-XX", receipt, wallet=WALLET),
            paid(references[which], receipt, amount),
            paid(references[which], receipt, amount, proof="status"),
            pay_in(amount, "W-XX", receipt, wallet=WALLET, proof="pull"),
        )
        machine.accept(words[(number // COLLECTIONS + which) % 4], f"r{number}")
    machine.intake.step()
    all_at_once(machine, 4)
    machine.settle()
    with machine.store.reader() as reader:
        assert list(offences(reader, machine.store.dialect)) == []
    assert machine.rows("SELECT count(*) FROM token") == [(COLLECTIONS,)]
    assert machine.rows("SELECT count(*) FROM held_money WHERE state <> 'released'") == [(0,)]
    assert machine.rows("SELECT state, error FROM delivery WHERE state IN (1, 2, 3)") == []
    assert machine.unaccounted() == 0


def check(machine: Purse) -> None:
    """Each receipt once, each collection one token at most, and the books are right."""
    with machine.store.reader() as reader:
        assert list(offences(reader, machine.store.dialect)) == []
    rows = machine.rows(
        "SELECT kind, state, outcome, receipt, paid, sale_id FROM wallet_payment ORDER BY id"
    )
    receipts = Counter(row[3] for row in rows if row[3])
    assert set(receipts.values()) == {1}
    assert set(receipts) <= {f"{letter}{n}" for letter in "RS" for n in range(COLLECTIONS)}
    collections = [row for row in rows if row[0] == "collection"]
    assert len(collections) == COLLECTIONS
    assert {row[1] for row in collections} <= {"applied", "disputed", "failed", "unknown"}
    sold = [row for row in rows if row[2] == "sold"]
    assert sold
    assert all(row[0] == "collection" and row[5] for row in sold)
    assert machine.rows("SELECT count(*) FROM token") == [(len(sold),)]
    assert machine.ledgers()["wallet:airtel"] == sum(row[4] for row in rows)
    assert machine.rows("SELECT state, error FROM delivery WHERE state IN (1, 2, 3)") == []
    assert machine.unaccounted() == 0
