"""The promises with real processes, sockets and SIGKILL, on every engine."""

import pytest

from tests.promises.checker import Broken
from tests.promises.processes import ProcessWorld
from tests.promises.test_stepped import PASSED, traffic

pytestmark = pytest.mark.slow


def test_what_was_accepted_is_done_once_whatever_is_killed(
    node: ProcessWorld,
) -> None:
    """One installation, killed at every point in turn; each time all of it must fit."""
    node.far.offer(*traffic(1, "first-"))
    node.settle()
    for point in PASSED:
        node.kill_at(point)
        node.far.offer(*traffic(2, f"{point}-"))
        try:
            node.settle()
            node.verify()
        except Broken as broken:
            raise Broken(f"killed at {point}: {broken}") from broken
    assert node.died_at() == PASSED
