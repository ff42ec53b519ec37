"""Whatever terminals say, in any order and however often: the money is right, and replay agrees."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from core.messages import Outcome
from hub.replaycompare import differences
from hub.replaying import private_books, replay
from tests.core.agents.shop import float_of, opened, shop_terms
from tests.core.terminals.till import (
    HOUR_US,
    back,
    done,
    offline,
    paid,
    registered,
    settling,
    shop_with_terminal,
    sold,
    totals,
    upload,
    whole,
)
from tests.hub.machine import Machine, fresh_sqlite
from tests.hub.remote import RemoteMachine, remote_terms
from tests.scratch import in_memory

MONEY = 60_000
STANS = st.integers(1, 4)
BATCHES = st.sampled_from((0, 1, 1, 2))
AMOUNTS = st.sampled_from((0, 700, 5_000, 40_000))
STEPS = st.one_of(
    st.tuples(st.just("sell"), STANS, AMOUNTS, BATCHES),
    st.tuples(st.just("pay"), STANS, AMOUNTS, BATCHES),
    st.tuples(st.just("offline"), STANS, AMOUNTS, BATCHES),
    st.tuples(st.just("back"), STANS, st.just(0), BATCHES),
    st.tuples(st.just("settle"), STANS, AMOUNTS, BATCHES),
    st.tuples(st.just("ended"), STANS, AMOUNTS, BATCHES),
    st.tuples(st.just("upload"), STANS, AMOUNTS, BATCHES),
    st.tuples(st.just("wait"), st.just(0), st.just(0), st.just(0)),
    st.tuples(st.just("module"), st.integers(0, 1), st.just(0), st.just(0)),
)
#: What is decided together, one batch of the hub after the other.
HISTORIES = st.lists(st.lists(STEPS, min_size=1, max_size=4), min_size=1, max_size=12)


def message(machine: Machine, step: tuple[str, int, int, int]) -> Any:
    """What the terminal says."""
    what, stan, amount, batch = step
    if what == "sell":
        return sold(machine, stan, amount, batch)
    if what == "pay":
        return paid(machine, stan, amount, batch)
    if what == "offline":
        account = "100001" if stan % 2 else "999999"
        return offline(machine, stan, amount, batch=batch, account=account)
    if what == "back":
        return back(machine, stan)
    if what == "upload":
        return upload(machine, stan, amount, batch)
    return settling(machine, totals(stan - 1, amount), batch, uploaded=what == "ended")


def report(machine: Machine, made: bool) -> None:
    """The module says what became of the oldest order that is open."""
    if not isinstance(machine, RemoteMachine) or not machine.box.orders:
        return
    order = machine.box.orders.pop(0)
    if made:
        machine.report(order, "made", tokens=machine.made(order))
    else:
        machine.report(order, "refused", code="x", detail="no")


def live(machine: Machine, history: list[list[tuple[str, int, int, int]]]) -> None:
    """Say everything; every command has its answer."""
    begun = machine.rows("SELECT count(*) FROM request")[0][0]
    for number, together in enumerate(history, start=begun):
        for place, step in enumerate(together):
            if step[0] == "wait":
                machine.time.at_us += 3 * HOUR_US
            elif step[0] == "module":
                report(machine, bool(step[1]))
            else:
                said = message(machine, step)
                machine.accept(said, f"{number}/{place}", f"key/{number}/{place}")
        machine.settle()


def ended(machine: Machine) -> None:
    """Nothing is open any more, and the float says what was sold."""
    while isinstance(machine, RemoteMachine) and machine.box.orders:
        report(machine, made=True)
    ((sold_,),) = machine.rows("SELECT COALESCE(sum(tender), 0) FROM sale WHERE state = 'issued'")
    ((kept,),) = machine.rows(
        "SELECT COALESCE(sum(amount), 0) FROM payment WHERE agent_id <> 0 AND state = 'received'"
    )
    ((owed,),) = machine.rows(
        "SELECT COALESCE(sum(amount), 0) FROM posting WHERE ledger = 'agent-short'"
    )
    assert float_of(machine) == (MONEY - sold_ - kept + owed, 0)
    tokens = machine.rows("SELECT count(*) FROM token WHERE cause = 'sale'")
    assert tokens == machine.rows("SELECT count(*) FROM sale WHERE state = 'issued'")
    unanswered = machine.rows("SELECT count(*) FROM request WHERE answer IS NULL")
    assert unanswered == [(0,)]
    whole(machine)


def the_same_by_replay(machine: Machine) -> None:
    with machine.store.reader() as live_books, private_books() as books:
        found = replay(live_books, {"demo": machine.terms}, books)
        assert (found.otherwise, list(differences(live_books, books))) == ([], [])


@contextmanager
def folder() -> Iterator[Path]:
    with TemporaryDirectory(dir=in_memory()) as name:
        yield Path(name)


@settings(max_examples=20, deadline=None)
@given(HISTORIES)
def test_any_history(history: list[list[tuple[str, int, int, int]]]) -> None:
    with folder() as place:
        machine = shop_with_terminal(place, money=MONEY)
        live(machine, history)
        ended(machine)
        machine.store.close()


def remote_shop(place: Path) -> RemoteMachine:
    """The same shop, where a module on the network makes the tokens."""
    terms = shop_terms()
    ours = {name: getattr(terms, name) for name in ("operators", "collection", "agents")}
    machine = RemoteMachine(fresh_sqlite(place), remote_terms(**ours))
    machine.open_account()
    opened(machine, money=MONEY)
    registered(machine)
    return machine


@settings(max_examples=10, deadline=None)
@given(HISTORIES)
def test_any_history_at_a_module_on_the_network(
    history: list[list[tuple[str, int, int, int]]],
) -> None:
    with folder() as place:
        machine = remote_shop(place)
        live(machine, history)
        ended(machine)
        machine.store.close()


def drawn(chance: random.Random) -> tuple[str, int, int, int]:
    """A step, without the search for a smaller one."""
    kinds = (
        "sell",
        "sell",
        "pay",
        "offline",
        "back",
        "back",
        "settle",
        "ended",
        "upload",
        "module",
    )
    amount, batch = chance.choice((0, 700, 5_000, 40_000)), chance.choice((0, 1, 1, 2))
    return chance.choice(kinds), chance.randrange(5), amount, batch


def test_replay_comes_to_the_same(tmp_path: Path) -> None:
    """A long day of everything, decided again from the journal."""
    chance = random.Random(7)
    machine = remote_shop(tmp_path)
    for _ in range(3):
        live(machine, [[drawn(chance) for _ in range(chance.randrange(1, 5))] for _ in range(10)])
        machine.time.at_us += 25 * HOUR_US
    ended(machine)
    states = {row[0] for row in machine.rows("SELECT DISTINCT state FROM terminal_item")}
    assert {"barred", "booked", "kept", "refused", "reversed"} <= states
    the_same_by_replay(machine)


def test_a_repeat_under_its_key_is_the_same_answer(tmp_path: Path) -> None:
    machine = shop_with_terminal(tmp_path, money=MONEY)
    asked = [
        sold(machine, 1),
        paid(machine, 2),
        back(machine, 1),
        back(machine, 2),
        settling(machine, totals(1, 5_000)),
    ]
    first = [machine.do(each, f"k{n}") for n, each in enumerate(asked)]
    assert {answer.outcome for answer in first} == {Outcome.DONE}
    rows = machine.rows("SELECT * FROM terminal_item ORDER BY id")
    assert [machine.do(each, f"k{n}") for n, each in enumerate(asked)] == first
    assert machine.rows("SELECT * FROM terminal_item ORDER BY id") == rows
    assert done(machine, back(machine, 1))["state"] == "kept"
    whole(machine)
