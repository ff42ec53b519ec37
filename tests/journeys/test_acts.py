"""Two operators, a real hub and a meter on the wall: from the command line to the keypad."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from core.sts.meter_state import Result
from simulators.meter.device import Meter
from tests.journeys.town import Town, as_digits, token_in

pytestmark = pytest.mark.slow

OPERATORS = """
[operators.mary]
roles = ["vending-supervisor"]
free_issue_units_per_day = 100

[operators.peter]
roles = ["vending-approver"]
"""
BY_MARY = ("--operator", "mary", "--reason", "outage", "--evidence", "report 118", "--json")


def act(town: Town, verb: str, *words: str) -> dict[str, Any]:
    done = town.house.wattbus("act", verb, *words)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("engine", ["sqlite", "rabbitmq"])
def test_a_compensation_by_two_people(open_town: Callable[..., Town], engine: str) -> None:
    town = open_town(edit=lambda text: text + OPERATORS, engine=engine)
    home = town.household()
    wall = Meter.coded(home.coding)
    words = ("compensation", home.meter, "--units", "12.5", "--tell", home.msisdn)
    asked = act(town, "request", *words, *BY_MARY)
    assert asked["state"] == "requested"
    alone = town.house.wattbus("act", "approve", str(asked["act"]), "--operator", "mary")
    assert alone.returncode == 1
    assert "vending-approver" in alone.stderr
    done = act(town, "approve", str(asked["act"]), "--operator", "peter", "--json")
    assert as_digits(token_in(town.reads(home))) == done["token"]
    assert wall.enter(done["token"], time.time_ns() // 1_000).result is Result.ACCEPT
    assert wall.state.registers[0] == 125
    again = town.house.wattbus("act", "approve", str(asked["act"]), "--operator", "peter")
    assert again.returncode == 1
    trail = town.house.wattbus("audit", "verify")
    assert trail.returncode == 0
    assert "4 rows, whole" in trail.stdout  # asked, tried alone, approved, tried again
    town.books_are_right()
