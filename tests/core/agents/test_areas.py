"""Areas: where an agent with some sells and collects, and what the books know of service points."""

from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import text

from core.messages import Enrol, ImportDebts, Message, Outcome, PhoneLink
from core.messages.collection import OldDebt
from core.queries import till
from core.queries.terminals import emergency_list
from core.refusals import Refusal
from core.store.sqlite import SqliteTx
from core.store.upgrade import _config, _engine, open_store, upgrade
from hub.channel import Accepted
from tests.core.agents.shop import (
    OPERATORS,
    agreed,
    ask,
    collect,
    do,
    done,
    float_of,
    no,
    opened,
    sell,
    shop_terms,
    whole,
    yes,
)
from tests.core.changes import life
from tests.core.terminals import till as terminals
from tests.hub.machine import METER, Machine, enrol, fresh_sqlite
from tests.servers.postgres import Postgres

#: Of the second household.
OTHER, AREALESS = "04123456792", "100002"
MOVED = "+256700000009"


def north(url: str, **changes: Any) -> Machine:
    """Two households, one in the north and one in no area; an agent with money there."""
    machine = Machine(url, terms=shop_terms(**changes))
    assert machine.do(enrol(area="NORTH"), "enrol").outcome is Outcome.DONE
    done(machine, enrol(AREALESS, OTHER, "+256700000002", customer="C2"))
    opened(machine, money=100_000, areas=("NORTH", "EAST"))
    return machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return north(fresh_sqlite(tmp_path))


def together(machine: Machine, *messages: Message) -> list[Any]:
    """All of them in one batch: their answers."""
    heard = [machine.accept(each, f"t{n}") for n, each in enumerate(messages)]
    machine.settle()
    ids = [each[0].message_id for each in heard if isinstance(each[0], Accepted)]
    return [machine.answer(id_) for id_ in ids]


def test_it_sells_and_collects_in_its_areas_alone(machine: Machine) -> None:
    assert machine.rows("SELECT number, area FROM service_point ORDER BY number") == [
        ("S100001", "NORTH"), ("S100002", ""),
    ]  # fmt: skip
    done(machine, sell(5_000))
    done(machine, collect(5_000))
    assert float_of(machine) == (90_000, 0)
    answer = do(machine, sell(5_000, meter=OTHER))
    assert (answer.code, answer.args["what"]) == ("agent-out-of-area", OTHER)
    answer = do(machine, collect(5_000, account=AREALESS))
    assert (answer.code, answer.args["what"]) == ("agent-out-of-area", AREALESS)
    assert float_of(machine) == (90_000, 0)
    whole(machine)


def test_one_without_areas_sells_everywhere(machine: Machine) -> None:
    opened(machine, "A2", money=50_000)
    done(machine, sell(5_000, "A2", OTHER))
    done(machine, collect(5_000, "A2", AREALESS))
    done(machine, collect(5_000, "A2"))
    assert machine.rows("SELECT areas FROM agent ORDER BY number") == [
        ('["EAST","NORTH"]',), ("[]",),
    ]  # fmt: skip
    whole(machine)


def test_an_area_is_written_alike(machine: Machine) -> None:
    agreed(machine, ask("alter", areas=("north",)))
    assert no(machine, sell(5_000)) == "agent-out-of-area"
    agreed(machine, ask("alter", areas=()))
    done(machine, sell(5_000, meter=OTHER))
    whole(machine)


@pytest.mark.parametrize(
    "areas", [("",), (" NORTH",), ("N" * 41,), tuple(f"N{each}" for each in range(65))]
)
def test_areas_of_a_contract_have_a_form(machine: Machine, areas: tuple[str, ...]) -> None:
    assert no(machine, ask("alter", areas=areas)) == "agent-wrong"
    assert no(machine, ask("enrol", "A7", name="X", areas=areas)) == "agent-wrong"


@pytest.mark.parametrize("area", [" ", "NORTH ", "N" * 41])
def test_that_of_a_service_point_too(machine: Machine, area: str) -> None:
    wrong = enrol("100003", "04123456800", "+256700000003", customer="C3", area=area)
    assert no(machine, wrong) == "enrol-conflict"


def test_one_that_is_closed_or_blocked_says_that_first(machine: Machine) -> None:
    done(machine, ask("block"))
    assert no(machine, sell(5_000, meter=OTHER)) == "agent-blocked"
    assert no(machine, collect(5_000, account=AREALESS)) == "agent-blocked"


