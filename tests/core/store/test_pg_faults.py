"""Whose fault an error of PostgreSQL's is, and what a connection may wait for."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import errors

from core.store import pg
from core.store.limits import LIMITS, PgLimits
from core.store.tx import (
    DataStoreError,
    FaultyStatementError,
    StoreError,
    TransientStoreError,
    UnknownOutcomeError,
)
from core.store.upgrade import Store, open_store
from tests.servers.postgres import Postgres
from tests.servers.proxy import Proxy

#: SQLSTATE -> whose fault: run the batch again, one message's, or that of program and schema.
WHOSE = {
    "40001": TransientStoreError,  # serialization failure
    "40P01": TransientStoreError,  # deadlock
    "55P03": TransientStoreError,  # lock not available in time
    "57014": TransientStoreError,  # statement time-out
    "57P01": TransientStoreError,  # the server is shut down
    "57P02": TransientStoreError,  # it crashed
    "57P03": TransientStoreError,  # it starts
    "25P03": TransientStoreError,  # idle in a transaction for too long
    "25006": TransientStoreError,  # a standby: it takes no writes
    "08006": TransientStoreError,  # connection lost
    "08001": TransientStoreError,
    "53100": TransientStoreError,  # disk full
    "53200": TransientStoreError,  # out of memory
    "53300": TransientStoreError,  # out of connections
    "58030": TransientStoreError,  # the disk
    "XX000": TransientStoreError,  # nobody's that we know of
    "22001": DataStoreError,
    "22003": DataStoreError,  # beyond 64 bits
    "22021": DataStoreError,
    "23505": DataStoreError,
    "23502": DataStoreError,
    "54000": DataStoreError,  # a value larger than an index takes: it never will
    "42P01": FaultyStatementError,  # no such table
    "42703": FaultyStatementError,
    "42601": FaultyStatementError,
    "42501": FaultyStatementError,  # no right to it
}


@pytest.mark.parametrize("code", WHOSE)
def test_whose_fault_it_is(code: str) -> None:
    with pytest.raises(StoreError) as caught, pg._classified("SELECT"):
        raise errors.lookup(code)("said by the server")
    assert type(caught.value) is WHOSE[code]
    assert "said by the server" in str(caught.value)


def test_a_connection_without_a_word_is_nobody_s_fault() -> None:
    with pytest.raises(TransientStoreError), pg._classified("SELECT"):
        raise psycopg.OperationalError("server closed the connection unexpectedly")


@pytest.mark.parametrize(
    ("code", "definite"),
    [
        ("40001", True), ("40P01", True), ("57014", True), ("55P03", True), ("53100", True),
        ("57P01", False), ("57P02", False), ("08006", False), ("08007", False), ("XX000", False),
    ],
)  # fmt: skip
def test_what_an_error_of_a_commit_says(code: str, definite: bool) -> None:
    assert pg.is_definite(errors.lookup(code)("")) is definite


def test_a_connection_lost_at_a_commit_says_nothing() -> None:
    assert not pg.is_definite(psycopg.OperationalError("the connection is lost"))
    assert issubclass(UnknownOutcomeError, TransientStoreError)


def test_a_frozen_process_is_waited_for_less_long_than_others_wait() -> None:
    assert LIMITS.idle_s < LIMITS.lock_s < LIMITS.statement_s < LIMITS.bulk_statement_s
    assert LIMITS.bulk().statement_s == LIMITS.bulk_statement_s


def test_of_several_hosts_the_one_that_writes() -> None:
    assert pg.writing("postgresql://u@a,b/name") == {"target_session_attrs": "read-write"}
    assert pg.writing("postgresql://u@a/name") == {}
    assert pg.writing("postgresql://u@a,b/name?target_session_attrs=any") == {}


@pytest.fixture
def url(postgres: Postgres) -> Iterator[str]:
    made = postgres.create()
    with psycopg.connect(made, autocommit=True) as connection:
        connection.execute("CREATE TABLE setting (name text PRIMARY KEY, value text NOT NULL)")
        connection.execute("INSERT INTO setting VALUES ('a', ''), ('b', '')")
    yield made
    postgres.drop(made)


@pytest.mark.slow
def test_the_limits_are_those_of_the_session(url: str) -> None:
    store = open_store(url, "test", PgLimits(statement_s=3, lock_s=2, idle_s=1.5))
    shown = {
        "statement_timeout": "3s",
        "lock_timeout": "2s",
        "idle_in_transaction_session_timeout": "1500ms",
        "plan_cache_mode": "force_generic_plan",
        "application_name": "test",
        "transaction_isolation": "read committed",
        "tcp_keepalives_idle": str(LIMITS.peer_s),
    }
    with store.transaction() as writing, store.reader() as reading:
        for tx in (writing, reading):
            assert {name: tx.rows(f"SHOW {name}")[0][0] for name in shown} == shown
    store.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("limits", "says"),
    [(PgLimits(lock_s=1), "lock timeout"), (PgLimits(statement_s=1), "statement timeout")],
)
def test_who_waits_too_long_runs_again(url: str, limits: PgLimits, says: str) -> None:
    holder, waiter = open_store(url), open_store(url, "waiter", limits)
    lock = "SELECT name FROM setting WHERE name = 'a' FOR UPDATE"
    with holder.transaction() as tx:
        tx.rows(lock)
        with pytest.raises(TransientStoreError, match=says), waiter.transaction() as other:
            other.rows(lock)
    with waiter.transaction() as other:
        assert other.rows(lock) == [("a",)]
    holder.close()
    waiter.close()


@pytest.mark.slow
def test_a_backend_that_was_ended_is_opened_again(url: str) -> None:
    store = open_store(url)
    end = "SELECT pg_terminate_backend(pg_backend_pid())"
    with pytest.raises(TransientStoreError), store.transaction() as tx:
        tx.rows(end)
    with store.transaction() as tx:
        assert tx.rows("SELECT count(*) FROM setting") == [(2,)]
    store.close()


@pytest.mark.slow
def test_readers_that_rested_while_the_server_was_started_again_fail_nobody(url: str) -> None:
    store = open_store(url)
    mine = "SELECT pg_backend_pid()"
    with store.reader() as one, store.reader() as two:
        rested = [reader.rows(mine)[0][0] for reader in (one, two)]
    with psycopg.connect(url, autocommit=True) as admin:
        for pid in rested:
            admin.execute("SELECT pg_terminate_backend(%s, 30000)", (pid,))  # until it has gone
    for _ in range(2):
        with store.reader() as reader:
            assert reader.rows(mine)[0][0] not in rested
    store.close()


@pytest.mark.slow
def test_out_of_connections_is_said_and_passes(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("CREATE ROLE narrow LOGIN CONNECTION LIMIT 1")
        admin.execute("GRANT SELECT ON setting TO narrow")
    try:
        narrow = url.replace("postgres@", "narrow@")
        one, two = open_store(narrow), open_store(narrow)
        with one.transaction() as tx:
            tx.rows("SELECT 1 FROM setting")
            with pytest.raises(TransientStoreError, match="too many connections"):
                two.transaction().__enter__()
        one.close()
        with psycopg.connect(url, autocommit=True) as admin:
            gone = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'narrow'"
            while admin.execute(gone).fetchone() != (0,):
                pass  # its backend ends a moment after its socket
        with two.transaction() as tx:
            assert tx.rows("SELECT count(*) FROM setting") == [(2,)]
        two.close()
    finally:
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute("DROP OWNED BY narrow")
            admin.execute("DROP ROLE narrow")


@pytest.mark.slow
def test_the_next_host_is_taken_when_one_has_gone(url: str) -> None:
    with Proxy.before(url) as first, Proxy.before(url) as second:
        name = url.rpartition("/")[2]
        hosts = f"127.0.0.1:{first.port},127.0.0.1:{second.port}"
        store = open_store(f"postgresql://postgres@{hosts}/{name}")
        assert _count(store) == 2
        for gone, other in ((first, second), (second, first)):
            other.up()
            gone.down()
            with pytest.raises(TransientStoreError):
                _count(store)
            assert _count(store) == 2
        store.close()


def _count(store: Store) -> int:
    with store.transaction() as tx:
        return int(tx.rows("SELECT count(*) FROM setting")[0][0])
