"""The towns: one per engine for the journeys that share it, and one of its own where needed."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from core.store.upgrade import upgrade
from simulators.demo.house import House
from tests.journeys.town import Town

SQLITE, POSTGRESQL, RABBITMQ = "sqlite", "postgresql", "rabbitmq"
_SQLITE_URL = 'url = "sqlite:var/wattbus.db"'
_TABLE = 'kind = "table"'
_LINK = "[links.smsc]\n"
#: A network that was away is asked again soon: the pauses of operation are for operation.
_SOON = "reconnect_first_s = 0.2\nreconnect_longest_s = 1.0\n"

Edit = Callable[[str], str]


def engine_edit(engine: str, request: pytest.FixtureRequest) -> Edit:
    """What the configuration says for an engine; the servers are private ones of this session."""
    if engine == SQLITE:
        return lambda text: text
    url = request.getfixturevalue("postgres").prepared("town", upgrade)
    bus = _TABLE
    if engine == RABBITMQ:
        broker = request.getfixturevalue("rabbit").url
        bus = f'kind = "rabbitmq"\nurl = "{broker}"\nprefix = "{url.rpartition("/")[2]}"'

    def edit(text: str) -> str:
        assert _SQLITE_URL in text
        assert _TABLE in text
        return text.replace(_SQLITE_URL, f'url = "{url}"').replace(_TABLE, bus)

    return edit


def opened(
    stack: ExitStack, edit: Edit, smsc_options: tuple[str, ...] = (), wait_bound: bool = True
) -> Town:
    """A town whose hub and network run; cleared up with the stack."""
    # a short name: a Unix socket's path has a limit of 107 bytes
    folder = Path(tempfile.mkdtemp(prefix="wb-"))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    house = House(folder, smsc_options, lambda text: edit(text.replace(_LINK, _LINK + _SOON)))
    stack.callback(house.close)
    house.start_smsc()
    house.build()
    house.network_is_up()
    house.start_hub(bound=wait_bound)
    return Town(house)


@pytest.fixture(scope="session", params=[SQLITE, POSTGRESQL, RABBITMQ])
def town(request: pytest.FixtureRequest) -> Iterator[Town]:
    """A friendly network on each engine. At the end the books are right and the hub drains."""
    with ExitStack() as stack:
        made = opened(stack, engine_edit(request.param, request))
        yield made
        made.books_are_right()
        assert made.house.hub is not None
        assert made.house.hub.stop() == 0


@pytest.fixture
def open_town(request: pytest.FixtureRequest) -> Iterator[Callable[..., Town]]:
    """(edit, smsc options) -> a town of this test alone, on SQLite unless ``engine`` says other."""
    with ExitStack() as stack:

        def make(*smsc_options: str, edit: Edit = lambda text: text, engine: str = SQLITE) -> Town:
            base = engine_edit(engine, request)
            return opened(stack, lambda text: edit(base(text)), smsc_options)

        yield make
