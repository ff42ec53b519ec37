"""How the files of tests are dealt out to the processes of pytest-xdist (``--dist loadfile``).

The longest come first: what is left at the end is short, and the processes end together. Journeys
that share a town are dealt out by the town, so that each town is built once.
"""

import re
from collections import Counter
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

#: Seconds of processor time and waiting (only their order counts). What is not named here comes
#: after them: files with slow tests, then the others, those with the most tests first.
SECONDS: dict[str, int] = {
    "tests/faults/test_short.py": 300,
    "tests/promises/test_processes.py": 200,
    "tests/journeys/test_security_module.py": 180,
    "tests/simulators/bench/test_benches.py": 120,
    "tests/journeys/test_trouble.py": 110,
    "tests/promises/test_nodes.py": 105,
    "tests/journeys/test_bill_runs.py": 100,
    "tests/simulators/demo/test_demo.py": 90,
    "tests/journeys/test_pos_day.py": 70,
    "tests/journeys/test_wallet_month.py": 65,
    "tests/promises/test_other_brokers.py": 62,
    "tests/promises/test_repartition.py": 62,
    "tests/hub/bus/test_trouble.py": 61,
    "tests/journeys/test_sms.py": 60,  # with test_ussd.py, town by town
    "tests/journeys/test_ussd.py": 59,
    "tests/journeys/test_hardware_module.py": 50,
    "tests/journeys/test_acts.py": 40,
    "tests/journeys/test_traces.py": 35,
    "tests/journeys/test_planted_secrets.py": 40,
    "tests/promises/test_power.py": 30,
    "tests/test_wheel.py": 25,
    "tests/core/tariffs/test_jumps.py": 20,
    "tests/core/tariffs/test_properties.py": 10,
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
    tests: Counter[str] = Counter()
    slow: set[str] = set()
    for item in items:
        file = file_of(item)
        tests[file] += 1
        if item.get_closest_marker("slow"):
            slow.add(file)

    def weight(item: pytest.Item) -> tuple[int, bool, int]:
        file = file_of(item)
        return SECONDS.get(file, 0), file in slow, tests[file]

    items.sort(key=weight, reverse=True)


def file_of(item: pytest.Item) -> str:
    """Where a test is, from the root of the repository."""
    return item.nodeid.partition("::")[0]


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
