"""Guesses, purchases and codes at once, by connections of their own on PostgreSQL: row locks alone
keep right how often a PIN is guessed and what a pass buys. And replay makes the same rows again."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from core.messages import Answer
from core.store.upgrade import upgrade
from tests.core.agents.test_concurrency import all_at_once
from tests.core.registration.house import (
    LIMIT,
    MINUTE_US,
    NEIGHBOUR,
    STRANGER,
    Dice,
    accounts,
    add,
    ask,
    check,
    code_for,
    confirm,
    dear,
    do,
    done,
    meters,
    proof,
    reset,
    set_pin,
    street,
    street_on,
    terms,
    yes,
)
from tests.hub.machine import METER, PHONE, Machine
from tests.hub.test_replaying import replayed
from tests.servers.postgres import Postgres


KEYS = count()


def fill(url: str) -> None:
    """Two households; the first has a PIN."""
    upgrade(url)
    machine = street_on(url)
    done(machine, set_pin("4729"))
    machine.store.close()


@pytest.fixture
def machine(postgres: Postgres) -> Iterator[Machine]:
    url = postgres.prepared("phones", fill)
    machine = Machine(url, time=Dice(), terms=terms())
    machine.time.at_us += MINUTE_US
    machine.time.drawn += 1_000_000
    yield machine
    machine.store.close()
    postgres.drop(url)


def at_once(machine: Machine, asked: Sequence[Any], size: int) -> list[Answer]:
    """The answers, of four workers that had them all together."""
    heard = [machine.accept(each, f"at{next(KEYS)}") for each in asked]
    machine.intake.step()
    all_at_once(machine, size)
    machine.settle()
    return [machine.answer(each[0].message_id) for each in heard]


@pytest.mark.slow
def test_nobody_guesses_more_than_three_times(machine: Machine) -> None:
    answers = at_once(machine, [check(f"{number:04}") for number in range(20)], 3)
    codes = Counter(answer.code for answer in answers)
    assert codes == {"phone-pin-wrong": 2, "phone-pin-locked": 18}
    assert machine.rows("SELECT wrong FROM phone_guard") == [(3,)]


@pytest.mark.slow
def test_a_pass_buys_once_and_a_first_pin_is_set_once(machine: Machine) -> None:
    word = done(machine, check("4729"))["pass"]
    buys = [dear(word, LIMIT + 1 + number) for number in range(12)]
    first = [set_pin(pin, NEIGHBOUR) for pin in ("8351", "9274")]
    answers = at_once(machine, [*buys, *first], 2)
    codes = Counter(answer.code for answer in answers[:12])
    assert codes == {"ok": 1, "pin-needed": 11}
    assert sorted(answer.code for answer in answers[12:]) == ["ok", "registration-wrong"]
    assert machine.rows("SELECT count(*) FROM sale") == [(1,)]


@pytest.mark.slow
def test_a_code_is_guessed_three_times_and_used_once(machine: Machine) -> None:
    done(machine, add(spends=True))
    code = code_for(machine, PHONE)
    answers = at_once(machine, [confirm(code) for _ in range(6)], 1)
    assert Counter(answer.code for answer in answers) == {"ok": 1, "phone-code-none": 5}
    assert (meters(machine, STRANGER), accounts(machine, STRANGER)) == (
        [(METER, "Dad")], ["100001"],
    )  # fmt: skip
    machine.time.at_us += MINUTE_US
    other = "+256700000011"
    done(machine, add(other))
    code = code_for(machine, PHONE)
    guesses = [f"{number:04d}" for number in range(20) if f"{number:04d}" != code][:12]
    answers = at_once(machine, [confirm(each, other) for each in guesses], 2)
    codes = Counter(answer.code for answer in answers)
    assert codes == {"phone-code-wrong": 3, "phone-code-none": 9}


def test_replay_makes_the_same_rows_again(tmp_path: Path) -> None:
    machine = street(tmp_path)
    done(machine, set_pin("4729"))
    do(machine, check("0000"))
    done(machine, dear(done(machine, check("4729"))["pass"]))
    done(machine, reset())
    done(machine, set_pin("8351", code=code_for(machine, PHONE)))
    done(machine, check("8351"))
    done(machine, add(spends=True))
    waiting = done(machine, ask("approve", meter=METER))
    done(machine, yes(waiting["act"]))
    done(machine, add("+256700000011"))
    done(machine, ask("pin-clear", PHONE))
    done(machine, set_pin("9274"))
    done(machine, set_pin("8351", old_proof=proof("9274")))
    found, wrong = replayed(machine)
    assert wrong == []
    assert found
    assert machine.unaccounted() == 0
