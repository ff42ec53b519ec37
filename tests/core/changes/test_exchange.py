"""Another meter at the same service point: readings, what is left, and what the names stand for."""

from pathlib import Path

import msgspec
import pytest

from core.messages import MeterLink, RequestTokenAct
from tests.core.changes.life import (
    METER,
    agreed,
    asked,
    books,
    buy,
    credit,
    done,
    life,
    life_on,
    money,
    move,
    no,
    refused,
    request,
    sold,
    state,
    whole,
    yes,
)
from tests.hub.machine import PHONE, Machine, enrol, fresh_sqlite
from tests.hub.sales import drn_of

NEW = drn_of(77)
LINK = MeterLink(drn=NEW, sgc="201457")
OPENING = {"opening": {"units": 0}}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return life(tmp_path)


def exchanged(machine: Machine, tenths: int) -> int:
    """Switched; the number of the change."""
    change = asked(machine, "meter-exchange", meter=LINK)
    done(machine, move(change, "read", remaining_tenths=tenths, **OPENING))
    agreed(machine, change)
    done(machine, move(change, "switch"))
    whole(machine)
    return change


def transfer(tenths: int) -> RequestTokenAct:
    return RequestTokenAct(
        operator="sarah", kind="credit-transfer", meter=NEW, from_meter=METER, reason="r",
        evidence="readout: 7", units_tenths=tenths,
    )  # fmt: skip


def test_the_blocks_go_on_and_the_units_move_as_a_token(machine: Machine) -> None:
    sold(machine)
    (before,) = machine.rows("SELECT * FROM agreement_state")
    change = exchanged(machine, 120)
    assert machine.rows("SELECT * FROM agreement_state") == [before]
    assert refused(machine, buy(5_000)).code == "meter-being-exchanged"
    done(machine, money(10_000))
    assert done(machine, buy(10_000, meter=NEW))["meter"] == NEW
    no(machine, move(change, "confirm"), "12.0 units are still in meter")
    assert no(machine, transfer(121)).code == "act-not-possible", "more than was read"
    waiting = done(machine, transfer(120))
    assert len(done(machine, yes(waiting["act"]))["token"]) == 20
    assert no(machine, transfer(120)).code == "act-not-possible", "once"
    done(machine, move(change, "confirm", evidence="visit 3"))
    assert state(machine, change) == "confirmed"
    assert books(machine, "change-credit") == {}
    assert machine.rows(
        "SELECT m.drn, m.state, i.to_us IS NULL FROM meter m JOIN meter_install i "
        "ON i.meter_id = m.id ORDER BY m.id"
    ) == [(METER, "exchanged", 0), (NEW, "active", 1)]
    whole(machine)


def test_the_units_become_credit_where_that_is_declared(tmp_path: Path) -> None:
    machine = life(tmp_path, exchange_credit="last-sales")
    sale = sold(machine)
    change = exchanged(machine, sale["units_tenths"])
    assert credit(machine) > sale["carried_forward"]
    assert no(machine, transfer(10)).code == "act-not-possible", "they were paid for"
    done(machine, move(change, "confirm"))
    whole(machine)


def test_a_saved_name_stands_for_the_new_meter(machine: Machine) -> None:
    exchanged(machine, 0)
    from core.queries.customer import phone_view

    with machine.store.reader() as reader:
        view = phone_view(reader, machine.terms, PHONE)
    assert [(own.drn, own.name) for own in view.meters] == [(NEW, "Home")]


def test_undone_before_the_switch_the_old_meter_stays(machine: Machine) -> None:
    change = asked(machine, "meter-exchange", meter=LINK)
    done(machine, move(change, "read", remaining_tenths=0, **OPENING))
    agreed(machine, change)
    assert refused(machine, buy(5_000)).code == "meter-changing"
    agreed(machine, change, "undo")
    done(machine, money(5_000))
    done(machine, buy(5_000))
    whole(machine)


def test_what_the_new_meter_must_be(machine: Machine) -> None:
    no(machine, request("meter-exchange"), "name the new meter")
    no(machine, request("meter-exchange", meter=msgspec.structs.replace(LINK, drn=METER)),
       "on file already")  # fmt: skip
    no(machine, request("meter-exchange", meter=msgspec.structs.replace(LINK, drn="123")))
    water = msgspec.structs.replace(LINK, commodity="water")
    no(machine, request("meter-exchange", meter=water), "measures electricity")
    none = msgspec.structs.replace(LINK, max_credit_tenths=0)
    no(machine, request("meter-exchange", meter=none), "no credit")


def test_the_new_meter_was_enrolled_elsewhere_meanwhile(machine: Machine) -> None:
    change = asked(machine, "meter-exchange", meter=LINK)
    done(machine, move(change, "read", remaining_tenths=0, **OPENING))
    agreed(machine, change)
    done(machine, enrol("100002", NEW, "+256700000002"))
    no(machine, move(change, "switch"), "on file already")
    agreed(machine, change, "undo")


def test_readings_of_both_are_needed_and_how_they_are_known(machine: Machine) -> None:
    change = asked(machine, "meter-exchange", meter=LINK)
    no(machine, move(change, "read", remaining_tenths=0), "opening")
    no(machine, move(change, "read", **OPENING), "units are left")
    said = move(change, "read", remaining_tenths=0, evidence="he says so", **OPENING)
    assert no(machine, said).code == "act-evidence-missing"
    wild = move(change, "read", remaining_tenths=0, opening={"units": -1})
    no(machine, wild, "a register shows")


def test_a_postpaid_meter(tmp_path: Path) -> None:
    machine = life_on(fresh_sqlite(tmp_path), "postpaid")
    change = asked(machine, "meter-exchange", meter=LINK)
    done(machine, move(change, "read", readings={"units": 9_000}, **OPENING))
    agreed(machine, change)
    done(machine, move(change, "switch"))
    done(machine, move(change, "confirm"))
    assert machine.rows("SELECT readings FROM account_change") == [
        ('{"closing":{"units":9000},"opening":{"units":0},"usage":{}}',)
    ]
    whole(machine)
