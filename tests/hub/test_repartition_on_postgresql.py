"""Who lives, and who wakes up too late: another count of partitions on PostgreSQL."""

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

from core.store.pg import PgStore
from core.store.tx import TransientStoreError
from core.store.upgrade import upgrade
from hub import partitions
from hub.leases import Leases
from hub.partitions import NEW, NEXT, RepartitionedError, adopt, stands
from hub.repartition import SESSION, Repartition, RepartitionError
from hub.worker import FencedError
from tests.servers.postgres import Postgres

pytestmark = pytest.mark.slow


@pytest.fixture
def url(postgres: Postgres) -> Iterator[str]:
    made = postgres.prepared("repartition", upgrade)
    yield made
    postgres.drop(made)
    partitions.use(NEW)


@pytest.fixture
def run(url: str) -> Iterator[Repartition]:
    with closing(PgStore(url, SESSION)) as store:
        yield Repartition(store, "node", lambda: 1, patience_s=0.0)


def counts(url: str) -> tuple[int, int]:
    with closing(PgStore(url, "look")) as store, store.reader() as reader:
        return stands(reader)


def cut_off(store: PgStore, url: str) -> None:
    """The server ends the session of a store."""
    pid = store.connection().info.backend_pid
    with psycopg.connect(url, autocommit=True) as connection:
        # waits for its end: nobody sees the session after it
        connection.execute("SELECT pg_terminate_backend(%s, 30000)", [pid])
    with pytest.raises(TransientStoreError), store.reader_on_writer() as reader:
        reader.rows("SELECT 1")


def test_a_process_that_says_nothing_is_known_by_its_session(url: str, run: Repartition) -> None:
    with closing(PgStore(url, "wattbus-journal")) as frozen:
        adopt(frozen)
        with pytest.raises(RepartitionError, match=r"session \d+ of wattbus-journal"):
            run.run(24, "mary")
        assert counts(url) == (NEW, 0), "nothing was begun: no mark is left"
        adopt(frozen)


def test_a_process_that_was_cut_off_writes_nothing_by_the_old_count(
    url: str, run: Repartition
) -> None:
    with closing(PgStore(url, "wattbus-journal")) as late:
        adopt(late)
        cut_off(late, url)
        assert run.run(24, "mary").after == 24
        with (
            pytest.raises(RepartitionedError, match="began with 16 partitions"),
            late.transaction(),
        ):
            pass  # pragma: no cover - it has no connection
        adopt(PgStore(url, "wattbus-new"))
        with late.transaction() as tx:  # as a process that is started again
            assert stands(tx) == (24, 0)


def test_nobody_opens_a_connection_in_the_middle_of_it(url: str, run: Repartition) -> None:
    with closing(PgStore(url, "wattbus-journal")) as late:
        adopt(late)
        cut_off(late, url)
        heard: list[str] = []

        def meanwhile(_before: int, _after: int) -> None:
            with pytest.raises(RepartitionedError, match="on the way to 24") as found:
                late.connection()
            heard.append(str(found.value))

        run.emptied = meanwhile
        run.run(24, "mary")
        assert heard


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        ("INSERT INTO worker_node (name, seen) VALUES ('w0', {now})", "worker w0"),
        (
            "INSERT INTO partition_lease (partition, owner, epoch, until) "
            "VALUES (0, 'w1', 3, {now} + 5000000)",
            "a lease of w1",
        ),
        (
            "INSERT INTO node (name, host, pid, roles, version, started, seen) "
            "VALUES ('a', 'h', 1, 'channels', '1', 0, {now})",
            "node a on h",
        ),
    ],
)
def test_what_was_said_a_moment_ago_counts(
    url: str, run: Repartition, sql: str, named: str
) -> None:
    # an hour ahead: a busy machine may take long to come to the look
    now = "(SELECT CAST((extract(epoch FROM clock_timestamp()) + 3600) * 1000000 AS bigint))"
    with run.store.transaction() as tx:
        tx.run(sql.format(now=now))
    with pytest.raises(RepartitionError, match=named):
        run.run(24, "mary")
    assert counts(url) == (NEW, 0)


def test_two_runs_do_not_meet(url: str, run: Repartition) -> None:
    with closing(PgStore(url, SESSION)) as store:
        other = Repartition(store, "node", lambda: 1)

        def meanwhile(_before: int, _after: int) -> None:
            with pytest.raises(RepartitionError, match="another"):
                other.run(8, "eve")

        run.emptied = meanwhile
        assert run.run(24, "mary").after == 24
    assert counts(url) == (24, 0)


def test_a_run_that_lost_its_connection_ends_and_is_run_again(url: str, run: Repartition) -> None:
    def lost(_before: int, _after: int) -> None:
        assert isinstance(run.store, PgStore)
        cut_off(run.store, url)

    run.emptied = lost
    with pytest.raises(TransientStoreError):
        run.run(24, "mary")
    assert counts(url) == (NEW, 24)
    with closing(PgStore(url, SESSION)) as store:
        assert Repartition(store, "node", lambda: 1).run(24, "mary").after == 24
        with store.reader() as reader:
            assert not reader.rows("SELECT 1 FROM setting WHERE name = :name", name=NEXT)


def test_leases_of_old_fit_no_more(url: str, run: Repartition) -> None:
    with closing(PgStore(url, "look")) as store, closing(PgStore(url, "look")) as other:
        adopt(store)
        old = Leases(store, "w0")
        old.prepare()
        assert len(old.balance()) == NEW
        held = dict(old.epochs)
        old.release()
        assert run.run(8, "mary").after == 8
        adopt(other)
        new = Leases(other, "w0")
        new.prepare()
        assert new.balance() == list(range(8))
        old.epochs = held
        for mine in ([3], [12]):  # moved, and no more
            with pytest.raises(FencedError), other.transaction() as tx:
                old.fence(tx, mine)
