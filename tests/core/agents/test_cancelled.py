"""A sale that a float paid is cancelled: the float, the commission and the day are as before."""

from pathlib import Path
from typing import Any

import pytest

from core.company import Operator
from core.messages import RequestTokenAct
from tests.core.agents.shop import (
    OPERATORS,
    do,
    done,
    float_of,
    opened,
    sell,
    shop,
    whole,
    yes,
)
from tests.core.collection.desk import wrongs
from tests.hub.machine import METER, Machine, buy, pay
from tests.hub.sales import change

ACTS = frozenset({"vending-supervisor", "vending-approver"})
STAFF = {**OPERATORS, "mary": Operator(ACTS, 10_000, refund_per_day=10**6), "pia": Operator(ACTS)}
STANDING = (
    "SELECT balance, reserved, day_spent, month_base FROM agent_float",
    "SELECT credit, reserved FROM account",
    "SELECT period, units_milli, fixed_through FROM agreement_state",
    "SELECT ledger, owner, sum(amount) FROM posting WHERE ledger <> 'customer-credit' "
    "GROUP BY ledger, owner HAVING sum(amount) <> 0 ORDER BY ledger, owner",
)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return shop(tmp_path, operators=STAFF)


def standing(machine: Machine) -> list[Any]:
    return [machine.rows(sql) for sql in STANDING]


def cancelling(sale: dict[str, Any]) -> RequestTokenAct:
    return RequestTokenAct(
        operator="mary", kind="cancel-sale", meter=METER, reason="typing error",
        token=sale["receipt"], evidence="returned: meter 4711 is in the store",
    )  # fmt: skip


@pytest.mark.parametrize("commission", ["", "own", "later"])
def test_float_commission_and_day_are_as_before(machine: Machine, commission: str) -> None:
    opened(machine, money=100_000, commission=commission)
    before = standing(machine)
    sale = done(machine, sell(20_000))
    waiting = done(machine, cancelling(sale))
    assert done(machine, yes(waiting["act"], "pia"))["amount"] == 20_000
    assert standing(machine) == before
    assert float_of(machine) == (100_000, 0)
    assert wrongs(machine) == []
    whole(machine)


def test_what_was_carried_forward_must_be_there(machine: Machine) -> None:
    opened(machine, money=100_000)
    sale = done(machine, sell(20_001))
    assert sale["carried_forward"] > 0
    done(machine, pay(20_000))
    change(machine, "UPDATE account SET reserved = credit")
    answer = do(machine, cancelling(sale))
    assert answer.code == "act-not-possible", answer
    change(machine, "UPDATE account SET reserved = 0")
    done(machine, buy(20_000))


def test_a_sale_of_yesterday_does_not_count_in_its_own_day_only(machine: Machine) -> None:
    opened(machine, money=100_000)
    sale = done(machine, sell(20_000))
    machine.time.at_us += 86_400_000_000
    done(machine, sell(30_000))
    waiting = done(machine, cancelling(sale))
    done(machine, yes(waiting["act"], "pia"))
    assert machine.rows("SELECT balance, day_spent FROM agent_float") == [(70_000, 30_000)]
    whole(machine)
