"""The daily proof: when it is due, that it goes on where the last ended, and how it alarms."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from structlog.testing import capture_logs

from core.store.tx import TransientStoreError
from hub import metrics, prover
from hub.proof import EVERYTHING, Proof
from hub.proof_store import Proven, keep, last_proof
from hub.prover import Prover, due_until
from tests.hub.crimes import attack, plant_in_log, sold
from tests.hub.machine import Machine, buy, fresh_sqlite
from tests.hub.sales import set_clock

ZONES = {"demo": "Africa/Kampala"}


def instant(local: str, zone: str = "Africa/Kampala") -> int:
    return int(datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone)).timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-11-22T02:29", "2026-11-21"),
        ("2026-11-22T02:30", "2026-11-22"),
        ("2026-11-22T23:59", "2026-11-22"),
        ("2026-11-23T00:00", "2026-11-22"),
    ],
)
def test_a_day_is_due_at_its_hour(now: str, until: str) -> None:
    assert due_until(instant(now), "02:30", ZONES) == instant(until)


def test_with_several_zones_each_midnight_is_a_stop_on_the_way() -> None:
    zones = {"a": "Africa/Kampala", "b": "Europe/Paris"}
    for now, zone, day in [
        ("2026-11-22T02:31", "Africa/Kampala", "2026-11-22"),
        ("2026-11-22T04:29", "Africa/Kampala", "2026-11-22"),
        ("2026-11-22T02:31", "Europe/Paris", "2026-11-22"),
    ]:
        assert due_until(instant(now, zone), "02:30", zones) == instant(day, zone)
    assert due_until(instant("2026-11-22T02:31"), "02:30", {}) == 0


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = sold(fresh_sqlite(tmp_path))
    yield machine
    machine.store.close()


def stage(machine: Machine) -> Prover:
    return Prover(machine.store, ZONES, "02:30", machine.time.sources())


def run(prover: Prover) -> list[Any]:
    """Step it until it rests; what it logged."""
    with capture_logs() as logs:
        for _ in range(200):
            if not prover.step():
                return logs
    raise AssertionError("it goes on for ever")


def kept(machine: Machine) -> list[tuple[Any, ...]]:
    return machine.rows(
        "SELECT until_us, made, sold, other, findings FROM token_proof ORDER BY until_us"
    )


def test_each_day_is_proved_once_and_goes_on_where_the_last_ended(machine: Machine) -> None:
    daily = stage(machine)
    run(daily)
    assert kept(machine) == [(instant("2026-11-21"), 0, 0, 0, 0)]
    set_clock(machine, "2026-11-22T02:31:00")
    (said,) = run(daily)
    assert (said["event"], said["tokens"]) == ("tokens.proved", 5)
    set_clock(machine, "2026-11-22T09:00:00")
    machine.do(buy(another=True), "next day")
    assert run(daily) == []
    set_clock(machine, "2026-11-23T02:31:00")
    run(stage(machine))  # another process: it reads where the last one ended
    assert kept(machine)[1:] == [
        (instant("2026-11-22"), 5, 5, 0, 0),
        (instant("2026-11-23"), 1, 1, 0, 0),
    ]
    with machine.store.reader() as reader:
        (end,) = last_proof(reader).heads.values()
        assert (end.batch, end.total) == (6, 6)
        assert "wattbus_token_findings 0.0" in metrics.render(reader, metrics.Node(), 1)


def test_a_finding_alarms_and_stays(machine: Machine) -> None:
    run(stage(machine))
    plant_in_log(machine)
    set_clock(machine, "2026-11-22T03:00:00")
    alarm, named = run(stage(machine))
    assert (alarm["event"], alarm["log_level"], alarm["findings"]) == (
        "tokens.findings",
        "error",
        1,
    )
    assert named["code"] == "token-without-cause"
    assert "a token without a cause" in named["sentence"]
    set_clock(machine, "2026-11-23T03:00:00")
    run(stage(machine))
    with machine.store.reader() as reader:
        page = metrics.render(reader, metrics.Node(), 1)
    assert "wattbus_token_findings 1.0" in page
    (line,) = [x for x in page.splitlines() if x.startswith("wattbus_token_proof_until_seconds ")]
    assert float(line.split()[1]) * 1e6 == instant("2026-11-23")


def test_a_log_written_anew_does_not_stand_where_it_stood(machine: Machine) -> None:
    """The perfect crime against the books alone: token, sale, postings and log row all gone."""
    set_clock(machine, "2026-11-22T03:00:00")
    run(stage(machine))
    sale = "(SELECT t.id FROM ledger_txn t JOIN sale s ON s.message_id = t.message_id AND s.id = 5)"
    attack(
        machine,
        "DELETE FROM module_log WHERE batch = 5",
        f"DELETE FROM posting WHERE txn_id = {sale}",
        f"DELETE FROM ledger_txn WHERE id = {sale}",
        "DELETE FROM token WHERE id = 5",
        "DELETE FROM sale WHERE id = 5",
    )
    clean = Proof(machine.store.reader, EVERYTHING, ZONES)
    assert [*clean.run()] != []
    assert clean.findings.total == 0
    with machine.store.reader() as reader:
        last = last_proof(reader)
    held = Proof(machine.store.reader, EVERYTHING, ZONES, last.heads)
    assert [*held.run()] != []
    assert set(held.findings.counts) == {"log-shrunk"}
    machine.worker.batch.rolled_back()
    machine.do(buy(another=True), "more")
    held = Proof(machine.store.reader, EVERYTHING, ZONES, last.heads)
    assert [*held.run()] != []
    assert set(held.findings.counts) == {"log-rewritten"}


def test_what_a_clock_that_was_set_back_has_made_is_proved_with_the_next_day(
    machine: Machine,
) -> None:
    set_clock(machine, "2026-11-22T03:00:00")
    run(stage(machine))
    set_clock(machine, "2026-11-21T11:00:00")  # long before the end of what is proved
    machine.do(buy(another=True), "in the past")
    set_clock(machine, "2026-11-23T03:00:00")
    run(stage(machine))
    assert kept(machine)[-1][-1] == 0
    plant = machine.time.at_us
    machine.time.at_us = instant("2026-11-21T12:00")
    plant_in_log(machine)  # a crime dated into days that are proved
    machine.time.at_us = plant
    set_clock(machine, "2026-11-24T03:00:00")
    run(stage(machine))
    assert kept(machine)[-1][-1] == 1


def test_only_the_first_of_two_nodes_keeps_its_proof(machine: Machine) -> None:
    proof = Proof(machine.store.reader, EVERYTHING, ZONES)
    assert [*proof.run()] != []
    for first in (True, False):
        with machine.store.transaction() as tx:
            assert keep(tx, proof, 1) is first


def test_a_proof_that_fails_stops_nothing_and_is_begun_again(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    daily = stage(machine)

    def away(*_: object) -> None:
        raise TransientStoreError("gone")

    with monkeypatch.context() as patched:
        patched.setattr(prover, "last_proof", away)
        (said,) = run(daily)
    assert (said["event"], said["log_level"]) == ("tokens.proof.failed", "error")
    machine.time.at_us += prover.EVERY_US
    assert run(daily) == []
    machine.time.at_us += prover.AGAIN_US
    assert [entry["event"] for entry in run(daily)] == ["tokens.proved"]


def test_before_the_first_proof_nothing_is_proved(machine: Machine) -> None:
    with machine.store.reader() as reader:
        assert last_proof(reader) == Proven(EVERYTHING.since, {})
