"""Whatever cashiers and operators do, in any order: who is at a terminal is right after each."""

import random
from pathlib import Path
from typing import Any

import pytest

from core.messages import Outcome
from tests.core.agents.shop import ask as ask_agent
from tests.core.agents.shop import whole
from tests.core.collection.desk import wrongs
from tests.core.terminals.shop import (
    DAY,
    OTHER,
    TERMINAL,
    ask,
    ask_of,
    do,
    hired,
    off,
    on,
    opened,
    pin,
    placed,
    post,
    report,
    yes,
)

STEPS = 80
AGENTS = ("A1", "A1", "A1", "A2")


def step(chance: random.Random) -> Any:
    """One thing that somebody asks."""
    agent, code = chance.choice(AGENTS), chance.choice(("07", "07", "08"))
    terminal = chance.choice((TERMINAL, TERMINAL, OTHER))
    digits = chance.choice(("4711", "4711", "4711", "0000"))
    signs = (
        *[on(code, digits, agent=agent, terminal=terminal, day=DAY + chance.randrange(2))] * 5,
        on("", agent=agent, terminal=terminal),
        off(terminal, agent),
        report(terminal, latitude=chance.randrange(90)),
    )
    acts = (
        *[ask("unblock", terminal)] * 3,
        ask(chance.choice(("block", "lost", *["unblock"] * 3)), terminal),
        ask("bind", terminal, agent=agent),
        ask("emergency", terminal, receipts=chance.randrange(2)),
        ask_of(chance.choice(("block", "unlock", "unlock", "pin")), code, agent=agent),
        ask_of("add", code, agent=agent, name="Clerk", pin_proof=pin("4711", code, agent)),
        ask_agent("block" if chance.random() < 0.2 else "unblock", agent),
    )
    return chance.choice(signs if chance.random() < 0.75 else acts)


@pytest.mark.parametrize("seed", range(2))
def test_any_history(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    machine = post(tmp_path)
    opened(machine, "A2")
    placed(machine, OTHER)
    hired(machine)
    ends, waiting = [], []
    for _ in range(STEPS):
        answer = do(machine, step(chance))
        ends.append(answer.outcome)
        if answer.data.get("state") == "requested":
            waiting.append(answer.data["act"])
        while len(waiting) > 1:  # one waits, and something happens meanwhile
            ends.append(do(machine, yes(waiting.pop(chance.randrange(len(waiting))))).outcome)
        assert wrongs(machine) == [], answer
        machine.time.at_us += chance.choice((0, 60, 1_200)) * 1_000_000
    assert set(ends) == {Outcome.DONE, Outcome.REFUSED}
    (ways,) = machine.rows("SELECT count(DISTINCT ended_by) FROM terminal_shift")
    assert ways[0] > 2
    whole(machine)


def test_many_in_one_batch_are_decided_one_after_the_other(tmp_path: Path) -> None:
    """Signed on, changed and signed off before the first of them is written."""
    machine = post(tmp_path)
    asked = [on(""), off(), on(""), ask("block"), on(""), off()]
    for number, message in enumerate(asked):
        machine.accept(message, f"batch{number}", f"terminal/{TERMINAL}")
    machine.settle()
    rows = machine.rows("SELECT closed_at > 0, ended_by FROM terminal_shift ORDER BY id")
    assert rows == [(1, "sign-off"), (1, "terminal-block")]
    whole(machine)
