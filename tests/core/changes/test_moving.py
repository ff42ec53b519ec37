"""Moving out, moving in, taking over, another holder: whose the debts are, who may spend what."""

from pathlib import Path

import pytest

from core.messages import PhoneLink
from tests.core.changes.life import (
    DAY_US,
    METER,
    agreed,
    agreement,
    asked,
    balances,
    books,
    buy,
    credit,
    done,
    go_on,
    life,
    life_on,
    money,
    move,
    no,
    open_period,
    owed,
    planned,
    refused,
    request,
    sold,
    state,
    whole,
    yes,
)
from tests.core.collection.desk import act
from tests.hub.machine import PHONE, Machine, fresh_sqlite

OTHER = "+256700000009"
COMES = {
    "customer": "C200001", "name": "Akello Grace", "phones": (PhoneLink(msisdn=OTHER),),
    "tariff": "uganda-domestic", "mode": "prepaid",
}  # fmt: skip


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return life(tmp_path)


@pytest.fixture
def billed(tmp_path: Path) -> Machine:
    """A postpaid household; November is open."""
    machine = life_on(fresh_sqlite(tmp_path), "postpaid")
    open_period(machine)
    return machine


def out(machine: Machine, **reading: object) -> int:
    """Moved out, switched; the number of the change."""
    change = asked(machine, "move-out")
    done(machine, move(change, "read", **(reading or {"remaining_tenths": 0})))
    whole(machine)
    agreed(machine, change)
    whole(machine)
    done(machine, move(change, "switch"))
    whole(machine)
    return change


def come_in(machine: Machine, number: str = "200001") -> int:
    change = asked(machine, "move-in", number, point="S100001", **COMES)
    agreed(machine, change)
    whole(machine)
    done(machine, move(change, "switch"))
    whole(machine)
    return change


# --- out -----------------------------------------------------------------------------------------


def test_a_prepaid_customer_leaves(machine: Machine) -> None:
    """What is left is credit, the month's charge is owed and a security pays it."""
    done(machine, money(10_000))
    done(machine, act("deposit", deposit="guarantee", amount=10_000))
    sale = sold(machine, 60_000)
    machine.time.at_us += 12 * DAY_US  # December: its charge was not collected
    change = asked(machine, "move-out")
    done(machine, move(change, "read", remaining_tenths=sale["units_tenths"]))
    facts = agreed(machine, change)
    assert facts["accrued"] == facts["deposit_used"] == 3_965
    assert facts["credited"] > 40_000
    assert owed(machine) == {}
    whole(machine)
    done(machine, move(change, "switch"))
    assert agreement(machine)[1:] == ("prepaid", "closed", 1)
    assert refused(machine, buy(5_000)).code == "agreement-missing"
    done(machine, move(change, "confirm", evidence="visit: the meter is cleared"))
    waiting = done(machine, act("pay-out", amount=credit(machine)))
    done(machine, yes(waiting["act"]))
    waiting = done(machine, act("deposit-refund", deposit="guarantee", amount=10_000 - 3_965))
    done(machine, yes(waiting["act"]))
    assert credit(machine) == 0
    whole(machine)


def test_undone_the_security_is_held_again(machine: Machine) -> None:
    done(machine, money(10_000))
    done(machine, act("deposit", deposit="guarantee", amount=10_000))
    machine.time.at_us += 12 * DAY_US
    before = balances(machine)
    change = asked(machine, "move-out")
    done(machine, move(change, "read", remaining_tenths=0))
    assert agreed(machine, change)["deposit_used"] > 0
    agreed(machine, change, "undo")
    assert (balances(machine), owed(machine)) == (before, {})
    assert machine.rows("SELECT held FROM deposit") == [(10_000,)]
    whole(machine)


def test_securities_are_kept_where_that_is_declared(tmp_path: Path) -> None:
    machine = life(tmp_path, deposits="kept")
    done(machine, money(10_000))
    done(machine, act("deposit", deposit="guarantee", amount=10_000))
    out(machine)
    assert machine.rows("SELECT held FROM deposit") == [(10_000,)]
    assert owed(machine) == {"accrued-charges": 3_965}


def test_what_purchases_were_to_pay_is_open_again(machine: Machine) -> None:
    done(machine, act("fee", fee="seal"))
    assert owed(machine) == {"debt seal": 3_000}
    change = asked(machine, "move-out")
    done(machine, move(change, "read", remaining_tenths=0))
    assert agreed(machine, change)["reopened"] == 3_000
    assert owed(machine) == {"seal": 3_000, "accrued-charges": 3_965}
    agreed(machine, change, "undo")
    assert owed(machine) == {"debt seal": 3_000}
    whole(machine)


