"""From tokens to bills and back, with the same meter."""

from pathlib import Path

import pytest

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
    life,
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
from tests.hub.machine import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return life(tmp_path)


def read(machine: Machine, change: int, tenths: int = 0, **more: object) -> dict[str, object]:
    return done(machine, move(change, "read", remaining_tenths=tenths, **more))


def test_to_bills_step_by_step(machine: Machine) -> None:
    sale = sold(machine)
    change = asked(machine, "to-postpaid")
    whole(machine)
    read(machine, change, sale["units_tenths"], readings={"units": 1_234_000})
    whole(machine)
    done_ = agreed(machine, change)
    assert done_["credited"] > 0
    assert credit(machine) == done_["credited"] + sale["carried_forward"]
    whole(machine)
    assert refused(machine, buy(5_000)).code == "meter-changing"
    done(machine, move(change, "switch"))
    whole(machine)
    assert agreement(machine)[1:] == ("postpaid", "active", 0)
    assert refused(machine, buy(5_000)).code == "meter-not-prepaid"
    done(machine, move(change, "confirm", evidence="photo 9"))
    assert state(machine, change) == "confirmed"
    assert machine.rows("SELECT first, last, readings FROM billed_days") == [
        ("2026-11-21", "", '{"units":1234000}')
    ]
    whole(machine)


def to_bills(machine: Machine, tenths: int = 0) -> int:
    """Switched, not confirmed yet."""
    change = asked(machine, "to-postpaid")
    read(machine, change, tenths)
    agreed(machine, change)
    done(machine, move(change, "switch"))
    whole(machine)
    return change


def read_bills(machine: Machine, change: int, units: int = 40_000) -> dict[str, object]:
    return done(machine, move(change, "read", usage={"units": units}))


def test_monthly_charges_that_no_sale_took_are_owed(tmp_path: Path) -> None:
    """Enrolled in November; in January the charges of November and December are owed: January's
    are the bill's."""
    machine = life(tmp_path)
    machine.time.at_us += 45 * DAY_US
    to_bills(machine)
    (lines,) = machine.rows("SELECT lines, label, period FROM open_item WHERE kind = 'accrued'")
    assert lines[1:] == ("Monthly charges up to 2026-12", 202612)
    assert books(machine, "accrued-charges") == {
        "receivable:accrued-charges": 7_930, "revenue:service": -6_720, "tax:vat": -1_210,
    }  # fmt: skip
    assert owed(machine) == {"accrued-charges": 7_930}
    assert machine.rows("SELECT fixed_through FROM agreement_state") == [(202612,)]


