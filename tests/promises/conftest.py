"""The books and the worlds of the promise suite. The engine is a parameter: one suite for all."""

import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext
from dataclasses import fields
from pathlib import Path
from time import time_ns
from typing import Any

import pytest
import structlog

from hub import observe
from tests.promises.company import Setting
from tests.promises.processes import ProcessWorld
from tests.promises.worlds import START_US, SteppedWorld, fill, stepped
from tests.scratch import on_disk
from tests.servers import postgres as servers

SQLITE, POSTGRESQL, RABBITMQ = "sqlite", "postgresql", "rabbitmq"
#: Engines with real processes; on RabbitMQ the bus is the broker, the books are PostgreSQL's.
ENGINES = (SQLITE, POSTGRESQL, RABBITMQ)
#: The engines that a test in one process runs on; a server makes it slow.
STEPPED = [
    pytest.param(SQLITE),
    pytest.param(POSTGRESQL, marks=pytest.mark.slow),
]


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Faults are provoked by the hundred here: the log says nothing below critical."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    observe.configure("json")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite database with the opening books."""
    path = tmp_path_factory.mktemp("template") / "wattbus.db"
    fill(f"sqlite:{path}")
    return path


@pytest.fixture
def folder(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A folder with a short name: the control socket's path has a limit of 107 bytes.

    Real processes get it on the disk, where their commits wait as they do in operation.
    """
    processes = request.node.get_closest_marker("slow") is not None
    with on_disk() if processes else nullcontext():
        made = Path(tempfile.mkdtemp(prefix="wb-"))
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="session")
def postgres_on_disk() -> Iterator[servers.Postgres]:
    """The server of real processes."""
    with on_disk():
        server = servers.start()
    yield server
    server.stop()


@pytest.fixture
def books(folder: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., str]]:
    """engine -> the URL of a fresh database with the opening books.

    ``of``: those of today, for real processes.
    """
    with ExitStack() as stack:

        def make(engine: str, of: str = "") -> str:
            if engine == SQLITE:
                path = folder / "var" / "wattbus.db"
                path.parent.mkdir()
                shutil.copy(request.getfixturevalue(f"sqlite_template{of}"), path)
                return f"sqlite:{path}"
            server = request.getfixturevalue("postgres_on_disk" if of else "postgres")
            at_us = _an_hour_ago() if of else START_US - 3_600_000_000
            url: str = server.prepared(f"opening{of}", lambda url: fill(url, at_us))
            stack.callback(server.drop, url)
            return url

        yield make


@pytest.fixture(scope="session")
def sqlite_template_of_today(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The opening books by the wall clock, which real processes read."""
    path = tmp_path_factory.mktemp("template") / "today.db"
    fill(f"sqlite:{path}", _an_hour_ago())
    return path


def _an_hour_ago() -> int:
    return time_ns() // 1_000 - 3_600_000_000


@pytest.fixture(params=STEPPED)
def engine(request: pytest.FixtureRequest) -> str:
    """The engine under test."""
    return str(request.param)


@pytest.fixture
def make_world(
    folder: Path, books: Callable[..., str], engine: str
) -> Iterator[Callable[..., SteppedWorld]]:
    """Makes the one world of a test, with its setting."""
    with ExitStack() as stack:

        def make(**setting: Any) -> SteppedWorld:
            world = SteppedWorld(folder, books(engine), Setting(**setting))
            return stack.enter_context(stepped(world))

        yield make


@pytest.fixture
def world(make_world: Callable[..., SteppedWorld]) -> SteppedWorld:
    """A stepped world with the opening books, its start behind it: batches are whole."""
    world = make_world()
    world.settle()
    return world


@pytest.fixture
def make_node(
    folder: Path, books: Callable[..., str], engine: str, request: pytest.FixtureRequest
) -> Iterator[Callable[..., ProcessWorld]]:
    """Makes the one world of real processes of a test; its node is running."""
    with ExitStack() as stack:

        def make(*, start: bool = True, wrapper: tuple[str, ...] = (), **more: Any) -> ProcessWorld:
            if engine == RABBITMQ:
                more["bus_url"] = request.getfixturevalue("rabbit").url
            known = [each.name for each in fields(Setting) if each.name in more]
            setting = Setting(**{name: more.pop(name) for name in known})
            environment = {f"PROMISE_{name.upper()}": str(value) for name, value in more.items()}
            url = books(engine, "_of_today")
            world = ProcessWorld(folder, url, setting, environment, wrapper)
            stack.callback(world.close)
            if start:
                world.start()
            return world

        yield make


@pytest.fixture
def node(make_node: Callable[..., ProcessWorld]) -> ProcessWorld:
    """A running node with the opening books."""
    return make_node()
