"""Whatever agents, customers and operators do, in any order: the books are right after each."""

import random
from pathlib import Path
from typing import Any

import pytest

from core.messages import Outcome
from tests.core.agents.shop import (
    FEES,
    RULES,
    ask,
    collect,
    deposit,
    do,
    done,
    give,
    opened,
    sell,
    shop,
    surrender,
    whole,
    wish,
    yes,
)
from tests.core.collection.desk import act as money_act
from tests.core.collection.desk import wrongs
from tests.core.collection.desk import yes as money_yes
from tests.hub.machine import Machine

STEPS = 50
AGENTS = ("A1", "A2", "A3")


def step(machine: Machine, chance: random.Random) -> list[Any]:
    """What somebody asks for now, and who agrees."""
    agent, other = chance.choice(AGENTS), chance.choice(AGENTS)
    amount = chance.choice((-1, 0, 1, 999, 5_000, 20_000, 70_000))
    payments = [row[0] for row in machine.rows("SELECT number FROM payment")]
    return [
        sell(amount, agent, another=True),
        sell(amount, agent),
        collect(amount, agent),
        deposit(amount, f"FT{chance.randrange(6)}", agent),
        ask("topup", agent, amount=amount, reference=f"FT{chance.randrange(6)}"),
        ask("transfer", agent, other=other, amount=amount),
        ask("withdraw", agent, amount=amount),
        wish(amount, f"FT{chance.randrange(6)}", agent),
        ask("topup-decline", agent, reference=f"FT{chance.randrange(6)}"),
        give(amount, agent, other, another=chance.random() < 0.5),
        surrender(amount, agent),
        ask("statement", agent),
        ask(f"commission{chance.choice(('', '-float', '-back'))}", agent, amount=amount),
        ask("security", agent, security="guarantee", amount=amount),
        ask("security-refund", agent, security="guarantee", amount=amount),
        ask(chance.choice(("block", "unblock", "close")), agent),
        ask("alter", agent, commission=chance.choice(("own", "later", ""))),
        money_act("reverse", payment=chance.choice(payments)) if payments else collect(500, agent),
    ]


@pytest.mark.parametrize("seed", range(4))
def test_any_history(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    machine = shop(tmp_path, agents=FEES if seed else RULES)
    opened(machine, "A1", money=90_000, commission="own", transfers="down")
    opened(machine, "A2", money=40_000, commission="later", parent="A1", transfers="both")
    opened(
        machine, "A3", mode="post-settled", credit_limit=60_000, commission="own", parent="A2",
        cash_limit=40_000, transfers="both", tells="yes",
    )  # fmt: skip
    ends = []
    for _ in range(STEPS):
        answer = do(machine, chance.choice(step(machine, chance)))
        ends.append(answer.outcome)
        if answer.data.get("state") == "requested" and "act" in answer.data:
            money = answer.data["kind"] == "reverse"
            agree = money_yes if money else yes
            ends.append(do(machine, agree(answer.data["act"])).outcome)
        assert wrongs(machine) == [], answer
        machine.time.at_us += chance.choice((0, 3_600, 86_400)) * 1_000_000
    assert set(ends) == {Outcome.DONE, Outcome.REFUSED}
    whole(machine)


def test_what_is_done_after_a_repeat_is_what_was_done_before(tmp_path: Path) -> None:
    """Every answer of a history, asked for once more under its key."""
    machine = shop(tmp_path)
    opened(machine, money=90_000, commission="own")
    asked = [sell(), collect(5_000), deposit(3_000, "FT1"), ask("block"), sell(5_000)]
    first = [do(machine, each, f"k{n}") for n, each in enumerate(asked)]
    rows = machine.rows("SELECT balance FROM agent_float")
    assert [do(machine, each, f"k{n}") for n, each in enumerate(asked)] == first
    assert machine.rows("SELECT balance FROM agent_float") == rows
    assert done(machine, asked[0], "k0")["token"] == first[0].data["token"]
    whole(machine)
