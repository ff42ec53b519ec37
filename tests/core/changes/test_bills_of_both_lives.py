"""Bills of somebody who changes to tokens: none is forgotten, none counts what came after it."""

from datetime import date
from pathlib import Path

import pytest

from core.billing import periods
from core.billing.periods import Reported
from core.store.ids import take
from core.store.upgrade import upgrade
from tests.core.changes import life
from tests.core.changes.life import (
    DAY_US,
    agreed,
    asked,
    buy,
    done,
    money,
    move,
    no,
    open_period,
    owed,
    planned,
    sold,
    whole,
)
from tests.hub.machine import Machine
from tests.servers.postgres import Postgres


def used(machine: Machine, period: int, first: str, last: str, units: int) -> None:
    """Usage by whoever reads the meters."""
    reported = Reported(
        agreement=1, first=date.fromisoformat(first), last=date.fromisoformat(last),
        registers={"units": units}, source="test",
    )  # fmt: skip
    with machine.store.transaction() as tx:

        def draw(name: str, count: int) -> int:
            return take(tx, name, count).start

        periods.record_usage(tx, "demo", period, [reported], draw, machine.time.now_us())


def to_bills(machine: Machine) -> None:
    change = asked(machine, "to-postpaid")
    done(machine, move(change, "read", remaining_tenths=0))
    agreed(machine, change)
    done(machine, move(change, "switch"))
    done(machine, move(change, "confirm"))


def read_bill(machine: Machine) -> int:
    """To tokens, as far as the final bill; the change."""
    change = asked(machine, "to-prepaid")
    done(machine, move(change, "read", usage={"units": 40_000}))
    planned(machine, agreement=1)
    done(machine, money(owed(machine)["bill"]))
    return change


def to_tokens(machine: Machine) -> None:
    change = read_bill(machine)
    agreed(machine, change)
    done(machine, move(change, "switch"))


@pytest.mark.parametrize("kind", ["to-prepaid", "move-out"])
def test_no_month_before_is_left_without_its_bill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Runs bill who is postpaid: after the switch nobody would ever bill November."""
    machine = life.life(tmp_path, mode="postpaid")
    open_period(machine)
    used(machine, 202611, "2026-11-21", "2026-11-30", 70_000)
    machine.time.at_us += 20 * DAY_US
    open_period(machine, 202612)
    monkeypatch.setattr(life, "PERIOD", 202612)
    change = asked(machine, kind)
    done(machine, move(change, "read", usage={"units": 40_000}))
    planned(machine, agreement=1)
    done(machine, money(owed(machine)["bill"]))
    no(machine, move(change, "settle"), "billrun plan 2026-11 --agreement 1")
    monkeypatch.setattr(life, "PERIOD", 202611)
    planned(machine, agreement=1)
    done(machine, money(owed(machine)["bill"]))
    agreed(machine, change)
    done(machine, move(change, "switch"))
    whole(machine)


def whole_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tariff whose blocks of the month are not cut to a bill's days."""
    cut = "proration: {method: quantity_first, month: calendar, resolution: exact}"
    monkeypatch.setattr(
        life, "TOWN", life.TOWN.replace(cut, "proration: {method: whole, at: first_day}", 1)
    )


def total(machine: Machine) -> int:
    return int(machine.rows("SELECT total FROM bill WHERE live = 1")[0][0])


def test_a_correction_does_not_count_what_was_sold_after_the_bill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole_limits(monkeypatch)
    corrected(life.life(tmp_path))


@pytest.mark.slow
def test_nor_on_postgresql(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    whole_limits(monkeypatch)
    corrected(life.life_on(postgres.prepared("lives", upgrade)))


def corrected(machine: Machine) -> None:
    sold(machine, 6_000)
    to_bills(machine)
    open_period(machine)
    machine.time.at_us += 3 * DAY_US
    to_tokens(machine)
    before = total(machine)
    done(machine, money(20_000))
    done(machine, buy(20_000, another=True))
    used(machine, 202611, "2026-11-21", "2026-11-24", 40_000)
    planned(machine, rebill=True, agreement=1)
    assert total(machine) == before, "the same units by the same blocks"
    whole(machine)


def test_blocks_go_on_with_all_of_the_month(tmp_path: Path) -> None:
    """Sold, then billed, then sold again: what was sold first counts too."""
    machine = life.life(tmp_path)
    first = sold(machine, 6_000)["units_tenths"] * 100
    to_bills(machine)
    open_period(machine)
    machine.time.at_us += 3 * DAY_US
    to_tokens(machine)
    assert machine.rows("SELECT units_milli FROM agreement_state") == [(first + 40_000,)]


PREMIUM = """        - kind: premium
          code: beyond
          label: Beyond 20 units of the year
          structure: graduated
          period: calendar_year
          blocks:
            - {up_to: 20, rate: 0}
            - {rate: 1000}
          tax_class: none
          payee: own
          rounding: half_up
          proration: {method: quantity_first, month: calendar, resolution: exact}
        - kind: fixed
"""


def yearly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Billed units beyond 20 of the year cost 1,000 more each."""
    monkeypatch.setattr(life, "TOWN", life.TOWN.replace("        - kind: fixed\n", PREMIUM, 1))
    monkeypatch.setattr(life, "PERIOD", 202612)


def premium(machine: Machine) -> int:
    ((amount,),) = machine.rows(
        "SELECT COALESCE(sum(l.amount), 0) FROM bill_line l JOIN bill b ON b.id = l.bill_id "
        "WHERE b.live = 1 AND l.code = 'beyond'"
    )
    return int(amount)


def year_of_tokens(machine: Machine) -> None:
    tenths = [sold(machine, 6_000)["units_tenths"]]
    machine.time.at_us += 20 * DAY_US
    tenths.append(sold(machine, 6_000)["units_tenths"])
    assert tenths == [68, 68]


def test_the_blocks_of_the_year_go_on_with_what_was_sold_in_all_its_months(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """6.8 units by token in November and 6.8 in December leave 6.4 of the 20; of the 40 billed
    units 33.6 cost 1,000 more. What is bought after going back to tokens changes nothing."""
    yearly(monkeypatch)
    machine = life.life(tmp_path)
    in_the_year(machine)


@pytest.mark.slow
def test_so_they_do_on_postgresql(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    yearly(monkeypatch)
    in_the_year(life.life_on(postgres.prepared("years", upgrade)))


def in_the_year(machine: Machine) -> None:
    year_of_tokens(machine)
    open_period(machine, 202612)
    to_bills(machine)
    machine.time.at_us += 3 * DAY_US
    to_tokens(machine)
    assert premium(machine) == 33_600
    done(machine, money(20_000))
    done(machine, buy(20_000, another=True))
    used(machine, 202612, "2026-12-11", "2026-12-14", 41_000)
    planned(machine, rebill=True, agreement=1)
    assert premium(machine) == 34_600, "one unit more, and what was bought since is not before it"
    whole(machine)
