"""What is left when one sale of several is taken back."""

from __future__ import annotations

import pytest

from core.entities import AgreementState
from core.vending.sale_effects import (
    Effect,
    InterferesError,
    effect_text,
    facts_of,
    stored_effect,
    without,
)

#: The first sale of February: 28.1 units, and the charges of January and February.
FIRST = Effect((202601, 90_000, 202512), (202602, 28_100, 202602), ((7, 3_000),))


def state(period: int, units: int, through: int) -> AgreementState:
    return AgreementState(id=1, period=period, units_milli=units, fixed_through=through)


def left(now: AgreementState, *, counted: bool = True) -> tuple[int, int, int]:
    return facts_of(without(now, FIRST, 28_100, counted))


def test_where_nothing_came_after_it_is_as_before() -> None:
    assert left(state(202602, 28_100, 202602)) == (202601, 90_000, 202512)


def test_a_later_sale_of_the_month_keeps_its_units_and_the_months_are_due_again() -> None:
    assert left(state(202602, 40_100, 202602)) == (202602, 12_000, 202512)


def test_units_that_no_longer_count_are_not_taken_off() -> None:
    """Without month charges the next month's sales build upon nothing of February's."""
    bare = Effect((202601, 0, 202601), (202602, 28_100, 202601))
    later = state(202603, 5_000, 202601)
    assert facts_of(without(later, bare, 28_100, False)) == (202603, 5_000, 202601)
    yearly = state(202603, 33_100, 202601)
    assert facts_of(without(yearly, bare, 28_100, True)) == (202603, 5_000, 202601)


def test_later_months_that_were_paid_stand_upon_it() -> None:
    with pytest.raises(InterferesError, match="later months"):
        left(state(202603, 5_000, 202603), counted=False)


def test_units_never_fall_below_nothing() -> None:
    with pytest.raises(InterferesError, match="do not hold"):
        left(state(202602, 28_000, 202602))


def test_an_effect_is_stored_as_it_is() -> None:
    assert stored_effect(effect_text(FIRST)) == FIRST
    assert stored_effect("") is None
