"""Tokens made by a security module on the network, which misbehaves: none lost, none twice.

One town whose supply group is held by the module; the module itself is started anew for each way
of misbehaving, on the same port, as a box that was mended in place.
"""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from hub.failpoints import MODULE_POINTS
from simulators.demo.children import Child, until, wattbus
from simulators.demo.house import UP_S, free_port
from simulators.demo.people import Household
from tests.journeys.conftest import POSTGRESQL, SQLITE, engine_edit, opened
from tests.journeys.town import SOON_S, Town, buys

pytestmark = pytest.mark.slow

#: Long waits, short: what is asked about after 30 s in the field is asked after 3 s here.
SECTIONS = """
[links.prism]
kind = "prismtoken"
endpoint = "tcp:127.0.0.1:{port}"
username = "wattbus"
connections = 2
call_timeout_s = 1.5
reconnect_first_s = 0.2
reconnect_longest_s = 1.0

[channels.box]
kind = "security_module"
company = "demo"
link = "prism"
tell_after_s = 2.0
give_up_s = 120.0
settle_s = 3.0
again_s = 0.5
pause_s = 1.0

[companies.demo.supply_groups.201457]
module = "box"
"""
#: Every third issuing call is struck; what is late is late for longer than a call waits, and done
#: before it is asked about.
OPTIONS = ("--every", "2", "--speed", "100", "--delay", "2.2", "--down", "3")
CROWD = 3


@dataclass
class Boxed:
    """A town and its module."""

    town: Town
    port: int
    control: int
    child: Child | None = None

    def box(self, kind: str, *options: str) -> None:
        """A module of this kind, in place of the one that is there."""
        if self.child is not None and self.child.alive():
            self.child.kill()
        ports = ("--port", str(self.port), "--control-port", str(self.control))
        argv = wattbus("simulate", "prism", "--kind", kind, *ports, *(options or OPTIONS))
        self.child = child = Child.start("prism", argv, self.town.house.folder)

        def up() -> bool:
            child.must_live()
            try:
                return bool(self.status())
            except OSError:
                return False

        until(up, UP_S, "the module is up")

    def status(self) -> dict[str, Any]:
        """What the module says of itself."""
        with socket.create_connection(("127.0.0.1", self.control), 5.0) as link:
            link.sendall(b'{"do": "status"}\n')
            answer: dict[str, Any] = json.loads(link.makefile("rb").readline())
        return answer

    def connected(self) -> None:
        """Wait until the hub is signed in."""
        status = lambda: self.town.house.ask({"do": "status"})["links"]["prism"]  # noqa: E731
        until(lambda: status()["state"] == "up", SOON_S, "the link to the module")

    def orders(self) -> list[tuple[str, int]]:
        """How many orders are in which state."""
        return [
            (str(state), int(n))
            for state, n in self.town.house.rows(
                "SELECT state, count(*) FROM token_order GROUP BY state ORDER BY state"
            )
        ]

    def proved(self) -> str:
        """What the proof says."""
        done = self.town.house.wattbus("check", "--tokens")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def boxed(stack: ExitStack, base: Callable[[str], str]) -> Boxed:
    port, control = free_port(), free_port()
    sections = SECTIONS.format(port=port)
    town = opened(stack, lambda text: base(text) + sections, wait_bound=False)
    made = Boxed(town, port, control)
    stack.callback(lambda: made.child and made.child.kill())
    return made


@pytest.fixture(scope="module")
def boxed_town(request: pytest.FixtureRequest) -> Iterator[Boxed]:
    with ExitStack() as stack:
        yield boxed(stack, engine_edit(SQLITE, request))


@pytest.fixture(scope="module")
def boxed_on_postgresql(request: pytest.FixtureRequest) -> Iterator[Boxed]:
    with ExitStack() as stack:
        yield boxed(stack, engine_edit(POSTGRESQL, request))


def crowd_of(town: Town, count: int = CROWD) -> list[Household]:
    return [town.household() for _ in range(count)]


def all_buy(town: Town, crowd: list[Household]) -> None:
    for buyer in crowd:
        buys(town, buyer, 20_000)


