"""Which months are due, and which values a token can carry."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.tariffs.accrual import periods_due
from core.tariffs.encoding import STS_LARGEST, sts_encodable, tenths_encodable
from core.tariffs.shapes import CatchUp

LAPSE = CatchUp(2, "lapse")
DEFER = CatchUp(2, "defer")


@pytest.mark.parametrize(
    ("paid", "started", "now", "rule", "due"),
    [
        (202601, 202405, 202602, LAPSE, (202602,)),
        (202602, 202405, 202602, LAPSE, ()),
        (202603, 202405, 202602, LAPSE, ()),  # paid ahead
        (None, 202602, 202602, LAPSE, (202602,)),
        (None, 202601, 202602, LAPSE, (202601, 202602)),  # starts with the agreement
        (202511, 202601, 202602, LAPSE, (202601, 202602)),  # the meter's former user paid that
        (202506, 202405, 202602, LAPSE, (202512, 202601, 202602)),
        (202506, 202405, 202602, DEFER, (202507, 202508, 202509)),
        (202511, 202405, 202602, CatchUp(0, "lapse"), (202602,)),
    ],
)
def test_months_due(
    paid: int | None, started: int, now: int, rule: CatchUp, due: tuple[int, ...]
) -> None:
    assert periods_due(paid, started, now, rule) == due


def test_no_charge_while_vacant() -> None:
    """The cap counts charged months, so vacant ones do not push others out."""
    vacant = {202510, 202511, 202601}
    assert periods_due(202508, 202405, 202602, LAPSE, vacant) == (202509, 202512, 202602)


def test_deferred_months_are_all_collected_in_the_end() -> None:
    paid, collected = 202412, []
    for now in (202510, 202511, 202512, 202601, 202602):
        due = periods_due(paid, 202401, now, DEFER)
        collected += due
        paid = due[-1]
    assert collected == [*range(202501, 202513), 202601, 202602]


@pytest.mark.parametrize(
    ("tenths", "value"),
    [
        (-1, 0),
        (0, 0),
        (1, 1),
        (16383, 16383),
        (16384, 16384),
        (16393, 16384),
        (16394, 16394),
        (20000, 19994),
        (180223, 180214),  # a mantissa of 16384 does not fit; the next exponent begins at 180224
        (180224, 180224),
        (180323, 180224),
        (1818623, 1818524),
        (1818624, 1818624),
        (1819623, 1818624),
        (STS_LARGEST, STS_LARGEST),
        (STS_LARGEST + 5000, STS_LARGEST),
    ],
)
def test_values_of_a_token(tenths: int, value: int) -> None:
    assert sts_encodable(tenths) == value


@settings(deadline=None)
@given(st.integers(0, STS_LARGEST))
def test_a_value_of_a_token_is_a_field_of_it(tenths: int) -> None:
    """The value is m·10^e + Σ 16384·10^n with m of 14 bits, and the next field is above."""
    value = sts_encodable(tenths)
    fields = [
        (e, (value - sum(16384 * 10**n for n in range(e))) // 10**e)
        for e in range(4)
        if value >= sum(16384 * 10**n for n in range(e))
        and (value - sum(16384 * 10**n for n in range(e))) % 10**e == 0
    ]
    assert any(0 <= m <= 16383 for _, m in fields)
    assert value <= tenths < value + 10 ** max(e for e, m in fields if m <= 16383)
    assert sts_encodable(value) == tenths_encodable(value) == value
