"""Bills of random tariffs over all kinds of component: equal to the slow reference.

``python -m tests.core.tariffs.million`` does the same a million times.
"""

from __future__ import annotations

import pytest

from .million import run


@pytest.mark.parametrize("seed", [2_000_000 + 100 * i for i in range(6)])
def test_equal_to_the_minor_unit(seed: int) -> None:
    outcomes = run(seed, 200)
    assert outcomes["different"] == 0
    assert outcomes["same"] == 200
