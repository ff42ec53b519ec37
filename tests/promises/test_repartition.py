"""More and fewer partitions between two lives of a node: nothing is lost, doubled or out of order.

What is accepted by a node without workers lies open, on RabbitMQ in the broker's queues too.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hub.repartition import living
from tests.promises.company import Setting
from tests.promises.conftest import POSTGRESQL, RABBITMQ
from tests.promises.nodes import Nodes, closing
from tests.promises.processes import DEADLINE_S, ROOT
from tests.promises.test_stepped import traffic

pytestmark = pytest.mark.slow

#: Nobody listens there: a privileged port that has no service.
NOWHERE = "amqp://guest:guest@127.0.0.1:1/%2F"


@pytest.fixture(params=[POSTGRESQL, RABBITMQ])
def nodes(
    folder: Path, books: Callable[..., str], request: pytest.FixtureRequest
) -> Iterator[Nodes]:
    """The world of a test; no node runs yet."""
    broker = request.getfixturevalue("rabbit").url if request.param == RABBITMQ else ""
    with ExitStack() as stack:
        made = Nodes(folder, books(POSTGRESQL, "_of_today"), Setting(bus_url=broker))
        yield stack.enter_context(closing(made))


def partitions(nodes: Nodes, count: int, bus_url: str = "") -> tuple[int, dict[str, Any], str]:
    """The verb on its own host: exit code, what it says to programs, and its errors."""
    setting = nodes.setting
    nodes.setting = replace(setting, bus_url=bus_url or setting.bus_url)
    path = nodes.config_of("verb")
    nodes.setting = setting
    words = ("db", "partitions", str(count), "--json", "-c", str(path))
    done = subprocess.run(
        [sys.executable, "-m", "hub", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    return done.returncode, json.loads(done.stdout or "{}"), done.stderr


def left_open(nodes: Nodes, name: str) -> None:
    """A life without workers: arrivals are accepted and wait, at the broker where there is one."""
    nodes.run("a", ("channels",))
    asks = traffic(1, name)
    nodes.far.offer(*asks)
    on_the_way = "AND published = 1" if nodes.setting.bus_url else ""

    def waiting() -> bool:
        sql = f"SELECT count(*) FROM delivery WHERE target = 'worker' AND state = 0 {on_the_way}"
        return bool(nodes.rows(sql)[0][0] == len(asks))

    nodes.wait(waiting, "everything is accepted and waits")


def worked_off(nodes: Nodes, count: int) -> None:
    """A life with workers, to its ordered end."""
    nodes.run("a")
    nodes.settle()
    nodes.verify()
    numbers = nodes.rows("SELECT partition FROM partition_lease WHERE owner <> '' ORDER BY 1")
    assert [number for (number,) in numbers] == list(range(count)), "every partition is leased"
    assert nodes.end_node("a") == 0, nodes.log()
    nodes.wait(lambda: not sessions(nodes), "the server has seen it go")


def sessions(nodes: Nodes) -> list[Any]:
    return nodes.rows(
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() "
        "AND application_name LIKE 'wattbus-%'"
    )


def test_a_node_goes_on_with_more_and_then_with_fewer(nodes: Nodes) -> None:
    has_broker = bool(nodes.setting.bus_url)
    left_open(nodes, "more-")
    with nodes.reader() as reader:
        said = " ".join(living(reader))
    assert "node a on" in said
    assert "of wattbus-journal from" in said
    assert nodes.end_node("a") == 0, nodes.log()
    # the broker is away: bundles of sixteen partitions wait for the workers of twenty-four
    code, told, said = partitions(nodes, 24, NOWHERE if has_broker else "")
    assert (code, told["before"], told["after"]) == (0, 16, 24), said
    assert told["deliveries"] >= len(traffic(1))
    assert bool(told.get("broker", {}).get("away")) == has_broker
    worked_off(nodes, 24)

    if not has_broker:
        left_open(nodes, "fewer-")
        assert nodes.end_node("a") == 0, nodes.log()
    code, told, said = partitions(nodes, 8)
    assert (code, told["before"], told["after"]) == (0, 24, 8), said
    if has_broker:
        names = [f"{nodes.folder.name}.work.{number:02d}" for number in range(8, 24)]
        assert (told["broker"]["deleted"], told["broker"]["away"]) == (names, "")
    else:
        worked_off(nodes, 8)
