"""Ids: drawn from blocks; on SQLite without gaps, whatever is rolled back."""

from pathlib import Path

import pytest

from core.store.ids import Ids, take
from core.store.upgrade import Store, open_store
from tests.hub.machine import Machine, buy, enrol, fresh_sqlite, pay


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(fresh_sqlite(tmp_path))


def test_blocks_follow_one_another_and_series_do_not_meet(store: Store) -> None:
    with store.transaction() as tx:
        assert take(tx, "sale", 3) == range(1, 4)
        assert take(tx, "sale", 2) == range(4, 6)
        assert take(tx, "notice", 1) == range(1, 2)


def test_a_stock_is_drawn_in_order_over_its_blocks() -> None:
    ids = Ids()
    ids.add("sale", range(1, 3))
    ids.add("sale", range(7, 8))
    assert [ids.missing("sale", n) for n in (0, 3, 5)] == [0, 0, 2]
    assert [ids.draw("sale") for _ in range(3)] == [1, 2, 7]
    with pytest.raises(LookupError, match="no ids of series sale"):
        ids.draw("sale")
    with pytest.raises(LookupError, match="no ids of series other"):
        ids.draw("other")


def test_what_was_not_drawn_goes_back(store: Store) -> None:
    ids = Ids()
    with store.transaction() as tx:
        ids.add("sale", take(tx, "sale", 4))
        assert ids.draw("sale") == 1
        ids.put_back(tx)
    with store.transaction() as tx:
        assert take(tx, "sale", 1) == range(2, 3)
    assert ids.missing("sale", 1) == 1


def test_what_was_rolled_back_is_forgotten(store: Store) -> None:
    ids = Ids()
    with pytest.raises(LookupError), store.transaction() as tx:  # noqa: PT012
        ids.add("sale", take(tx, "sale", 4))
        ids.draw("other")
    ids.forget()
    with pytest.raises(LookupError):
        ids.draw("sale")
    with store.transaction() as tx:
        assert take(tx, "sale", 1) == range(1, 2)


def test_receipts_have_no_gaps_though_sales_are_refused(tmp_path: Path) -> None:
    machine = Machine(fresh_sqlite(tmp_path))
    machine.do(enrol(), "enrol")
    machine.do(pay(50_000), "pay")
    for number, tender in enumerate((10_000, 99_999_999, 11_000, 0, 12_000)):
        machine.accept(buy(tender, another=True), f"b{number}")
    machine.settle()
    receipts = [row[0] for row in machine.rows("SELECT receipt FROM sale ORDER BY id")]
    assert receipts == ["DP-00000001", "DP-00000002", "DP-00000003"]
    assert machine.rows("SELECT id FROM sale ORDER BY id") == [(1,), (2,), (3,)]
