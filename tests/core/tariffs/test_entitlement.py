"""Free basic units lapse or wait, as declared."""

from __future__ import annotations

import pytest

from core.tariffs.entitlement import Entitlement, claimable

LAPSES = Entitlement(50_000, 202601)
WAITS = Entitlement(50_000, 202601, 202604, waits=2)


@pytest.mark.parametrize(
    ("rule", "claimed", "now", "months"),
    [
        (LAPSES, None, 202512, ()),
        (LAPSES, None, 202603, (202603,)),
        (LAPSES, 202603, 202603, ()),
        (WAITS, None, 202604, (202602, 202603, 202604)),
        (WAITS, 202603, 202604, (202604,)),
        (WAITS, None, 202606, (202604,)),
        (WAITS, None, 202607, ()),
    ],
)
def test_months(rule: Entitlement, claimed: int | None, now: int, months: tuple[int, ...]) -> None:
    assert claimable(rule, claimed, now) == months


def test_a_suspended_month_gives_nothing() -> None:
    assert claimable(WAITS, None, 202603, {202602}) == (202601, 202603)
