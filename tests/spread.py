"""How the files of tests are dealt out to the processes of pytest-xdist (``--dist loadfile``).

The longest come first: what is left at the end is short, and the processes end together. Journeys
that share a town are dealt out by the town, so that each town is built once.
"""

import re
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

#: Seconds of processor time and waiting (measured; only their order counts). What is not named
#: here comes after them, the files with the most tests first.
SECONDS: dict[str, int] = {
    "tests/promises/test_processes.py": 100,
}
#: Journeys of the town that the session shares: test_NAME.py::test_NAME[ENGINE…]
_SHARED = re.compile(r"tests/journeys/test_(?:sms|ussd)\.py::.*\[(sqlite|postgresql|rabbitmq)\b")


class Spread(LoadFileScheduling):
    """xdist's own, by file, with an order and with towns."""

    def _split_scope(self, nodeid: str) -> str:
        shared = _SHARED.match(nodeid)
        return f"town of {shared[1]}" if shared else str(super()._split_scope(nodeid))


def longest_first(items: "list[pytest.Item]") -> None:
    """The order of the files; within a file it stays as it is."""
    tests: dict[str, int] = {}
    for item in items:
        file = item.nodeid.partition("::")[0]
        tests[file] = tests.get(file, 0) + 1
    items.sort(key=lambda item: _weight(item.nodeid.partition("::")[0], tests), reverse=True)


def _weight(file: str, tests: "dict[str, int]") -> tuple[int, int]:
    return SECONDS.get(file, 0), tests[file]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> "Spread | None":
    """Ours in the place of ``loadfile``."""
    if config.getvalue("dist") != "loadfile":
        return None
    config.option.loadscopereorder = False  # the order is the one below
    return Spread(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: "list[pytest.Item]") -> None:
    """In every process of xdist alike; one process alone has pytest's order, town by town."""
    if hasattr(config, "workerinput"):
        longest_first(items)
