"""Several sets at once: on either engine the same as one after the other, and each row is there."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.store.pg_write import shape_of, statement
from core.store.sqlite import SqliteStore
from core.store.tx import Change, DataStoreError, Insert, Tx, Update, column_kinds, together
from core.store.upgrade import Store, open_store, upgrade
from tests.hub.machine import fresh_sqlite
from tests.servers.postgres import Postgres

NOTICE = tuple("id company message_id way recipient template state queued_at updated_at".split())
TALLY = ("channel", "handler", "outcome", "writer", "n")
ADD = "ON CONFLICT (channel, handler, outcome, writer) DO UPDATE SET n = tally.n + excluded.n"


def new(*ids: int, state: str = "queued") -> Insert:
    """New notices."""
    rows = [(n, "demo", f"m{n}", "sms", "+1", "token", state, 1, 1) for n in ids]
    return Insert("notice", NOTICE, rows)


def moved(**states: str) -> Update:
    """``n3="sent"``: what becomes of notices."""
    return Update("notice", ("id", "state"), [(int(k[1:]), v) for k, v in states.items()])


def counted(n: int) -> Insert:
    """Something is counted."""
    return Insert("tally", TALLY, [("sms", "h", "done", "w", n)], ADD)


def test_what_the_columns_hold_is_said_by_the_tables() -> None:
    assert column_kinds("sale")["lines"] == "text"
    assert column_kinds("sale")["id"] == "bigint"


@pytest.mark.parametrize(
    ("changes", "sizes"),
    [
        ([], []),
        ([new(), moved()], []),  # nothing is no statement
        ([new(1), counted(1)], [2]),
        ([moved(n1="sent"), new(2), counted(1)], [3]),  # an update may stand beside later inserts
        ([new(1), moved(n1="sent")], [1, 1]),  # it would not see the row
        ([new(1), counted(1), new(2)], [2, 1]),
        ([moved(n1="a"), counted(1), moved(n1="b")], [2, 1]),
        ([new(1), moved(n1="a"), new(2), counted(1)], [1, 3]),
    ],
)
def test_what_may_share_a_statement(changes: list[Change], sizes: list[int]) -> None:
    groups = together(changes)
    assert [len(group) for group in groups] == sizes
    assert [c for group in groups for c in group] == [c for c in changes if c.rows], "in order"


def test_the_statement_counts_what_updates_touch() -> None:
    text = statement((shape_of(counted(1)), shape_of(moved(n1="sent"))))
    assert text == (
        'WITH w0 AS (INSERT INTO tally ("channel", "handler", "outcome", "writer", "n") '
        "SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[]) "
        f'{ADD}), w1 AS (UPDATE notice SET "state" = v."state" '
        'FROM unnest($6::bigint[], $7::text[]) AS v("id", "state") '
        'WHERE notice."id" = v."id" RETURNING 1) SELECT 0, (SELECT count(*) FROM w1)'
    )


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty, migrated database of either engine."""
    if request.param == "sqlite":
        made: Store = SqliteStore(fresh_sqlite(tmp_path).removeprefix("sqlite:"))
        yield made
        made.close()
        return
    server: Postgres = request.getfixturevalue("postgres")
    url = server.prepared("writes", upgrade)
    made = open_store(url)
    yield made
    made.close()
    server.drop(url)


def states(tx: Tx) -> dict[int, str]:
    return dict(tx.rows("SELECT id, state FROM notice"))


def _write(store: Store, *changes: Change) -> None:
    with store.transaction() as tx:
        tx.write(changes)


def test_sets_are_written_in_their_order(store: Store) -> None:
    with store.transaction() as tx:
        tx.write([new(1, 2), counted(2)])
        tx.write([moved(n1="sent"), new(3), moved(n3="failed"), counted(1), moved(n3="sent")])
        assert states(tx) == {1: "sent", 2: "queued", 3: "sent"}
        assert tx.rows("SELECT n FROM tally") == [(3,)]


def test_a_row_that_is_not_there_is_our_own_fault(store: Store) -> None:
    with store.transaction() as tx:
        tx.write([new(1)])
    wrong = (new(2), moved(n1="sent"), moved(n1="sent", n9="sent"))
    with pytest.raises(AssertionError, match="2 rows to update, 1 were there"):
        _write(store, *wrong)
    with store.transaction() as tx:
        assert states(tx) == {1: "queued"}, "nothing of it stands"


def test_a_row_that_comes_twice_is_our_own_fault(store: Store) -> None:
    twice = Update("notice", ("id", "state"), [(1, "sent"), (1, "failed")])
    with pytest.raises(AssertionError, match="twice"):
        _write(store, new(1), counted(1), twice)


def test_rows_that_need_not_be_there(store: Store) -> None:
    lax = Update("notice", ("id", "state"), [(1, "sent"), (9, "sent")], must_match=False)
    with store.transaction() as tx:
        tx.write([new(1)])
        tx.write([counted(1), lax])
        assert states(tx) == {1: "sent"}


def test_a_key_that_is_there_already_is_the_data_s_fault(store: Store) -> None:
    _write(store, new(1), counted(1))
    with pytest.raises(DataStoreError):
        _write(store, counted(1), new(1))


def test_a_bell_is_no_statement_of_the_batch(store: Store) -> None:
    with store.transaction() as tx:
        tx.write([new(1)])
        tx.ring("wattbus_done")
        tx.ring("wattbus_work", "1f")
    with store.transaction() as tx:
        assert states(tx) == {1: "queued"}


SOME = st.lists(
    st.one_of(
        st.builds(new, st.integers(1, 6), st.integers(7, 12)),
        st.builds(lambda n, s: moved(**{f"n{n}": s}), st.integers(1, 12), st.sampled_from("ab")),
        st.builds(counted, st.integers(1, 9)),
    ),
    max_size=6,
)


def _outcome(store: Store, writes: Sequence[Sequence[Change]]) -> Any:
    """What stands after these writes in one transaction, which is rolled back then."""
    found: Any = "refused"
    with suppress(ZeroDivisionError, AssertionError, DataStoreError), store.transaction() as tx:
        for changes in writes:
            tx.write(changes)
        found = (states(tx), tx.rows("SELECT n FROM tally"))
        raise ZeroDivisionError
    return found


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(SOME)
def test_together_is_the_same_as_one_by_one(store: Store, changes: list[Change]) -> None:
    assert _outcome(store, [changes]) == _outcome(store, [[change] for change in changes])


def test_a_list_may_stand_in_several_places(store: Store) -> None:
    with store.transaction() as tx:
        rows = tx.rows("SELECT 1 WHERE 1 IN :ids UNION ALL SELECT 2 WHERE 2 IN :ids", ids=[1, 2])
    assert sorted(rows) == [(1,), (2,)]
