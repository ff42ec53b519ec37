"""A paused channel takes nothing in and is handed nothing; what waits goes out when it goes on."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hub.acts import ActError
from hub.boot import build
from hub.channel import Arrival, Overloaded
from hub.config import read
from hub.control import ControlError
from hub.pausing import PauseDesk, paused_now
from tests.hub.machine import Machine, buy, enrol, fresh_sqlite, pay
from tests.hub.test_boot import REACTOR, config, folder, made, spec_of  # noqa: F401
from tests.hub.verbs.installation import CONFIG, Installation


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(fresh_sqlite(tmp_path))
    yield machine
    machine.store.close()


@pytest.fixture
def desk(machine: Machine) -> PauseDesk:
    ports: dict[str, Any] = {"sms": SimpleNamespace(paused=None)}
    return PauseDesk(
        machine.chores,
        ports,
        {"sms": machine.channel},
        "node1",
        machine.time.now_us,
        lambda name: machine.outbound.hold(name, ports[name].paused is not None),
    )


def ask(machine: Machine, desk: PauseDesk, verb: str, **words: Any) -> Any:
    heard: list[Any] = []
    request = {"channel": "sms", "reason": "their firewall", "actor": "ann via ops", **words}
    desk.verbs()[verb](request).addBoth(heard.append)
    machine.chores.step()
    return heard[0]


def sold(machine: Machine) -> None:
    machine.do(enrol(), "enrol")
    machine.do(pay(50_000), "pay")
    machine.do(buy(), "buy")


def test_what_is_to_go_out_waits_and_goes_out_once(machine: Machine, desk: PauseDesk) -> None:
    ask(machine, desk, "pause")
    sold(machine)
    assert machine.channel.sent == []
    waiting = "SELECT count(*) FROM delivery WHERE handler = 'channel:sms' AND state = 0"
    assert machine.rows(waiting) == [(1,)]
    ask(machine, desk, "resume")
    machine.settle()
    assert len(machine.channel.sent) == 1
    assert machine.rows(waiting) == [(0,)]
    assert machine.unaccounted() == 0


def test_a_wake_of_the_channel_itself_does_not_end_it(machine: Machine, desk: PauseDesk) -> None:
    ask(machine, desk, "pause")
    machine.outbound.wake("sms")
    sold(machine)
    assert machine.channel.sent == []


def test_it_is_noted_and_on_record(machine: Machine, desk: PauseDesk) -> None:
    said = ask(machine, desk, "pause")
    with machine.store.reader() as reader:
        noted = paused_now(reader)["sms"]
    assert (noted.by, noted.reason) == ("ann via ops", "their firewall")
    assert said == {"channel": "sms", "paused": noted.words()}
    assert noted.words().startswith("by ann via ops since 20")
    ask(machine, desk, "resume", reason="they mended it")
    with machine.store.reader() as reader:
        assert paused_now(reader) == {}
    trail = machine.rows("SELECT act, subject, detail FROM audit ORDER BY number")
    assert [(act, about, json.loads(why)["reason"]) for act, about, why in trail] == [
        ("pause", "sms", "their firewall"), ("resume", "sms", "they mended it"),
    ]  # fmt: skip


def test_a_second_pause_leaves_the_first(machine: Machine, desk: PauseDesk) -> None:
    first = ask(machine, desk, "pause")
    assert ask(machine, desk, "pause", reason="also this", actor="bob via ops") == first


def test_what_does_not_get_into_the_database_is_no_pause(
    machine: Machine, desk: PauseDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: Any) -> None:
        raise ValueError("no")

    monkeypatch.setattr("hub.pausing.audit.append", broken)
    assert "no" in str(ask(machine, desk, "pause").value)
    assert desk.ports["sms"].paused is None
    sold(machine)
    assert len(machine.channel.sent) == 1


def test_it_needs_a_channel_and_a_reason(machine: Machine, desk: PauseDesk) -> None:
    with pytest.raises(ControlError, match=r"no channel fax \(known: sms\)"):
        ask(machine, desk, "pause", channel="fax")
    with pytest.raises(ActError, match="say why"):
        ask(machine, desk, "pause", reason=" ")


def test_what_arrives_hears_that_we_are_busy_also_after_a_restart(
    folder: Path,  # noqa: F811 - a fixture
    made: list[Any],  # noqa: F811
) -> None:
    first = build(read(folder / "wattbus.toml"), REACTOR, spec_of=spec_of)
    made.append(first)
    heard: list[Any] = []
    first._pauses().pause({"channel": "line", "reason": "garbage", "actor": "ann"}).addBoth(
        heard.append
    )
    assert first.ports["line"].paused is None, "not before the commit"
    first.engine.chores.step()
    assert first.status()["channels"]["line"]["state"] == "paused"
    made.remove(first)
    for store in first.engine.stores:
        store.close()
    first.engine.lock.close()
    again = build(read(folder / "wattbus.toml"), REACTOR, spec_of=spec_of)
    made.append(again)
    assert again.engine.outbound.held == {"line"}
    refused: list[Any] = []
    again.ports["line"].accept(arrival()).addErrback(refused.append)
    (failure,) = refused
    assert failure.check(Overloaded)
    assert "line is paused by ann" in str(failure.value)
    assert again.engine.intake.pending() == 0
    again.ports["control-demo"].accept(arrival())
    assert again.engine.intake.pending() == 1, "the others go on"


def arrival() -> Arrival:
    return Arrival(key="k", message=buy(), raw="BUY", partition_ref="meter/1")


def test_the_verb_says_what_it_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []

    def hub(_config: Any, request: dict[str, Any]) -> dict[str, Any]:
        asked.append(request)
        paused = "by ann since now: why" if request["do"] == "pause" else ""
        return {"channel": request["channel"], "paused": paused}

    (tmp_path / "wattbus.toml").write_text(CONFIG)
    monkeypatch.setattr("hub.verbs.channel.ask_hub", hub)
    place = Installation(tmp_path, None, [])  # type: ignore[arg-type]
    code, out, _ = place.call("channel", "pause", "sms", "--reason", "why", "--operator", "ann")
    assert (code, out) == (0, "channel sms paused by ann since now: why\n")
    assert asked[0] == {"do": "pause", "channel": "sms", "reason": "why", "operator": "ann"}
    code, out, _ = place.call("channel", "resume", "sms", "--json")
    assert (code, json.loads(out)) == (0, {"channel": "sms", "paused": ""})
    assert place.call("channel", "pause", "sms")[0] == 2, "a reason is needed"


def test_a_stopped_channel_is_closed_until_it_is_started_also_after_a_restart(
    folder: Path,  # noqa: F811 - a fixture
    made: list[Any],  # noqa: F811
) -> None:
    first = build(read(folder / "wattbus.toml"), REACTOR, spec_of=spec_of)
    made.append(first)
    asking = {"channel": "line", "reason": "their new address", "actor": "ann"}
    heard: list[Any] = []
    first._pauses().stop(asking).addBoth(heard.append)
    assert not first.stations.stopped, "not before the commit"
    first.engine.chores.step()
    words = first.stops["line"].words()
    assert heard == [{"channel": "line", "stopped": words}]
    assert words.endswith(": their new address")
    said = {"state": "stopped", "stopped": words}
    assert first.status()["channels"]["line"] == said
    made.remove(first)
    for store in first.engine.stores:
        store.close()
    first.engine.lock.close()
    again = build(read(folder / "wattbus.toml"), REACTOR, spec_of=spec_of)
    made.append(again)
    assert again.status()["channels"]["line"] == said
    assert again.stations.stopped == {"line"}
    again._pauses().start(asking).addBoth(heard.append)
    again.engine.chores.step()
    assert heard[1] == {"channel": "line", "stopped": ""}
    assert again.stations.is_open("line")
    with again.engine.readers.reader() as reader:
        assert [row[0] for row in reader.rows("SELECT act FROM audit ORDER BY number")] == [
            "stop", "start",
        ]  # fmt: skip


def test_the_verbs_say_that_it_is_stopped_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wattbus.toml").write_text(CONFIG)
    stopped = {"stop": "by ann since now: why", "start": ""}
    monkeypatch.setattr(
        "hub.verbs.channel.ask_hub",
        lambda _config, asked: {"channel": "sms", "stopped": stopped[asked["do"]]},
    )
    place = Installation(tmp_path, None, [])  # type: ignore[arg-type]
    said = place.call("channel", "stop", "sms", "--reason", "why", "--operator", "ann")
    assert said[:2] == (0, "channel sms stopped by ann since now: why\n")
    assert place.call("channel", "start", "sms")[1] == "channel sms goes on\n"
