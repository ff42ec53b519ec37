"""Sixty-four pay-ins on one account at once, a tenth of them told twice under other keys: each
receipt is one payment and one token, whoever of the workers comes first."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from core.messages import Answer, Outcome, ReceivePayIn
from core.store.upgrade import upgrade
from hub.channel import Accepted
from tests.core.agents.test_concurrency import all_at_once
from tests.core.collection.desk import whole
from tests.core.wallets.purse import METER, balance, pay_in, purse_on
from tests.hub.machine import Machine, fresh_sqlite
from tests.servers.postgres import Postgres

PAY_INS, AMOUNT, SMALL = 64, 20_000, 100


def notices() -> list[ReceivePayIn]:
    """Each tenth is that of the one before it; some say nothing, or buy nothing."""
    made = []
    for number in range(PAY_INS):
        same = number - 1 if number % 10 == 9 else number
        typed = {3: "nobody", 5: "100001"}.get(same % 7, METER)
        amount = SMALL if same % 7 == 6 else AMOUNT
        made.append(pay_in(amount, typed, f"RKT{same}"))
    return made


def told(machine: Machine) -> set[str]:
    """Take them all in, each under a key of its own; the ids of their messages."""
    heard = [machine.accept(each, f"notice{n}") for n, each in enumerate(notices())]
    machine.intake.step()
    assert all(isinstance(each[0], Accepted) for each in heard)
    return {each[0].message_id for each in heard}


def check(machine: Machine, ids: set[str]) -> None:
    """Once for each receipt, and the books are right."""
    whole(machine)
    paid = {each.receipt: each.amount for each in notices()}
    assert len(ids) == PAY_INS
    assert machine.rows("SELECT count(*) FROM wallet_payment") == [(len(paid),)]
    assert balance(machine, "wallet:mpesa") == sum(paid.values())
    rows = machine.rows("SELECT answer FROM request WHERE message_id IN :ids", ids=sorted(ids))
    answers = [msgspec.json.decode(row[0], type=Answer) for row in rows]
    assert {answer.outcome for answer in answers} == {Outcome.DONE}
    assert sum(bool(answer.data.get("known")) for answer in answers) == PAY_INS - len(paid)
    outcomes = {a.data["receipt"]: a.data["outcome"] for a in answers}
    sold = sum(outcome == "sold" for outcome in outcomes.values())
    assert machine.rows("SELECT count(*), count(DISTINCT digits) FROM token") == [(sold, sold)]
    assert set(outcomes.values()) == {"sold", "paid", "small", "unknown"}


def test_on_sqlite(tmp_path: Path) -> None:
    machine = purse_on(fresh_sqlite(tmp_path))
    ids = told(machine)
    machine.settle()
    check(machine, ids)


@pytest.fixture
def machine(postgres: Postgres) -> Iterator[Machine]:
    url = postgres.prepared("pay-ins", upgrade)
    machine = purse_on(url)
    yield machine
    machine.store.close()
    postgres.drop(url)


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 7])
def test_the_rows_alone_keep_the_money_right(machine: Machine, size: int) -> None:
    ids = told(machine)
    all_at_once(machine, size)
    machine.settle()
    check(machine, ids)
