"""The utility's cash in agents' hands, and what fees their floats bear."""

from pathlib import Path

import msgspec
import pytest

from core.agents.terms import Fee
from tests.core.agents.shop import (
    RULES,
    agreed,
    ask,
    collect,
    deposit,
    done,
    float_of,
    no,
    opened,
    sell,
    shop,
    surrender,
    whole,
)
from tests.core.collection.desk import act as money_act
from tests.core.collection.desk import agreed as money_agreed
from tests.hub.machine import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = shop(tmp_path)
    opened(machine, mode="post-settled", credit_limit=100_000, cash_limit=30_000)
    return machine


def test_collects_to_the_limit_and_hands_it_over(machine: Machine) -> None:
    done(machine, collect(20_000))
    assert no(machine, collect(10_001)) == "cash-limit"
    assert no(machine, sell(10_001)) == "cash-limit"
    done(machine, sell(10_000))
    slip = done(machine, surrender(25_000))
    assert (slip["slip"], slip["in_hand"], slip["balance"]) == ("DP-S00000001", 5_000, -5_000)
    assert (slip["cashier"], slip["desk"], slip["name"]) == ("jane", "HQ", "Shop A1")
    done(machine, collect(25_000))
    assert done(machine, surrender(30_000))["slip"] == "DP-S00000002"
    assert float_of(machine) == (0, 0)
    assert machine.rows("SELECT sum(amount) FROM posting WHERE ledger = 'cash:HQ'") == [(55_000,)]
    whole(machine)


def test_no_more_than_he_holds_and_nothing_but_cash(machine: Machine) -> None:
    done(machine, collect(20_000))
    assert no(machine, surrender(20_001)) == "agent-wrong"
    assert no(machine, surrender(0)) == "tender-not-positive"
    assert no(machine, surrender(-5)) == "tender-not-positive"
    assert no(machine, surrender(5, way="transfer")) == "agent-wrong"
    assert no(machine, surrender(5, desk="")) == "agent-wrong"
    assert no(machine, surrender(5, "A9")) == "agent-unknown"
    assert no(machine, surrender(5, operator="ruth")) == "act-no-role"
    done(machine, deposit(15_000, "FT1"))  # what is at the bank is not in his bag
    assert no(machine, surrender(5_001)) == "agent-wrong"
    done(machine, surrender(5_000))
    whole(machine)


def test_a_repeat_is_one_slip_and_a_reversed_payment_is_not_in_the_bag(machine: Machine) -> None:
    paid = done(machine, collect(20_000))["payment"]
    one, two = (done(machine, surrender(5_000), "s1") for _ in range(2))
    assert one == two
    money_agreed(machine, money_act("reverse", payment=paid))
    assert float_of(machine) == (5_000, 0)
    assert no(machine, surrender(1)) == "agent-wrong"
    whole(machine)


def test_a_prepaid_agent_has_no_cash_limit(machine: Machine) -> None:
    assert no(machine, ask("enrol", "A2", name="X", cash_limit=5)) == "agent-wrong"
    assert no(machine, ask("alter", mode="prepaid", credit_limit=0)) == "agent-wrong"
    agreed(machine, ask("alter", mode="prepaid", credit_limit=0, cash_limit=0))
    assert no(machine, ask("alter", cash_limit=5)) == "agent-wrong"


# --- fees ----------------------------------------------------------------------------------------


def fees(tmp_path: Path, **changes: Fee) -> Machine:
    terms = msgspec.structs.replace(RULES, fees=changes)
    return shop(tmp_path, agents=terms)


def test_a_top_up_bears_its_fee_and_never_more(tmp_path: Path) -> None:
    machine = fees(tmp_path, topup=Fee(fixed=500, share_e8=1_000_000))
    opened(machine)
    assert done(machine, deposit(10_000, "FT1"))["fee"] == 600
    assert done(machine, deposit(200, "FT2"))["fee"] == 200
    agreed(machine, ask("topup", amount=50_000))
    assert float_of(machine) == (9_400 + 49_000, 0)
    whole(machine)
    agreed(machine, ask("withdraw", amount=58_400))
    agreed(machine, ask("close"))
    whole(machine)


def test_of_one_who_owes_no_fee_is_taken_that_the_limit_does_not_cover(tmp_path: Path) -> None:
    machine = fees(tmp_path, topup=Fee(fixed=500))
    opened(machine, mode="post-settled", credit_limit=20_000)
    done(machine, collect(20_000))
    assert done(machine, deposit(100, "FT1"))["fee"] == 100
    assert float_of(machine) == (-20_000, 0)
    whole(machine)


def test_a_statement_costs_what_is_declared(tmp_path: Path) -> None:
    machine = fees(tmp_path, statement=Fee(fixed=500))
    opened(machine, money=900)
    made = done(machine, ask("statement"))
    assert (made["fee"], made["amount"], made["balance"]) == (500, 500, 400)
    assert no(machine, ask("statement")) == "float-insufficient"
    whole(machine)


def test_where_none_is_declared_none_is_taken(machine: Machine) -> None:
    assert no(machine, ask("statement")) == "agent-wrong"
    assert machine.rows("SELECT count(*) FROM agent_movement WHERE kind = 'fee'") == [(0,)]
