"""A sale that a float paid is cancelled: the float has its money, nobody keeps a commission."""

from pathlib import Path

import pytest

from core.messages import DecideTokenAct, RequestTokenAct
from tests.core.agents.shop import (
    OPERATORS,
    agreed,
    ask,
    collect,
    done,
    float_of,
    no,
    opened,
    sell,
    shop,
    shop_terms,
    whole,
)
from tests.core.collection.desk import act
from tests.hub.acting import OPERATORS as OF_TOKENS
from tests.hub.acting import whole as proved
from tests.hub.machine import METER, Machine, fresh_sqlite
from tests.hub.remote import RemoteMachine, remote_terms

BOTH = {**OF_TOKENS, **OPERATORS}
DAY_US = 86_400_000_000


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return shop(tmp_path, operators=BOTH)


def cancelling(sale: dict[str, object]) -> RequestTokenAct:
    """The meter is back: its token is never taken."""
    return RequestTokenAct(
        operator="mary", kind="cancel-sale", meter=METER, reason="wrong meter",
        token=str(sale["receipt"]), evidence="returned: in the store, number 9",
    )  # fmt: skip


def cancel(machine: Machine, sale: dict[str, object]) -> dict[str, object]:
    waiting = done(machine, cancelling(sale))
    assert waiting["state"] == "requested"
    return done(machine, _yes(waiting["act"]))


def _yes(act: int) -> DecideTokenAct:
    return DecideTokenAct(operator="peter", act=act, decision="approve", note="seen")


def standing(machine: Machine) -> list[object]:
    return [
        machine.rows("SELECT owner, ledger, sum(amount) FROM posting GROUP BY 1, 2 "
                     "HAVING sum(amount) <> 0 ORDER BY 1, 2"),
        machine.rows("SELECT balance, reserved, day_spent, month_base FROM agent_float ORDER BY 1"),
        machine.rows("SELECT credit, reserved FROM account"),
    ]  # fmt: skip


@pytest.mark.parametrize("rule", ["", "own", "later"])
def test_everything_goes_back(machine: Machine, rule: str) -> None:
    opened(machine, "TOP")
    opened(machine, money=100_000, commission=rule, parent="TOP")
    done(machine, sell(5_000))
    before = standing(machine)
    sale = done(machine, sell(20_000))
    whole(machine)
    assert cancel(machine, sale)["amount"] == 20_000
    assert standing(machine) == before
    proved(machine)


def test_what_was_carried_forward_and_is_spent_stops_it(machine: Machine) -> None:
    opened(machine, money=100_000)
    carried = done(machine, sell(20_001))["carried_forward"]
    sale = done(machine, sell(20_000))
    done(machine, act("deposit", deposit="guarantee", amount=carried + 1))
    assert sale["carried_forward"] > 0
    assert no(machine, cancelling(sale)) == "act-not-possible"
    whole(machine)


def test_what_is_cancelled_on_another_day_counts_in_its_own(machine: Machine) -> None:
    opened(machine, money=100_000, daily_limit=30_000)
    sale = done(machine, sell(20_000))
    machine.time.at_us += DAY_US
    done(machine, sell(25_000))
    cancel(machine, sale)
    assert no(machine, sell(5_001, another=True)) == "agent-daily-limit"
    assert float_of(machine) == (75_000, 0)
    whole(machine)


def test_a_closed_agent_gets_it_and_is_paid_out(machine: Machine) -> None:
    opened(machine, money=20_000)
    sale = done(machine, sell(20_000))
    agreed(machine, ask("close"))
    cancel(machine, sale)
    assert float_of(machine) == (20_000, 0)
    agreed(machine, ask("withdraw", amount=20_000, way="cash", desk="HQ"))
    whole(machine)


def test_a_no_of_yesterdays_sale_leaves_today_as_it_is(tmp_path: Path) -> None:
    """Two meters' modules: one has no token, after midnight."""
    terms = shop_terms()
    ours = {name: getattr(terms, name) for name in ("operators", "collection", "agents")}
    machine = RemoteMachine(fresh_sqlite(tmp_path), remote_terms(**ours))
    machine.open_account()
    opened(machine, money=90_000, daily_limit=30_000)
    machine.accept(sell(20_000), "yesterday", f"meter/{METER}")
    machine.settle()
    machine.time.at_us += DAY_US
    done(machine, collect(25_000))
    machine.report(machine.box.orders[0], "refused", code="x", detail="no")
    assert float_of(machine) == (65_000, 0)
    assert no(machine, collect(5_001)) == "agent-daily-limit"
    whole(machine)