def test_units_are_valued_as_declared(tmp_path: Path) -> None:
    worth = {}
    for how in ("last-sales", "tariff", "lost"):
        (tmp_path / how).mkdir()
        machine = life(tmp_path / how, remaining_credit=how)
        sale = sold(machine, 60_000)
        before = credit(machine)
        to_bills(machine, sale["units_tenths"] // 2)
        worth[how] = credit(machine) - before
        assert books(machine, "change-credit").get("customer-credit", 0) == -worth[how]
    assert worth["lost"] == 0
    # the sale's own units had the cheap first block among them; the last ones of a month have not
    assert 0 < worth["last-sales"] < worth["tariff"]
    # 36.6 units of the second block, and the tax upon them
    assert worth["tariff"] == 27_483 + 4_947


def test_more_than_was_sold_is_not_paid_for(machine: Machine) -> None:
    sale = sold(machine)
    change = asked(machine, "to-postpaid")
    read(machine, change, sale["units_tenths"] + 10)
    assert no(machine, move(change, "settle")).code == "act-not-possible"


def test_the_money_needs_two_people_and_the_day_has_a_limit(machine: Machine) -> None:
    sale = sold(machine)
    change = asked(machine, "to-postpaid")
    read(machine, change, sale["units_tenths"])
    waiting = done(machine, move(change, "settle"))
    assert refused(machine, yes(waiting["act"], "sarah")).code == "act-no-role"
    assert refused(machine, yes(waiting["act"], "clerk")).code == "act-no-role"
    assert (state(machine, change), credit(machine)) == ("read", sale["carried_forward"])
    done(machine, yes(waiting["act"]))
    assert state(machine, change) == "settled"
    whole(machine)


def test_nobody_else_may_lead_a_change(machine: Machine) -> None:
    change = asked(machine, "to-postpaid")
    stranger = move(change, "read", remaining_tenths=0)
    for name, code in (("grace", "act-no-role"), ("nobody", "operator-unknown")):
        import msgspec

        assert refused(machine, msgspec.structs.replace(stranger, operator=name)).code == code
        other = msgspec.structs.replace(request("move-out"), operator=name)
        assert refused(machine, other).code == code


def test_a_second_change_of_the_place_waits(machine: Machine) -> None:
    change = asked(machine, "to-postpaid")
    for kind in ("to-postpaid", "move-out", "meter-exchange", "holder"):
        more = {"customer": "C2", "name": "Akello"} if kind == "holder" else {}
        if kind == "meter-exchange":
            continue
        no(machine, request(kind, **more), f"change {change} (to-postpaid) is requested")
    done(machine, move(change, "undo"))
    assert state(machine, change) == "undone"
    asked(machine, "move-out")


def test_the_same_command_twice_is_one_change(machine: Machine) -> None:
    sale = sold(machine)
    first = done(machine, request("to-postpaid"), "k1")
    assert done(machine, request("to-postpaid"), "k1") == first
    change = first["change"]
    reading = move(change, "read", remaining_tenths=sale["units_tenths"])
    assert done(machine, reading, "k2") == done(machine, reading, "k2")
    waiting = done(machine, move(change, "settle"), "k3")
    assert done(machine, move(change, "settle"), "k3") == waiting
    second = done(machine, move(change, "settle"), "another")
    done(machine, yes(waiting["act"]), "k4")
    done(machine, yes(waiting["act"]), "k4")
    assert refused(machine, yes(second["act"])).code == "change-wrong", "it is settled already"
    assert machine.rows("SELECT count(*) FROM ledger_txn WHERE kind = 'change-credit'") == [(1,)]
    done(machine, move(change, "switch"), "k5")
    done(machine, move(change, "switch"), "k5")
    assert machine.rows("SELECT count(*) FROM billed_days") == [(1,)]
    whole(machine)


def test_a_token_after_the_reading_makes_it_worth_nothing(machine: Machine) -> None:
    change = asked(machine, "to-postpaid")
    read(machine, change, 0)
    sold(machine, 10_000)
    no(machine, move(change, "settle"), "read again")
    read(machine, change, 0)
    waiting = done(machine, move(change, "settle"))
    sold(machine, 9_000)
    no(machine, yes(waiting["act"]), "read again")
    assert state(machine, change) == "read"


def test_a_reading_is_good_for_some_days(machine: Machine) -> None:
    change = asked(machine, "to-postpaid")
    read(machine, change, 0)
    machine.time.at_us += 4 * DAY_US
    no(machine, move(change, "settle"), "read again")
    read(machine, change, 0)
    agreed(machine, change)
    machine.time.at_us += 4 * DAY_US
    no(machine, move(change, "switch"), "read again")
    agreed(machine, change, "undo")
    assert agreement(machine)[1:3] == ("prepaid", "active")


def test_undone_before_the_switch_everything_is_as_before(machine: Machine) -> None:
    sale = sold(machine)
    machine.time.at_us += 45 * DAY_US
    before = balances(machine), owed(machine), credit(machine)
    states = "SELECT * FROM agreement_state"
    remembered = machine.rows(states)
    change = asked(machine, "to-postpaid")
    read(machine, change, sale["units_tenths"])
    agreed(machine, change)
    assert (balances(machine), owed(machine), credit(machine)) != before
    waiting = done(machine, move(change, "undo"))
    assert state(machine, change) == "settled", "money goes back by two people"
    done(machine, yes(waiting["act"]))
    assert state(machine, change) == "undone"
    assert (balances(machine), owed(machine), credit(machine)) == before
    assert machine.rows(states) == remembered
    assert machine.rows(
        "SELECT count(*) FROM ledger_txn t WHERE t.kind IN ('change-credit', 'accrued-charges') "
        "AND NOT EXISTS (SELECT 1 FROM ledger_txn r WHERE r.reverses = t.id)"
    ) == [(0,)]
    whole(machine)
    sold(machine, 10_000)
    again = asked(machine, "to-postpaid")
    read(machine, again, 0)
    agreed(machine, again)
    no(machine, move(change, "switch"), "is undone")
    whole(machine)


def test_what_was_paid_on_a_charge_that_is_undone_is_credit(machine: Machine) -> None:
    machine.time.at_us += 45 * DAY_US
    change = asked(machine, "to-postpaid")
    read(machine, change, 0)
    charged = agreed(machine, change)["accrued"]
    done(machine, money(1_000))
    assert owed(machine) == {"accrued-charges": charged - 1_000}
    agreed(machine, change, "undo")
    assert (owed(machine), credit(machine)) == ({}, 1_000)
    whole(machine)


def test_credit_that_was_spent_stops_the_undoing(machine: Machine) -> None:
    from tests.core.collection.desk import act

    sale = sold(machine)
    change = asked(machine, "to-postpaid")
    read(machine, change, sale["units_tenths"])
    agreed(machine, change)
    waiting = done(machine, act("pay-out", amount=credit(machine)))
    done(machine, yes(waiting["act"]))
    assert no(machine, move(change, "undo")).code == "credit-insufficient"
    done(machine, money(100_000))
    agreed(machine, change, "undo")
    whole(machine)


def test_a_cheque_on_a_charge_stops_the_undoing(machine: Machine) -> None:
    from tests.core.collection.desk import act

    machine.time.at_us += 45 * DAY_US
    change = asked(machine, "to-postpaid")
    read(machine, change, 0)
    agreed(machine, change)
    paid = done(machine, money(1_000, way="cheque"))["payment"]
    no(machine, move(change, "undo"), "uncleared")
    waiting = done(machine, act("clear", payment=paid))
    done(machine, yes(waiting["act"]))
    agreed(machine, change, "undo")
    assert credit(machine) == 1_000
    whole(machine)


def test_a_refund_of_the_same_units_is_refused(machine: Machine) -> None:
    """What the change has paid for is not paid for a second time by the act of refunds."""
    from core.messages import RequestTokenAct

    sale = sold(machine)
    to_bills(machine, sale["units_tenths"])
    asked_ = RequestTokenAct(
        operator="sarah", kind="refund", meter=METER, reason="r", evidence="readout",
        units_tenths=sale["units_tenths"],
    )  # fmt: skip
    assert no(machine, asked_).code == "act-not-possible"


def test_to_tokens_by_way_of_the_final_bill(machine: Machine) -> None:
    first = to_bills(machine)
    done(machine, move(first, "confirm"))
    machine.time.at_us += 3 * DAY_US
    change = asked(machine, "to-prepaid")
    no(machine, move(change, "read", usage={"units": 40_000}), "is not open")
    open_period(machine)
    no(machine, move(change, "read"), "usage")
    read_bills(machine, change)
    assert machine.rows("SELECT first, last, version FROM bill_usage") == [
        ("2026-11-21", "2026-11-24", 1)
    ]
    no(machine, move(change, "settle"), "billrun plan 2026-11 --agreement 1")
    planned(machine, agreement=1, upto="calculated")
    no(machine, move(change, "settle"), "not issued")
    planned(machine, agreement=1)
    run = machine.rows("SELECT min(id) FROM bill_run")[0][0]
    with machine.store.transaction() as tx:
        from core.billing import runs

        runs.approve(tx, run, "henry", 1)
    whole(machine)


def test_the_final_bill_is_paid_first(machine: Machine) -> None:
    first = to_bills(machine)
    done(machine, move(first, "confirm"))
    machine.time.at_us += 3 * DAY_US
    open_period(machine)
    change = asked(machine, "to-prepaid")
    read_bills(machine, change)
    planned(machine, agreement=1)
    bill = owed(machine)["bill"]
    no(machine, move(change, "settle"), f"{bill} minor units")
    done(machine, money(bill))
    agreed(machine, change)
    assert refused(machine, buy(5_000)).code == "meter-changing"
    done(machine, move(change, "switch"))
    whole(machine)
    done(machine, money(20_000))
    lines = done(machine, buy(20_000))["lines"]
    assert "service" not in {line["code"] for line in lines}, "November is on the final bill"
    assert machine.rows("SELECT period, fixed_through FROM agreement_state") == [(202611, 202611)]
    assert machine.rows("SELECT units_milli FROM agreement_state")[0][0] > 40_000, "blocks go on"
    done(machine, move(change, "confirm"))
    assert machine.rows("SELECT first, last FROM billed_days") == [("2026-11-21", "2026-11-24")]
    whole(machine)


def test_a_cheque_pays_it_when_it_has_cleared(machine: Machine) -> None:
    """No token for money that may still come back."""
    from tests.core.collection.desk import act

    first = to_bills(machine)
    done(machine, move(first, "confirm"))
    machine.time.at_us += 3 * DAY_US
    open_period(machine)
    change = asked(machine, "to-prepaid")
    read_bills(machine, change)
    planned(machine, agreement=1)
    bill = owed(machine)["bill"]
    paid = done(machine, money(bill, way="cheque"))["payment"]
    no(machine, move(change, "settle"), f"{bill} minor units")
    done(machine, yes(done(machine, act("clear", payment=paid))["act"]))
    agreed(machine, change)
    whole(machine)


def test_a_payment_that_is_taken_back_stops_the_switch(machine: Machine) -> None:
    from tests.core.collection.desk import act

    done(machine, move(to_bills(machine), "confirm"))
    machine.time.at_us += 3 * DAY_US
    open_period(machine)
    change = asked(machine, "to-prepaid")
    read_bills(machine, change)
    planned(machine, agreement=1)
    bill = owed(machine)["bill"]
    paid = done(machine, money(bill))["payment"]
    agreed(machine, change)
    done(machine, yes(done(machine, act("reverse", payment=paid))["act"]))
    no(machine, move(change, "switch"), f"{bill} minor units")
    done(machine, money(bill))
    done(machine, move(change, "switch"))
    whole(machine)


def test_or_purchases_recover_it(tmp_path: Path) -> None:
    machine = life(tmp_path, final_bill="recovered")
    done(machine, move(to_bills(machine), "confirm"))
    open_period(machine)
    change = asked(machine, "to-prepaid")
    read_bills(machine, change)
    planned(machine, agreement=1)
    bill = owed(machine)["bill"]
    assert agreed(machine, change)["recovered"] == bill
    assert owed(machine) == {"debt bill": bill}
    whole(machine)
    agreed(machine, change, "undo")
    assert owed(machine) == {"bill": bill}
    whole(machine)
    again = asked(machine, "to-prepaid")
    read_bills(machine, again)
    planned(machine, rebill=True, agreement=1)
    agreed(machine, again)
    done(machine, move(again, "switch"))
    whole(machine)
    done(machine, money(bill + 50_000))
    done(machine, buy(bill + 50_000))
    assert owed(machine) == {}
    whole(machine)


def test_a_month_has_one_bill_of_an_agreement(machine: Machine) -> None:
    """To bills, to tokens and to bills again in one month would be two bills of one month."""
    done(machine, move(to_bills(machine), "confirm"))
    open_period(machine)
    change = asked(machine, "to-prepaid")
    read_bills(machine, change)
    planned(machine, agreement=1)
    done(machine, money(owed(machine)["bill"]))
    agreed(machine, change)
    done(machine, move(change, "switch"))
    done(machine, move(change, "confirm"))
    again = asked(machine, "to-postpaid")
    read(machine, again, 0)
    no(machine, move(again, "settle"), "2026-11-21")
    machine.time.at_us += 15 * DAY_US
    read(machine, again, 0)
    agreed(machine, again)
    done(machine, move(again, "switch"))
    whole(machine)
