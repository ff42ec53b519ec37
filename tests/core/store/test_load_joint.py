"""A payment that is committed while its accounts are being locked: nothing is read unlocked."""

from pathlib import Path
from typing import Any

import pytest

from core.book import Wants
from core.messages import ReceiveJointPayment
from core.messages.collection import PaymentShare
from core.store import load as loading
from core.store.load_sales import Horizon
from core.store.tx import TransientStoreError
from tests.core.collection.desk import act, desk, done, whole
from tests.hub.machine import Machine, enrol


def joint(machine: Machine) -> str:
    done(machine, enrol("100002", "04123456792", "+256700000002"))
    shares = (PaymentShare(account="100001", amount=4), PaymentShare(account="100002", amount=1))
    paid = ReceiveJointPayment(shares=shares, amount=5, currency="UGX", way="cheque")
    return str(done(machine, paid)["payment"])


def test_the_batch_runs_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = desk(tmp_path)
    number = joint(machine)
    real, asked = loading.accounts_of, []

    def late(*args: Any) -> set[int]:
        """At the first look the payment is not committed yet."""
        asked.append(args)
        return set() if len(asked) == 1 else real(*args)

    monkeypatch.setattr(loading, "accounts_of", late)
    wants = Wants(accounts=("100001",), owing=("100001",), payments=(number,))
    with pytest.raises(TransientStoreError, match="run again"), machine.store.transaction() as tx:
        loading.load(tx, "demo", wants, Horizon())
    asked.clear()
    done(machine, act("dishonour", payment=number))
    assert len(asked) == 4, "the batch was rolled back and run again"
    whole(machine)


def test_both_accounts_of_a_joint_payment_are_locked(tmp_path: Path) -> None:
    machine = desk(tmp_path)
    wants = Wants(accounts=("100001",), owing=("100001",), payments=(joint(machine),))
    with machine.store.transaction() as tx:
        book = loading.load(tx, "demo", wants, Horizon())
    assert {book.links.get(("account-number", n)) for n in ("100001", "100002")} == {1, 2}