def test_a_postpaid_customer_leaves_by_way_of_the_final_bill(billed: Machine) -> None:
    done(billed, money(50_000))
    done(billed, act("deposit", deposit="guarantee", amount=50_000))
    change = asked(billed, "move-out")
    done(billed, move(change, "read", usage={"units": 40_000}, readings={"units": 900_000}))
    no(billed, move(change, "settle"), "billrun plan 2026-11 --agreement 1")
    planned(billed, agreement=1)
    bill = owed(billed)["bill"]
    assert agreed(billed, change)["deposit_used"] == bill
    done(billed, move(change, "switch"))
    assert (owed(billed), agreement(billed)[2:]) == ({}, ("closed", 1))
    assert billed.rows("SELECT first, last FROM billed_days") == [("2026-11-01", "2026-11-21")]
    done(billed, move(change, "confirm"))
    whole(billed)


def test_open_debts_stay(billed: Machine) -> None:
    change = asked(billed, "move-out")
    done(billed, move(change, "read", usage={"units": 40_000}))
    planned(billed, agreement=1)
    bill = owed(billed)["bill"]
    agreed(billed, change)
    done(billed, move(change, "switch"))
    assert owed(billed) == {"bill": bill}
    done(billed, money(bill))
    assert owed(billed) == {}
    whole(billed)


# --- the final bill and a regular run ------------------------------------------------------------


def used(machine: Machine, units: int, last: str = "2026-11-30") -> None:
    """Usage of the whole month, estimated ahead, as a run of the month has it."""
    from datetime import date

    from core.billing.periods import Reported, record_usage
    from core.store.ids import take

    row = Reported(
        agreement=1, first=date(2026, 11, 1), last=date.fromisoformat(last), source="estimate",
        registers={"units": units}, estimated=True,
    )  # fmt: skip
    with machine.store.transaction() as tx:
        record_usage(tx, "demo", 202611, [row],
                     lambda name, count: take(tx, name, count).start, 1)  # fmt: skip


def live_bills(machine: Machine) -> list[tuple[object, ...]]:
    return machine.rows(
        "SELECT u.first, u.last, b.state FROM bill b JOIN bill_usage u ON u.id = b.usage_id "
        "WHERE b.live = 1"
    )


def test_a_run_that_was_frozen_before_bills_first(billed: Machine) -> None:
    """Its bill of the whole month is then corrected by the final reading, not joined by another."""
    used(billed, 60_000)
    run = planned(billed, upto="frozen")
    change = asked(billed, "move-out")
    done(billed, move(change, "read", usage={"units": 40_000}))
    go_on(billed, run)
    assert live_bills(billed) == [("2026-11-01", "2026-11-30", "issued")]
    no(billed, move(change, "settle"), "--rebill --agreement 1")
    planned(billed, agreement=1)
    assert len(live_bills(billed)) == 1, "a regular run of one makes no second bill"
    planned(billed, rebill=True, agreement=1)
    assert live_bills(billed) == [("2026-11-01", "2026-11-21", "issued")]
    whole(billed)
    agreed(billed, change)
    done(billed, move(change, "switch"))
    whole(billed)


def test_or_finds_the_final_bill_made(billed: Machine) -> None:
    used(billed, 60_000)
    run = planned(billed, upto="frozen")
    change = asked(billed, "move-out")
    done(billed, move(change, "read", usage={"units": 40_000}))
    planned(billed, agreement=1)
    agreed(billed, change)
    done(billed, move(change, "switch"))
    go_on(billed, run)
    assert live_bills(billed) == [("2026-11-01", "2026-11-21", "issued")]
    whole(billed)


def test_no_day_after_the_end_is_billed(billed: Machine) -> None:
    from core.billing.shapes import BillingError

    change = asked(billed, "move-out")
    done(billed, move(change, "read", usage={"units": 40_000}))
    planned(billed, agreement=1)
    agreed(billed, change)
    done(billed, move(change, "switch"))
    with pytest.raises(BillingError, match="2026-11-01 to 2026-11-21, not for"):
        used(billed, 60_000)
    used(billed, 39_000, "2026-11-21")  # a correction of the same days is one


# --- in ------------------------------------------------------------------------------------------


def test_somebody_comes_to_a_vacant_place(machine: Machine) -> None:
    no(machine, request("move-in", "200001", point="S100001", **COMES), "not vacant")
    done(machine, move(out(machine), "confirm"))
    no(machine, request("move-in", "200001", point="S9", **COMES), "no service point")
    change = come_in(machine)
    assert agreement(machine, "200001")[1:] == ("prepaid", "active", 0)
    done(machine, money(20_000, account="200001"))
    assert done(machine, buy(20_000, phone=OTHER))["account"] == "200001"
    assert owed(machine) == {"accrued-charges": 3_965}, "the one who left owes his own"
    assert refused(machine, buy(5_000)).code == "confirm-holder", "it is another's meter now"
    done(machine, move(change, "confirm"))
    whole(machine)


def test_a_move_in_that_is_undone_leaves_only_the_account(machine: Machine) -> None:
    done(machine, move(out(machine), "confirm"))
    change = asked(machine, "move-in", "200001", point="S100001", **COMES)
    done(machine, money(5_000, account="200001"))
    agreed(machine, change)
    agreed(machine, change, "undo")
    assert credit(machine, "200001") == 5_000
    assert machine.rows("SELECT count(*) FROM phone WHERE msisdn = :p", p=OTHER) == [(0,)]
    whole(machine)
    again = asked(machine, "move-in", "200001", point="S100001", **COMES)
    agreed(machine, again)
    done(machine, move(again, "switch"))
    whole(machine)


