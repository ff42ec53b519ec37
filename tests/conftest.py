"""What several folders of tests share: the private servers, one of each per session.

Logs of the tests are what they are in operation, one masked line each (the logger's own default
draws tracebacks with every local, which takes seconds).
"""

from collections.abc import Iterator

import pytest

from hub import observe
from simulators.bench.servers import Rabbit, start_rabbit
from tests.servers import postgres as servers

observe.configure("json")


@pytest.fixture(scope="session")
def postgres() -> Iterator[servers.Postgres]:
    """A private PostgreSQL; where there is none the tests that need it fail, never skip."""
    server = servers.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def rabbit() -> Iterator[Rabbit]:
    """A private RabbitMQ; where there is none the tests that need it fail, never skip."""
    server = start_rabbit()
    yield server
    server.stop()
