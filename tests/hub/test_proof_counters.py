"""Modules' counters from their message to the proof, daily and from the outside."""

import json
import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from core.messages import Outcome, ReportModule
from core.queries.modules import Work, logged, work_of
from hub import proof_counters
from hub.proof import EVERYTHING, Proof
from hub.proof_read import Span
from hub.prover import Prover
from tests.hub.crimes import attack
from tests.hub.machine import buy, fresh_sqlite
from tests.hub.remote import BOX, RemoteMachine
from tests.hub.verbs.installation import installed

ZONES = {"demo": "Africa/Kampala"}
DAY_US = int(timedelta(days=1) / timedelta(microseconds=1))


class Counting(RemoteMachine):
    """A machine whose box counts: ``made`` tokens so far, ``behind`` of them behind our back."""

    count = 1_000  # it made others before it came to us

    def sells(self, key: str) -> None:
        heard = self.accept(buy(10_000, another=True), key)
        self.settle()
        assert heard
        order = self.box.orders[-1]
        tokens = self.made(order)
        self.count += len(tokens)
        self.report(order, "made", tokens=tokens)

    def tells(self, **changes: Any) -> None:
        """Idle, it is read."""
        self.time.at_us += 60_000_000
        known = self.work().logged
        plain: dict[str, Any] = {
            "module": BOX,
            "at": self.time.at_us,
            "counted": self.count,
            "logged": known,
        }
        report = ReportModule(**plain | changes)
        answer = self.do(report, f"{BOX}/count/{self.time.at_us}")
        assert answer.outcome is Outcome.DONE

    def work(self) -> Work:
        with self.store.reader() as reader:
            return work_of(reader, self.terms, BOX)


@pytest.fixture
def machine(tmp_path: Path) -> Counting:
    made = Counting(fresh_sqlite(tmp_path))
    made.open_account(500_000)
    made.tells()
    return made


def proved(machine: Counting, span: Span = EVERYTHING) -> Proof:
    proof = Proof(machine.store.reader, span, ZONES)
    for _ in proof.run():
        pass
    return proof


def test_a_day_of_sales_is_clean_and_says_where_the_counter_stands(machine: Counting) -> None:
    for number in range(3):
        machine.sells(f"b{number}")
        machine.tells()
    proof = proved(machine)
    assert proof.findings.listed == []
    ((counted),) = proof.counters
    assert (counted.module, counted.last.counted, counted.last.logged) == (BOX, 1_003, 3)


def test_a_token_behind_our_back_is_found(machine: Counting) -> None:
    machine.sells("b1")
    machine.count += 1
    machine.tells()
    machine.sells("b2")
    machine.tells()
    (finding,) = proved(machine).findings.listed
    assert finding.code == "counter-ahead"
    assert "Module box: its own counter says 1003, 1 more" in finding.sentence


def test_readings_are_read_by_pages(machine: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof_counters, "PAGE", 2)
    for _ in range(5):
        machine.tells()
    machine.count += 2
    machine.tells()
    proof = proved(machine)
    assert [counted.extra for counted in proof.counters] == [2]
    machine.tells(module="second", counted=9, logged=0)
    assert [counted.module for counted in proved(machine).counters] == [BOX, "second"]


def test_what_is_open_and_what_is_for_people(machine: Counting) -> None:
    assert machine.work() == Work(0, 0)
    machine.accept(buy(10_000), "b1")
    machine.settle()
    assert machine.work() == Work(1, 0)
    order = machine.box.orders[0]
    machine.report(order, "doubtful")
    assert machine.work() == Work(1, 0)
    machine.report(order, "undecided")
    assert machine.work() == Work(0, 0)
    machine.report(order, "made", tokens=machine.made(order))
    assert machine.work() == Work(0, 1)


def test_all_writers_of_a_module_are_added_up(machine: Counting) -> None:
    machine.sells("b1")
    for module, writer in (("module", "'w2'"), ("'other'", "writer")):
        attack(
            machine,
            f"INSERT INTO module_log SELECT {module}, {writer}, batch, made, total, previous, "
            f"seal, digests, at, entries FROM module_log WHERE module = '{BOX}' LIMIT 1",
        )
    with machine.store.reader() as reader:
        assert (logged(reader, BOX), logged(reader, "nobody")) == (2, 0)


def test_the_daily_run_finds_it_once_and_goes_on(machine: Counting) -> None:
    prover = Prover(machine.store, ZONES, "02:30", machine.time.sources())
    found = []
    for crimes in (0, 1, 0, 2):
        machine.sells(f"b{len(found)}")
        machine.count += crimes
        machine.tells()
        machine.time.at_us += DAY_US
        while prover.step():
            pass
        ((findings,),) = machine.rows(
            "SELECT findings FROM token_proof ORDER BY until_us DESC LIMIT 1"
        )
        found.append(findings)
    assert found == [0, 1, 0, 1]


def test_a_counter_that_went_back_is_no_finding_and_told_of(machine: Counting) -> None:
    machine.sells("b1")
    machine.tells()
    machine.count = 0
    machine.tells()
    machine.sells("b2")
    machine.tells()
    proof = proved(machine)
    assert not proof.findings.total
    (((before, after),),) = [counted.restarts for counted in proof.counters]
    assert (before.counted, after.counted) == (1_001, 0)


def test_readings_are_final(machine: Counting) -> None:
    for sql in ("UPDATE module_count SET counted = 0", "DELETE FROM module_count"):
        with (
            sqlite3.connect(machine.url.removeprefix("sqlite:")) as link,
            pytest.raises(sqlite3.IntegrityError, match="final"),
        ):
            link.execute(sql)
        link.close()


def test_from_the_outside_it_is_said_in_words(tmp_path: Path) -> None:
    outside = installed(tmp_path)
    machine = Counting(outside.machine.url)
    machine.open_account(500_000)
    machine.tells()
    machine.count = 40
    machine.tells()
    assert outside.call("check", "--tokens")[0] == 0
    machine.sells("b1")
    machine.count += 2
    machine.tells()
    code, out, err = outside.call("check", "--tokens")
    assert code == 1
    assert "its counter went back from 1,000 to 40: another box, or set anew" in err
    assert "counter-ahead: Module box: its own counter says 43, 2 more than" in err
    assert "box  its own counter 43, logged 1 at 2026-11-21 " in out
    assert "UTC, not logged 2" in out
    told = json.loads(outside.call("check", "--tokens", "--json")[1])
    (counter,) = told["counters"]
    assert (counter["counted"], counter["not_logged"], counter["restarts"]) == (43, 2, 1)
    assert told["codes"] == {"counter-ahead": 1}
