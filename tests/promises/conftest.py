"""The books and the worlds of the promise suite. The engine is a parameter: one suite for all."""

import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import structlog

from tests.promises.company import Setting
from tests.promises.worlds import SteppedWorld, fill, stepped

SQLITE, POSTGRESQL = "sqlite", "postgresql"
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
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite database with the opening books."""
    path = tmp_path_factory.mktemp("template") / "wattbus.db"
    fill(f"sqlite:{path}")
    return path


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short name: the control socket's path has a limit of 107 bytes."""
    made = Path(tempfile.mkdtemp(prefix="wb-"))
    yield made
    shutil.rmtree(made)


@pytest.fixture
def books(folder: Path, request: pytest.FixtureRequest) -> Iterator[Callable[[str], str]]:
    """engine -> the URL of a fresh database with the opening books."""
    with ExitStack() as stack:

        def make(engine: str) -> str:
            if engine == SQLITE:
                path = folder / "var" / "wattbus.db"
                path.parent.mkdir()
                shutil.copy(request.getfixturevalue("sqlite_template"), path)
                return f"sqlite:{path}"
            server = request.getfixturevalue("postgres")
            url: str = server.prepared("opening", fill)
            stack.callback(server.drop, url)
            return url

        yield make


@pytest.fixture(params=STEPPED)
def engine(request: pytest.FixtureRequest) -> str:
    """The engine under test."""
    return str(request.param)


@pytest.fixture
def make_world(
    folder: Path, books: Callable[[str], str], engine: str
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
