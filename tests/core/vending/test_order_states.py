"""An order's life as a table: every state against everything that can happen to it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from core.store.tables.orders import OPEN
from core.vending.order_states import FOR_PEOPLE, OrderMove, OrderState, moved

#: Rows: the state; columns: what happens; "." is what comes too late, or twice.
CASES = """
            made  refused  delayed  doubtful  wrong  undecided  give-up
ordered     made  refused  delayed  doubtful  wrong  .          .
delayed     made  refused  .        doubtful  wrong  .          .
doubtful    made  refused  .        doubtful  wrong  undecided  .
wrong       made  .        .        .         wrong  .          given-up
undecided   made  .        .        .         wrong  undecided  given-up
made        .     .        .        .         .      .          .
refused     .     .        .        .         .      .          .
given-up    .     .        .        .         .      .          .
"""
_HEAD, *_ROWS = [line.split() for line in CASES.strip().splitlines()]
TABLE = {(row[0], move): after for row in _ROWS for move, after in zip(_HEAD, row[1:], strict=True)}
ENDS = (OrderState.MADE, OrderState.REFUSED, OrderState.GIVEN_UP)


def test_the_table_is_whole() -> None:
    assert {state for state, _ in TABLE} == {str(state) for state in OrderState}
    assert {move for _, move in TABLE} == {str(move) for move in OrderMove}
    got = {(s, m): str(moved(s, m) or ".") for s, m in TABLE}
    assert got == TABLE


def test_what_the_store_takes_for_open_is_what_is_not_over() -> None:
    assert {state for state in OrderState if f"'{state}'" in OPEN} == set(OrderState) - set(ENDS)


def test_only_people_s_states_are_given_up() -> None:
    assert {s for s in OrderState if moved(s, OrderMove.GIVE_UP)} == FOR_PEOPLE


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(list(OrderMove)), max_size=12))
def test_an_order_ends_once(moves: list[OrderMove]) -> None:
    state, ended = OrderState.ORDERED, 0
    for move in moves:
        after = moved(state, move)
        if after is not None:
            ended += after in ENDS
            state = after
    assert ended <= 1
    assert (ended == 1) == (state in ENDS)
