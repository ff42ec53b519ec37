"""A module's counter against our log: what it made unlogged is found, exactly and once."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.sts.proof import Findings
from core.sts.proof_counter import Counted, Reading, compared


def run(
    *readings: tuple[int, int], before: tuple[int, int] | None = None
) -> tuple[Counted | None, Findings]:
    """Readings (counted, logged), a minute apart; ``before``: the last one before the span."""
    findings = Findings()
    rows = [Reading(at, *each) for at, each in enumerate(readings, start=1)]
    first = Reading(0, *before) if before else None
    return compared("box", first, rows, findings), findings


CASES = [
    ("a quiet day", ((100, 5), (100, 5)), None, 0, 0),
    ("a day of sales", ((100, 5), (130, 35), (200, 105)), None, 0, 0),
    ("one made unlogged", ((100, 5), (111, 15)), None, 1, 0),
    ("it stays found", ((100, 5), (111, 15), (200, 104)), None, 1, 0),
    ("made since the last proof", ((111, 15),), (100, 5), 1, 0),
    ("made before the last proof", ((111, 15), (120, 24)), (111, 15), 0, 0),
    ("logged late", ((101, 5), (101, 6)), (100, 5), 0, 0),
    ("logged late, then one more", ((100, 5), (101, 5), (101, 6), (102, 6)), None, 1, 0),
    ("more than one", ((100, 5), (103, 5), (110, 8)), None, 7, 0),
    ("another box", ((100, 5), (2, 6), (3, 7)), None, 0, 1),
    ("another box after a crime", ((100, 5), (101, 5), (2, 6)), None, 1, 1),
    ("another box and a crime with it", ((100, 5), (2, 6), (4, 7)), None, 1, 1),
    ("another box since the last proof", ((2, 5), (2, 5)), (100, 5), 0, 1),
    ("two more boxes", ((100, 5), (2, 5), (1, 5)), None, 0, 2),
    ("another box that came further", ((3, 3), (5, 8), (6, 8)), None, 1, 0),
    ("one reading", ((100, 5),), None, 0, 0),
]


@pytest.mark.parametrize(
    ("readings", "before", "extra", "restarts"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_what_readings_come_to(
    readings: tuple[tuple[int, int], ...],
    before: tuple[int, int] | None,
    extra: int,
    restarts: int,
) -> None:
    counted, findings = run(*readings, before=before)
    assert counted is not None
    assert (counted.extra, len(counted.restarts)) == (extra, restarts)
    assert counted.last == Reading(len(readings), *readings[-1])
    assert findings.total == (1 if extra else 0)
    for finding in findings.listed:
        assert finding.code == "counter-ahead"
        assert f"{extra} more than our log accounts for" in finding.sentence


def test_a_span_without_readings_says_nothing() -> None:
    counted, findings = run(before=(100, 5))
    assert (counted, findings.total) == (None, 0)


steps = st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=40)


@settings(max_examples=200, deadline=None)
@given(steps, st.integers(0, 1_000), st.integers(0, 40))
def test_crimes_are_counted_and_each_in_one_span(
    days: list[tuple[int, bool]], offset: int, cut: int
) -> None:
    """Sales are counted and logged, crimes only counted; however the readings are cut into spans,
    every crime after the first reading is found in one of them."""
    counted, logged, readings = offset, 0, [Reading(0, offset, 0)]
    crimes = 0
    for at, (sales, crime) in enumerate(days, start=1):
        counted, logged, crimes = counted + sales + crime, logged + sales, crimes + crime
        readings.append(Reading(at, counted, logged))
    whole = compared("box", None, readings, Findings())
    assert whole is not None
    assert whole.extra == crimes
    first, second = readings[: cut + 1], readings[cut + 1 :]
    parts = [
        compared("box", None, first, Findings()),
        compared("box", first[-1], second, Findings()),
    ]
    assert sum(part.extra for part in parts if part is not None) == crimes
