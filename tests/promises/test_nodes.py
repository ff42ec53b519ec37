"""Several nodes on one database: seats move, and nothing is lost, sold twice or said by two."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.promises.checker import holds
from tests.promises.company import CHANNEL, Setting
from tests.promises.conftest import POSTGRESQL, RABBITMQ
from tests.promises.nodes import Nodes, closing, said
from tests.promises.test_stepped import traffic

pytestmark = pytest.mark.slow
Maker = Callable[..., Nodes]


@pytest.fixture(params=[POSTGRESQL])
def engine(request: pytest.FixtureRequest) -> str:
    """The engine under test."""
    return str(request.param)


@pytest.fixture
def make_nodes(
    folder: Path, books: Callable[..., str], engine: str, request: pytest.FixtureRequest
) -> Iterator[Maker]:
    """Makes the one world of a test and runs the nodes named."""
    with ExitStack() as stack:

        def make(*names: str, **setting: Any) -> Nodes:
            if engine == RABBITMQ:
                setting["bus_url"] = request.getfixturevalue("rabbit").url
            nodes = Nodes(folder, books(engine, "_of_today"), Setting(**setting))
            stack.enter_context(closing(nodes))
            for name in names:
                nodes.run(name)
            return nodes

        yield make


def other(name: str) -> str:
    return "b" if name == "a" else "a"


@pytest.mark.parametrize("engine", [POSTGRESQL, RABBITMQ], indirect=True)
def test_a_killed_holder_s_seats_move_and_nothing_is_lost(make_nodes: Maker) -> None:
    nodes = make_nodes("a", "b")
    holder = nodes.holder()
    nodes.far.offer(*traffic(2, "before-"))
    nodes.wait(lambda: len(nodes.record.answers) > 3, "work is under way")
    nodes.kill_node(holder)
    took = nodes.moved_to(other(holder))
    print(f"the other node has the seat after {took:.1f} s")
    nodes.far.offer(*traffic(2, "after-"))
    nodes.settle()
    nodes.verify()
    nodes.run(holder)  # and it comes back, as one that stands by
    nodes.far.offer(*traffic(1, "again-"))
    nodes.settle()
    nodes.verify()


def test_a_frozen_holder_that_wakes_up_says_and_writes_nothing(make_nodes: Maker) -> None:
    nodes = make_nodes("a", "b")
    holder = nodes.holder()
    nodes.far.holding = True  # what it handed over is out, and not confirmed
    nodes.far.offer(*traffic(1, "first-"))
    nodes.wait(lambda: len(nodes.record.notices) > 0, "notices are out")
    nodes.freeze_node(holder)
    nodes.far.holding = False
    took = nodes.moved_to(other(holder))
    print(f"the other node has the frozen one's seat after {took:.1f} s")
    old = nodes.board.links[0]
    before = list(old.delivered)
    nodes.far.offer(*traffic(1, "meanwhile-"))
    nodes.settle()
    nodes.thaw_node(holder)
    nodes.wait(lambda: old.closed, "the one that was frozen has closed its line")
    holds(old.delivered == before, "TWICE it went on sending when it woke up")
    nodes.far.offer(*traffic(1, "last-"))
    nodes.settle()
    nodes.verify()
    assert nodes.holder() == other(holder)


def test_a_rolling_restart_loses_and_doubles_nothing(make_nodes: Maker) -> None:
    nodes = make_nodes("a", "b")
    for turn, name in enumerate(("a", "b", "a")):
        nodes.far.offer(*traffic(3, f"{turn}-"))
        assert nodes.end_node(name) == 0, nodes.log()
        nodes.moved_to(other(name))
        nodes.far.offer(*traffic(1, f"{turn}+"))
        nodes.run(name)
    nodes.settle()
    nodes.verify()
    taken = [id_ for link in nodes.board.links for id_ in link.delivered]
    holds(len(taken) == len(set(taken)), "TWICE a notice was handed over by two")


def test_a_second_node_of_a_name_refuses_with_a_sentence(make_nodes: Maker) -> None:
    nodes = make_nodes("a")
    path = nodes.folder / "log"
    second = nodes.folder / "second"
    nodes.folder, first = second, nodes.folder
    second.mkdir()
    process = nodes.spawn("a")
    nodes.folder = first
    assert process.wait(90) == 1
    words = (second / "log").read_text()
    assert "a node of the name a runs: process" in words
    assert str(nodes.running["a"].pid) in words
    assert "a node of the name" not in path.read_text()
    pid = nodes.running["a"].pid
    assert nodes.rows("SELECT name, pid FROM node") == [("a", pid)], "it left nothing, took nothing"
    assert "worker.up" not in words
    nodes.far.offer(*traffic(1))
    nodes.settle()
    nodes.verify()


def test_nodes_of_one_role_each_do_the_work_together(make_nodes: Maker) -> None:
    nodes = make_nodes()
    nodes.run("edge", roles=("channels",))
    nodes.far.offer(*traffic(1))
    nodes.wait(lambda: len(nodes.record.acks) >= len(nodes.record.asks), "all is accepted")
    holds(not nodes.record.answers, "ALIEN somebody answered without a worker")
    nodes.run("back", roles=("workers",))
    nodes.settle()
    nodes.verify()
    assert nodes.holder() == "edge"
    # what an operator asks of any node is done where the channel is
    asking = {"channel": CHANNEL, "reason": "their new address", "operator": "ann"}
    assert "stopped" in said(nodes, "back", {"do": "stop", **asking})
    nodes.wait(lambda: not nodes.board.open, "the line is closed")
    nodes.far.offer(*traffic(1, "later-"))
    assert said(nodes, "back", {"do": "start", **asking})["stopped"] == ""
    nodes.settle()
    nodes.verify()
