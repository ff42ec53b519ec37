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
    assert credit(machine) == done_["credited"]
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
