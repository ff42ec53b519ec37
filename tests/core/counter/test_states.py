"""The life of a shift, and the tables that speak of desks."""

import itertools

import pytest

from core.collection.act_kinds import kind_named
from core.counter.act_kinds import COUNTER_KINDS
from core.counter.acts import BY_SUPERVISOR, ROUTINE, STEPS
from core.counter.document import CounterDocument
from core.counter.states import LIVE, LIVE_SQL, MOVES, ShiftMove, ShiftState
from core.documents import Misfit
from core.vending.act_kinds import Two


def test_every_move_and_state_is_used() -> None:
    assert {move for _, move in MOVES} == set(ShiftMove)
    assert {*MOVES.values(), ShiftState.OPEN} == set(ShiftState)


def test_an_end_is_an_end() -> None:
    ends = {ShiftState.CLOSED, ShiftState.HANDED_OVER}
    assert {state for state, _ in MOVES} == set(LIVE) == set(ShiftState) - ends


def test_what_is_counted_never_opens_again() -> None:
    assert ShiftState.OPEN not in MOVES.values()


def test_the_live_states_in_sql() -> None:
    assert f"state IN ({', '.join(repr(str(state)) for state in LIVE)})" == LIVE_SQL


def test_every_kind_of_act_has_its_step() -> None:
    assert STEPS.keys() == COUNTER_KINDS.keys()
    assert {*ROUTINE, *BY_SUPERVISOR} <= STEPS.keys()
    assert all(kind_named(name) is kind for name, kind in COUNTER_KINDS.items())


def test_what_needs_two() -> None:
    two = {name for name, kind in COUNTER_KINDS.items() if kind.two is Two.ALWAYS}
    assert two == {"counter-series", "counter-void", "counter-cleared"}


@pytest.mark.parametrize("notes", [(), (5, 5), (5, 10), tuple(range(40, 9, -1))])
def test_coins_and_notes_that_do_not_fit(notes: tuple[int, ...]) -> None:
    with pytest.raises(Misfit):
        CounterDocument(denominations=notes, tolerance=0, paid_out_alone=0)


def test_coins_and_notes_in_order() -> None:
    for notes in itertools.combinations((50, 20, 10, 5), 2):
        document = CounterDocument(denominations=notes, tolerance=1, paid_out_alone=2)
        assert document.counter().denominations == notes
