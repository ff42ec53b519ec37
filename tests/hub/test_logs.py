"""The vocabulary of the log is docs/operations/logs.md; a storm of one event has an end."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from hub.observe import STORM_LINES, STORM_S, Storms, subject

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs/operations/logs.md").read_text("utf-8")
#: event -> its levels, as the page has them
WRITTEN = {
    event: set(levels.split(", "))
    for event, levels in re.findall(r"^\| ([a-z][a-z.-]+) \| ([a-z, ]+) \| .+ \|$", PAGE, re.M)
    if event != "event"
}
#: The ways of a logger, and the level that a line of each has.
WAYS = {each: each for each in ("debug", "info", "warning", "error", "critical")}
WAYS["exception"] = "error"


def calls() -> Iterator[tuple[str, str, ast.expr]]:
    """(where, level, the event) of every line that our code logs."""
    for folder in ("adapters", "channels", "core", "hub"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                    logger = node.func.value
                    name = getattr(logger, "attr", getattr(logger, "id", ""))
                    if name in ("log", "_log") and node.func.attr in WAYS and node.args:
                        where = f"{path.relative_to(ROOT)}:{node.lineno}"
                        yield where, WAYS[node.func.attr], node.args[0]


def test_every_event_is_on_the_page_with_its_level() -> None:
    found = list(calls())
    assert len(found) > 100
    missing = []
    for where, level, event in found:
        assert isinstance(event, ast.Constant), f"{where}: an event is a plain name"
        if level not in WRITTEN.get(str(event.value), ()):
            missing.append(f"{where}: | {event.value} | {level} | … |")
    assert missing == [], "docs/operations/logs.md wants these rows"


def test_names_are_words_with_points() -> None:
    for where, _, event in calls():
        assert isinstance(event, ast.Constant)
        assert re.fullmatch(r"[a-z]+(\.[a-z-]+)+", str(event.value)), where


def test_the_page_has_an_event_once() -> None:
    rows = re.findall(r"^\| ([a-z][a-z.-]+) \| [a-z, ]+ \|", PAGE, re.M)
    rows = [row for row in rows if row != "event"]
    assert sorted(rows) == sorted(set(rows))


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.at_s = 1_000.0

    def __call__(self) -> float:
        return self.at_s


def written(storms: Storms, event: dict[str, str], level: str = "error") -> "dict[str, str] | None":
    try:
        return dict(storms(None, level, dict(event)))
    except structlog.DropEvent:
        return None


def test_a_storm_has_an_end_and_says_how_long_it_was() -> None:
    clock, counted = Clock(), list[str]()
    storms = Storms(counted.append, clock, lines=3)
    event = {"event": "store.away"}
    assert [written(storms, event) is None for _ in range(10)] == [False] * 3 + [True] * 7
    assert written(storms, {"event": "hub.up"}) == {"event": "hub.up"}, "another is no storm"
    clock.at_s += STORM_S
    assert written(storms, event) == {**event, "suppressed": 7}
    assert written(storms, event) == event
    assert counted.count("error\tsuppressed") == 7


def test_channels_have_storms_of_their_own() -> None:
    storms = Storms(clock=Clock(), lines=1)
    assert written(storms, {"event": "wallet.call", "channel": "mtn"})
    assert written(storms, {"event": "wallet.call", "channel": "mtn"}) is None
    assert written(storms, {"event": "wallet.call", "channel": "airtel"})


def test_what_is_critical_is_always_written() -> None:
    clock = Clock()
    storms = Storms(clock=clock, lines=1)
    event = {"event": "store.statement-fault"}
    assert all(written(storms, event, "critical") == event for _ in range(3))
    clock.at_s += STORM_S
    assert written(storms, event, "critical") == event, "nothing was left out"


def test_warnings_take_nothing_from_errors() -> None:
    storms = Storms(clock=Clock(), lines=1)
    event = {"event": "http.certificate"}
    assert written(storms, event, "info")
    assert written(storms, event, "info") is None
    assert written(storms, event, "error")


def test_what_others_say_has_a_storm_for_each_of_them() -> None:
    """Theirs is one event, ``log``: a chatty library must not hide another's error."""
    storms = Storms(clock=Clock(), lines=1)
    assert written(storms, {"event": "log", "logger": "uvicorn.error", "said": "a"})
    assert written(storms, {"event": "log", "logger": "uvicorn.error", "said": "b"}) is None
    assert written(storms, {"event": "log", "logger": "uncaught", "said": "MemoryError"})


def test_garbage_in_right_frames_has_an_end() -> None:
    """Each PDU of it is a warning with a reason of its own: sixty a minute of a link will do."""
    storms = Storms(clock=Clock())
    event = {"event": "smpp.broke-protocol", "link": "smsc"}
    said = [written(storms, {**event, "why": f"octet {n}"}, "warning") for n in range(700)]
    assert sum(line is not None for line in said) == STORM_LINES


def test_what_is_remembered_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.observe.STORM_KINDS", 10)
    storms = Storms(clock=Clock())
    for number in range(25):
        written(storms, {"event": "x", "channel": str(number)})
    assert len(storms._seen) <= 10


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
FIRST = "01994d2e-6f00-7abc-8def-0123456789ab"


def test_a_line_says_its_message_and_what_it_began_with() -> None:
    own = f"00-{FIRST.replace('-', '')}-00f067aa0ba902b7-01"
    assert subject(FIRST) == {"message": FIRST}
    assert subject(FIRST, own, FIRST) == {"message": FIRST}
    assert subject("m2", own, FIRST) == {"message": "m2", "correlation": FIRST}
    brought = f"00-{TRACE}-00f067aa0ba902b7-01"
    assert subject("m2", brought, FIRST)["trace"] == TRACE