def test_debts_follow_the_place_where_that_is_declared(tmp_path: Path) -> None:
    machine = life(tmp_path, debts_follow="service-point", final_bill="recovered")
    done(machine, act("fee", fee="visit"))
    done(machine, money(1_000))
    done(machine, move(out(machine), "confirm"))
    assert owed(machine) == {"visit": 10_800, "accrued-charges": 3_965}
    before = balances(machine)
    change = asked(machine, "move-in", "200001", point="S100001", **COMES)
    assert agreed(machine, change)["debts_moved"] == 3_965, "a fee of the account is his own"
    assert (owed(machine), owed(machine, "200001")) == (
        {"visit": 10_800}, {"accrued-charges": 3_965})  # fmt: skip
    whole(machine)
    agreed(machine, change, "undo")
    assert balances(machine) == before
    assert (owed(machine), owed(machine, "200001")) == (
        {"visit": 10_800, "accrued-charges": 3_965}, {})  # fmt: skip
    whole(machine)
    come_in(machine)
    assert owed(machine, "200001") == {"debt accrued-charges": 3_965}
    done(machine, money(30_000, account="200001"))
    done(machine, buy(30_000, phone=OTHER))
    assert owed(machine, "200001") == {}
    whole(machine)


# --- over ----------------------------------------------------------------------------------------


def test_one_goes_and_another_comes_on_one_reading(machine: Machine) -> None:
    sale = sold(machine, 60_000)
    change = asked(machine, "take-over", to_account="200001", **COMES)
    done(machine, move(change, "read", remaining_tenths=sale["units_tenths"]))
    whole(machine)
    agreed(machine, change)
    whole(machine)
    assert refused(machine, buy(5_000)).code == "meter-changing"
    done(machine, move(change, "switch"))
    assert agreement(machine)[2:] == ("closed", 1)
    assert agreement(machine, "200001")[1:] == ("prepaid", "active", 0)
    done(machine, money(20_000, account="200001"))
    assert done(machine, buy(20_000, phone=OTHER))["meter"] == METER
    assert machine.rows("SELECT count(*) FROM agreement_state") == [(2,)]
    done(machine, move(change, "confirm"))
    whole(machine)


def test_from_bills_to_bills_with_the_debts(tmp_path: Path) -> None:
    machine = life_on(fresh_sqlite(tmp_path), "postpaid", debts_follow="service-point")
    open_period(machine)
    comes = {**COMES, "tariff": "town", "mode": "postpaid"}
    change = asked(machine, "take-over", to_account="200001", **comes)
    done(machine, move(change, "read", usage={"units": 40_000}))
    planned(machine, agreement=1)
    bill = owed(machine)["bill"]
    assert agreed(machine, change)["debts_moved"] == bill
    done(machine, move(change, "switch"))
    assert (owed(machine), owed(machine, "200001")) == ({}, {"bill": bill})
    done(machine, money(bill, account="200001"))
    assert owed(machine, "200001") == {}
    assert books(machine, "debt-transfer") == {"receivable:bill": 0}
    whole(machine)


def test_who_comes_must_be_somebody_else(machine: Machine) -> None:
    no(machine, request("take-over", **COMES), "name the account that comes")
    no(machine, request("take-over", to_account="100001", **COMES), "another account")
    bare = {**COMES, "customer": "", "name": ""}
    no(machine, request("take-over", to_account="200001", **bare), "name its customer")
    wrong = {**COMES, "tariff": "town"}
    no(machine, request("take-over", to_account="200001", **wrong), "name one that is prepaid")


# --- another holder ------------------------------------------------------------------------------


def test_another_holder_has_the_account_with_all_of_it(machine: Machine) -> None:
    done(machine, money(30_000))
    change = asked(
        machine, "holder", customer="C200001", name="Akello Grace",
        phones=(PhoneLink(msisdn=OTHER),),
    )  # fmt: skip
    assert state(machine, change) == "read"
    agreed(machine, change)
    whole(machine)
    done(machine, buy(5_000))
    done(machine, move(change, "switch"))
    assert refused(machine, buy(5_000, another=True)).code == "phone-not-registered"
    done(machine, buy(6_000, phone=OTHER))
    assert machine.rows(
        "SELECT c.name FROM account a JOIN customer c ON c.id = a.customer_id") == [
        ("Akello Grace",)]  # fmt: skip
    assert refused(machine, buy(5_000, phone=PHONE)).code == "phone-not-registered"
    done(machine, move(change, "confirm"))
    whole(machine)


def test_a_holder_who_is_unknown_has_a_name(machine: Machine) -> None:
    no(machine, request("holder"), "name the new holder")
    no(machine, request("holder", customer="C9"), "name the new holder")
    change = asked(machine, "holder", customer="C100001")
    done(machine, move(change, "undo"))
    assert state(machine, change) == "undone"
