"""PostgreSQL: the journal in months, adopted while it is written, and pruned by the month."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from alembic import command

from core.messages import Outcome
from core.store import months
from core.store.invariants import offences
from core.store.months import BEFORE, OTHER, Month
from core.store.tx import TransientStoreError
from core.store.upgrade import _config, _engine, current, head, open_store, upgrade
from hub.clock import Sources
from hub.envelope import uuid7
from hub.janitor import Janitor
from hub.sections import PruningSection
from tests.hub.machine import FakeTime, Machine, buy, enrol, pay
from tests.hub.retention.old import DAY_US, counts, house, later, prune
from tests.servers.postgres import Postgres

pytestmark = pytest.mark.slow
INSERT = (
    "INSERT INTO journal (id, company, channel, key, party, raw, outcome, recorded) "
    "VALUES (%s, 'demo', 'sms', 'k', '+256', 'raw', 'noted', %s)"
)


def an_id(at_us: int, drawn: int = 1) -> str:
    return uuid7(at_us, lambda count: drawn.to_bytes(count, "big"))


@contextmanager
def at_revision(postgres: Postgres, revision: str) -> Iterator[str]:
    """A database that an older version made."""
    url = postgres.create()
    engine, config = _engine(url), _config()
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.commit()
    engine.dispose()
    yield url
    postgres.drop(url)


def test_the_journal_is_divided_while_the_version_before_writes_it(postgres: Postgres) -> None:
    now = Sources().now_us()
    with at_revision(postgres, "0027") as url:
        written, stop = [0], threading.Event()

        def old_version() -> None:
            """It has prepared its statement before, and goes on with it."""
            with psycopg.connect(url, autocommit=True) as connection:
                while not stop.is_set():
                    written[0] += 1
                    row = (an_id(Sources().now_us(), written[0]), now)
                    connection.execute(INSERT, row, prepare=True)

        writer = threading.Thread(target=old_version)
        writer.start()
        while written[0] < 20:
            assert writer.is_alive()
        upgrade(url)
        goal = written[0] + 20
        while written[0] < goal:
            assert writer.is_alive(), "the old version writes on"
        stop.set()
        writer.join()
        store = open_store(url)
        with store.reader() as reader:
            names = [name for name, _ in months.partitions(reader)]
            ((count,),) = reader.rows("SELECT count(*) FROM journal")
            ((version,),) = reader.rows("SELECT version_num FROM alembic_version")
        store.close()
    assert count == written[0]
    assert version == head()
    assert names[-2:] == [BEFORE, OTHER]
    assert [*names[:-2]] == [Month.of(now).after(2 + each).name for each in range(months.AHEAD)]


def test_the_division_goes_on_where_it_was_broken_off(postgres: Postgres) -> None:
    with at_revision(postgres, "0027") as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "ALTER TABLE journal ADD CONSTRAINT journal_before_bound CHECK (id < 'x') NOT VALID"
        )
        upgrade(url)
        months.adopt(connection.execute, Sources().now_us())  # and once more does nothing
        store = open_store(url)
        with store.reader() as reader:
            assert len(months.partitions(reader)) == 2 + months.AHEAD
            assert reader.rows("SELECT 1 FROM pg_constraint WHERE conname LIKE '%before_bound'"
                               ) == []  # fmt: skip
        store.close()


def test_an_upgrade_that_never_has_the_journal_says_so(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(months, "TRIES", 2)
    with at_revision(postgres, "0028") as url:
        with psycopg.connect(url) as somebody:
            somebody.execute("SELECT count(*) FROM journal").fetchall()
            with pytest.raises(TransientStoreError, match="the journal is in use: 2 times"):
                upgrade(url)
        upgrade(url)
        assert current(url) == head()


@pytest.fixture
def machine(postgres: Postgres) -> Iterator[Machine]:
    url = postgres.prepared("migrated", upgrade)
    machine = Machine(url, FakeTime(at_us=Sources().now_us()))
    month = Month.of(machine.time.at_us)
    machine.do(enrol(since=f"{month.year}-{month.month:02}-01"), "enrol")
    machine.do(pay(200_000), "pay")
    yield machine
    machine.store.close()
    postgres.drop(url)


def janitor(machine: Machine) -> Janitor:
    section = PruningSection(nightly=False)
    return Janitor(
        machine.store, {"demo": house()}, section, None, "n", machine.time.sources()
    )  # fmt: skip


def names(machine: Machine) -> list[str]:
    with machine.store.reader() as reader:
        return [name for name, _ in months.partitions(reader)]


def to_the_months(machine: Machine) -> None:
    """The time of the first partition is over; months are made as the stage makes them."""
    for _ in range(4):
        later(machine, 31)
        janitor(machine).step()


def test_months_are_made_ahead_and_filled(machine: Machine) -> None:
    to_the_months(machine)
    now = machine.time.at_us
    assert {Month.of(now).after(each).name for each in range(months.AHEAD + 1)} <= set(
        names(machine)
    )
    machine.do(pay(5_000), "then")
    assert counts(machine, Month.of(now).name) == [1]
    assert counts(machine, OTHER) == [0]


def test_a_month_that_nobody_had_made_takes_what_came_of_it(machine: Machine) -> None:
    later(machine, 200)  # nothing ran: the first arrival comes before the stage has its turn
    machine.do(pay(5_000), "early")
    assert counts(machine, OTHER) == [1]
    month = Month.of(machine.time.at_us)
    janitor(machine).step()
    assert counts(machine, OTHER, month.name) == [0, 1]
    assert {month.after(each).name for each in range(months.AHEAD + 1)} <= set(names(machine))
    assert machine.rows("SELECT outcome FROM journal WHERE key = 'early'") == [("accepted",)]
    machine.do(pay(6_000), "then")
    assert counts(machine, month.name) == [2]


def test_what_has_an_id_of_no_time_is_kept_too(machine: Machine) -> None:
    machine.time.at_us += 40 * 365 * DAY_US
    machine.do(pay(5_000), "far")
    assert counts(machine, OTHER) == [1]


def test_a_month_that_is_over_goes_at_once(machine: Machine) -> None:
    to_the_months(machine)
    month = Month.of(machine.time.at_us)
    assert machine.do(pay(5_000), "then").outcome is Outcome.DONE
    later(machine, 62)
    took = prune(machine, rows_months=1, chunk=50)
    assert BEFORE not in names(machine)
    assert month.name not in names(machine)
    assert counts(machine, "journal") == [0]
    assert took.rows["rows.message"] == counts(machine, "ledger_txn")[0] + 1
    with machine.store.reader() as reader:
        assert [*offences(reader, "postgresql")] == []
    assert machine.unaccounted() == 0


def test_a_month_with_something_unfinished_stays_with_that_alone(machine: Machine) -> None:
    to_the_months(machine)
    month = Month.of(machine.time.at_us)
    machine.do(pay(5_000), "one")
    machine.do(pay(6_000), "two")
    with machine.store.transaction() as tx:
        tx.run("UPDATE delivery SET state = 3 WHERE message_id = "
               "(SELECT message_id FROM request WHERE key = 'two')")  # fmt: skip
    later(machine, 62)
    prune(machine, rows_months=1, chunk=50)
    assert machine.rows(f"SELECT key FROM {month.name}") == [("two",)]
    with machine.store.transaction() as tx:
        tx.run("UPDATE delivery SET state = 4")
    prune(machine, rows_months=1, chunk=50)
    assert month.name not in names(machine)


def test_a_month_that_somebody_reads_is_left_for_later(machine: Machine) -> None:
    with psycopg.connect(machine.url) as other:
        other.execute("SELECT * FROM journal").fetchall()
        with pytest.raises(TransientStoreError), machine.store.transaction() as tx:
            months.drop(tx, BEFORE)
    with machine.store.transaction() as tx:
        months.drop(tx, BEFORE)
    assert BEFORE not in names(machine)


def test_a_sale_is_written_found_and_pruned_on_postgresql(machine: Machine) -> None:
    assert machine.do(buy(), "buy").outcome is Outcome.DONE
    later(machine, 430)
    prune(machine)
    assert counts(machine, "journal", "message", "request", "delivery", "notice") == [0] * 5
    with machine.store.reader() as reader:
        assert [*offences(reader, "postgresql")] == []
