"""SQLite keeps a text whole or refuses it, as PostgreSQL does."""

from pathlib import Path

import pytest

from core.store.sqlite import SqliteStore
from core.store.tx import DataStoreError, TransientStoreError
from core.store.upgrade import open_store, sqlite_path
from tests.hub.machine import fresh_sqlite


def test_a_key_with_a_nul_is_refused_not_cut(tmp_path: Path) -> None:
    store = open_store(fresh_sqlite(tmp_path))
    with pytest.raises(DataStoreError), store.transaction() as tx:
        tx.insert("setting", ("name", "value"), [("a\0b", "1")])
    with store.transaction() as tx:
        tx.insert("setting", ("name", "value"), [("a", "1")])
    with pytest.raises(DataStoreError), store.reader() as reader:
        reader.rows("SELECT value FROM setting WHERE name IN :names", names=["a\0b"])


def test_what_looks_like_a_nul_in_json_within_json_is_kept(tmp_path: Path) -> None:
    store = open_store(fresh_sqlite(tmp_path))
    with store.transaction() as tx:
        tx.insert("setting", ("name", "value"), [("a", '{"x":"\\u0000"}')])
        assert tx.rows("SELECT value FROM setting WHERE name = 'a'") == [('{"x":"\\u0000"}',)]


def test_a_reader_that_runs_away_is_stopped_as_the_store_s_trouble(tmp_path: Path) -> None:
    store = SqliteStore(sqlite_path(fresh_sqlite(tmp_path)))
    endless = (
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n "
        "WHERE x % 100000 = 0"
    )
    with pytest.raises(TransientStoreError), store.reader() as reader:
        reader.rows(endless)