def test_what_the_same_batch_changes_counts_at_once(machine: Machine) -> None:
    opened(machine, "A2", money=50_000)
    act = done(machine, ask("alter", "A2", areas=("EAST",)))["act"]
    east = enrol("100003", "04123456800", "+256700000003", customer="C3", area="EAST")
    answers = together(
        machine, yes(act), east, sell(5_000, "A2"), collect(5_000, "A2"),
        sell(5_000, "A2", "04123456800"), collect(5_000, "A2", "100003"),
    )  # fmt: skip
    assert [each.code for each in answers] == [
        "ok", "ok", "agent-out-of-area", "agent-out-of-area", "ok", "ok",
    ]  # fmt: skip
    whole(machine)


def test_an_agent_that_gets_areas_knows_where_others_are_at_once(machine: Machine) -> None:
    opened(machine, "A2", money=50_000)
    act = done(machine, ask("alter", "A2", areas=("NORTH",)))["act"]
    answers = together(
        machine, yes(act), sell(5_000, "A2"), collect(5_000, "A2"),
        sell(5_000, "A2", OTHER), collect(5_000, "A2", AREALESS),
    )  # fmt: skip
    assert [each.code for each in answers] == [
        "ok", "ok", "ok", "agent-out-of-area", "agent-out-of-area",
    ]  # fmt: skip
    whole(machine)


@pytest.mark.slow
def test_the_same_on_postgresql(postgres: Postgres) -> None:
    url = postgres.prepared("areas", upgrade)
    machine = north(url)
    done(machine, sell(5_000))
    done(machine, collect(5_000))
    assert no(machine, sell(5_000, meter=OTHER)) == "agent-out-of-area"
    assert no(machine, collect(5_000, account=AREALESS)) == "agent-out-of-area"
    assert code(asked(machine, till.bill_at_till, AREALESS, "A1")) == "agent-out-of-area"
    with machine.store.reader() as reader:
        assert emergency_list(reader, "demo", "A1", 10) == []
    whole(machine)
    machine.store.close()
    postgres.drop(url)


# --- before the money ----------------------------------------------------------------------------


def asked(machine: Machine, query: Any, *args: Any) -> Any:
    with machine.store.reader() as reader:
        return query(reader, machine.terms, *args)


def code(found: Any) -> str:
    return found.code if isinstance(found, Refusal) else "ok"


def test_enquiries_at_a_till_say_it_before_the_cash_is_taken(machine: Machine) -> None:
    now = machine.time.at_us
    for agent, drn, account, says in (
        ("A1", METER, "100001", "ok"),
        ("A1", OTHER, AREALESS, "agent-out-of-area"),
        ("A2", OTHER, AREALESS, "ok"),
    ):
        if agent == "A2":
            opened(machine, "A2", money=50_000)
        assert code(asked(machine, till.quote_at_till, agent, drn, 5_000, now)) == says
        assert code(asked(machine, till.meter_at_till, agent, drn, now)) == says
        assert code(asked(machine, till.bill_at_till, account, agent)) == says
        assert code(asked(machine, till.bill_at_till, account)) == "ok"


def test_the_list_of_what_may_be_collected_without_the_line_is_of_the_areas(
    machine: Machine,
) -> None:
    debts = tuple(
        OldDebt(account=account, year=2025, amount=7_000, item_class="energy")
        for account in ("100001", AREALESS)
    )
    done(machine, ImportDebts(
        operator="grace", source="f", currency="UGX", debts=debts, taken_over_on="2026-01-01",
    ))  # fmt: skip
    with machine.store.transaction() as tx:
        tx.run("UPDATE open_item SET kind = 'bill'")

    def accounts() -> list[str]:
        with machine.store.reader() as reader:
            return [bill.account for bill in emergency_list(reader, "demo", "A1", 10)]

    assert accounts() == ["100001"]
    agreed(machine, ask("alter", supply_groups=("600727",)))
    assert accounts() == [], "both count"
    agreed(machine, ask("alter", supply_groups=(), areas=("WEST",)))
    assert accounts() == []
    agreed(machine, ask("alter", areas=()))
    assert accounts() == ["100001", AREALESS]


def test_a_bill_collected_without_the_line_is_booked_and_looked_at(machine: Machine) -> None:
    terminals.registered(machine)
    terminals.agreed(machine, terminals.terminal_act("terminal-emergency", limit=9_000, receipts=5))
    ((first,),) = machine.rows("SELECT first_number FROM terminal_receipts")
    assert "case" not in done(machine, terminals.offline(machine, 1, 400, str(first)))
    away = terminals.offline(machine, 2, 500, str(first + 1), account=AREALESS)
    assert done(machine, away)["case"]
    assert machine.rows("SELECT kind, detail FROM terminal_case") == [
        ("offline-wrong", "account 100002 is in none of the areas of agent A1"),
    ]
    assert float_of(machine) == (99_100, 0)
    whole(machine)


