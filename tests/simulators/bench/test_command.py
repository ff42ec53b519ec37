"""The command line of the benches."""

import json
import signal
from contextlib import ExitStack
from typing import Any

import pytest
import typer

from simulators.bench import SIMULATOR, TOP_LEVEL, command
from simulators.bench.options import Options
from simulators.bench.population import NoRoomError


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Options]:
    heard: list[Options] = []

    def measure(options: Options) -> dict[str, Any]:
        heard.append(options)
        options.say("half way")
        return {"bench": "fake", "ratio": 0.5, "cpu": {"channel": 1_000}}

    monkeypatch.setattr(command, "BENCHES", {"fake": (measure, "help", ("sqlite", "postgresql"))})
    return heard


def test_it_stands_at_the_top() -> None:
    assert TOP_LEVEL
    assert SIMULATOR.name == "bench"
    benches = {
        "sts",
        "iso8583",
        "submit",
        "sales",
        "path",
        "pos",
        "mobile-money",
        "floats",
        "billing",
        "full",
        "accounts",
        "soak",
    }
    assert set(command.BENCHES) == benches


def test_json_is_the_last_line(asked: list[Options], capsys: pytest.CaptureFixture[str]) -> None:
    command.run("fake", json_=True)
    out, err = capsys.readouterr()
    assert json.loads(out.splitlines()[-1])["ratio"] == 0.5
    assert "half way" in err


def test_people_read_lines(asked: list[Options], capsys: pytest.CaptureFixture[str]) -> None:
    command.run("fake")
    assert capsys.readouterr().out == "bench  fake\nratio  0.5\ncpu:\n  channel  1,000\n"


def test_quick_is_short_and_what_is_said_wins(asked: list[Options]) -> None:
    command.run("fake")
    command.run("fake", quick=True)
    command.run("fake", engine="sqlite", quick=True, seconds=2, rounds=4, households=9, scale=1)
    full, quick, said = asked
    assert (full.seconds, full.rounds, full.households, full.scale) == (20, 3, 20_000, 50)
    assert (quick.seconds, quick.rounds, quick.households, quick.scale) == (5, 1, 4_000, 50)
    assert said.engine == "sqlite"
    assert (said.seconds, said.rounds, said.households, said.scale) == (2, 4, 9, 1)


def test_a_bench_that_is_ended_clears_up(
    asked: list[Options], monkeypatch: pytest.MonkeyPatch
) -> None:
    cleared: list[str] = []

    def measure(_options: Options) -> dict[str, Any]:
        with ExitStack() as stack:
            stack.callback(cleared.append, "server")
            signal.raise_signal(signal.SIGTERM)
        raise AssertionError("it went on")

    monkeypatch.setattr(command, "BENCHES", {"fake": (measure, "help", ())})
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit):
        command.run("fake")
    assert cleared == ["server"]
    assert signal.getsignal(signal.SIGTERM) is before


def test_what_there_is_not_is_named(asked: list[Options]) -> None:
    with pytest.raises(SystemExit, match=r"no bench 'speed' \(known: fake\)"):
        command.run("speed")
    with pytest.raises(SystemExit, match=r"no engine 'oracle' \(known: sqlite, postgresql\)"):
        command.run("fake", engine="oracle")


def test_how_many_nodes_in_turn(asked: list[Options]) -> None:
    command.run("fake")
    command.run("fake", nodes="1,2,3", minutes=0.5)
    assert [(one.nodes, one.minutes) for one in asked] == [((1,), 30.0), ((1, 2, 3), 0.5)]


@pytest.mark.parametrize("nodes", ["", "0", "1,,2", "two", "1,10"])
def test_what_is_no_number_of_nodes(asked: list[Options], nodes: str) -> None:
    with pytest.raises(typer.BadParameter, match="numbers from 1 to 9"):
        command.run("fake", nodes=nodes)


def test_the_sizes_unless_they_are_said() -> None:
    assert command._size("accounts", quick=False) == 10_000_000
    assert command._size("billing", quick=False) == 100_000
    assert command._size("path", quick=False) == 20_000


def test_a_bench_that_failed_says_so_after_its_figures(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def measure(_options: Options) -> dict[str, Any]:
        return {"bench": "fake", "failed": True}

    monkeypatch.setattr(command, "BENCHES", {"fake": (measure, "help", ())})
    with pytest.raises(typer.Exit) as ended:
        command.run("fake", json_=True)
    assert ended.value.exit_code == 1
    assert json.loads(capsys.readouterr().out)["failed"] is True


def test_a_disk_without_room_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def measure(_options: Options) -> dict[str, Any]:
        raise NoRoomError("10 accounts need 9 GiB")

    monkeypatch.setattr(command, "BENCHES", {"fake": (measure, "help", ())})
    with pytest.raises(typer.Exit):
        command.run("fake")
    assert "10 accounts need 9 GiB" in capsys.readouterr().err
