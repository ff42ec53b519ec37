"""The provider pays out: float to bank, fee to expense, each payment once, differences told."""

from pathlib import Path

import pytest

from core.messages import Outcome
from core.wallets import settling
from tests.core.collection.desk import whole
from tests.core.wallets.proofs import cases, line, payout, states, took
from tests.core.wallets.purse import balance, do, done, pay_in, purse


def test_a_payout_moves_the_float_to_the_bank_and_settles_the_payments(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    done(machine, pay_in(20_000, receipt="A"))
    done(machine, pay_in(10_000, receipt="B", typed="x"))
    data = done(machine, payout(29_700, fee=300))
    assert (data["expected"], data["payments"], data["difference"]) == (30_000, 2, 0)
    machine.settle()
    assert states(machine) == {"A": "settled", "B": "settled"}
    assert balance(machine, "wallet:mpesa") == 0
    assert balance(machine, "transfer:bank") == 29_700
    assert balance(machine, "expense:wallet-fee") == 300
    assert cases(machine) == []
    whole(machine)


def test_the_banks_reference_counts_once(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    done(machine, pay_in(20_000))
    first = done(machine, payout(20_000, reference="T1"))
    again = done(machine, payout(20_000, reference="T1"))
    assert (again["repeat"], again["settlement"]) == (True, first["settlement"])
    other = do(machine, payout(19_000, reference="T1"))
    assert (other.outcome, other.code) == (Outcome.REFUSED, "settlement-known")
    assert balance(machine, "transfer:bank") == 20_000


def test_what_is_missing_is_told_and_is_a_case(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    done(machine, pay_in(20_000))
    data = done(machine, payout(19_000, fee=100))
    assert data["difference"] == 900
    assert cases(machine) == [("settlement-differs", "open", 900)]
    assert balance(machine, "wallet:mpesa") == 900
    whole(machine)


def test_what_comes_late_for_a_day_is_of_the_next_payout(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    done(machine, pay_in(20_000, receipt="A"))
    done(machine, payout(20_000))
    machine.settle()
    took(machine, line("A", 20_000), line("LATE", 5_000, typed="x"))
    data = done(machine, payout(5_000))
    assert (data["expected"], data["payments"], data["difference"]) == (5_000, 1, 0)
    machine.settle()
    assert states(machine) == {"A": "settled", "LATE": "settled"}
    assert balance(machine, "wallet:mpesa") == 0


def test_payments_are_marked_a_batch_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "MARKED_AT_ONCE", 2)
    monkeypatch.setattr("core.store.load_wallet_books.MARKED_AT_ONCE", 2)
    machine = purse(tmp_path)
    for place in range(5):
        done(machine, pay_in(1_000, receipt=f"R{place}", typed="x"))
    done(machine, payout(5_000))
    machine.settle()
    assert set(states(machine).values()) == {"settled"}
    handled = machine.rows("SELECT count(*) FROM delivery WHERE handler = 'wallets.mark-settled'")
    assert handled == [(3,)]
    whole(machine)


def test_money_of_another_currency_is_no_part_of_a_payout(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    done(machine, pay_in(20_000, receipt="A"))
    done(machine, pay_in(7_000, receipt="KES", currency="KES"))
    data = done(machine, payout(20_000))
    assert (data["expected"], data["payments"], data["difference"]) == (20_000, 1, 0)
    machine.settle()
    assert states(machine) == {"A": "settled", "KES": "applied"}
    whole(machine)


@pytest.mark.parametrize(
    ("command", "what"),
    [
        (payout(0), "0 paid out, 0 kept: no amounts of money"),
        (payout(5, fee=-1), "5 paid out, -1 kept: no amounts of money"),
        (payout(5, fee=6), "6 kept of a payout of 5: more than came"),
        (payout(5, reference="T1 "), "the bank's reference has no spaces before or behind it"),
        (payout(5, reference=""), "the bank's reference has 1 to 140 characters"),
        (payout(5, desk="a:b"), "'a:b' is no bank account of ours"),
        (payout(5, currency="KES"), "it is in UGX, not KES"),
        (payout(5, until=20261122), "the day 2026-11-22 has not come yet"),
    ],
)
def test_a_payout_that_cannot_be_is_refused(tmp_path: Path, command: object, what: str) -> None:
    answer = do(purse(tmp_path), command)
    assert (answer.code, answer.args["what"]) == ("statement-wrong", what)
