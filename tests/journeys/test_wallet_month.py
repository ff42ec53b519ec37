"""The end of a month: hundreds of payments by three providers that lose, double, delay and alter
their notices, one of them away for a while, and a hub that is killed between paid and vended.

In the evening provider, ledger and bank agree to the minor unit; no payment has two tokens, and
what could not be vended is in a work list.
"""

from collections import Counter
from pathlib import Path

import pytest

from core.store.upgrade import upgrade
from tests.hub.machine import fresh_sqlite
from tests.journeys.purse_town import HOUSES, PurseTown, meter
from tests.servers.postgres import Postgres


def month_end(town: PurseTown, rounds: int) -> None:
    """A day of buying."""
    for number in range(rounds):
        house = number % HOUSES
        town.buys("mtn", house, 20_000 + 500 * (number % 50))
        town.buys("airtel", house, 21_000 + 500 * (number % 50))
        typed = meter(house) if number % 10 else f"NOBODY {number}"
        town.pays_in(house, typed, 100_000 + 100 * number)
        town.passes(120.0, 30.0)


def agrees(town: PurseTown) -> None:
    """Provider = ledger = bank, one token a sale, everything held has its row."""
    machine = town.machine
    assert town.wrongs() == []
    for name, purse in town.purses.items():
        theirs = {each.receipt: each.amount for each in purse.book.movements.values()}
        assert town.payments(name) == theirs, town.told(name)
        out = sum(each.amount + each.fee for each in purse.book.payouts)
        assert town.ledger(f"wallet:{name}") == purse.book.total() - out
    bank = sum(each.amount for purse in town.purses.values() for each in purse.book.payouts)
    fees = sum(each.fee for purse in town.purses.values() for each in purse.book.payouts)
    assert (town.ledger("transfer:bank"), town.ledger("expense:wallet-fee")) == (bank, fees)
    doubles = machine.rows(
        "SELECT sale_id, count(*) FROM wallet_payment WHERE sale_id <> 0 GROUP BY sale_id "
        "HAVING count(*) > 1"
    )
    assert doubles == []
    ((sales,),) = machine.rows("SELECT count(*) FROM sale")
    ((sold,),) = machine.rows("SELECT count(*) FROM wallet_payment WHERE sale_id <> 0")
    ((tokens,),) = machine.rows("SELECT count(*) FROM token WHERE cause = 'sale'")
    assert sales == sold == tokens
    assert town.told_before + town.told_tokens() == tokens
    assert machine.unaccounted() == 0
    nobody = [
        each for each in town.purses["mpesa"].book.movements.values() if "NOBODY" in each.typed
    ]
    waiting = machine.rows(
        "SELECT receipt FROM held_money WHERE reason = 'unknown' AND owner <> '' ORDER BY receipt"
    )
    assert [receipt for (receipt,) in waiting] == sorted(each.receipt for each in nobody)
    open_ = machine.rows(
        "SELECT number FROM wallet_payment WHERE receipt = '' AND state NOT IN ('failed')"
    )
    assert open_ == []


def stormed(town: PurseTown) -> None:
    """It was no calm day: each way in which a notice goes wrong was met, and money found without
    its notice."""
    purses = town.purses.values()
    assert sum(purse.counts.lost for purse in purses) > 0
    about = Counter(told.notice.about for purse in purses for told in purse.told)
    assert max(about.values()) == 2
    lies = [told for purse in purses for told in purse.told if told.notice.altered]
    assert lies
    proofs = town.machine.rows("SELECT DISTINCT proof FROM wallet_payment WHERE receipt <> ''")
    assert {proof for (proof,) in proofs} >= {"notice", "status", "pull"}


def play(town: PurseTown, rounds: int) -> None:
    """A day, a night, and the morning's accounts."""
    town.open_town()
    town.passes(5.0, 1.0)
    month_end(town, rounds)
    town.purses["mtn"].go_down(1_800.0)
    month_end(town, rounds)
    # kill -9 between paid and vended: the notices of these payers are journaled, no worker has run
    town.buys("mtn", 3, 33_000)
    town.buys("airtel", 4, 34_000)
    for house in (5, 6, 7):
        town.purses["mpesa"].pay_in(f"+25479000000{house}", meter(house), 350_000)
    town.clock.advance(6.0)
    town.machine.intake.step()
    waiting = town.machine.rows(
        "SELECT count(*) FROM delivery WHERE state = 0 AND handler = 'wallets.receive-pay-in'"
    )
    assert waiting[0][0] > 0
    town.kill()
    town.clock.advance(30.0)
    town.start()
    town.settle()
    month_end(town, rounds)
    town.passes(4 * 3_600.0, 300.0)
    day = town.day()
    for name in town.purses:
        town.statement(name, day)
        town.settle()
    for name in town.purses:
        town.payout(name, day)
    town.settle()


@pytest.mark.slow
def test_a_months_end_on_sqlite(tmp_path: Path) -> None:
    town = PurseTown(fresh_sqlite(tmp_path), tmp_path)
    play(town, 30)
    agrees(town)
    stormed(town)


@pytest.mark.slow
def test_a_months_end_on_postgresql(postgres: Postgres, tmp_path: Path) -> None:
    url = postgres.prepared("wallets", upgrade)
    town = PurseTown(url, tmp_path)
    try:
        play(town, 12)
        agrees(town)
    finally:
        town.machine.store.close()
        postgres.drop(url)
