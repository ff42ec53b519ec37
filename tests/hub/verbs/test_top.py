"""``wattbus top``: rates between two looks, what waits and how old it is."""

import json
from collections.abc import Iterator
from io import StringIO
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from hub.balance import Line
from hub.verbs import top
from hub.verbs.top import Look, facts, look, rows, screen
from tests.hub.machine import Machine, buy, enrol, fresh_sqlite, pay
from tests.hub.verbs.installation import CONFIG, Installation

NODE = {
    "node": "node1",
    "ok": True,
    "links": {"smsc": {"state": "up"}},
    "channels": {"sms": {"state": "paused"}},
}


def line(accepted: int, done: int = 0, **more: int) -> Line:
    zero = dict.fromkeys(("refused", "duplicate", "dead", "parked", "pending"), 0)
    return Line("sms", "vending.credit-vend", accepted, done, **{**zero, **more})


def seen(at_s: float, *lines: Line, **more: Any) -> Look:
    return Look(at_s, lines, more.get("oldest", {}), more.get("unleased", 0), NODE)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(fresh_sqlite(tmp_path))
    yield machine
    machine.store.close()


def said(before: Look, after: Look) -> str:
    console = Console(width=200, record=True, file=StringIO())
    console.print(screen(before, after))
    return console.export_text()


def test_rates_are_of_the_time_between() -> None:
    before, after = seen(10.0, line(100, 90)), seen(12.0, line(150, 130, refused=4, duplicate=2))
    (row,) = rows(before, after)
    assert (row.accepted_per_s, row.done_per_s, row.refused_per_s) == (25.0, 21.0, 2.0)


def test_what_is_new_since_the_first_look_counts_whole() -> None:
    (row,) = rows(seen(0.0), seen(4.0, line(8)))
    assert row.accepted_per_s == 2.0


def test_what_neither_moves_nor_waits_is_left_out() -> None:
    still = line(100, 100)
    assert rows(seen(0.0, still), seen(1.0, still)) == []
    (row,) = rows(seen(0.0, line(3, 2, dead=1)), seen(1.0, line(3, 2, dead=1)))
    assert row.dead == 1


def test_two_looks_at_one_moment_divide_by_nothing() -> None:
    (row,) = rows(seen(1.0, line(1, pending=1)), seen(1.0, line(1, pending=1)))
    assert row.waiting == 1


def test_the_screen_says_what_is_wrong() -> None:
    after = seen(1.0, line(5, 3, dead=1), oldest={"worker": 75.5}, unleased=3)
    text = said(seen(0.0), after)
    for words in (
        "node1: well", "sms paused", "smsc up", "oldest open: worker 75.5 s",
        "3 partitions have no worker", "1 messages are unaccounted for", "vending.credit-vend",
    ):  # fmt: skip
        assert words in text
    assert "no hub answers here" in said(seen(0.0), Look(1.0, (), {}, 0, {}))


def test_a_look_sees_what_the_books_say(machine: Machine) -> None:
    now = machine.time.at_us / 1e6
    with machine.store.reader() as reader:
        before = look(reader, now, {})
    machine.do(enrol(), "enrol")
    machine.do(pay(50_000), "pay")
    machine.channel.room = 0
    machine.outbound.wake("sms")
    machine.accept(buy(), "buy")
    machine.settle()
    with machine.store.reader() as reader:
        after = look(reader, now + 4, {})
    found = {(row.handler, row.waiting) for row in rows(before, after)}
    assert ("channel:sms", 1) in found
    assert ("vending.credit-vend", 0) in found
    assert 3 < after.oldest["channel:sms"] < 5
    assert facts(before, after)["unaccounted"] == 0


def test_the_verb_prints_a_line_a_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "wattbus.toml").write_text(CONFIG)
    numbers = count(1)

    def looks(*_args: Any) -> Iterator[Look]:
        while True:
            number = next(numbers)
            yield seen(float(number), line(10 * number))

    monkeypatch.setattr(top, "_looks", looks)
    place = Installation(tmp_path, None, [])  # type: ignore[arg-type]
    code, out, _ = place.call("top", "--json", "--count", "3")
    said_ = [json.loads(text) for text in out.splitlines()]
    assert code == 0
    assert [each["handlers"][0]["accepted_per_s"] for each in said_] == [10.0, 10.0, 10.0]
    assert said_[0]["channels"] == {"sms": "paused"}
    code, out, _ = place.call("top", "--count", "1")
    assert code == 0
    assert "node1: well" in out


def busy() -> tuple[Look, Look]:
    node = {**NODE, "processes": {f"worker-{n}": {"memory": 95_400_000} for n in range(4)}}
    many = tuple(
        Line(f"channel-{n}", "vending.credit-vend", 900 + n, 800, 90, 1, 1, 2, n) for n in range(12)
    )
    lag = {partition: 3 * partition + 1 for partition in range(16)}
    unfinished = {"sale": 75.0, "payment": 0.4}
    return Look(0.0, (), {}, 0, node), Look(2.0, many, {"worker": 75.0}, 0, node, unfinished, lag)


def test_what_waits_longest_and_where_and_what_it_costs() -> None:
    text = said(*busy())
    assert "oldest unfinished: payment 0.4 s, sale 75.0 s" in text
    assert "lag: 376 in 16 partitions, 46 in 15" in text
    assert "refused: 10.1 %" in text
    assert "memory: worker-0 95 MB" in text
    told = facts(*busy())
    assert told["unfinished_s"] == {"sale": 75.0, "payment": 0.4}
    assert told["memory"]["worker-3"] == 95_400_000
    assert told["refused_percent"] == 10.1
    json.dumps(told)


def test_a_busy_node_fits_a_small_terminal() -> None:
    console = Console(width=80, height=24, record=True, file=StringIO())
    console.print(screen(*busy()))
    lines = console.export_text().splitlines()
    assert len(lines) <= 24
    assert all(len(each) <= 80 for each in lines)


def test_a_quiet_node_says_little(machine: Machine) -> None:
    with machine.store.reader() as reader:
        quiet = look(reader, machine.time.at_us / 1e6, {})
    text = said(quiet, quiet)
    for word in ("unfinished", "lag", "refused:", "memory"):
        assert word not in text


def test_a_look_sees_a_sale_that_waits(machine: Machine) -> None:
    machine.do(enrol(), "enrol")
    machine.accept(buy(), "buy")
    machine.intake.step()
    now = machine.time.at_us / 1e6 + 5
    with machine.store.reader() as reader:
        seen_ = look(reader, now, {})
    assert 4 < seen_.unfinished["sale"] < 6
    assert sum(seen_.lag.values()) == 1
