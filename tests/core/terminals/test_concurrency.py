"""Cashiers, operators and terminals at once, by connections of their own on PostgreSQL: row locks
alone keep right who is at a terminal, and how often a PIN is guessed."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from core.messages import Answer, Outcome
from core.store.upgrade import upgrade
from tests.core.agents.shop import opened, shop_on, whole
from tests.core.agents.test_concurrency import all_at_once
from tests.core.terminals.shop import (
    OTHER,
    TERMINAL,
    ask,
    ask_of,
    done,
    hired,
    off,
    on,
    placed,
    report,
    yes,
)
from tests.hub.machine import Machine
from tests.servers.postgres import Postgres

pytestmark = pytest.mark.slow


def fill(url: str) -> None:
    """Two agents, two terminals of the first, two cashiers of his."""
    upgrade(url)
    machine = shop_on(url)
    for agent in ("A1", "A2"):
        opened(machine, agent)
    for number in (TERMINAL, OTHER):
        placed(machine, number)
    hired(machine)
    hired(machine, "08")
    machine.store.close()


@pytest.fixture
def machine(postgres: Postgres) -> Iterator[Machine]:
    from tests.core.agents.shop import shop_terms

    url = postgres.prepared("terminals", fill)
    machine = Machine(url, terms=shop_terms())
    machine.time.at_us += 60_000_000
    machine.time.drawn += 1_000_000
    yield machine
    machine.store.close()
    postgres.drop(url)


def at_once(machine: Machine, asked: Sequence[Any], size: int) -> list[Answer]:
    """The answers, of four workers that had them all together."""
    heard = [machine.accept(each, f"at{number}") for number, each in enumerate(asked)]
    machine.intake.step()
    all_at_once(machine, size)
    machine.settle()
    return [machine.answer(each[0].message_id) for each in heard]


def test_nobody_guesses_more_than_three_times(machine: Machine) -> None:
    """However many terminals and workers he has."""
    guesses = [
        on(digits=f"{number:04}", terminal=(TERMINAL, OTHER)[number % 2]) for number in range(24)
    ]
    answers = at_once(machine, guesses, 3)
    codes = Counter(answer.code for answer in answers)
    assert codes == {"pin-wrong": 2, "cashier-locked": 22}
    assert machine.rows("SELECT wrong FROM cashier WHERE code = '07'") == [(3,)]
    whole(machine)


@pytest.mark.parametrize("size", [1, 6])
def test_who_is_at_a_terminal(machine: Machine, size: int) -> None:
    acts = [
        done(machine, ask("bind", terminal, agent="A2"))["act"] for terminal in (TERMINAL, OTHER)
    ]
    asked: list[Any] = [yes(act) for act in acts for _ in range(2)]
    for number in range(12):
        terminal, code = (TERMINAL, OTHER)[number % 2], ("07", "08")[number // 2 % 2]
        asked += [on(code, terminal=terminal), off(terminal), report(terminal, latitude=number)]
        asked.append(on("", terminal=terminal, agent="A2"))
    asked += [ask("lost", OTHER), ask_of("block", "08"), ask_of("block", "08")]
    mixed = [asked[(number * 29) % len(asked)] for number in range(len(asked))]
    assert len({id(each) for each in mixed}) == len(asked)
    answers = at_once(machine, mixed, size)
    assert {answer.outcome for answer in answers} == {Outcome.DONE, Outcome.REFUSED}
    begun = [a.data["shift"] for a in answers if a.outcome is Outcome.DONE and "since" in a.data]
    assert begun, "somebody signed on"
    whole(machine)