def token_for(town: Town, buyer: Household) -> int:
    """What the token brings that comes in the end, after whatever was told on the way."""
    text = town.reads(buyer, 2 * SOON_S)
    if "takes longer" in text:
        text = town.reads(buyer, 2 * SOON_S)
    return town.meter_takes(buyer, town.sold[-1])


HONEST = ("friendly", "late", "slow", "lost-answer", "twice", "down", "garbage", "expiring",
          "failing")  # fmt: skip


@pytest.mark.parametrize("kind", HONEST)
def test_a_module_that_misbehaves_makes_each_token_once(boxed_town: Boxed, kind: str) -> None:
    each_token_once(boxed_town, kind)


@pytest.mark.parametrize("kind", ["lost-answer", "down"])
def test_with_workers_in_processes_of_their_own(boxed_on_postgresql: Boxed, kind: str) -> None:
    each_token_once(boxed_on_postgresql, kind)


def each_token_once(made: Boxed, kind: str) -> None:
    town = made.town
    crowd = crowd_of(town)
    made.box(kind)
    made.connected()
    all_buy(town, crowd)
    assert [token_for(town, buyer) for buyer in crowd] == [281] * CROWD
    town.says_nothing_more(*crowd)
    assert all(len(town.sales_of(buyer)) == 1 for buyer in crowd)
    assert made.status()["made"] == CROWD  # the box's own count: none was made for nobody
    town.books_are_right()
    made.proved()


def test_a_module_that_is_down_when_they_buy(boxed_town: Boxed) -> None:
    town = boxed_town.town
    crowd = crowd_of(town, 3)
    assert boxed_town.child is not None
    boxed_town.child.kill()
    all_buy(town, crowd)
    for buyer in crowd:
        assert "takes longer" in town.reads(buyer)
    boxed_town.box("friendly")
    assert [token_for(town, buyer) for buyer in crowd] == [281] * 3
    town.books_are_right()
    boxed_town.proved()


def test_a_module_that_forgets_makes_a_second_token_that_no_meter_takes(boxed_town: Boxed) -> None:
    """Nobody can tell its "never made" from the truth: both tokens carry the order's TID."""
    town = boxed_town.town
    crowd = crowd_of(town)
    boxed_town.box("forgetful")
    boxed_town.connected()
    all_buy(town, crowd)
    assert [token_for(town, buyer) for buyer in crowd] == [281] * CROWD
    town.says_nothing_more(*crowd)
    town.books_are_right()
    assert boxed_town.status()["made"] > CROWD  # the box's count shows it


def test_anothers_token_is_caught_and_waits_for_people(boxed_town: Boxed) -> None:
    town = boxed_town.town
    crowd = crowd_of(town, 3)
    boxed_town.box("wrong-meter")
    boxed_town.connected()
    all_buy(town, crowd)
    house = town.house

    def wrong() -> list[Any]:
        return house.rows("SELECT meter, detail FROM token_order WHERE state = 'wrong'")

    until(wrong, SOON_S, "the wrong token is caught")
    town.settle()
    ((drn, detail),) = wrong()
    assert "drn: asked" in detail
    (victim,) = [each for each in crowd if each.meter == drn]
    for buyer in crowd:
        if buyer is not victim:
            assert token_for(town, buyer) == 281
    rows = house.rows("SELECT credit, reserved FROM account WHERE number = :n", n=victim.account)
    assert rows == [(50_000, 20_000)]
    boxed_town.box("friendly")
    boxed_town.proved()
    town.nothing_lost()


@pytest.mark.parametrize("point", MODULE_POINTS)
def test_a_hub_that_is_killed_in_the_middle_of_an_order(
    request: pytest.FixtureRequest, point: str
) -> None:
    with ExitStack() as stack:
        made = boxed(stack, engine_edit(SQLITE, request))
        town = made.town
        made.box("friendly")
        assert town.house.hub is not None
        town.house.hub.stop()
        town.house.start_hub(failpoint=point)
        buyer = town.household()
        town.house.trap.touch()
        buys(town, buyer, 20_000)
        until(lambda: town.house.hub and not town.house.hub.alive(), SOON_S, f"killed at {point}")
        town.house.trap.unlink()
        town.house.start_hub()
        assert token_for(town, buyer) == 281
        town.says_nothing_more(buyer)
        assert made.status()["made"] == 1
        town.books_are_right()
        made.proved()
