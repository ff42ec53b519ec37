"""The lives of payments, plans and receipts: every pair is visited, what is not there cannot be."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import pytest

from core.collection.states import (
    PAYMENT_MOVES,
    PLAN_MOVES,
    RECEIPT_MOVES,
    PaymentMove,
    PaymentState,
    PlanMove,
    PlanState,
    ReceiptMove,
    ReceiptState,
)

TABLES = [
    (PAYMENT_MOVES, PaymentState, PaymentMove, {"dishonoured", "reversed"}, 6),
    (PLAN_MOVES, PlanState, PlanMove, {"broken", "cancelled"}, 4),
    (RECEIPT_MOVES, ReceiptState, ReceiptMove, {"paid", "void"}, 2),
]


@pytest.mark.parametrize(("moves", "states", "acts", "ends", "count"), TABLES)
def test_every_pair_is_a_move_or_cannot_happen(
    moves: Mapping[tuple[Any, Any], Any],
    states: type[StrEnum],
    acts: type[StrEnum],
    ends: set[str],
    count: int,
) -> None:
    pairs = [(state, act) for state in states for act in acts]
    assert len([pair for pair in pairs if pair in moves]) == len(moves) == count
    assert {state for state in states if not any((state, act) in moves for act in acts)} == ends
    reached = set(moves.values())
    begins = {state for state in states if state not in reached}
    assert begins <= {"received", "uncleared", "issued"}


def test_money_that_came_back_never_counts_again() -> None:
    for end in (PaymentState.DISHONOURED, PaymentState.REVERSED):
        assert not any(state is end for state, _ in PAYMENT_MOVES)
