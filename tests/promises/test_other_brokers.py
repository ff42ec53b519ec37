"""The promises over a broker that promises less: Redis by kombu, killed, and workers beside it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.promises.company import Setting
from tests.promises.conftest import POSTGRESQL
from tests.promises.processes import ProcessWorld
from tests.promises.test_processes import killed_at
from tests.promises.test_stepped import traffic
from tests.servers import redis as redis_server

pytestmark = pytest.mark.slow


@pytest.fixture
def redis() -> Iterator[redis_server.Redis]:
    """A Redis of this test's own: it is killed."""
    server = redis_server.start()
    yield server
    server.stop()


@pytest.fixture
def node(
    folder: Path, books: Callable[..., str], redis: redis_server.Redis
) -> Iterator[ProcessWorld]:
    """A running node whose bus is that Redis."""
    world = ProcessWorld(folder, books(POSTGRESQL, "_of_today"), Setting(bus_url=redis.url))
    world.start()
    yield world
    world.close()


@pytest.mark.timeout(400)
def test_whoever_is_killed_nothing_is_lost_or_doubled(
    node: ProcessWorld, redis: redis_server.Redis
) -> None:
    """One node through it all: its broker killed, its disk lost, a worker and the node killed."""
    node.far.offer(*traffic(2, "under-"))
    node.wait(lambda: len(node.record.acks) > 5, "some are accepted")
    redis.kill()
    node.far.offer(*traffic(1, "away-"))  # what comes while it is away waits in the database
    redis.start()
    node.settle()
    node.verify()
    node.far.offer(*traffic(2, "disk-"))
    node.wait(lambda: len(node.record.acks) > 45, "some more are accepted")
    redis.kill()
    redis.forget()
    redis.start()
    node.settle()
    node.verify()
    killed_at(node, ["consumer.before-ack", "relay.before-mark"])
