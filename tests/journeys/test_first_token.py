"""How long it takes from the hub's start to the first token in a customer's hand."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.journeys.town import Town, buys, token_in

pytestmark = pytest.mark.slow
#: Seconds of processor time: what the clock shows on a machine that does nothing else. The wall
#: clock of a shared machine would make this a test of its neighbours.
FIRST_TOKEN_S = 5.0


def processor_s(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_the_first_token_after_a_start(
    open_town: Callable[..., Town], record_property: Callable[[str, object], None]
) -> None:
    town = open_town()
    buyer = town.household()
    hub = town.house.hub
    assert hub is not None
    assert hub.stop() == 0
    up = town.house.start_hub()
    buys(town, buyer, 20_000)
    assert token_in(town.reads(buyer))
    wall = time.monotonic() - town.house.hub_started
    hub = town.house.hub
    assert hub is not None
    used = processor_s(hub.process.pid)
    record_property("hub_up_s", round(up, 2))
    record_property("first_token_s", round(wall, 2))
    record_property("first_token_processor_s", round(used, 2))
    print(f"up {up:.2f} s, first token {wall:.2f} s, processor {used:.2f} s")
    assert used < FIRST_TOKEN_S
    town.books_are_right()
