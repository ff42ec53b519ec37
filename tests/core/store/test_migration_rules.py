"""The version before goes on beside a migration: what it may do, and who may work on its result."""

import ast
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from core.store import upgrade as upgrading
from core.store.tx import TransientStoreError
from core.store.upgrade import MIGRATIONS, OLDEST, fits, head, upgrade, works_from
from hub.engine import EngineError
from hub.installed import check_schema
from tests.servers.postgres import Postgres

#: What takes something from a program that is older, or holds a table as long as it is rewritten.
TAKES_AWAY = frozenset({"drop_column", "drop_table", "rename_table", "drop_constraint"})


def wrongs(source: str) -> list[str]:
    """What a migration does that the version before cannot work beside; none if it says so."""
    tree = ast.parse(source)
    if any(
        isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "stops_older"
        for node in tree.body
    ):
        return []
    upgrades = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name != "downgrade"]
    calls = [node for each in upgrades for node in ast.walk(each) if isinstance(node, ast.Call)]
    return [f"{_name(call)}, line {call.lineno}" for call in calls if _is_wrong(call)]


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _is_wrong(call: ast.Call) -> bool:
    name = _name(call)
    if name == "alter_column":
        said = {keyword.arg for keyword in call.keywords}
        return bool(said & {"type_", "new_column_name"}) or _given(call, "nullable") is False
    if name == "add_column":
        column = call.args[1]
        assert isinstance(column, ast.Call)
        return _given(column, "nullable") is False and not _has(column, "server_default")
    return name in TAKES_AWAY


def _has(call: ast.Call, name: str) -> bool:
    return any(keyword.arg == name for keyword in call.keywords)


def _given(call: ast.Call, name: str) -> object:
    values = [k.value for k in call.keywords if k.arg == name]
    return values[0].value if values and isinstance(values[0], ast.Constant) else None


def newer() -> list[Path]:
    """The migrations after the oldest program that may work on the newest schema."""
    paths = sorted((MIGRATIONS / "versions").glob("[0-9]*.py"))
    return [path for path in paths if path.name[:4] > OLDEST]


def test_the_newer_migrations_only_add() -> None:
    assert {path.name: found for path in newer() if (found := wrongs(path.read_text()))} == {}


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("op.drop_column('sale', 'x')", True),
        ("op.drop_table('sale')", True),
        ("op.alter_column('sale', 'x', type_=sa.Text)", True),
        ("op.alter_column('sale', 'x', nullable=False)", True),
        ("op.alter_column('sale', 'x', new_column_name='y')", True),
        ("op.alter_column('sale', 'x', nullable=True)", False),
        ("op.add_column('sale', sa.Column('x', sa.Text, nullable=False))", True),
        (
            "op.add_column('sale', sa.Column('x', sa.Text, nullable=False, server_default=''))",
            False,
        ),
        ("op.add_column('sale', sa.Column('x', sa.Text))", False),
        ("op.create_table('more')", False),
    ],
)
def test_the_rules_themselves(line: str, wrong: bool) -> None:
    source = f"def upgrade():\n    {line}\n"
    assert bool(wrongs(source)) is wrong
    assert wrongs(f"stops_older = 'why'\n{source}") == []


def test_this_version_may_work_on_its_own_schema() -> None:
    assert OLDEST <= works_from() <= head()


@pytest.fixture
def url(postgres: Postgres) -> Iterator[str]:
    made = postgres.prepared("rules", upgrade)
    yield made
    postgres.drop(made)


@pytest.mark.slow
@pytest.mark.parametrize(("works_from", "may"), [("0000", True), ("9998", False)])
def test_a_newer_schema_says_who_may_work_on_it(url: str, works_from: str, may: bool) -> None:
    check_schema(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.execute(
            "UPDATE setting SET value = %s WHERE name = %s", (works_from, upgrading.WORKS_FROM)
        )
    assert fits(url) is may
    if may:
        check_schema(url)
    else:
        with pytest.raises(EngineError, match="must not write"):
            check_schema(url)


@pytest.mark.slow
def test_an_older_schema_is_upgraded_first(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    with pytest.raises(EngineError, match="db upgrade"):
        check_schema(url)


@pytest.mark.slow
def test_an_upgrade_does_not_wait_for_long_and_says_so(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upgrading, "UPGRADE_LOCK_S", 1)
    url = postgres.create()
    with psycopg.connect(url) as somebody:
        somebody.execute("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
        somebody.commit()
        somebody.execute("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(TransientStoreError, match="run it again"):
            upgrade(url)
    upgrade(url)
    assert fits(url)
    postgres.drop(url)
