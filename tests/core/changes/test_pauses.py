"""A time without service that goes on at a change to bills: it ends or goes on, as declared; no
month's charge is taken twice, none is lost."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from core.billing.facts import Stated, state_facts
from core.messages import PauseService, ResumeService
from core.store.ids import take
from tests.core.changes import life
from tests.core.changes.life import (
    DAY_US,
    METER,
    agreed,
    agreement,
    asked,
    done,
    money,
    move,
    no,
    open_period,
    owed,
    planned,
    refused,
    sold,
    whole,
)
from tests.core.vending.test_pauses_and_facts import per_kilowatt
from tests.hub.machine import Machine
from tests.hub.sales import set_clock


def service(command: Any, on: str = "") -> Any:
    return command(operator="sarah", meter=METER, why="vacant", reason="left", on=on)


def to_bills(machine: Machine) -> dict[str, Any]:
    change = asked(machine, "to-postpaid")
    done(machine, move(change, "read", remaining_tenths=0))
    agreed(machine, change)
    answer = done(machine, move(change, "switch"))
    done(machine, move(change, "confirm"))
    return answer


def there_and_back(folder: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> Machine:
    """Paid for November, vacant from the 25th; bills from 15 January; tokens from 10 February."""
    machine = life.life(folder, pauses=how)
    sold(machine)
    set_clock(machine, "2026-11-25T09:00:00")
    done(machine, service(PauseService))
    set_clock(machine, "2027-01-15T09:00:00")
    to_bills(machine)
    assert owed(machine) == {}, "December had no service"
    set_clock(machine, "2027-02-10T09:00:00")
    monkeypatch.setattr(life, "PERIOD", 202702)
    open_period(machine, 202702)
    change = asked(machine, "to-prepaid")
    done(machine, move(change, "read", usage={"units": 40_000}))
    planned(machine, agreement=1)
    done(machine, money(owed(machine)["bill"]))
    agreed(machine, change)
    done(machine, move(change, "switch"))
    assert agreement(machine)[1] == "prepaid"
    return machine


def months(machine: Machine, tender: int) -> int:
    """How many months' charges of 3,360 the purchase pays."""
    lines = sold(machine, tender)["lines"]
    return sum(line["amount"] for line in lines if line["code"] == "service") // 3_360


@pytest.mark.parametrize(("how", "april"), [("ended", 2), ("kept", 0)])
def test_each_month_is_charged_once_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, april: int
) -> None:
    machine = there_and_back(tmp_path, monkeypatch, how)
    slices = machine.rows("SELECT count(*) FROM agreement_pause WHERE to_us = 0")
    assert slices == [(0 if how == "ended" else 1,)]
    assert months(machine, 20_001) == 0, "February is on the bill"
    set_clock(machine, "2027-04-10T09:00:00")
    assert months(machine, 20_002) == april, "March and April, unless there is no service"
    if how == "kept":
        done(machine, service(ResumeService))
        assert months(machine, 20_003) == 1, "April has days of service again"
    whole(machine)


def test_one_that_was_kept_can_end_while_he_is_billed(tmp_path: Path) -> None:
    machine = life.life(tmp_path, pauses="kept")
    done(machine, service(PauseService))
    assert "pauses_ended" not in to_bills(machine)
    machine.time.at_us += DAY_US
    done(machine, service(ResumeService))
    assert "is not vacant" in str(refused(machine, service(ResumeService)).args)
    assert "its bills say" in str(refused(machine, service(PauseService)).args)
    whole(machine)


def test_undone_before_the_switch_it_goes_on(tmp_path: Path) -> None:
    machine = life.life(tmp_path, pauses="ended")
    done(machine, service(PauseService))
    change = asked(machine, "to-postpaid")
    done(machine, move(change, "read", remaining_tenths=0))
    agreed(machine, change)
    agreed(machine, change, "undo")
    assert machine.rows("SELECT to_us FROM agreement_pause") == [(0,)]
    whole(machine)


def test_charges_without_a_price_are_said_to_who_asks(tmp_path: Path) -> None:
    """Nobody approves what could not be carried out."""
    machine = life.life(tmp_path)
    tariffs = {**machine.terms.tariffs, "uganda-domestic": per_kilowatt()}
    terms = replace(machine.terms, tariffs=tariffs)
    machine.worker.batch.terms = {"demo": terms}
    change = asked(machine, "move-out")
    done(machine, move(change, "read", remaining_tenths=0))
    answer = no(machine, move(change, "settle"), "sanctioned_kw")
    assert answer.code == "tariff-missing"
    assert machine.rows("SELECT count(*) FROM token_act") == [(0,)]
    stated = Stated(
        agreement=1, kind="attribute", name="sanctioned_kw", value=2_000,
        from_day=date(2026, 11, 1),
    )  # fmt: skip
    with machine.store.transaction() as tx:
        means = (lambda name, count: take(tx, name, count).start), machine.time.now_us()
        state_facts(tx, "demo", [stated], means, "grace")
    agreed(machine, change)
    assert owed(machine)["accrued-charges"] > 0
