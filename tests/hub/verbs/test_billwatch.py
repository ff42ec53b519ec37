"""Watching a run on the bulk lane: how it ends, and how the watching ends."""

from pathlib import Path
from typing import Any

import pytest
import typer

from core.billing.states import RunMove
from hub.config import Config, read
from hub.verbs import _billwatch
from hub.verbs._billwatch import start, watch
from tests.core.billing.village import planned
from tests.hub.lane import Lane
from tests.hub.machine import fresh_sqlite
from tests.hub.verbs.installation import CONFIG


@pytest.fixture
def lane(tmp_path: Path) -> Lane:
    return Lane(fresh_sqlite(tmp_path))


@pytest.fixture
def config(tmp_path: Path, lane: Lane) -> Config:
    file = tmp_path / "wattbus.toml"
    file.write_text(f'{CONFIG}\n[database]\nurl = "{lane.url}"\n')
    return read(file)


def looks(config: Config, run: int) -> None:
    watch(config, "demo", run, "run", RunMove.FREEZE)


def test_it_ends_when_nothing_is_on_the_bus_any_more(
    lane: Lane, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = planned(lane.books)
    lane.begin(run, "freeze")
    seen: list[str] = []

    def sleep(_seconds: float) -> None:
        seen.append(lane.state(run))
        lane.bulk.step()

    monkeypatch.setattr(_billwatch.time, "sleep", sleep)
    monkeypatch.setattr(_billwatch, "hub_answers", lambda _config: True)
    looks(config, run)
    assert lane.state(run) == "validated"
    assert set(seen) == {"planned", "frozen"}


def test_it_says_what_cannot_go_on(
    lane: Lane, config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    run = planned(lane.books)
    lane.begin(run, "freeze")
    lane.bulk.step()
    with lane.machine.store.transaction() as tx:
        tx.run("UPDATE delivery SET state = 3, error = 'BillingError: x' WHERE state = 0")
    with pytest.raises(typer.Exit):
        looks(config, run)
    assert "run 1 cannot go on: BillingError: x" in capsys.readouterr().err


def test_it_ends_when_the_hub_has_gone(
    lane: Lane, config: Config, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = planned(lane.books)
    lane.begin(run, "freeze")
    monkeypatch.setattr(_billwatch, "LOOK_S", 0)
    monkeypatch.setattr(_billwatch, "LOOKS", 1)
    with pytest.raises(typer.Exit):
        looks(config, run)
    assert "the hub has gone; run 1 goes on by itself when it is back" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"outcome": "refused", "code": "act-wrong", "args": {"what": "given up"}}, "given up"),
        ({"outcome": "unknown", "code": "outcome-unknown"}, "outcome-unknown"),
    ],
)
def test_a_no_is_said(
    config: Config,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answer: dict[str, Any],
    said: str,
) -> None:
    reply = {"run": 1, "phase": "freeze", "answer": answer}
    monkeypatch.setattr(_billwatch, "ask_hub", lambda *_: reply)
    with pytest.raises(typer.Exit):
        start(config, "demo", 1, "run")
    assert said in capsys.readouterr().err


def test_what_waits_for_its_turn_is_begun(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    reply = {"run": 1, "phase": "issue", "answer": None}
    monkeypatch.setattr(_billwatch, "ask_hub", lambda *_: reply)
    assert start(config, "demo", 1, "issue") is RunMove.ISSUE
