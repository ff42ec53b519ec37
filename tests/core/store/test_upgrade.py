"""The schema: one line of migrations, equal to the tables, and books that cannot be changed."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from core.store.tables import METADATA
from core.store.tx import DataStoreError
from core.store.upgrade import _config, current, head, open_store, upgrade
from tests.hub.machine import Machine, buy, enrol, fresh_sqlite, pay

#: table -> a column that somebody might want to mend
FINAL = {
    "ledger_txn": "kind",
    "posting": "amount",
    "token": "digits",
    "module_log": "made",
    "audit": "actor",
}


def test_the_line_of_migrations_has_one_head_and_no_fork() -> None:
    script = ScriptDirectory.from_config(_config())
    assert len(script.get_heads()) == 1
    assert len(script.get_bases()) == 1
    revisions = [revision.revision for revision in script.walk_revisions()]
    assert revisions == sorted(revisions, reverse=True)
    assert revisions[0] == head()


# SQLAlchemy reads no index by expression back from SQLite; on PostgreSQL it is compared as well
@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
@pytest.mark.filterwarnings("ignore:autogenerate skipping")
def test_the_migrated_schema_is_that_of_the_tables(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{fresh_sqlite(tmp_path).removeprefix('sqlite:')}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
    engine.dispose()


def test_the_open_deliveries_are_found_by_their_own_index(tmp_path: Path) -> None:
    """By the primary key a look at the queue would walk every delivery that ever was."""
    store = open_store(fresh_sqlite(tmp_path))
    with store.reader() as reader:
        plan = reader.rows(
            "EXPLAIN QUERY PLAN SELECT * FROM delivery WHERE target = 'worker' "
            "AND partition IN :partitions AND state = 0 ORDER BY seq + 0 LIMIT 5",
            partitions=[1, 2],
        )
    assert "USING INDEX ix_delivery_open (target=?)" in plan[0][3]
    assert not [step for step in plan if "TEMP B-TREE" in step[3]]
    store.close()


def test_an_upgrade_is_made_once_and_again_does_nothing(tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path / 'new' / 'wattbus.db'}"
    assert current(url) is None
    upgrade(url)
    assert current(url) == head()
    store = open_store(url)
    with store.transaction() as tx:
        tx.insert("setting", ("name", "value"), [("kept", "1")])
    upgrade(url)
    with store.reader() as reader:
        assert reader.rows("SELECT value FROM setting WHERE name = 'kept'") == [("1",)]
    store.close()


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """A sale, and an operator's act: every final table has a row."""
    machine = Machine(fresh_sqlite(tmp_path_factory.mktemp("books")))
    machine.do(enrol(), "enrol")
    machine.do(pay(50_000), "pay")
    machine.do(buy(), "buy")
    machine.desk.look({"what": "show-raw", "subjects": ["x"], "reason": "y", "actor": "z"})
    machine.chores.step()
    return machine


@pytest.mark.parametrize("table", sorted(FINAL))
@pytest.mark.parametrize("verb", ["UPDATE", "DELETE", "REPLACE"])
def test_posted_rows_are_final(books: Machine, table: str, verb: str) -> None:
    before = books.rows(f"SELECT * FROM {table}")
    assert before
    column = FINAL[table]
    sql = {
        "UPDATE": f"UPDATE {table} SET {column} = {column}",
        "DELETE": f"DELETE FROM {table}",
        "REPLACE": f"REPLACE INTO {table} SELECT * FROM {table}",
    }[verb]
    with pytest.raises(DataStoreError, match="rows are final"), books.store.transaction() as tx:
        tx.run(sql)
    assert books.rows(f"SELECT * FROM {table}") == before
