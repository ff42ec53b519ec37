"""What is old and finished goes; what is not finished stays, with all that belongs to it."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from core.messages import CreditVend, Outcome
from core.store.invariants import offences
from hub import audit
from hub.archive import files, read, unfinished, verify
from hub.envelope import body_of, unseal
from hub.janitor import dry_run, jobs_of
from hub.proof import EVERYTHING, Proof
from hub.replaying import ReplayError, private_books, replay
from hub.timeline import find
from tests.hub.machine import PHONE, Machine, buy, enrol, fresh_sqlite, pay
from tests.hub.retention.old import counts, house, later, prune, run_of

MACHINERY = ("journal", "message", "delivery", "request", "notice", "notice_reference")
MONTHS_LATER = 430


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(fresh_sqlite(tmp_path))
    machine.do(enrol(), "enrol")
    machine.do(pay(200_000), "pay")
    for number in range(4):
        machine.do(buy(another=True), f"buy{number}")
    yield machine
    machine.store.close()


def well(machine: Machine) -> None:
    """Books, balance and proof are what they must be."""
    with machine.store.reader() as reader:
        assert [*offences(reader, machine.store.dialect)] == []
    assert machine.unaccounted() == 0
    proof = Proof(machine.store.reader, EVERYTHING, {"demo": "Africa/Kampala"})
    assert [*proof.run()]
    assert proof.findings.counts == {}


def test_nothing_goes_before_its_time(machine: Machine) -> None:
    before = counts(machine, *MACHINERY)
    later(machine, 29)
    took = prune(machine)
    assert not took.rows
    assert counts(machine, *MACHINERY) == before


def test_bodies_go_after_their_days_and_rows_stay(machine: Machine) -> None:
    before = counts(machine, *MACHINERY)
    later(machine, 31)
    took = prune(machine)
    assert set(took.rows) == {"bodies.journal", "bodies.message"}
    assert counts(machine, *MACHINERY) == before
    assert {row[0] for row in machine.rows("SELECT raw FROM journal")} == {""}
    for id_, envelope in machine.rows("SELECT id, envelope FROM message"):
        opened = unseal(envelope)
        assert opened.id == id_
        assert bytes(opened.data) == b"null"
        with pytest.raises(ValueError, match="Expected `object`"):
            body_of(opened)
    well(machine)
    assert not prune(machine).rows, "and once"


def test_what_is_found_is_still_told_without_its_words(machine: Machine) -> None:
    later(machine, 31)
    prune(machine)
    with machine.store.reader() as reader:
        told = find(reader, "demo", "256", PHONE, 10)
    assert len(told.stories) >= 4


def test_rows_go_after_their_months_with_all_that_belongs_to_them(machine: Machine) -> None:
    kept = counts(machine, "sale", "token", "ledger_txn", "posting", "tally", "module_log")
    later(machine, MONTHS_LATER)
    took = prune(machine)
    assert counts(machine, *MACHINERY) == [0] * len(MACHINERY)
    assert took.rows["rows.message"] == took.rows["bodies.message"]
    assert counts(machine, "sale", "token", "ledger_txn", "posting", "tally", "module_log") == kept
    assert counts(machine, "retention_left") == [0]
    well(machine)


def test_selling_goes_on(machine: Machine) -> None:
    later(machine, 62)
    prune(machine, rows_months=1)
    assert counts(machine, *MACHINERY) == [0] * 6
    assert machine.do(buy(another=True), "anew").outcome is Outcome.DONE
    again = machine.accept(buy(another=True), "anew")
    machine.settle()
    assert again[0].repeat
    well(machine)


def test_a_dead_letter_keeps_its_story_until_it_is_over(machine: Machine) -> None:
    (story,) = machine.rows("SELECT correlationid FROM message WHERE type LIKE '%CreditVend%' "
                            "ORDER BY id LIMIT 1")[0]  # fmt: skip
    with machine.store.transaction() as tx:
        tx.run(
            "UPDATE delivery SET state = 3 WHERE target = 'worker' AND message_id = "
            "(SELECT min(id) FROM message WHERE correlationid = :story)",
            story=story,
        )
    later(machine, MONTHS_LATER)
    took = prune(machine)
    assert {row[0] for row in machine.rows("SELECT correlationid FROM message")} == {story}
    assert took.left["rows.message"] == counts(machine, "message")[0] > 1
    ((envelope,),) = machine.rows("SELECT envelope FROM message ORDER BY id LIMIT 1")
    assert isinstance(body_of(unseal(envelope)), CreditVend), "it can be edited and replayed"
    assert counts(machine, "journal", "request") == [1, 1]
    with machine.store.transaction() as tx:
        tx.run("UPDATE delivery SET state = 4")
    prune(machine)
    assert counts(machine, *MACHINERY, "retention_left") == [0] * 7


def test_what_was_left_is_kept_as_long_as_is_said_now(machine: Machine) -> None:
    with machine.store.transaction() as tx:
        tx.run("UPDATE delivery SET state = 3")
    later(machine, 31)
    assert prune(machine).left["bodies.message"] > 0
    with machine.store.transaction() as tx:
        tx.run("UPDATE delivery SET state = 4")
    assert not prune(machine, bodies_days=90).rows
    assert counts(machine, "retention_left")[0] > 0
    assert prune(machine).rows["bodies.message"] == counts(machine, "message")[0]


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE delivery SET state = 0",
        "UPDATE delivery SET state = 1, due = 9000000000000000",
        "UPDATE delivery SET state = 2",
        "UPDATE sale SET state = 'unknown'",
    ],
)
def test_what_waits_is_not_touched(machine: Machine, sql: str) -> None:
    ids = [row[0] for row in machine.rows("SELECT message_id FROM sale")]
    words = machine.rows("SELECT envelope FROM message WHERE id IN :ids ORDER BY id", ids=ids)
    with machine.store.transaction() as tx:
        tx.run(sql)
    later(machine, MONTHS_LATER)
    prune(machine)
    still = machine.rows("SELECT envelope FROM message WHERE id IN :ids ORDER BY id", ids=ids)
    assert still == words


def test_a_key_that_is_valid_keeps_its_answer(machine: Machine) -> None:
    with machine.store.transaction() as tx:
        tx.run("UPDATE request SET valid_until = 9000000000000000 WHERE key = 'buy1'")
    later(machine, MONTHS_LATER)
    prune(machine)
    assert machine.rows("SELECT key FROM request") == [("buy1",)]
    assert counts(machine, "message") == [1]
    heard = machine.accept(buy(another=True), "buy1")
    machine.settle()
    assert heard[0].repeat
    assert heard[0].answer.outcome is Outcome.DONE


def test_nothing_of_the_evidence_is_pruned_when_it_is_kept_for_ever(machine: Machine) -> None:
    later(machine, 20_000)
    before = counts(machine, *MACHINERY)
    prune(machine, bodies_days=0, rows_months=0, evidence_years=0)
    assert counts(machine, *MACHINERY) == before


def test_a_dry_run_says_what_a_run_takes(machine: Machine) -> None:
    later(machine, MONTHS_LATER)
    jobs = [*jobs_of(house(), machine.time.now_us(), False)]
    before = counts(machine, *MACHINERY, "retention_mark", "retention_left")
    with machine.store.reader() as reader:
        would = dry_run(reader, jobs, machine.time.now_us())
    assert counts(machine, *MACHINERY, "retention_mark", "retention_left") == before
    took = prune(machine)
    assert would.rows == took.rows
    assert would.size["bodies.message"] == took.size["bodies.message"] > 0


def test_it_may_be_cut_off_between_two_chunks(machine: Machine) -> None:
    later(machine, MONTHS_LATER)
    run = run_of(machine, chunk=1)
    for _ in range(9):
        run.step()
    prune(machine, chunk=2)
    assert counts(machine, *MACHINERY) == [0] * 6
    well(machine)


def test_each_run_is_on_record(machine: Machine) -> None:
    later(machine, 31)
    prune(machine)
    with machine.store.reader() as reader:
        (row,) = audit.read(reader)
    facts = msgspec.json.decode(row.detail)
    assert (row.actor, row.act, row.subject) == ("tests", "prune", "retention")
    assert facts["rows"]["bodies.journal"] == counts(machine, "journal")[0]
    assert facts["whole"] is True


def test_what_goes_is_in_the_archive_before(machine: Machine, tmp_path: Path) -> None:
    columns = "id, company, type, envelope"
    before = {row[0]: row for row in machine.rows(f"SELECT {columns} FROM message")}
    answers = set(machine.rows("SELECT key, answer FROM request"))
    folder = tmp_path / "archive"
    later(machine, MONTHS_LATER)
    prune(machine, folder)
    assert unfinished(folder) == []
    notes = [verify(path) for path in files(folder)]
    assert {note.table for note in notes} == {*MACHINERY}
    bodies = [row for p in files(folder) if p.match("bodies/message-*") for row in read(p)]
    found = {r["id"]: tuple(r[name] for name in columns.split(", ")) for r in bodies}
    assert found == before
    kept = {(r["key"], r["answer"]) for p in files(folder) if p.match("rows/request-*")
            for r in read(p)}  # fmt: skip
    assert kept == answers


def test_replay_from_the_beginning_says_that_words_are_gone(machine: Machine) -> None:
    with private_books() as books, machine.store.reader() as live:
        assert replay(live, {"demo": machine.terms}, books).otherwise == []
    later(machine, 31)
    prune(machine)
    with (
        private_books() as books,
        machine.store.reader() as live,
        pytest.raises(ReplayError, match=r"what messages said up to 2026-.* was pruned"),
    ):
        replay(live, {"demo": machine.terms}, books)
