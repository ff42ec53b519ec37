"""What a provider should have paid out by now, and lines of another wallet's statement."""

from datetime import date
from pathlib import Path

import msgspec
import pytest

from core.calendars import local_date
from core.queries.wallet_books import balances, owed_until, work_list
from tests.core.wallets.proofs import DAY, line, payout, took
from tests.core.wallets.purse import WALLETS, done, pay_in, purse, wallets
from tests.hub.machine import Machine

ZONE = "Africa/Kampala"
#: Saturday 21 November 2026 is the day of the tests.
FRIDAY, MONDAY, TUESDAY = date(2026, 11, 20), date(2026, 11, 23), date(2026, 11, 24)


@pytest.mark.parametrize(
    ("today", "days", "before"),
    [
        (TUESDAY, 0, TUESDAY),
        (TUESDAY, 1, MONDAY),
        (TUESDAY, 2, FRIDAY),
        (MONDAY, 1, FRIDAY),
        (date(2026, 11, 22), 1, FRIDAY),
    ],
)
def test_working_days_after_the_day(today: date, days: int, before: date) -> None:
    assert owed_until(today, days) == before


def overdue(machine: Machine, today: date) -> int:
    with machine.store.reader() as reader:
        (view,) = balances(reader, "demo", machine.terms.wallets.wallets, (today, ZONE))
    return view.overdue


def test_a_payout_that_does_not_come_is_overdue_until_it_comes(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    assert local_date(machine.time.at_us, ZONE) == date(2026, 11, 21)
    done(machine, pay_in(20_000, receipt="A"))
    assert [overdue(machine, day) for day in (MONDAY, TUESDAY)] == [0, 20_000]
    done(machine, payout(20_000))
    machine.settle()
    assert overdue(machine, TUESDAY) == 0


def test_another_wallets_statement_proves_nothing_of_this_one(tmp_path: Path) -> None:
    mpesa = WALLETS.wallets["mpesa"]
    airtel = msgspec.structs.replace(mpesa, name="airtel", channel="airtel", provider="airtel")
    machine = purse(tmp_path, wallets=wallets(wallets={"mpesa": mpesa, "airtel": airtel}))
    took(machine, line("SAME", 1_000, typed="x"), wallet="airtel")
    done(machine, pay_in(9_000, receipt="SAME", typed="x"))
    took(machine)
    with machine.store.reader() as reader:
        found = [(row.wallet, row.what) for row in work_list(reader, "demo")]
    assert ("mpesa", "ours-only") in found, DAY
