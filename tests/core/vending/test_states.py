"""The life of a sale: every pair of state and move is in the table, or is refused."""

import pytest

from core.vending.states import ENDS, MOVES, Move, MoveError, SaleState, moved


@pytest.mark.parametrize("state", SaleState)
@pytest.mark.parametrize("move", Move)
def test_every_pair_is_in_the_table_or_refused(state: SaleState, move: Move) -> None:
    after = MOVES.get((state, move))
    if after is None:
        with pytest.raises(MoveError, match=f"a sale that is {state} cannot {move}"):
            moved(state, move)
    else:
        assert moved(state, move) is after


def test_from_an_end_nothing_moves() -> None:
    assert not [pair for pair in MOVES if pair[0] in ENDS]
    assert {s for s in SaleState if not any(pair[0] is s for pair in MOVES)} == ENDS


def test_every_state_is_reached_from_the_quote_and_every_way_ends() -> None:
    reached, open_ = {SaleState.QUOTED}, [SaleState.QUOTED]
    while open_:
        state = open_.pop()
        for (was, _), after in MOVES.items():
            if was is state and after not in reached:
                reached.add(after)
                open_.append(after)
    assert reached == set(SaleState)
    ending = set(ENDS)
    for _ in SaleState:
        ending |= {was for (was, _), after in MOVES.items() if after in ending}
    assert ending == set(SaleState)


def test_the_builtin_module_goes_from_quote_to_issued_in_one() -> None:
    path = (Move.CONFIRM, Move.ASK_MODULE, Move.TOKEN)
    assert moved(SaleState.QUOTED, *path) is SaleState.ISSUED


def test_issued_comes_only_from_a_token_and_failed_only_from_a_sure_no() -> None:
    """`issued` is final for money; silence is never a no."""
    assert {m for (_, m), after in MOVES.items() if after is SaleState.ISSUED} == {Move.TOKEN}
    assert {m for (_, m), after in MOVES.items() if after is SaleState.FAILED} == {Move.MODULE_NO}
    assert MOVES[SaleState.ISSUING, Move.SILENCE] is SaleState.UNKNOWN
