"""A drill's clock: moved by a file, at each look, in processes of test companies alone."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hub.clock import ClockFileError, DrillClock, Sources
from hub.verbs.init import write_installation

HOUR_US = 3_600_000_000


def put(file: Path, text: str) -> None:
    new = file.with_suffix(".new")
    new.write_text(text)
    os.replace(new, file)


def ahead_us(clock: DrillClock) -> int:
    """How far it is moved, to the minute."""
    return round((clock.now_us() - time.time_ns() // 1_000) / 60_000_000) * 60_000_000


def test_each_look_sees_what_the_file_says_by_then(tmp_path: Path) -> None:
    file = tmp_path / "clock"
    put(file, str(HOUR_US))
    clock = DrillClock(file)
    assert ahead_us(clock) == HOUR_US
    put(file, str(26 * HOUR_US))
    assert ahead_us(clock) == 26 * HOUR_US
    put(file, str(-HOUR_US))
    assert ahead_us(clock) == -HOUR_US


@pytest.mark.parametrize("wrong", ["", "an hour", "1.5"])
def test_what_says_nothing_later_leaves_the_clock_as_it_was(tmp_path: Path, wrong: str) -> None:
    file = tmp_path / "clock"
    put(file, str(HOUR_US))
    clock = DrillClock(file)
    put(file, wrong)
    assert ahead_us(clock) == HOUR_US
    file.unlink()
    assert ahead_us(clock) == HOUR_US


@pytest.mark.parametrize("text", [None, "", "soon"])
def test_a_drill_without_a_number_does_not_begin(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "clock"
    if text is not None:
        put(file, text)
    with pytest.raises(ClockFileError, match=r"WATTBUS_CLOCK_FILE: .*microseconds"):
        DrillClock(file)


def test_the_machines_clock_is_another_matter() -> None:
    """A fake clock is the machine's own; the wall clock is compared unmoved (test of a process)."""
    assert Sources(lambda: 7).machine_us() == 7
    assert abs(Sources().machine_us() - time.time_ns() // 1_000) < HOUR_US


_LOOKS = """
import time
from hub.clock import Sources, drilled
sources = Sources()
wall = time.time_ns() // 1_000
print(round((sources.now_us() - wall) / 6e7), round((sources.machine_us() - wall) / 6e7))
print(drilled())
"""


def in_drill(file: Path, *argv: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *argv],
        env={**os.environ, "WATTBUS_CLOCK_FILE": str(file), "COLUMNS": "160"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_a_process_is_moved_and_knows_the_machines_clock(tmp_path: Path) -> None:
    file = tmp_path / "clock"
    put(file, str(2 * HOUR_US))
    ended = in_drill(file, "-c", _LOOKS)
    assert ended.stdout.split() == ["120", "0", str(file)], ended.stderr


@pytest.mark.slow
def test_a_company_that_is_live_is_not_drilled(tmp_path: Path) -> None:
    file = tmp_path / "clock"
    put(file, "0")
    config = write_installation(tmp_path / "live", 8080, 2775)
    text = config.read_text("utf-8")
    assert in_drill(file, "-m", "hub", "db", "upgrade", "-c", str(config)).returncode == 0
    config.write_text(text.replace("test = true", "test = false"), "utf-8")
    refused = in_drill(file, "-m", "hub", "db", "upgrade", "-c", str(config))
    assert refused.returncode != 0
    said = " ".join((refused.stdout + refused.stderr).split())
    assert "is no test company, and WATTBUS_CLOCK_FILE moves the clock: unset it" in said