# --- who moves -----------------------------------------------------------------------------------


def moving(folder: Path) -> Machine:
    """Operators for agents and for changes."""
    return north(
        fresh_sqlite(folder), operators={**life.OPERATORS, **OPERATORS}, changes=life.DECLARED
    )


def switched(machine: Machine, kind: str, account: str, **more: Any) -> Any:
    """A change as far as its last step; that one, to be said."""
    change = life.asked(machine, kind, account, **more)
    if kind == "move-out":
        done(machine, life.move(change, "read", remaining_tenths=0))
    life.agreed(machine, change)
    return life.move(change, "switch")


def comes(machine: Machine, left: Any) -> Any:
    """Household 100002 moves into the north, where another left."""
    done(machine, life.move(left.change, "confirm"))
    return switched(
        machine, "move-in", AREALESS, point="S100001", customer="C2", name="Akello Grace",
        phones=(PhoneLink(msisdn=MOVED),), tariff="uganda-domestic", mode="prepaid",
    )  # fmt: skip


def test_who_moves_is_where_he_moves_to(tmp_path: Path) -> None:
    machine = moving(tmp_path)
    left = switched(machine, "move-out", "100001")
    done(machine, left)
    assert no(machine, collect(5_000)) == "agent-out-of-area", "he has left"
    assert no(machine, collect(5_000, account=AREALESS)) == "agent-out-of-area"
    done(machine, comes(machine, left))
    done(machine, collect(5_000, account=AREALESS))
    sold = done(machine, sell(5_000))
    assert sold["account"] == AREALESS
    assert no(machine, sell(5_000, meter=OTHER)) == "agent-out-of-area", "the place stays"
    whole(machine)


def test_in_the_same_batch_too(tmp_path: Path) -> None:
    machine = moving(tmp_path)
    leaves = switched(machine, "move-out", "100001")
    answers = together(machine, collect(1_000), leaves, collect(2_000))
    assert [each.code for each in answers] == ["ok", "ok", "agent-out-of-area"]
    before = collect(3_000, account=AREALESS)
    moved = comes(machine, leaves)
    heard = [machine.accept(each, f"m{n}") for n, each in enumerate((before, moved))]
    heard += [machine.accept(collect(4_000, account=AREALESS), "m2"), machine.accept(sell(), "m3")]
    machine.settle()
    codes = [machine.answer(each[0].message_id).code for each in heard]
    assert codes == ["agent-out-of-area", "ok", "ok", "ok"]
    whole(machine)


# --- what it costs, what was before --------------------------------------------------------------


def test_only_agents_with_areas_pay_for_it(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(machine, "A2", money=50_000)
    said: list[str] = []
    rows = SqliteTx.rows

    def heard(self: SqliteTx, sql: str, /, **params: Any) -> Any:
        said.append(sql)
        return rows(self, sql, **params)

    monkeypatch.setattr(SqliteTx, "rows", heard)
    done(machine, sell(5_000, "A2"))
    assert said != []
    assert [sql for sql in said if "p.area" in sql] == []
    done(machine, sell(5_000))
    assert [sql for sql in said if "p.area" in sql] != []


def test_books_of_before_have_no_areas(tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path / 'old.db'}"
    engine, config = _engine(url), _config()
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0026")
        connection.execute(
            text("INSERT INTO service_point (id, company, number) VALUES (1, 'demo', 'S1')")
        )
        connection.execute(text(
            "INSERT INTO agent (id, company, number, name, kind, parent_id, state, mode, phone, "
            "language, commission, supply_groups, services, daily_limit, low_float, enrolled_at) "
            "VALUES (1, 'demo', 'A1', 'X', 'direct', 0, 'active', 'prepaid', '', '', '', '[]', "
            "'[]', 0, 0, 0)"
        ))  # fmt: skip
        connection.commit()
    engine.dispose()
    upgrade(url)
    store = open_store(url)
    with store.reader() as reader:
        assert reader.rows("SELECT area FROM service_point") == [("",)]
        assert reader.rows("SELECT areas FROM agent") == [("[]",)]
    store.close()


def test_a_place_that_is_on_file_keeps_its_area(tmp_path: Path) -> None:
    machine = moving(tmp_path)
    done(machine, switched(machine, "move-out", "100001"))
    again = enrol("100004", phone="+256700000004", customer="C4", service_point="S100001",
                  meter=None, area="WEST")  # fmt: skip
    assert isinstance(again, Enrol)
    done(machine, again)
    assert machine.rows("SELECT area FROM service_point WHERE number = 'S100001'") == [("NORTH",)]
    done(machine, collect(5_000, account="100004"))
