"""What agents give one another: within a tree, as the contract says, nothing twice."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from core.agents.terms import AgentTerms, Fee
from tests.core.agents.shop import (
    RULES,
    agreed,
    ask,
    do,
    done,
    float_of,
    give,
    no,
    opened,
    sell,
    shop,
    whole,
)
from tests.hub.machine import Machine

MINUTE_US = 60_000_000


def rules(**changes: Any) -> AgentTerms:
    return msgspec.structs.replace(RULES, **changes)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = shop(tmp_path)
    opened(machine, "TOP", money=90_000, transfers="both")
    opened(machine, "MID", money=50_000, parent="TOP", transfers="both")
    opened(machine, "LOW", parent="MID")
    yield machine
    whole(machine)


def floats(machine: Machine) -> list[int]:
    return [float_of(machine, agent)[0] for agent in ("TOP", "MID", "LOW")]


def test_down_and_up_as_the_contract_says(machine: Machine) -> None:
    given = done(machine, give(20_000, other="LOW"))
    assert (given["balance"], given["amount"]) == (70_000, 20_000)
    done(machine, give(5_000, "MID", "TOP"))
    done(machine, give(6_000, "MID", "LOW"))
    assert floats(machine) == [75_000, 39_000, 26_000]
    assert no(machine, give(1_000, "LOW", "MID")) == "agent-wrong"
    agreed(machine, ask("alter", "LOW", transfers="down"))
    assert no(machine, give(1_000, "LOW", "MID")) == "agent-wrong"
    agreed(machine, ask("alter", "LOW", transfers="both"))
    done(machine, give(1_000, "LOW", "TOP"))
    assert machine.rows("SELECT count(*) FROM agent_movement WHERE kind = 'transfer' "
                        "AND act_id = 0") == [(4,)]  # fmt: skip


def test_neither_across_nor_to_itself(machine: Machine) -> None:
    opened(machine, "SIDE", parent="TOP", transfers="both")
    opened(machine, "ELSE", transfers="both", money=9_000)
    for agent, other in (("MID", "SIDE"), ("TOP", "TOP"), ("ELSE", "LOW"), ("TOP", "ELSE")):
        assert no(machine, give(1_000, agent, other)) == "agent-wrong"
    assert no(machine, give(1_000, "TOP", "NONE")) == "agent-unknown"


@pytest.mark.parametrize("agent", ["TOP", "LOW"])
def test_none_with_a_blocked_or_a_closed_one(machine: Machine, agent: str) -> None:
    done(machine, ask("block", agent))
    assert no(machine, give(1_000, other="LOW")) == "agent-blocked"
    if agent == "LOW":
        agreed(machine, ask("close", agent))
        assert no(machine, give(1_000, other="LOW")) == "agent-closed"


@pytest.mark.parametrize(
    ("amount", "more", "code"),
    [
        (0, {}, "tender-not-positive"),
        (-5_000, {}, "tender-not-positive"),
        (10**16, {}, "agent-wrong"),
        (90_001, {}, "float-insufficient"),
        (1_000, {"currency": "KES"}, "currency-wrong"),
    ],
)
def test_what_is_wrong(machine: Machine, amount: int, more: dict[str, Any], code: str) -> None:
    assert no(machine, give(amount, other="LOW", **more)) == code
    assert floats(machine) == [90_000, 50_000, 0]


def test_a_repeat_is_the_same_and_a_second_press_is_asked_about(machine: Machine) -> None:
    one, two = (do(machine, give(20_000, other="LOW"), "T1/000007") for _ in range(2))
    assert one == two
    assert no(machine, give(20_000, other="LOW")) == "transfer-repeat"
    done(machine, give(20_000, other="MID"))
    done(machine, give(20_000, other="LOW", another=True))
    machine.time.at_us += 11 * MINUTE_US
    done(machine, give(20_000, other="LOW"))
    assert floats(machine) == [10_000, 70_000, 60_000]


def test_a_credit_limit_is_no_money_to_give(tmp_path: Path) -> None:
    machine = shop(tmp_path)
    opened(machine, "TOP", mode="post-settled", credit_limit=90_000, transfers="down")
    opened(machine, "LOW", parent="TOP")
    assert no(machine, give(1, other="LOW")) == "float-insufficient"


def test_limits_of_a_transfer_and_of_a_day(tmp_path: Path) -> None:
    terms = rules(transfer_most=30_000, transfer_per_day=50_000)
    machine = shop(tmp_path, agents=terms)
    opened(machine, "TOP", money=200_000, transfers="down", daily_limit=20_000)
    opened(machine, "LOW", parent="TOP")
    assert no(machine, give(30_001, other="LOW")) == "agent-wrong"
    done(machine, give(30_000, other="LOW"))
    done(machine, sell(20_000, "TOP"))  # sales have a limit of their own
    assert no(machine, give(20_001, other="LOW")) == "agent-daily-limit"
    done(machine, give(20_000, other="LOW"))
    assert no(machine, give(1, other="LOW")) == "agent-daily-limit"
    machine.time.at_us += 24 * 60 * MINUTE_US
    done(machine, give(30_000, other="LOW"))
    assert machine.rows("SELECT day_spent, day_moved FROM agent_float WHERE moved_at > 0") == [
        (0, 30_000)
    ]
    whole(machine)


def test_the_giver_pays_the_fee(tmp_path: Path) -> None:
    terms = rules(fees={"transfer": Fee(fixed=100, share_e8=1_000_000)})
    machine = shop(tmp_path, agents=terms)
    opened(machine, "TOP", money=20_300, transfers="down")
    opened(machine, "LOW", parent="TOP")
    assert no(machine, give(20_001, other="LOW")) == "float-insufficient"
    assert done(machine, give(20_000, other="LOW"))["fee"] == 300
    assert [float_of(machine, agent)[0] for agent in ("TOP", "LOW")] == [0, 20_000]
    assert machine.rows(
        "SELECT kind, amount, reference FROM agent_movement WHERE kind = 'fee'"
    ) == [("fee", -300, "transfer")]
    whole(machine)
    assert machine.terms.agents.fees["transfer"].of(50) == 101
