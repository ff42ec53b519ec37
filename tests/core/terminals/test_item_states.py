"""The table of an item's life, every pair of it; and what each state means elsewhere."""

import itertools

import pytest

from core.terminals.item_states import (
    BEGINNINGS,
    COUNTS,
    MOVES,
    PENDING,
    TOLD,
    ItemMove,
    ItemMoveError,
    ItemState,
    moved,
)

PAIRS = list(itertools.product(ItemState, ItemMove))


@pytest.mark.parametrize(("state", "move"), PAIRS)
def test_every_pair(state: ItemState, move: ItemMove) -> None:
    if (state, move) in MOVES:
        assert moved(state, move) is MOVES[state, move]
    else:
        with pytest.raises(ItemMoveError, match=f"an item that is {state} cannot {move}"):
            moved(state, move)


def test_every_state_is_reached() -> None:
    reached = set(BEGINNINGS)
    for _ in ItemState:
        reached |= {after for (state, _), after in MOVES.items() if state in reached}
    assert reached == set(ItemState)


def test_every_item_can_be_taken_back_and_twice_is_once() -> None:
    for state in ItemState:
        after = MOVES[state, ItemMove.REVERSE]
        assert MOVES[after, ItemMove.REVERSE] is after
        assert after in TOLD, "the terminal hears of it"


def test_money_that_moved_counts() -> None:
    """What the module may still make is pending; nothing that counts is, and nothing else ends."""
    assert not PENDING & COUNTS.keys()
    for (state, _), after in MOVES.items():
        if state in COUNTS:
            assert after in COUNTS
    assert {S for S, (sold, back) in COUNTS.items() if sold > back} == {
        ItemState.BOOKED,
        ItemState.KEPT,
        ItemState.UNDONE,
    }
