"""Which hot statement names the distribution key of its table, and which do not.

Nothing here runs on many servers: it keeps docs/distributed.md true, and whoever writes a hot
statement without the key hears of it.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.messages import AskBalance
from core.messages.vending import Recipient
from core.store.pg import PgTx
from core.store.pg_write import shape_of
from core.store.tables import METADATA
from core.store.tx import Change
from core.store.upgrade import upgrade
from tests.hub.machine import PHONE, Machine, buy, enrol, pay
from tests.servers.postgres import Postgres

PAGE = Path(__file__).parents[3] / "docs" / "distributed.md"
#: A copy on every server: no key is needed.
COPIED = "copied"
#: Table -> the column that it is distributed by.
LAYOUT = {
    **dict.fromkeys(
        ["agreement", "agreement_state", "allocation", "debt", "deposit", "entitlement"],
        "account_id",
    ),
    **dict.fromkeys(
        ["free_claim", "ledger_txn", "notice", "open_item", "payment", "posting", "token"],
        "account_id",
    ),
    **dict.fromkeys(
        ["cash_desk", "customer", "id_block", "meter", "meter_install", "module_log"], COPIED
    ),
    **dict.fromkeys(
        ["notice_reference", "phone", "phone_account", "phone_meter", "tally", "token_void"],
        COPIED,
    ),
    "account": "id",
    "sale": "payer_account_id",
    "delivery": "partition",
    "message": "partitionkey",
    "request": "key",
    "journal": "id",
}
#: (table, verb) of hot statements that do not name the column today: each goes to every server.
LACKING = {
    ("account", "SELECT"),
    ("agreement_state", "SELECT"),
    ("agreement_state", "UPDATE"),
    ("debt", "SELECT"),
    ("delivery", "SELECT"),
    ("delivery", "UPDATE"),
    ("free_claim", "SELECT"),
    ("ledger_txn", "INSERT"),
    ("message", "SELECT"),
    ("notice", "INSERT"),
    ("notice", "SELECT"),
    ("notice", "UPDATE"),
    ("payment", "INSERT"),
    ("payment", "UPDATE"),
    ("posting", "INSERT"),
    ("request", "SELECT"),
    ("request", "UPDATE"),
    ("token", "INSERT"),
    ("token", "SELECT"),
}


def verb_of(sql: str) -> str:
    """INSERT, UPDATE or SELECT."""
    word = sql.split(" ", 1)[0]
    return word if word in ("INSERT", "UPDATE") else "SELECT"


def names_key(sql: str, column: str) -> bool:
    """Whether a statement says which server it is for: a written column, or one compared with."""
    if verb_of(sql) != "SELECT":
        return bool(re.search(rf"[(\s\"]{column}[\",)]", sql))
    compared = rf"\b{column}\s*(=|IN\b)|=\s*(\w+\.)?{column}\b"
    return bool(re.search(compared, sql.partition(" FROM ")[2]))


def tables_of(sql: str) -> set[str]:
    """The tables that a statement names."""
    named = re.findall(r"\b(?:FROM|JOIN|INTO|UPDATE) (\w+)", sql)
    return {name for name in named if name in METADATA.tables}


def lacking(statements: Iterable[str]) -> set[tuple[str, str]]:
    """Which of them do not name the key of which table."""
    return {
        (table, verb_of(sql))
        for sql in statements
        for table in tables_of(sql)
        if LAYOUT[table] != COPIED and not names_key(sql, LAYOUT[table])
    }


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("SELECT credit FROM account WHERE id = ANY(%(ids)s)", set()),
        ("SELECT id FROM account WHERE number = ANY(%(n)s)", {("account", "SELECT")}),
        ("INSERT INTO sale (id, payer_account_id)", set()),
        ("INSERT INTO payment (id, amount)", {("payment", "INSERT")}),
        ("SELECT 1 FROM meter WHERE drn = %(d)s", set()),
    ],
)
def test_the_rule_itself(sql: str, found: set[tuple[str, str]]) -> None:
    assert lacking([sql]) == found


def test_the_page_has_every_table_and_every_gap() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\S+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert {table: column.strip("`") for table, column in rows} == LAYOUT
    gaps = re.findall(r"^\* `(\w+)` (SELECT|INSERT|UPDATE):", PAGE.read_text(), re.MULTILINE)
    assert set(gaps) == LACKING


@pytest.fixture
def statements(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What a payment, a purchase and a question of a customer's say to PostgreSQL."""
    url = postgres.prepared("distribution", upgrade)
    machine, said = Machine(url), list[str]()
    machine.do(enrol(), "enrol")
    execute, write = PgTx._execute, PgTx.write

    def executed(tx: PgTx, sql: str, params: dict[str, Any]) -> Any:
        said.append(sql)
        return execute(tx, sql, params)

    def written(tx: PgTx, changes: Iterable[Change]) -> None:
        kept = [change for change in changes if change.rows]
        for shape in map(shape_of, kept):
            verb = "UPDATE" if shape.update else "INSERT INTO"
            said.append(f"{verb} {shape.table} ({', '.join(shape.columns)})")
        write(tx, kept)

    monkeypatch.setattr(PgTx, "_execute", executed)
    monkeypatch.setattr(PgTx, "write", written)
    machine.do(pay(50_000), "pay")
    machine.do(buy(), "buy")
    ask = AskBalance(phone=PHONE, reply=(Recipient(way="sms", address=PHONE),))
    machine.do(ask, "ask")
    yield said
    machine.store.close()
    postgres.drop(url)


@pytest.mark.slow
def test_what_lacks_the_key_is_what_the_page_says(statements: list[str]) -> None:
    touched = {table for sql in statements for table in tables_of(sql)}
    assert {"account", "sale", "token", "payment", "delivery", "request"} <= touched
    assert touched <= set(LAYOUT), "a hot table without a place: docs/distributed.md"
    assert lacking(statements) == LACKING
