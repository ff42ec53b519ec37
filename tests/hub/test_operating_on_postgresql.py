"""What operators do, on PostgreSQL: the same statements, the same sealed trail."""

from collections.abc import Iterator
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine

from core.store.tables import METADATA
from core.store.tx import DataStoreError
from core.store.upgrade import upgrade
from hub import audit, balance, deadletter, inbox, metrics
from hub.deadletter import Filter
from hub.storywords import Lens, headline
from hub.timeline import find
from hub.verbs.journal import Wanted, search
from tests.hub.machine import METER, PHONE, Machine, buy, enrol, pay
from tests.servers.postgres import Postgres

pytestmark = pytest.mark.slow

LENS = Lens("Africa/Kampala", "UGX")


@pytest.fixture
def machine(postgres: Postgres) -> Iterator[Machine]:
    url = postgres.prepared("operating", upgrade)
    machine = Machine(url)
    machine.do(enrol(), "enrol")
    machine.do(pay(50_000), "pay")
    yield machine
    machine.store.close()
    postgres.drop(url)


def ask(machine: Machine, verb: str, **request: Any) -> Any:
    heard: list[Any] = []
    machine.desk.verbs()[verb]({"actor": "alice", **request}).addBoth(heard.append)
    machine.chores.step()
    if hasattr(heard[0], "raiseException"):
        heard[0].raiseException()
    return heard[0]


def dead(machine: Machine, monkeypatch: pytest.MonkeyPatch, key: str) -> str:
    from core.vending import sale

    with monkeypatch.context() as patched:
        patched.setattr(sale, "price_purchase", None)
        patched.setattr(inbox, "RETRY_AFTER_S", ())
        heard = machine.accept(buy(another=True), key)
        machine.settle()
    return str(heard[0].message_id)


def test_the_migrated_schema_is_that_of_the_tables(machine: Machine) -> None:
    def no_partition(name: str | None, kind: str, _parents: object) -> bool:
        """The journal's months are the server's own tables, and none of ours."""
        return not (kind == "table" and name is not None and name.startswith("journal_"))

    engine = create_engine(machine.url.replace("postgresql://", "postgresql+psycopg://", 1))
    with engine.connect() as connection:
        opts = {"compare_type": True, "include_name": no_partition}
        context = MigrationContext.configure(connection, opts=opts)
        assert compare_metadata(context, METADATA) == []
    engine.dispose()


def test_a_story_is_found_from_every_end(machine: Machine) -> None:
    token = machine.do(buy(), "buy").data["token"]
    machine.accept(buy(), "buy")
    machine.settle()
    for typed in (PHONE, "0700000001", METER, "100001", "DP-", token):
        typed = machine.rows("SELECT receipt FROM sale")[0][0] if typed == "DP-" else typed
        with machine.store.reader() as reader:
            stories = find(reader, "demo", "256", typed, 20).stories
        words = [headline(story, LENS) for story in stories]
        assert any("bought 28.1 kWh for 20,000 UGX" in each for each in words), typed


def test_the_journal_is_searched_by_time_and_phone(machine: Machine) -> None:
    machine.do(buy(), "buy")
    now = machine.time.at_us
    for wanted in (
        Wanted("demo", now - 3_600_000_000, now, key="buy"),
        Wanted("demo", now - 3_600_000_000, now, phone=PHONE, outcome="accepted"),
    ):
        with machine.store.reader() as reader:
            assert [row.key for row in search(reader, wanted, 10) if row.key == "buy"] == ["buy"]


def test_dead_letters_are_replayed_discarded_and_edited(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    import msgspec

    first = dead(machine, monkeypatch, "b1")
    with machine.store.reader() as reader:
        assert [letter.message_id for letter in deadletter.listed(reader, Filter(), 9)] == [first]
    ask(machine, "replay", ids=[first])
    machine.settle()
    assert machine.answer(first).data["tender"] == 20_000
    second = dead(machine, monkeypatch, "b2")
    ask(machine, "discard", ids=[second], reason="paid in cash")
    assert machine.answer(second).code == "expired"
    third = dead(machine, monkeypatch, "b3")
    data = {**msgspec.to_builtins(buy(another=True)), "tender": 9_000}
    new = ask(machine, "edit", ids=[third], data=data, reason="too much")["sent"]
    machine.settle()
    assert machine.answer(new).data["tender"] == 9_000
    assert machine.unaccounted() == 0
    with machine.store.reader() as reader:
        (chain,) = audit.verify(audit.read(reader))
        assert (chain.rows, chain.broken_at) == (3, None)
        assert balance.unaccounted(reader) == 0
        assert "wattbus_unaccounted_messages 0.0" in metrics.render(reader, metrics.Node(), 1)


@pytest.mark.parametrize("table", ["audit", "posting", "ledger_txn", "token", "module_log"])
@pytest.mark.parametrize("verb", ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {}"])
def test_final_rows_are_final(machine: Machine, table: str, verb: str) -> None:
    machine.do(buy(), "buy")
    ask(machine, "look", what="show-raw", subjects=["x"], reason="y")
    column = {"audit": "actor", "posting": "amount", "token": "digits"}.get(table, "at")
    with pytest.raises(DataStoreError, match="rows are final"), machine.store.transaction() as tx:
        tx.run(verb.format(table, column, column))
