"""A provider asks before the money moves: the same reading, in a reader's time, nothing written."""

from pathlib import Path

import pytest

from core.company import SaleLimits
from core.queries.wallets import Decision, payment_by_receipt, validate
from tests.core.collection.desk import debt
from tests.core.wallets.purse import METER, WALLETS, block_rules, done, pay_in, purse
from tests.hub.machine import Machine

MPESA = WALLETS.wallets["mpesa"]


def asked(machine: Machine, typed: str = METER, amount: int = 20_000) -> Decision:
    with machine.store.reader() as reader:
        return validate(reader, machine.terms, MPESA, typed, amount)


def test_a_meter_is_shown_with_its_holder_masked(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    shown = asked(machine, METER.replace("0", "O"))
    assert shown == Decision(ok=True, name="O***** D*****", names="meter", number=METER)
    assert asked(machine, "100001").name == "O***** D*****"


@pytest.mark.parametrize("typed", ["", "my mother", "04123456785", "999999"])
def test_nobodys_reference_is_refused(tmp_path: Path, typed: str) -> None:
    machine = purse(tmp_path)
    decision = asked(machine, typed)
    assert (decision.ok, decision.reason, decision.why) == (False, "account", "unknown")


def test_amounts_beyond_the_limits(tmp_path: Path) -> None:
    machine = purse(tmp_path, limits=SaleLimits(per_sale=50_000))
    assert asked(machine, amount=50_001).reason == "amount"
    assert asked(machine, "100001", 50_001).ok
    assert asked(machine, amount=0).reason == "amount"
    assert asked(machine, amount=1).ok  # too little for a token is credit


@pytest.mark.parametrize(
    ("state", "why"), [("exchanged", "exchanging"), ("blocked", "blocked"), ("active", "")]
)
def test_what_would_be_held_is_better_not_sent(tmp_path: Path, state: str, why: str) -> None:
    machine = purse(tmp_path)
    with machine.store.transaction() as tx:
        tx.run("UPDATE meter SET state = :state", state=state)
    decision = asked(machine)
    assert (decision.why, decision.ok, decision.reason) == (why, not why, "other" if why else "")
    outcome = done(machine, pay_in(20_000))["outcome"]
    assert outcome == (why or "sold")


def test_a_blocked_meter_with_debts_may_pay_them(tmp_path: Path) -> None:
    machine = purse(tmp_path, collection=block_rules())
    debt(machine, 5_000)
    assert asked(machine).ok
    with machine.store.transaction() as tx:
        tx.run("UPDATE meter SET state = 'blocked'")
    assert asked(machine).ok


def test_what_came_under_a_receipt(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    done(machine, pay_in(20_000, receipt="RKT1"))
    with machine.store.reader() as reader:
        found = payment_by_receipt(reader, "demo", "mpesa", "RKT1")
        assert payment_by_receipt(reader, "demo", "mpesa", "RKT2") is None
    assert found is not None
    assert (found.number, found.outcome, found.amount) == ("W-000001", "sold", 20_000)
