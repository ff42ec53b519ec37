"""What several folders of tests share: the private servers, one of each per session.

Logs of the tests are what they are in operation, one masked line each (the logger's own default
draws tracebacks with every local, which takes seconds).
"""

import gc
import signal
from collections.abc import Iterator
from functools import cache
from importlib import metadata

import pytest
from hypothesis import HealthCheck, settings
from typer import testing

from tests import scratch


def _children_hear_ctrl_c() -> None:
    """A shell starts what runs in its background with SIGINT ignored, and children inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


scratch.keep_byte_code()
_children_hear_ctrl_c()
scratch.use_memory()
# pytest asks for Twisted's version before each test, which parses the metadata of the package
metadata.version = cache(metadata.version)
# typer makes the whole tree of commands anew for each call of a verb: a tenth of a second of ours
# (the applications are whole before their first call: tests ``mount()`` all verbs)
testing._get_command = cache(testing._get_command)
# how long an example takes says something of the machine and of its other users, nothing of ours
settings.register_profile("wattbus", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("wattbus")

from hub import observe, replaying  # noqa: E402 - what comes above is about how it is imported
from simulators.bench.servers import Rabbit, start_rabbit  # noqa: E402
from tests.hub.machine import migrated_at  # noqa: E402
from tests.servers import postgres as servers  # noqa: E402
from tests.spread import (  # noqa: E402, F401 - hooks
    pytest_collection_modifyitems,
    pytest_xdist_make_scheduler,
)

observe.configure("json")
# a thousand tests in a minute are no storm: what one of them looks for must be there
observe.STORMS.lines = 1_000_000
# what replay is given to write in: the same empty books, without half a second of migrations
replaying.upgrade = migrated_at


def pytest_collection_finish() -> None:
    """What is imported stays: the collector need not walk it again and again (a tenth of all)."""
    gc.collect()
    gc.freeze()


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
