"""Cashiers, operators and terminals at once, by connections of their own on PostgreSQL: row locks
alone keep right who is at a terminal, and how often a PIN is guessed."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from core.messages import Answer, Outcome
from core.queries import terminals as queries
from core.queries.acts import acts_at_terminal
from core.store.upgrade import upgrade
from tests.core.agents.shop import ask as ask_agent
from tests.core.agents.shop import collect, opened, sell, shop_on, shop_terms, whole
from tests.core.agents.test_concurrency import all_at_once
from tests.core.terminals import till
from tests.core.terminals.shop import (
    OTHER,
    TERMINAL,
    agreed,
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
from tests.hub.machine import METER, Machine
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


def test_the_same_questions_have_the_same_answers_there(machine: Machine) -> None:
    topup = done(machine, ask_agent("topup", amount=50_000))
    done(machine, yes(topup["act"]))
    agreed(machine, ask("emergency", limit=9, receipts=5))
    done(machine, on())
    day = till.today(machine)
    sold = done(machine, sell(5_000, slip=till.slip(machine, 1, cashier="07")))
    paid = done(machine, collect(3_000, slip=till.slip(machine, 2, cashier="07")))
    with machine.store.reader() as reader:
        found = queries.terminal_of(reader, "demo", TERMINAL)
        assert found is not None
        assert (found.cashiers_needed, found.cashier, found.emergency_limit) == (True, "07", 9)
        assert len(queries.terminals_of(reader, "demo")) == 2
        assert [each.code for each in queries.cashiers_of(reader, "demo", "A1")] == ["07", "08"]
        (shift,) = queries.shifts_of(reader, "demo", agent="A1")
        assert (shift.totals["sale"]["amount"], shift.totals["payment"]["count"]) == (5_000, 1)
        (series,) = queries.receipts_of(reader, "demo", TERMINAL)
        assert series.last - series.first == 4
        item = queries.item_of(reader, "demo", TERMINAL, day, 1)
        assert item is not None
        assert item.about == sold["receipt"]
        for asked in ({"receipt": sold["receipt"]}, {"meter": METER}):
            copy = queries.copy_of(reader, "demo", TERMINAL, **asked)
            assert copy is not None
            assert copy.data["token"] == sold["token"]
        last = queries.copy_of(reader, "demo", TERMINAL)
        assert last is not None
        assert last.data["payment"] == paid["payment"]
        assert queries.emergency_list(reader, "demo", "A1", 5) == []
        assert queries.agents_with_cashiers(reader, "demo") == 1
        acts = acts_at_terminal(reader, "demo", TERMINAL, 9, machine.time.at_us)
        assert [act.kind for act in acts] == ["terminal-emergency", "terminal-register"]
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
