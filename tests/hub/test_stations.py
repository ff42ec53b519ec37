"""Channels and links follow their seats and what operators have stopped."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from hub.config import ConfigError
from hub.groups import Group
from hub.stations import LEAVE_S, Stations

SMSC = Group("smsc", ("sms", "ussd"), ("smsc",))
POS = Group("pos", ("pos",), ())


@dataclass
class Thing:
    """A channel or a link that writes down what it is told."""

    name: str
    told: list[str]
    ending: "Deferred[None] | None" = None

    def start(self) -> None:
        self.told.append(f"start {self.name}")

    def stop(self) -> "Deferred[None]":
        self.told.append(f"stop {self.name}")
        return self.ending or succeed(None)


@dataclass
class Way:
    """The way out."""

    told: list[str]
    flying: int = 0

    def put(self, name: str, _channel: Any) -> None:
        self.told.append(f"put {name}")

    def drop(self, names: Any) -> None:
        self.told.append(f"drop {' '.join(names)}")

    def in_flight(self, _names: Any) -> int:
        return self.flying


@dataclass
class Town:
    told: list[str] = field(default_factory=list)
    held: dict[str, int] = field(default_factory=dict)
    clock: Clock = field(default_factory=Clock)
    declined: list[str] = field(default_factory=list)
    wrong: str = ""
    built: int = 0

    def __post_init__(self) -> None:
        self.way = Way(self.told)
        names = ("sms", "ussd", "pos")
        self.stations = Stations(
            self.clock,
            {"smsc": SMSC, "pos": POS},
            self.way,  # type: ignore[arg-type]
            {name: Thing(name, self.told) for name in names},  # type: ignore[misc]
            {"smsc": Thing("smsc", self.told)},
            {name: SimpleNamespace(unmount=lambda: None) for name in names},  # type: ignore[misc]
            self.build,
            lambda: self.held,
            20.0,
            self.declined.append,
        )
        self.stations.built()

    def build(self, group: Group, channels: tuple[str, ...]) -> None:
        if self.wrong:
            raise ConfigError([self.wrong])
        self.built += 1
        for name in channels:
            self.stations.channels[name] = Thing(name, self.told)  # type: ignore[assignment]
        for name in group.links:
            self.stations.links[name] = Thing(name, self.told)

    def settle(self) -> list[str]:
        self.told.clear()
        self.stations.settle()
        self.clock.advance(0)
        return list(self.told)


@pytest.fixture
def town() -> Town:
    return Town()


def test_what_is_held_is_opened_link_first_and_nothing_else(town: Town) -> None:
    town.held = {"smsc": 1}
    assert town.settle() == ["start smsc", "put sms", "start sms", "put ussd", "start ussd"]
    assert town.stations.is_open("sms")
    assert town.stations.has_link("smsc")
    assert not town.stations.is_open("pos")
    assert town.settle() == []
    assert town.built == 0, "what was made with the node is used first"


def test_what_opens_after_the_start_is_built_of_what_is_configured_by_then(town: Town) -> None:
    town.settle()
    made_with_the_node = town.stations.channels["pos"]
    town.held = {"pos": 4}
    assert town.settle() == ["put pos", "start pos"]
    assert town.built == 1
    assert town.stations.channels["pos"] is not made_with_the_node


def test_what_is_lost_closes_at_once_and_opens_anew_later(town: Town) -> None:
    town.held = {"smsc": 1}
    town.settle()
    old = town.stations.channels["sms"]
    town.held = {}
    assert town.settle() == ["drop sms ussd", "stop sms", "stop ussd", "stop smsc"]
    assert not town.stations.is_open("sms")
    town.held = {"smsc": 3}
    assert "start sms" in town.settle()
    assert town.stations.channels["sms"] is not old
    assert town.built == 1


def test_a_seat_lost_and_taken_again_between_two_looks_is_opened_anew(town: Town) -> None:
    town.held = {"pos": 1}
    town.settle()
    town.held = {"pos": 3}
    assert town.settle() == ["drop pos", "stop pos", "put pos", "start pos"]


def test_a_far_end_that_is_silent_does_not_keep_a_lost_seat_closing(town: Town) -> None:
    town.held = {"pos": 1}
    town.settle()
    town.stations.channels["pos"].ending = Deferred()  # type: ignore[attr-defined]
    town.held = {"pos": 3}
    assert town.settle() == ["drop pos", "stop pos"]
    town.clock.advance(LEAVE_S)
    assert town.told[-1] == "start pos"


def test_a_stopped_channel_drains_and_its_sibling_goes_on_without_it(town: Town) -> None:
    town.held = {"smsc": 1}
    town.settle()
    town.told.clear()
    town.way.flying = 1
    town.stations.stop_only({"sms"})
    town.clock.advance(0)
    assert town.told == ["stop sms", "stop ussd"], "what is in flight is waited for"
    town.way.flying = 0
    town.clock.advance(0.05)
    assert town.told[2:] == ["drop sms ussd", "stop smsc", "start smsc", "put ussd", "start ussd"]
    assert not town.stations.is_open("sms")
    town.stations.stop_only({"sms", "ussd"})
    town.clock.advance(0)
    assert not town.stations.has_link("smsc"), "nobody is left on it"
    town.told.clear()
    town.stations.stop_only(set())
    assert town.told[0] == "start smsc"
    assert town.stations.is_open("sms")


def test_what_was_stopped_before_the_start_is_not_opened(town: Town) -> None:
    town.held = {"pos": 1}
    town.stations.stopped = frozenset({"pos"})
    assert town.settle() == []


def test_what_cannot_be_built_is_declined(town: Town) -> None:
    town.held = {"pos": 1}
    town.settle()
    town.held, town.wrong = {}, "layouts.yaml:3: no such field"
    town.settle()
    town.held = {"pos": 3}
    assert town.settle() == []
    assert town.declined == ["pos"]


def test_the_end_of_the_node_stops_all_and_opens_nothing_more(town: Town) -> None:
    town.held = {"smsc": 1, "pos": 1}
    town.settle()
    town.told.clear()
    fired: list[Any] = []
    town.stations.drain().addCallback(fired.append)
    assert sorted(town.told) == ["stop pos", "stop sms", "stop ussd"]
    assert len(fired) == 1
    town.stations.close_links()
    assert town.told[-1] == "stop smsc"
    town.held = {}
    assert town.settle() == []
