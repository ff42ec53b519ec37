"""The life of an operator's act: every pair of state and move is either in the table or a fault."""

import pytest

from core.vending.act_states import ENDS, MOVES, ActMove, ActMoveError, ActState, moved


@pytest.mark.parametrize("state", list(ActState))
@pytest.mark.parametrize("move", list(ActMove))
def test_what_is_not_in_the_table_cannot_happen(state: ActState, move: ActMove) -> None:
    after = MOVES.get((state, move))
    if after is None:
        with pytest.raises(ActMoveError, match=f"{state} cannot {move}"):
            moved(state, move)
    else:
        assert moved(state, move) is after


def test_an_end_is_an_end_and_the_others_go_on() -> None:
    leaving = {state for state, _ in MOVES}
    assert leaving | ENDS == set(ActState)
    assert not leaving & ENDS


def test_every_state_is_reached_from_the_first() -> None:
    reached = {ActState.REQUESTED}
    for _ in ActState:
        reached |= {after for (state, _), after in MOVES.items() if state in reached}
    assert reached == set(ActState)


def test_nothing_is_carried_out_without_approval() -> None:
    for end in (ActMove.CARRY_OUT, ActMove.HAND_OUT):
        from_where = {state for state, move in MOVES if move is end}
        assert from_where == {ActState.APPROVED, ActState.ORDERED}
    ordered = [state for (state, _), after in MOVES.items() if after is ActState.ORDERED]
    assert ordered == [ActState.APPROVED]
