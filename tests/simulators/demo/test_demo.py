"""The whole story as a person runs it: it ends well, it fails loudly, it leaves nothing behind."""

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hub.verbs.init import write_installation
from simulators.demo.children import environment
from simulators.demo.evening import Options, evening
from simulators.demo.expected import Expected
from simulators.demo.people import HOME
from simulators.phone.ussd import HttpUssd

pytestmark = pytest.mark.slow
TITLES = ["Money has an owner", "Buy by USSD", "Pay from a purse", "The meter"]
TITLES += [
    "The impatient customer",
    "The lost notice",
    "Pull the plug",
    "What must be refused",
    "A new key",
    "The books",
]


def left_behind(folder: Path) -> list[str]:
    """Processes that name a folder, and what is in it."""
    found = [str(path) for path in folder.iterdir()]
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = process.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if str(folder) in line:
            found.append(line)
    return found


def demo(folder: Path, *options: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "hub", "demo", *options],
        env=environment({"TMPDIR": str(folder)}),
        cwd=folder.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short name: the control socket's path has a limit of 107 bytes."""
    above = Path(tempfile.mkdtemp(prefix="wb-"))
    made = above / "tmp"
    made.mkdir()
    yield made
    shutil.rmtree(above, ignore_errors=True)


def test_the_story_is_told_and_every_amount_is_right(folder: Path) -> None:
    process = demo(folder, "--once", "--json")
    out, story = process.communicate(timeout=300)
    assert process.returncode == 0, story
    told = json.loads(out.splitlines()[-1])
    assert told["ok"] is True
    assert told["failed"] is None
    assert [act["title"] for act in told["acts"]] == TITLES
    assert all(act["ok"] for act in told["acts"])
    assert told["checks"] > 100
    assert told["first_token_s"] > told["hub_up_s"] > 0
    for speaker in ("customer", "phone", "network", "hub", "meter", "operator", "wattbus", "books"):
        assert f"{speaker:>11}  " in story
    assert left_behind(folder) == []


def test_a_wrong_expectation_fails_loudly(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    right = Expected()
    wrong = replace(right, first=replace(right.first, energy=13_588))
    out = io.StringIO()
    played = evening(Options(once=True), out, wrong)
    assert played.failed == "the quote, energy: expected 13588, came 13587"
    assert [act["ok"] for act in played.acts] == [True, False]
    assert "The story failed in act 2: the quote, energy" in out.getvalue()
    assert "hub.up" in out.getvalue()
    assert played.as_object()["ok"] is False
    assert left_behind(folder) == []


def test_it_stays_up_to_be_played_with_until_ctrl_c(folder: Path) -> None:
    process = demo(folder)
    assert process.stdout is not None
    lines: list[str] = []
    try:
        for line in process.stdout:
            lines.append(line)
            if "hub.log" in line:
                break
        told = "".join(lines)
        assert "The story is told" in told, told
        assert "simulate phone --smsc 127.0.0.1:" in told
        assert "send YES and the four digits" in told
        (url,) = set(re.findall(r"--ussd (\S+)", told))
        first = HttpUssd(url, time.time_ns()).dial(HOME.msisdn, "*123#")
        assert "Buy units" in first.text, "the story has ended its menus"
        assert process.poll() is None
        assert any("hub run" in each for each in left_behind(folder))
        os.kill(process.pid, signal.SIGINT)
        process.wait(30)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0
    assert left_behind(folder) == []


def test_a_failed_start_is_told_with_the_childs_last_words(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setattr("simulators.demo.house.write_installation", _broken)
    out = io.StringIO()
    played = evening(Options(once=True), out)
    assert "hub ended with 2" in played.failed
    assert "unheard_of" in played.failed
    assert "failed before the first act" in out.getvalue()
    assert left_behind(folder) == []


def _broken(folder: Path, http_port: int, smpp_port: int) -> Path:
    file = write_installation(folder, http_port, smpp_port)
    text = file.read_text("utf-8").replace('path = "/ussd"', 'unheard_of = "/ussd"')
    file.write_text(text, "utf-8")
    return file
