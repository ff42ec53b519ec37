"""Every table has a rule of how long it is kept, and the rules fit the tables."""

import pytest

from core.store.retention import (
    BODIES,
    OPEN_STORIES,
    TABLES,
    UNFINISHED_MESSAGES,
    VALID_KEYS,
    WALKS,
    Forever,
    Walk,
    With,
)
from core.store.tables import METADATA
from core.store.upgrade import open_store
from tests.core.store.test_upgrade import FINAL
from tests.hub.machine import fresh_sqlite


def test_every_table_is_named() -> None:
    assert set(TABLES) == set(METADATA.tables)


def test_rules_name_columns_that_there_are() -> None:
    for name, rule in TABLES.items():
        columns = METADATA.tables[name].columns
        if isinstance(rule, Walk):
            assert rule.table == name
            assert {rule.key, rule.at, "company"} <= set(columns.keys())
            assert columns[rule.key].primary_key, "walked in the order of an index"
        elif isinstance(rule, With):
            assert rule.own in columns
            assert rule.theirs in METADATA.tables[rule.parent].columns
        else:
            assert rule.why
    for walk in BODIES:
        assert set(walk.blank) <= set(METADATA.tables[walk.table].columns.keys())


def test_what_goes_with_a_row_is_found_by_an_index() -> None:
    for name, rule in TABLES.items():
        if isinstance(rule, With):
            table = METADATA.tables[name]
            first = [next(iter(index.columns)).name for index in table.indexes]
            first += [next(iter(table.primary_key.columns)).name]
            assert rule.own in first, f"{name} would be read as a whole for each chunk"


def test_what_goes_with_a_row_ends_at_one_that_goes() -> None:
    for rule in TABLES.values():
        while isinstance(rule, With):
            rule = TABLES[rule.parent]
            assert not isinstance(rule, Forever)


@pytest.mark.parametrize("table", sorted(FINAL))
def test_what_is_final_is_kept_for_ever(table: str) -> None:
    assert isinstance(TABLES[table], Forever)


def test_a_walk_has_one_name() -> None:
    names = [walk.name for walk in WALKS]
    assert len(names) == len(set(names))
    assert names.index("rows.journal") < names.index("rows.message"), "it asks for its message"


def test_the_questions_are_understood(tmp_path: object) -> None:
    store = open_store(fresh_sqlite(tmp_path))  # type: ignore[arg-type]
    with store.reader() as reader:
        for sql in OPEN_STORIES:
            assert reader.rows(sql) == []
        for sql in UNFINISHED_MESSAGES:
            assert reader.rows(sql, ids=["x"]) == []
        assert reader.rows(VALID_KEYS, ids=["x"], until=0) == []
    store.close()
