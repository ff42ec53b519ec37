"""A configuration taken up by a running hub: all of it or nothing, in every process."""

from collections.abc import Callable

import pytest

from simulators.demo.children import until
from tests.journeys.conftest import POSTGRESQL, SQLITE
from tests.journeys.town import SOON_S, Town, buys

pytestmark = pytest.mark.slow


def edited(town: Town, before: str, after: str) -> None:
    path = town.house.config_file
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def pids(town: Town) -> set[int]:
    """The worker processes that hold partitions, by their sessions; SQLite has none."""
    return {pid for (pid,) in town.house.rows(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
        "AND (application_name LIKE 'wattbus-%-0' OR application_name LIKE 'wattbus-%-1')"
    )}  # fmt: skip


@pytest.mark.parametrize("engine", [SQLITE, POSTGRESQL])
def test_a_limit_is_in_force_at_once_and_what_is_wrong_changes_nothing(
    open_town: Callable[..., Town], engine: str
) -> None:
    town = open_town(engine=engine)
    buyer = town.household()
    buys(town, buyer, 20_000)
    assert "Token" in (first := town.reads(buyer)), first
    before = pids(town) if engine == POSTGRESQL else set()

    edited(town, "per_sale = 5000000", "per_sale = 10000")
    done = town.house.wattbus("reload")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "in force: companies.demo.limits.per_sale\n"
    if engine == POSTGRESQL:
        until(lambda: not before & pids(town), 2 * SOON_S, "every worker is a new one")
    buys(town, buyer, 15_000)
    assert "10,000" in (refused := town.reads(buyer)), refused

    edited(town, "per_sale = 10000", "per_sale = -1")
    done = town.house.wattbus("reload")
    assert done.returncode == 2  # the verb reads it first
    edited(town, "per_sale = -1", "per_sale = 5000000")
    edited(town, 'zone = "Africa/Kampala"', 'zone = "Africa/Nairobi"')
    done = town.house.wattbus("reload")
    assert done.returncode == 1
    assert "companies.demo.zone need a restart" in done.stderr
    buys(town, buyer, 14_000)
    assert "10,000" in (refused := town.reads(buyer)), refused  # the old limit, as all the rest

    assert town.house.rows("SELECT count(*) FROM audit WHERE act = 'reload'") == [(1,)]
    town.books_are_right()
