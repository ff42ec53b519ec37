"""Sales of random tariffs over every shape that can be sold: equal to the slow reference.

``python -m tests.core.tariffs.million_sales`` does the same a million times.
"""

from __future__ import annotations

import pytest

from .million_sales import SALES, run


@pytest.mark.parametrize("seed", [3_000_000 + 100 * i for i in range(3)])
def test_equal_to_the_minor_unit_and_the_tenth_of_a_unit(seed: int) -> None:
    outcomes = run(seed, SALES)
    assert outcomes == {"same": SALES}
