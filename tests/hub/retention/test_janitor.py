"""The janitor works by night, when nothing waits, and begins again where it was disturbed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.store.retention import Tier
from hub import audit
from hub.archive import Archive, files, verify
from hub.janitor import BUSY, CHUNK_US, LEAST, Janitor, cut_us, is_night
from hub.sections import PruningSection
from tests.hub.machine import Machine, buy, enrol, fresh_sqlite, pay
from tests.hub.retention.old import DAY_US, counts, house, later, run_of
from tests.hub.sales import instant, set_clock

NIGHT = PruningSection(nightly=True, chunk=4)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(fresh_sqlite(tmp_path))
    machine.do(enrol(), "enrol")
    machine.do(pay(200_000), "pay")
    machine.do(buy(), "buy")
    yield machine
    machine.store.close()


def janitor(machine: Machine, section: PruningSection = NIGHT, **kept: int) -> Janitor:
    houses = {"demo": house(**kept)}
    return Janitor(machine.store, houses, section, None, "node1", machine.time.sources())


def turns(machine: Machine, stage: Janitor, count: int = 60) -> None:
    """The loop comes by every second."""
    for _ in range(count):
        stage.step()
        machine.time.at_us += 1_000_000


@pytest.mark.parametrize(
    ("begins", "ends", "now", "night"),
    [
        ("01:00", "05:00", "2026-11-22T00:59:59", ""),
        ("01:00", "05:00", "2026-11-22T01:00:00", "2026-11-22"),
        ("01:00", "05:00", "2026-11-22T04:59:59", "2026-11-22"),
        ("01:00", "05:00", "2026-11-22T05:00:00", ""),
        ("22:00", "04:00", "2026-11-22T23:00:00", "2026-11-22"),
        ("22:00", "04:00", "2026-11-23T03:00:00", "2026-11-22"),
        ("22:00", "04:00", "2026-11-23T04:00:00", ""),
    ],
)
def test_when_it_is_night(begins: str, ends: str, now: str, night: str) -> None:
    section = PruningSection(begins=begins, ends=ends)
    assert is_night(instant(now), "Africa/Kampala", section) == night


def test_each_tier_has_its_cut() -> None:
    now = instant("2026-11-30T02:00:00")
    assert cut_us(house(), Tier.BODIES, now) == now - 30 * DAY_US
    assert cut_us(house(), Tier.ROWS, now) == instant("2025-10-28T00:00:00", "UTC")
    assert cut_us(house(), Tier.EVIDENCE, now) == instant("2019-11-28T00:00:00", "UTC")
    for tier in Tier:
        assert cut_us(house(bodies_days=0, rows_months=0, evidence_years=0), tier, now) == 0


def test_it_does_nothing_by_day(machine: Machine) -> None:
    later(machine, 31)
    before = machine.rows("SELECT envelope FROM message")
    turns(machine, janitor(machine))
    assert machine.rows("SELECT envelope FROM message") == before


def test_it_does_nothing_before_somebody_says_so(machine: Machine) -> None:
    set_clock(machine, "2027-03-01T01:30:00")
    before = machine.rows("SELECT envelope FROM message")
    turns(machine, janitor(machine, PruningSection()))
    assert machine.rows("SELECT envelope FROM message") == before


def test_it_prunes_once_a_night(machine: Machine) -> None:
    set_clock(machine, "2027-03-01T01:30:00")
    stage = janitor(machine)
    turns(machine, stage)
    assert {row[0] for row in machine.rows("SELECT raw FROM journal")} == {""}
    turns(machine, stage, 300)
    with machine.store.reader() as reader:
        assert [(row.actor, row.act) for row in audit.read(reader)] == [("clock", "prune")]
    set_clock(machine, "2027-03-02T01:30:00")
    turns(machine, stage)
    with machine.store.reader() as reader:
        assert len(audit.read(reader)) == 2


def test_one_may_ask_for_it_by_day(machine: Machine) -> None:
    later(machine, 31)
    stage = janitor(machine, PruningSection(chunk=3))
    stage.ask("mary")
    turns(machine, stage)
    assert {row[0] for row in machine.rows("SELECT raw FROM journal")} == {""}
    with machine.store.reader() as reader:
        assert [row.actor for row in audit.read(reader)] == ["mary"]


def test_it_waits_while_there_is_work(machine: Machine) -> None:
    for number in range(BUSY):
        machine.accept(pay(1_000), f"more{number}")
    machine.intake.step()
    set_clock(machine, "2027-03-01T01:30:00")
    stage, before = janitor(machine), counts(machine, "retention_mark")
    turns(machine, stage)
    assert counts(machine, "retention_mark") == before
    machine.settle()
    turns(machine, stage)
    assert counts(machine, "retention_mark") > before


def test_what_the_night_was_too_short_for_is_done_in_the_next(machine: Machine) -> None:
    set_clock(machine, "2027-03-01T04:59:57")
    stage = janitor(machine, PruningSection(nightly=True, chunk=1))
    turns(machine, stage, 100)
    assert len(machine.rows("SELECT 1 FROM journal WHERE raw <> ''")) > 0
    with machine.store.reader() as reader:
        assert '"whole":false' in audit.read(reader)[0].detail
    set_clock(machine, "2027-03-02T01:00:00")
    turns(machine, stage, 100)
    assert machine.rows("SELECT 1 FROM journal WHERE raw <> ''") == []


def test_a_clock_set_back_does_not_stop_it(machine: Machine) -> None:
    set_clock(machine, "2027-06-01T12:00:00")
    stage = janitor(machine)
    stage.step()
    set_clock(machine, "2027-03-01T01:30:00")
    turns(machine, stage)
    assert machine.rows("SELECT 1 FROM journal WHERE raw <> ''") == []


def test_a_folder_that_cannot_be_is_told_and_tried_again(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    set_clock(machine, "2027-03-01T01:30:00")
    stage = janitor(machine)
    stage.archive = tmp_path / "file" / "archive"
    turns(machine, stage)
    assert len(machine.rows("SELECT 1 FROM journal WHERE raw <> ''")) > 0, "nothing is lost"
    stage.archive = tmp_path / "archive"
    set_clock(machine, "2027-03-01T02:30:00")
    turns(machine, stage)
    assert machine.rows("SELECT 1 FROM journal WHERE raw <> ''") == []


def test_what_went_before_a_fault_is_on_record(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_clock(machine, "2027-03-01T01:30:00")
    stage = janitor(machine, PruningSection(nightly=True, chunk=1))
    stage.archive = tmp_path / "archive"
    turns(machine, stage, 5)
    gone = len(machine.rows("SELECT 1 FROM journal WHERE raw = ''"))
    assert gone > 0

    def full(*_args: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(Archive, "put", full)
        turns(machine, stage, 5)
    with machine.store.reader() as reader:
        (row,) = audit.read(reader)
    assert '"whole":false' in row.detail
    assert f'"bodies.journal":{gone}' in row.detail
    assert sum(verify(path).rows for path in files(stage.archive)) == gone
    set_clock(machine, "2027-03-01T02:30:00")
    turns(machine, stage)
    assert machine.rows("SELECT 1 FROM journal WHERE raw <> ''") == []


def test_a_chunk_that_took_long_is_followed_by_a_smaller_one(machine: Machine) -> None:
    later(machine, 31)
    run = run_of(machine, chunk=400)
    run._size = 400
    for _ in range(9):
        run._fit(CHUNK_US + 1)
    assert run._size == LEAST
    run._fit(CHUNK_US)
    assert run._size == LEAST
    for _ in range(9):
        run._fit(1)
    assert run._size == 400
