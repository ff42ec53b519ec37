"""The table of a key change's states is total, and says what it should."""

import pytest

from core.refusals import OPERATOR
from core.vending.key_change_states import ENDS, MOVES, UNSURE, Event, KeyChangeState

S, E = KeyChangeState, Event


def test_every_state_knows_every_event() -> None:
    assert MOVES.keys() == {(state, event) for state in S for event in E}


def test_every_no_is_a_refusal_that_can_be_said() -> None:
    codes = {after for after in MOVES.values() if not isinstance(after, S)}
    assert codes <= OPERATOR.keys()


def reached(start: KeyChangeState) -> set[KeyChangeState]:
    found, open_ = {start}, [start]
    while open_:
        state = open_.pop()
        for event in E:
            after = MOVES[state, event]
            if isinstance(after, S) and after not in found:
                found.add(after)
                open_.append(after)
    return found


@pytest.mark.parametrize("state", list(S))
def test_nothing_is_a_dead_end(state: KeyChangeState) -> None:
    """A meter may need another key again, whatever became of the last change."""
    assert reached(state) == set(S)


@pytest.mark.parametrize("event", [E.PRINT, E.PURCHASE, E.LAPSE])
def test_only_people_end_a_change(event: Event) -> None:
    """A keypad meter never confirms by itself, nor does the clock."""
    assert {MOVES[state, event] for state in S if state not in ENDS}.isdisjoint(ENDS)


def test_a_set_that_is_out_must_be_settled_before_another_is_wanted() -> None:
    assert MOVES[S.ISSUED, E.NEED] == "key-change-open"
    assert MOVES[S.PRESUMED, E.NEED] is S.NEEDED, "nobody will ever confirm most of them"


def test_copies_show_the_set_while_it_may_not_be_in_the_meter() -> None:
    assert {S.ISSUED, S.PRESUMED} == UNSURE
