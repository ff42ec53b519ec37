"""The module's status: its alerts, and its counter, which is told only when it is exact."""

from typing import Any

import pytest

from adapters.prismtoken.api import NodeStatus
from adapters.prismtoken.calls import GetStatus
from adapters.prismtoken.codes import TABLE, UNANSWERED
from adapters.prismtoken.events import Lost, Refused, Returned
from core.messages import ReportModule
from core.queries.modules import Work
from core.store.tx import TransientStoreError
from hub.channel import Overloaded
from tests.channels.security_module.fakes import Stage, order

MADE = {"tokens.made": "7"}


def counting(**options: Any) -> Stage:
    """A stage whose first question is out, with five tokens logged before it."""
    stage = Stage(counter="tokens.made", connections=0, **options)
    stage.ports.work = Work(0, 5)
    stage.link.connections = 2
    stage.advance(1)
    return stage


def test_it_is_asked_at_once_and_then_every_while() -> None:
    stage = Stage()
    assert len(stage.link.statuses) == 1
    stage.advance(120)
    assert len(stage.link.statuses) == 1  # one at a time
    stage.says()
    stage.advance(1)
    assert len(stage.link.statuses) == 1
    stage.says()
    stage.advance(59)
    assert not stage.link.statuses
    assert stage.counts() == []  # no counter is configured


def test_alerts_are_kept_and_new_ones_are_logged_once() -> None:
    stage = Stage()
    stage.says("licence runs out")
    assert stage.channel.status()["alerts"] == ["EAlert: licence runs out"]
    stage.advance(60)
    stage.says("licence runs out", "battery low")
    assert stage.ports.log.lines.count(("error", "module.alert")) == 2
    stage.advance(60)
    stage.says()
    assert stage.ports.log.lines.count(("info", "module.alert-over")) == 2
    assert "alerts" not in stage.channel.status()


def test_the_counter_goes_with_what_was_logged_before_it_was_asked() -> None:
    stage = counting()
    stage.ports.work = Work(0, 99)  # while the module is asked
    stage.says("battery low", **MADE)
    assert stage.counts() == [(7, 5)]
    (report,) = stage.ports.messages()
    assert isinstance(report, ReportModule)
    assert report.alerts == ("EAlert: battery low",)
    assert stage.channel.status()["counted"] == 7
    stage.advance(59)
    assert not stage.link.statuses
    stage.advance(1)
    stage.says(**MADE)
    assert len(stage.counts()) == 2


def test_while_an_order_is_under_way_nothing_is_counted() -> None:
    stage = counting()
    stage.says(**MADE)
    stage.send(order(1))
    stage.advance(70)
    stage.says("battery low", **MADE)
    assert stage.channel.status()["alerts"]  # it is asked all the same
    assert len(stage.counts()) == 1
    stage.makes(order(1))
    stage.says(**MADE)
    assert len(stage.counts()) == 2


def test_an_order_that_came_and_went_while_it_was_asked_spoils_the_count() -> None:
    stage = counting()
    stage.send(order(1))
    stage.makes(order(1))
    stage.says(**MADE)
    assert stage.counts() == []
    stage.advance(5)
    stage.says(**MADE)
    assert len(stage.counts()) == 1


def test_an_order_that_only_the_database_knows_spoils_it_too() -> None:
    stage = Stage(counter="tokens.made", connections=0)
    stage.ports.work = Work(1, 5)
    stage.link.connections = 2
    stage.advance(1)
    assert not stage.counts()
    for _ in range(3):
        stage.advance(5)
    stage.ports.work = Work(0, 6)
    while stage.link.statuses:
        stage.says(**MADE)
    stage.advance(5)
    stage.says(**MADE)
    assert stage.counts() == [(7, 6)]


@pytest.mark.parametrize("info", [{}, {"tokens.made": "many"}, {"tokens.made": "-1"}, {"x": "1"}])
def test_a_counter_that_is_none_is_said_once(info: dict[str, str]) -> None:
    stage = counting()
    for _ in range(3):
        stage.says(**info)
        stage.advance(60)
    assert stage.counts() == []
    assert stage.ports.log.lines.count(("error", "module.counter")) == 1


def test_several_nodes_are_added_up() -> None:
    stage = counting()
    done = stage.link.statuses.pop()
    nodes = (NodeStatus(MADE, ()), NodeStatus({}, ()), NodeStatus({"tokens.made": "5"}, ()))
    done.callback(Returned(done, GetStatus(message_id="s"), nodes, 0.1))
    assert [counted for counted, _ in stage.counts()] == [12]


@pytest.mark.parametrize("what", ["refused", "lost", "unread", "unheard", "unsent"])
def test_trouble_with_it_is_no_trouble_for_orders_and_it_comes_again(what: str) -> None:
    stage = Stage(counter="tokens.made", connections=0)
    stage.ports.work = Work(0, 5)
    stage.ports.unread = [TransientStoreError("away")] if what == "unread" else []
    stage.link.breaks = what == "unsent"
    stage.link.connections = 2
    stage.advance(1)
    call = GetStatus(message_id="s")
    if what == "refused":
        done = stage.link.statuses.pop()
        done.callback(Refused(done, call, "E", "no", TABLE["EAuthentication.Permission"]))
    elif what == "lost":
        done = stage.link.statuses.pop()
        done.callback(Lost(done, call, "no answer", UNANSWERED))
    elif what == "unheard":
        stage.ports.trouble = [Overloaded("full")]
        stage.says(**MADE)
    stage.link.breaks = False
    assert stage.counts() == []
    for _ in range(2):
        stage.advance(5)
        while stage.link.statuses:
            stage.says(**MADE)
    assert stage.counts() == [(7, 5)]
    assert stage.channel.status()["breaker"] == "closed"


def test_a_counter_that_went_back_is_a_warning() -> None:
    stage = counting()
    stage.says(**{"tokens.made": "100"})
    stage.advance(60)
    stage.says(**MADE)
    assert ("warning", "module.counter.restarted") in stage.ports.log.lines
    assert [counted for counted, _ in stage.counts()] == [100, 7]


def test_an_hour_without_an_idle_moment_is_told() -> None:
    stage = counting()
    stage.says(**MADE)
    stage.send(order(1))
    for _ in range(62):
        stage.advance(60)
        while stage.link.statuses:
            stage.says(**MADE)
    assert stage.ports.log.lines.count(("warning", "module.counter")) == 1
