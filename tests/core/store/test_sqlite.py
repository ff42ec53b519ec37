"""SQLite: durable, one statement a set, lists as one parameter, errors by whose fault they are."""

from pathlib import Path

import pytest

from core.store.sqlite import SqliteReader, SqliteStore, compiled, connect
from core.store.tx import DataStoreError, TransientStoreError
from tests.hub.machine import fresh_sqlite

NOTICE = "id company message_id way recipient template state queued_at updated_at".split()


def row(number: int, state: str = "queued") -> tuple[object, ...]:
    return (number, "demo", f"m{number}", "sms", "+1", "token", state, 1, 1)


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore(fresh_sqlite(tmp_path).removeprefix("sqlite:"))


def names(store: SqliteStore) -> list[tuple[object, ...]]:
    with store.reader() as reader:
        return reader.rows("SELECT id, state FROM notice ORDER BY id")


def test_the_writer_is_durable(store: SqliteStore) -> None:
    with store.transaction() as tx:
        assert tx.rows("PRAGMA journal_mode") == [("wal",)]
        assert tx.rows("PRAGMA synchronous") == [(2,)]


def test_a_writer_that_is_not_durable_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TransientStoreError, match="not safe"):
        connect(":memory:")


def test_a_set_is_written_read_and_updated(store: SqliteStore) -> None:
    with store.transaction() as tx:
        assert tx.insert("notice", NOTICE, [row(n) for n in range(1, 4)]) == []
        tx.update("notice", ("id", "state"), [(1, "sent"), (3, "failed")])
        found = tx.rows(
            "SELECT id FROM notice WHERE id IN :ids ORDER BY id FOR UPDATE", ids=[3, 1, 9]
        )
    assert found == [(1,), (3,)]
    assert names(store) == [(1, "sent"), (2, "queued"), (3, "failed")]


def test_an_empty_set_is_no_statement(store: SqliteStore) -> None:
    with store.transaction() as tx:
        assert tx.insert("notice", NOTICE, []) == []
        tx.update("notice", ("id", "state"), [])
        assert tx.rows("SELECT id FROM notice WHERE id IN :ids", ids=[]) == []


def test_what_was_there_is_left_and_what_was_not_is_returned(store: SqliteStore) -> None:
    tail = "ON CONFLICT (id) DO NOTHING RETURNING id"
    with store.transaction() as tx:
        tx.insert("notice", NOTICE, [row(1)])
        assert tx.insert("notice", NOTICE, [row(1), row(2)], tail) == [(2,)]


def test_a_column_may_be_a_word_of_sql(store: SqliteStore) -> None:
    columns = (
        "id company digits cause cause_id meter_id class subclass tid rnd value sgc krn ti made_at"
    )
    values = (1, "demo", "1" * 20, "sale", 1, 1, 0, 0, 1, 1, 1, "s", 1, "t", 1)
    with store.transaction() as tx:
        tx.insert("token", columns.split(), [values])
        assert tx.rows('SELECT "class" FROM token') == [(0,)]


def test_a_row_twice_in_one_set_is_our_own_mistake(store: SqliteStore) -> None:
    with store.transaction() as tx:
        tx.insert("notice", NOTICE, [row(1)])
    with pytest.raises(AssertionError, match="updated twice"), store.transaction() as tx:
        tx.update("notice", ("id", "state"), [(1, "sent"), (1, "failed")])
    two = "2 rows to update, 1 were there"
    with pytest.raises(AssertionError, match=two), store.transaction() as tx:
        tx.update("notice", ("id", "state"), [(1, "sent"), (2, "sent")])
    assert names(store) == [(1, "queued")]
    with store.transaction() as tx:
        tx.update("notice", ("id", "state"), [(1, "sent"), (2, "sent")], must_match=False)
    assert names(store) == [(1, "sent")]


def test_what_is_raised_inside_undoes_everything(store: SqliteStore) -> None:
    with pytest.raises(IndexError), store.transaction() as tx:  # noqa: PT012
        tx.insert("notice", NOTICE, [row(1)])
        [][0]
    assert names(store) == []
    with store.transaction() as tx:
        tx.insert("notice", NOTICE, [row(2)])
    assert names(store) == [(2, "queued")]


def test_bad_data_and_a_store_in_trouble_are_told_apart(store: SqliteStore) -> None:
    with pytest.raises(DataStoreError, match="UNIQUE"), store.transaction() as tx:
        tx.insert("notice", NOTICE, [row(1), row(1)])
    with pytest.raises(DataStoreError, match="NOT NULL"), store.transaction() as tx:
        tx.insert("notice", ("id",), [(1,)])
    with pytest.raises(TransientStoreError, match="no such table"), store.transaction() as tx:
        tx.rows("SELECT 1 FROM nowhere")


def test_a_reader_cannot_write(store: SqliteStore) -> None:
    with pytest.raises(TransientStoreError, match="readonly"), store.reader() as reader:
        reader.insert("notice", NOTICE, [row(1)])
    assert names(store) == []


def test_a_reader_beside_a_writer_sees_what_is_committed(store: SqliteStore) -> None:
    beside = SqliteReader(store.path)
    with store.transaction() as tx:
        tx.insert("notice", NOTICE, [row(1)])
        with beside.reader() as reader:
            assert reader.rows("SELECT count(*) FROM notice") == [(0,)]
    with beside.reader() as reader:
        assert reader.rows("SELECT count(*) FROM notice") == [(1,)]


def test_a_statement_that_runs_away_is_stopped(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.store import sqlite

    monkeypatch.setattr(sqlite, "READER_STEP_LIMIT", 1_000_000)
    endless = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    )
    with (
        pytest.raises(TransientStoreError, match="interrupted"),
        SqliteReader(store.path).reader() as reader,
    ):
        reader.rows(endless)


def test_text_comes_back_as_it_went_in(store: SqliteStore) -> None:
    odd = "ü 李 \u2400 \\ \" ' 🙂 \n"
    with store.transaction() as tx:
        tx.insert("setting", ("name", "value"), [("odd", odd)])
        assert tx.rows("SELECT value FROM setting WHERE name IN :n", n=["odd"]) == [(odd,)]
        tx.update("setting", ("name", "value"), [("odd", odd * 2)])
        assert tx.rows("SELECT value FROM setting WHERE name = 'odd'") == [(odd * 2,)]


def test_statements_are_written_in_sqlites_words() -> None:
    sql, lists = compiled("SELECT 1 FROM t WHERE a IN :ids AND b = :b ORDER BY a FOR UPDATE")
    assert (
        sql
        == "SELECT 1 FROM t WHERE a IN (SELECT value FROM json_each(:ids)) AND b = :b ORDER BY a"
    )
    assert lists == {"ids"}
    assert compiled("SELECT 1 FOR SHARE")[0] == "SELECT 1"
