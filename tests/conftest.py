"""What several folders of tests share: the private servers, one of each per session."""

from collections.abc import Iterator

import pytest

from tests.servers import postgres as servers


@pytest.fixture(scope="session")
def postgres() -> Iterator[servers.Postgres]:
    """A private PostgreSQL; where there is none the tests that need it fail, never skip."""
    server = servers.start()
    yield server
    server.stop()
