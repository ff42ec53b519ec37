"""The daily proof looks at what an agent's float paid, as at what a customer's credit did."""

from pathlib import Path

import pytest

from tests.core.agents.shop import done, opened, sell, shop
from tests.hub.crimes import attack
from tests.hub.test_proof import codes, proved


@pytest.mark.parametrize(
    ("crime", "found"),
    [
        ("", set()),
        ("UPDATE sale SET tender = tender - 1", {"sale-amounts"}),
        ("UPDATE sale SET agent_id = 0", {"sale-amounts"}),
        ("UPDATE posting SET owner = owner + 1 WHERE ledger = 'agent-float' AND amount > 0",
         {"sale-amounts"}),
    ],
)  # fmt: skip
def test_a_sale_that_a_float_paid(tmp_path: Path, crime: str, found: set[str]) -> None:
    machine = shop(tmp_path)
    opened(machine, money=50_000)
    done(machine, sell(20_000))
    if crime:
        attack(machine, crime)
    assert codes(proved(machine)) == found
