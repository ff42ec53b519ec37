"""A bill that purchases have paid in part can be reversed: what they paid is the customer's credit,
and a sale that is cancelled after it is owed again, as a payment that comes back is."""

from pathlib import Path

import pytest

from core.billing import reverse
from core.billing.shapes import BillingError
from core.company import Operator
from core.messages import DecideTokenAct, RequestTokenAct
from core.store.ids import take
from tests.core.changes.life import (
    METER,
    agreed,
    asked,
    buy,
    credit,
    done,
    life_on,
    money,
    move,
    open_period,
    owed,
    planned,
    whole,
)
from tests.core.collection.desk import act
from tests.core.collection.desk import agreed as both
from tests.core.vending.credit import collection, rule, taking
from tests.hub.machine import Machine, fresh_sqlite

LIFT = 2_000


def shop(folder: Path) -> Machine:
    """Back to tokens, and the last bill's payment came back: purchases pay 2,000 of it each."""
    machine = life_on(fresh_sqlite(folder), "postpaid")
    rules = collection(rule("energy", taking("fixed", LIFT)))
    object.__setattr__(machine.terms, "collection", rules)
    operators = machine.terms.operators
    assert isinstance(operators, dict)
    operators["mary"] = Operator(frozenset({"vending-supervisor"}), refund_per_day=10**6)
    operators["peter"] = Operator(frozenset({"vending-approver"}))
    open_period(machine)
    change = asked(machine, "to-prepaid")
    done(machine, move(change, "read", usage={"units": 40_000}))
    planned(machine, agreement=1)
    payment = done(machine, money(owed(machine)["bill"]))["payment"]
    agreed(machine, change)
    done(machine, move(change, "switch"))
    both(machine, act("reverse", payment=payment))
    done(machine, money(60_000, rule="credit"))
    return machine


def _draw(tx: object) -> object:
    return lambda name, count: take(tx, name, count).start  # type: ignore[arg-type]


def reversed_bill(machine: Machine) -> None:
    with machine.store.transaction() as tx:
        reverse.reverse_one(tx, 1, _draw(tx), machine.time.now_us())  # type: ignore[arg-type]


def test_what_purchases_paid_becomes_credit(tmp_path: Path) -> None:
    machine = shop(tmp_path)
    before = owed(machine)["bill"]
    done(machine, buy(20_000))
    assert owed(machine) == {"bill": before - LIFT}
    whole(machine)
    had = credit(machine)
    reversed_bill(machine)
    assert (owed(machine), credit(machine)) == ({}, had + LIFT)
    whole(machine)
    with pytest.raises(BillingError, match="reversed already"):
        reversed_bill(machine)


def test_a_sale_that_is_cancelled_after_it_is_owed_again(tmp_path: Path) -> None:
    machine = shop(tmp_path)
    had = credit(machine)
    sale = done(machine, buy(20_000))
    reversed_bill(machine)
    asked = done(machine, RequestTokenAct(
        operator="mary", kind="cancel-sale", meter=METER, reason="returned",
        evidence="returned: in the store", token=sale["receipt"],
    ))  # fmt: skip
    done(machine, DecideTokenAct(
        operator="peter", act=asked["act"], decision="approve", note="seen"
    ))  # fmt: skip
    assert credit(machine) == had + LIFT
    assert owed(machine) == {"bill": LIFT}, "he has not paid what was given back to him"
    whole(machine)
    done(machine, money(LIFT))
    assert owed(machine) == {}
    whole(machine)


def test_while_a_purchase_waits_for_its_token_the_bill_stands(tmp_path: Path) -> None:
    machine = shop(tmp_path)
    done(machine, buy(20_000))
    with machine.store.transaction() as tx:
        tx.run("UPDATE sale SET state = 'unknown'")
    with pytest.raises(BillingError, match="a purchase that waits for its token first"):
        reversed_bill(machine)
