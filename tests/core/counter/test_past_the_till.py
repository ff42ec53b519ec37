"""Cash at a desk with shifts is in its till, whoever brings it; nothing goes past."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from core.collection.terms import AT_ONCE
from core.messages import ReceiveJointPayment, RequestAgentAct, RequestTopUp
from core.messages.collection import PaymentShare
from tests.core.agents import shop
from tests.core.collection.desk import act, money
from tests.core.counter.till import (
    OPERATORS,
    ask,
    cash,
    done,
    hall_on,
    ledger,
    no,
    opened,
    pieces,
    take,
    till,
    whole,
    yes,
)
from tests.hub.machine import Machine, fresh_sqlite
from tests.hub.test_replaying import replayed

_BOTH = {**OPERATORS, **{name: shop.OPERATORS[name] for name in ("ruth", "sam")}}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A hall with an agent who has collected 20,000 of ours."""
    machine = hall_on(fresh_sqlite(tmp_path), operators=_BOTH, agents=shop.RULES)
    shop.opened(machine, mode="post-settled", credit_limit=100_000, cash_limit=30_000)
    done(machine, shop.collect(20_000))
    return machine


def _surrender(amount: int, desk: str = "D1", operator: str = "ann") -> RequestAgentAct:
    return shop.ask("surrender", operator=operator, amount=amount, desk=desk, reason="evening")


def test_a_payment_in_cash_is_taken_by_the_cashier(machine: Machine) -> None:
    opened(machine)
    joint = ReceiveJointPayment(
        shares=(PaymentShare(account="100001", amount=500),), amount=500, currency="UGX",
        way="cash", desk="D1",
    )  # fmt: skip
    for each in (money(500, desk="D1"), money(500, desk=" D1 "), joint, money(500, desk="D2")):
        assert no(machine, each) == "counter-not-now"
    done(machine, money(500, desk="main"))
    done(machine, money(500, "card", desk="D1", reference="7"))
    assert till(machine) == (100_000, 0)
    whole(machine)


def test_it_is_said_how(machine: Machine) -> None:
    answer = machine.do(money(500, desk="D1"), "past")
    assert "wattbus counter take" in answer.args["what"]


def test_what_an_agent_hands_over_is_in_the_till(machine: Machine) -> None:
    assert no(machine, _surrender(5_000)) == "counter-not-now"  # nobody is there
    opened(machine)
    assert no(machine, _surrender(5_000, operator="ben")) == "counter-not-now"
    slip = done(machine, _surrender(5_000), "s1")
    assert done(machine, _surrender(5_000), "s1") == slip
    assert (slip["slip"], slip["in_hand"]) == ("DP-S00000001", 15_000)
    assert (till(machine), ledger(machine, "cash:D1")) == ((105_000, 0), 0)
    done(machine, ask("count", pieces=pieces(105_000)))
    assert no(machine, _surrender(5_000)) == "counter-not-now"
    report = done(machine, ask("close"))
    assert (report["paid_in"], report["variance"]) == (5_000, 0)
    done(machine, _surrender(15_000, desk="HQ"))
    whole(machine)
    assert replayed(machine)[1] == []


def test_cash_is_not_paid_out_past_the_till(machine: Machine) -> None:
    opened(machine)
    done(machine, take(cash(5_000)))
    assert no(machine, act("pay-out", amount=500, way="cash", desk="D1")) == "counter-not-now"
    done(machine, act("pay-out", amount=500, way="transfer", desk="D1"))
    for kind in ("topup", "security"):
        asked = shop.ask(kind, amount=500, desk="D1", security="guarantee")
        assert no(machine, asked) == "counter-not-now"
    word = shop.deposit(500, "FT9", way="cash", desk="D1")
    claim = RequestTopUp(
        agent="A1", amount=500, currency="UGX", reference="S9", way="cash", desk="D1"
    )
    assert no(machine, word) == "counter-not-now"
    assert no(machine, claim) == "counter-not-now"
    for way in AT_ONCE[1:]:
        done(machine, shop.ask("topup", amount=500, desk="D1", way=way))
    whole(machine)


def test_a_desk_that_is_set_up_while_money_waits_for_a_second_person(machine: Machine) -> None:
    waiting = done(machine, replace(shop.ask("topup", amount=500), desk="D7"))["act"]
    done(machine, ask("desk", "D7", operator="grace", name="Seven"))
    assert no(machine, yes(waiting, "sam")) == "counter-not-now"
    whole(machine)
