"""Free units, last TIDs and commodities on PostgreSQL: the same statements, the same digits."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.messages import AskLastTokens, ClaimFreeUnits, EndFreeUnits, MeterLink
from core.queries.entitlements import entitlements
from core.queries.key_changes import old_tokens, view_of
from core.store.upgrade import upgrade
from hub.lasttids import LastTidDesk
from hub.operators import Identity
from hub.proof import EVERYTHING, Proof
from tests.hub.acting import acting_on, approved, ask, sold
from tests.hub.machine import METER, PHONE, Machine, enrol
from tests.hub.sales import change, drn_of, set_clock
from tests.hub.test_free_units import entitled, given
from tests.servers.postgres import Postgres

pytestmark = pytest.mark.slow


@pytest.fixture
def machine(postgres: Postgres) -> Iterator[Machine]:
    url = postgres.prepared("free_units", upgrade)
    machine = acting_on(url)
    set_clock(machine, "2026-11-21T09:00:00")
    yield machine
    machine.store.close()
    postgres.drop(url)


def test_free_units_from_the_gift_to_the_proof(machine: Machine) -> None:
    entitled(machine, unclaimed="cumulate", cap_months=2, in_blocks=True)
    sale = sold(machine)
    assert given(machine, "c1")["free_token"] == sale["free_token"]
    set_clock(machine, "2027-01-10T09:00:00")
    assert given(machine, "c2")["units_tenths"] == 300
    change(machine, "UPDATE meter SET ti = '02'")
    new = approved(machine, ask("replacement", token=given(machine, "c3")["free_token"]))
    assert given(machine, "c4")["free_token"] == new.data["token"]
    copies = machine.do(AskLastTokens(phone=PHONE), "last").data["sales"]
    assert [each["free_token"] for each in copies] == [sale["free_token"]]
    with machine.store.reader() as reader:
        (view,) = entitlements(reader, "demo", METER, ended=False, limit=5)
        assert (view.claims, view.given_tenths, view.in_blocks) == (2, 450, True)
        assert old_tokens(reader, "demo", METER) == []
        assert view_of(reader, "demo", METER) is None
    proof = Proof(machine.store.reader, EVERYTHING, {"demo": "Africa/Kampala"})
    list(proof.run())
    assert not proof.findings.listed
    change(machine, "UPDATE free_claim SET amount = amount + 1")
    proof = Proof(machine.store.reader, EVERYTHING, {"demo": "Africa/Kampala"})
    list(proof.run())
    assert [each.code for each in proof.findings.listed] == ["claim-amount"] * 2


def test_ended_and_given_again_the_month_stays_given(machine: Machine) -> None:
    entitled(machine)
    given(machine, "c1")
    for turn in ("again", "and again"):
        machine.do(EndFreeUnits(operator="mary", meter=METER, reason="r"), f"end {turn}")
        answer = approved(machine, ask("entitlement", units_tenths=300), f"give {turn}")
        assert answer.data["state"] == "done"
        assert machine.do(ClaimFreeUnits(phone=PHONE), turn).code == "free-units-taken"
    set_clock(machine, "2026-12-02T09:00:00")
    assert given(machine, "c2")["units_tenths"] == 300
    change(machine, "UPDATE free_claim SET from_month = 202611")
    proof = Proof(machine.store.reader, EVERYTHING, {"demo": "Africa/Kampala"})
    list(proof.run())
    assert [each.code for each in proof.findings.listed] == ["claim-month-twice"]


def test_last_tids_are_raised(machine: Machine) -> None:
    desk = LastTidDesk(
        Identity({}, Path),
        machine.chores,
        {"demo": machine.terms},
        "node1",
        machine.time.now_us,
    )
    rows: dict[str, Any] = {"rows": [[METER, machine.time.at_us]], "reason": "r", "actor": "mary"}
    with machine.store.transaction() as tx:
        told = desk._write(tx, rows, machine.terms, {METER: machine.time.at_us})
    assert told["raised"] == 1
    assert machine.rows("SELECT last_tid > 0 FROM meter")[0][0]


def test_a_meter_of_water(machine: Machine) -> None:
    link = MeterLink(drn=drn_of(7), sgc="201457", commodity="water")
    answer = machine.do(enrol("100002", drn_of(7), "+256700000002", meter=link), "water")
    assert answer.code == "tariff-unit-wrong"
    assert machine.do(ClaimFreeUnits(phone=PHONE), "none").code == "no-entitlement"
    assert machine.rows("SELECT commodity FROM meter") == [("electricity",)]
