"""Where changes meet what else touches money: cancelled sales, pauses, attributes, advances."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.messages import GiveAdvance, Outcome, PauseService, RequestTokenAct
from tests.core.changes.life import (
    DAY_US,
    METER,
    agreed,
    asked,
    credit,
    done,
    life,
    move,
    owed,
    refused,
    sold,
    terms_of,
    whole,
    yes,
)
from tests.core.changes.test_exchange import LINK
from tests.core.vending.credit import collection
from tests.core.vending.test_pauses_and_facts import per_kilowatt, stated
from tests.hub.machine import Machine, enrol, fresh_sqlite

STATE = "SELECT period, units_milli, fixed_through FROM agreement_state"


def cancelling(sale: dict[str, Any], **more: Any) -> RequestTokenAct:
    values = {"evidence": "returned: meter is in the store", "token": sale["receipt"], **more}
    return RequestTokenAct(
        operator="sarah", kind="cancel-sale", meter=METER, reason="typing error", **values
    )


def to_bills(machine: Machine, upto: str = "switch") -> int:
    change = asked(machine, "to-postpaid")
    done(machine, move(change, "read", readings={"units": 1_000}, remaining_tenths=0))
    agreed(machine, change)
    if upto == "switch":
        done(machine, move(change, "switch"))
    return change


def test_a_sale_is_not_cancelled_when_its_agreement_is_billed_by_now(tmp_path: Path) -> None:
    """Its month charges would be nobody's: no purchase comes that would pay them."""
    machine = life(tmp_path, remaining_credit="lost")
    sale = sold(machine)
    to_bills(machine)
    before = machine.rows(STATE), credit(machine)
    assert refused(machine, cancelling(sale)).code == "act-not-possible"
    assert (machine.rows(STATE), credit(machine)) == before
    whole(machine)


def test_nor_while_its_money_is_settled_by_a_change(tmp_path: Path) -> None:
    machine = life(tmp_path, remaining_credit="lost")
    sale = sold(machine)
    before = machine.rows(STATE)
    waiting = done(machine, cancelling(sale))  # asked for before, approved in between
    change = to_bills(machine, "settle")
    no = machine.do(yes(waiting["act"]), "approve")
    assert no.outcome == Outcome.REFUSED, no
    agreed(machine, change, "undo")
    assert machine.rows(STATE) == before
    done(machine, cancelling(sale))
    whole(machine)


# --- month charges that a change makes owed -------------------------------------------------------


def test_months_without_service_are_not_owed(tmp_path: Path) -> None:
    """Enrolled on 21 November, disconnected from the next day: only November is owed in March."""
    machine = life(tmp_path)
    machine.time.at_us += DAY_US
    done(machine, PauseService(operator="sarah", meter=METER, why="disconnected", reason="debts"))
    machine.time.at_us += 103 * DAY_US
    change = to_bills(machine)
    assert owed(machine) == {"accrued-charges": 3_965}
    assert machine.rows("SELECT period FROM open_item WHERE kind = 'accrued'") == [(202611,)]
    assert machine.rows("SELECT pauses FROM agreement_state") == [(1,)], change
    whole(machine)


def test_an_undone_change_keeps_the_pauses(tmp_path: Path) -> None:
    machine = life(tmp_path)
    machine.time.at_us += DAY_US
    done(machine, PauseService(operator="sarah", meter=METER, why="vacant", reason="away"))
    change = to_bills(machine, "settle")
    agreed(machine, change, "undo")
    assert machine.rows("SELECT fixed_through, pauses FROM agreement_state") == [(0, 1)]
    assert owed(machine) == {}
    whole(machine)


def test_a_charge_per_kilowatt_is_that_of_the_agreement(tmp_path: Path) -> None:
    machine = life(tmp_path)
    tariffs = machine.terms.tariffs
    assert isinstance(tariffs, dict)
    tariffs["uganda-domestic"] = per_kilowatt()
    machine.time.at_us += 31 * DAY_US
    change = asked(machine, "to-postpaid")
    done(machine, move(change, "read", readings={"units": 1_000}, remaining_tenths=0))
    assert refused(machine, move(change, "settle")).code == "tariff-missing"
    stated(machine, "sanctioned_kw", 2_500)
    agreed(machine, change)
    assert owed(machine) == {"accrued-charges": 2_500}
    whole(machine)


# --- units that are paid for once -----------------------------------------------------------------


@pytest.mark.parametrize("kind", ["to-postpaid", "meter-exchange"])
def test_units_that_a_refund_pays_are_not_valued_or_moved_as_well(
    tmp_path: Path, kind: str
) -> None:
    """The reading is of before the meter was cleared."""
    machine = life(tmp_path, remaining_credit="tariff")
    tenths = sold(machine, 60_000)["units_tenths"] // 2
    more = {"meter": LINK} if kind == "meter-exchange" else {}
    change = asked(machine, kind, **more)
    opening = {"opening": {"units": 0}} if more else {}
    refund = RequestTokenAct(
        operator="sarah", kind="refund", meter=METER, reason="leaves", units_tenths=tenths,
        evidence="readout: file 9",
    )  # fmt: skip
    issued = done(machine, yes(done(machine, refund)["act"]))
    read = move(change, "read", readings={"units": 1_000}, remaining_tenths=tenths, **opening)
    done(machine, read)
    assert refused(machine, move(change, "settle")).code == "change-wrong"
    done(machine, yes(issued["act"], decision="confirm"))
    assert refused(machine, move(change, "settle")).code == "change-wrong"
    done(machine, move(change, "read", readings={"units": 1_000}, remaining_tenths=0, **opening))
    agreed(machine, change)
    done(machine, move(change, "switch"))
    assert machine.rows("SELECT valued FROM account_change") == [(0,)]
    whole(machine)


@pytest.mark.parametrize("kind", ["to-postpaid", "move-out"])
def test_units_on_credit_are_paid_by_what_is_left_in_the_meter(tmp_path: Path, kind: str) -> None:
    terms = replace(terms_of(remaining_credit="tariff"), collection=collection())
    machine = Machine(fresh_sqlite(tmp_path), terms=terms)
    done(machine, enrol())
    sold(machine)
    before = credit(machine)
    given = done(machine, GiveAdvance(operator="sarah", meter=METER, reason="night"))
    change = asked(machine, kind)
    read = {"readings": {"units": 1_000}, "remaining_tenths": given["units_tenths"]}
    done(machine, move(change, "read", **read))
    facts = agreed(machine, change)
    assert facts["advance_paid"] == min(given["owed"], facts["credited"]) > 0
    left = given["owed"] - facts["advance_paid"]
    assert owed(machine).get("debt advance", 0) == left
    assert credit(machine) == before + facts["credited"] - facts["advance_paid"]
    whole(machine)
    agreed(machine, change, "undo")
    assert (owed(machine), credit(machine)) == ({"debt advance": given["owed"]}, before)
    whole(machine)
