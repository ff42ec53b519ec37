"""The proof on whole books: honest ones are clean, and each crime is called by its name."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from core.sts import proof_match
from hub.proof import EVERYTHING, Proof
from hub.proof_read import Span, first_batch_from, newest_at, writers
from tests.hub import crimes
from tests.hub.crimes import CRIMES, Crime, attack, plant_in_log, sold
from tests.hub.machine import Machine, buy, demo_terms, enrol, fresh_sqlite, pay

ZONES = {"demo": "Africa/Kampala", "other": "Europe/Paris"}


def proved(machine: Machine, span: Span = EVERYTHING, rows: int = 2) -> Proof:
    """In slices so small that every edge is met."""
    proof = Proof(machine.store.reader, span, ZONES, slice=rows)
    for _ in proof.run():
        pass
    return proof


def codes(proof: Proof) -> set[str]:
    for finding in proof.findings.listed:
        assert finding.sentence.endswith("."), finding
    return set(proof.findings.counts)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return sold(fresh_sqlite(tmp_path))


@pytest.mark.parametrize("rows", [1, 2, 3, 5_000])
def test_honest_books_are_clean_and_counted(machine: Machine, rows: int) -> None:
    proof = proved(machine, rows=rows)
    assert not proof.findings.listed
    assert proof.tokens == 5
    assert proof.matching.totals == {("demo", "virtual-demo", "2026-11-21"): {"made": 5, "sale": 5}}
    ((place, end),) = proof.heads.items()
    assert (place, end.batch, end.total) == (("virtual-demo", "hub"), 5, 5)


def test_empty_books_are_clean(tmp_path: Path) -> None:
    proof = proved(Machine(fresh_sqlite(tmp_path)))
    assert (proof.findings.total, proof.tokens, proof.heads) == (0, 0, {})


@pytest.mark.parametrize("crime", CRIMES, ids=crimes.by_name)
def test_a_crime_is_called_by_its_name(machine: Machine, crime: Crime) -> None:
    crime.act(machine)
    assert codes(proved(machine)) == crime.codes
    assert codes(proved(machine, rows=5_000)) == crime.codes


def test_a_token_without_a_cause_is_named_with_its_place_and_not_with_its_digits(
    machine: Machine,
) -> None:
    plant_in_log(machine)
    proof = proved(machine)
    (finding,) = proof.findings.listed
    assert "Module virtual-demo, writer hub, batch 6: it made token number 6" in finding.sentence
    assert proof.matching.totals["", "virtual-demo", "2026-11-21"] == {"made": 1}
    token = crimes.stolen(machine.terms, machine.time.at_us)
    assert token.digits not in str(finding)


def test_a_sale_from_a_day_before_is_not_of_this_span(machine: Machine) -> None:
    instants = [row[0] for row in machine.rows("SELECT made_at FROM token ORDER BY made_at")]
    proof = proved(machine, Span(instants[1], instants[3]))
    assert (proof.findings.total, proof.tokens) == (0, 2)
    attack(machine, "DELETE FROM token WHERE id = 5")
    assert not proved(machine, Span(instants[1], instants[3])).findings.total
    assert proved(machine, Span(instants[1], instants[4] + 1)).findings.total == 2


def test_what_is_sold_while_it_reads_is_no_finding(machine: Machine) -> None:
    proof = Proof(machine.store.reader, EVERYTHING, ZONES, slice=1)
    for number, _ in enumerate(proof.run()):
        if number < 20:
            machine.do(buy(another=True), f"meanwhile-{number}")
    assert proof.findings.listed == []
    ((counts),) = proof.matching.totals.values()
    assert counts["made"] == counts["sale"] > 5


def test_an_entry_hours_after_its_token_is_no_orphan(machine: Machine) -> None:
    at = machine.time.at_us
    attack(machine, f"UPDATE module_log SET at = {at + 9 * 3_600_000_000} WHERE batch = 5")
    assert codes(proved(machine)) == {"log-seal"}  # the time is sealed too


def test_two_companies_and_their_zones(tmp_path: Path) -> None:
    machine = Machine(fresh_sqlite(tmp_path), others=(demo_terms("other", zone="Europe/Paris"),))
    for company in ("demo", "other"):
        machine.do(enrol(), f"e-{company}", company=company)
        machine.do(pay(50_000), f"p-{company}", company=company)
    machine.time.at_us += 14 * 3_600_000_000  # 23:00 in Kampala, 21:00 in Paris
    machine.do(buy(), "b-demo", company="demo")
    machine.time.at_us += 2 * 3_600_000_000
    machine.do(buy(), "b-other", company="other")
    proof = proved(machine)
    assert not proof.findings.listed
    assert set(proof.matching.totals) == {
        ("demo", "virtual-demo", "2026-11-21"),
        ("other", "virtual-other", "2026-11-21"),
    }


def test_a_log_that_has_nothing_in_common_with_the_table_stops_the_proof(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    attack(machine, "UPDATE token SET meter_id = 0")
    monkeypatch.setattr(proof_match, "MOST_OPEN", 3)
    assert "proof-stopped" in codes(proved(machine))


def test_a_log_is_entered_where_a_day_begins(machine: Machine) -> None:
    rows = machine.rows("SELECT batch, at FROM module_log ORDER BY batch")
    attack(machine, "DELETE FROM module_log WHERE batch = 3")
    place = ("virtual-demo", "hub")
    with machine.store.reader() as reader:
        assert list(writers(reader)) == [place]
        assert newest_at(reader) == rows[-1][1]
        for batch, at in rows:
            assert first_batch_from(reader, place, at) == (4 if batch == 3 else batch)
            assert first_batch_from(reader, place, at + 1) == {2: 4, 3: 4}.get(batch, batch + 1)
        assert first_batch_from(reader, place, 0) == 1


class Explaining:
    """A reader that notes how each statement would find its rows."""

    def __init__(self, reader: Any) -> None:
        self.reader, self.plans = reader, list[str]()

    def rows(self, sql: str, **params: Any) -> Any:
        self.plans += [row[3] for row in self.reader.rows(f"EXPLAIN QUERY PLAN {sql}", **params)]
        return self.reader.rows(sql, **params)


def test_it_reads_by_its_indexes_only_and_sorts_nothing_but_ties(machine: Machine) -> None:
    """A table that is gone through from end to end would be so in every slice of every day."""
    plans: list[str] = []

    @contextmanager
    def reading() -> Iterator[Explaining]:
        with machine.store.reader() as reader:
            explaining = Explaining(reader)
            yield explaining
            plans.extend(explaining.plans)

    attack(machine, "UPDATE token SET meter_id = 0 WHERE id = 5")  # the twins are looked for too
    proof = Proof(reading, EVERYTHING, ZONES, slice=2)
    assert [*proof.run()]
    assert len(plans) > 50
    assert [plan for plan in plans if plan.startswith("SCAN") and "json_each" not in plan] == []
