"""Whether memory grows, of series that are made up; and a reading of this very process."""

import os

import pytest

from simulators.bench import memory
from simulators.bench.memory import Held
from simulators.bench.soak import Series

MIB = 1024.0
STATUS = "Name:\tpython\nVmRSS:\t  120000 kB\nRssAnon:\t   90000 kB\nRssFile:\t 30000 kB\n"


def test_a_status_of_proc() -> None:
    assert memory.parse(STATUS) == (120_000, 90_000)


def test_a_process_that_has_ended_has_none() -> None:
    with pytest.raises(KeyError):
        memory.parse("Name:\tpython\nState:\tZ (zombie)\n")
    assert memory.held(2**31) is None


def test_this_process_holds_something() -> None:
    now = memory.held(os.getpid())
    assert now is not None
    assert now.rss_kib >= now.own_kib > 0
    assert now.files > 0
    assert memory.of_node(os.getpid())["channel"].own_kib > 0
    assert memory.of_server(os.getpid()).rss_kib > 0


def test_a_leak_is_a_slope() -> None:
    leak = [100 * MIB + minute * MIB for minute in range(30)]
    assert memory.slope(leak) == MIB
    assert memory.growth(leak) == 19 * MIB  # over the last twenty readings
    assert memory.grows(leak)


@pytest.mark.parametrize(
    "flat",
    [
        [100 * MIB] * 30,
        [50 * MIB, 80 * MIB, *([100 * MIB] * 28)],  # caches fill at the beginning
        [100 * MIB + (minute % 2) * 3 * MIB for minute in range(30)],  # it breathes
        [*([100 * MIB] * 25), 160 * MIB, *([100 * MIB] * 4)],  # a burst that is given back
        [100 * MIB - minute * MIB for minute in range(30)],  # it gives back
        [100 * MIB + minute * 100 for minute in range(30)],  # less than an arena
        [100 * MIB],
        [],
    ],
)
def test_what_is_no_leak(flat: list[float]) -> None:
    assert not memory.grows(flat)


def test_a_small_share_of_a_large_process_is_no_leak() -> None:
    assert not memory.grows([1_000 * MIB + minute * 0.5 * MIB for minute in range(30)])
    assert memory.grows([1_000 * MIB + minute * 2 * MIB for minute in range(30)])


def test_files_that_stay_open() -> None:
    assert memory.files_grow([20.0 + minute for minute in range(30)])
    assert not memory.files_grow([20.0, 22.0, *([25.0] * 28)])


def test_a_soak_says_what_grew() -> None:
    series = Series()
    for minute in range(30):
        leaks, rests = Held(200_000, 100_000 + minute * 1024, 9 + minute), Held(90_000, 80_000, 9)
        series.add({"channel": leaks, "process1": rests})
    assert series.grown() == ["memory of channel: +19.0 MiB", "open files of channel: +19"]
