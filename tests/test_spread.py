"""The order of the files, and what is dealt out together."""

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.spread import SECONDS, Spread, longest_first, pytest_xdist_make_scheduler

ROOT = Path(__file__).parent.parent


@dataclass
class Item:
    """What is asked of a test."""

    nodeid: str
    slow: bool = False

    def get_closest_marker(self, name: str) -> str | None:
        return name if self.slow else None


def scope_of(nodeid: str) -> str:
    return Spread._split_scope(Spread.__new__(Spread), nodeid)


def test_every_file_with_a_weight_is_there() -> None:
    assert [name for name in SECONDS if not (ROOT / name).is_file()] == []


def test_the_longest_come_first_then_slow_ones_then_those_with_most_tests() -> None:
    named = "tests/promises/test_processes.py"
    short = [Item("tests/a.py::test_1"), Item("tests/b.py::test_1"), Item("tests/b.py::test_2")]
    items: list[Any] = [*short, Item("tests/c.py::test_1", slow=True), Item(f"{named}::test_z")]
    longest_first(items)
    assert [item.nodeid.partition("::")[0] for item in items] == [
        named, "tests/c.py", "tests/b.py", "tests/b.py", "tests/a.py",
    ]  # fmt: skip
    assert [item.nodeid for item in items[2:4]] == ["tests/b.py::test_1", "tests/b.py::test_2"]


@pytest.mark.parametrize(
    ("nodeid", "scope"),
    [
        ("tests/core/test_money.py::test_a[b::c]", "tests/core/test_money.py"),
        ("tests/journeys/test_sms.py::test_a[sqlite]", "town of sqlite"),
        ("tests/journeys/test_ussd.py::test_a[rabbitmq]", "town of rabbitmq"),
        ("tests/journeys/test_sms.py::test_a[postgresql-BUY 1-Say]", "town of postgresql"),
        ("tests/journeys/test_ussd.py::test_one_bind", "tests/journeys/test_ussd.py"),
        ("tests/journeys/test_acts.py::test_a[sqlite]", "tests/journeys/test_acts.py"),
    ],
)
def test_a_town_is_dealt_out_whole(nodeid: str, scope: str) -> None:
    assert scope_of(nodeid) == scope


def test_other_ways_of_dealing_out_are_xdists() -> None:
    option = SimpleNamespace(loadscopereorder=True)
    config: Any = SimpleNamespace(getvalue=lambda _name: "worksteal", option=option)
    assert pytest_xdist_make_scheduler(config, None) is None
    assert option.loadscopereorder
