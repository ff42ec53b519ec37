"""CPU time by part, from lines of /proc."""

import os

from simulators.bench import cpu
from simulators.bench.cpu import Part, Process

LINE = "42 (odd) name) S 7 42 42 0 -1 4194560 99 0 0 0 250 50 30 20 20 0 1 0 12345 0 0"


def test_a_stat_line_with_brackets_in_its_name() -> None:
    found = cpu.parse(LINE)
    assert (found.pid, found.parent) == (42, 7)
    assert (found.own, found.reaped) == (3.0, 0.5)


def test_a_tree_is_a_process_and_all_below() -> None:
    table = {
        pid: Process(pid, parent, own=float(pid), reaped=0.5)
        for pid, parent in ((1, 0), (2, 1), (3, 2), (4, 1), (9, 0))
    }
    assert cpu.tree(table, 2) == {2, 3}
    assert cpu.tree(table, 77) == set()
    assert cpu.spent(table, cpu.tree(table, 1)) == 1 + 2 + 3 + 4 + 4 * 0.5


def test_the_parts_of_this_process() -> None:
    found = cpu.read({"alone": Part(os.getpid(), "alone"), "all": Part(os.getpid())})
    assert 0 < found["alone"] <= found["all"]
    assert cpu.read({"gone": Part(2**31, "alone"), "below": Part(2**31, "below")}) == {
        "gone": 0.0,
        "below": 0.0,
    }


def test_what_others_used() -> None:
    before = cpu.machine()
    assert 0.0 <= cpu.elsewhere(before, spent=0.0) <= 1.0
    assert cpu.elsewhere(before, spent=1e9) == 0.0
