"""Arrays in our own binary form: PostgreSQL gives back exactly what went in."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from core.store.pg import connect
from core.store.pg_arrays import BigintArray, TextArray, as_array
from tests.servers.postgres import Postgres

pytestmark = pytest.mark.slow
BIG = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
QUIET = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def connection(postgres: Postgres) -> Iterator[psycopg.Connection[Any]]:
    made = connect(postgres.url("postgres"))
    yield made
    made.close()


def back(connection: psycopg.Connection[Any], array: Any, kind: str) -> list[Any]:
    row = connection.execute(f"SELECT %s::{kind}[]", [array]).fetchone()
    assert row is not None
    return list(row[0])


@QUIET
@given(st.lists(st.none() | TEXT))
@example(["x" * 2_047, "x" * 2_048, "é" * 1_024, "", "y" * 200_000])
@example(["x" * 3_000, None])
@example([])
def test_texts(connection: psycopg.Connection[Any], items: list[str | None]) -> None:
    assert back(connection, TextArray(items), "text") == items


@QUIET
@given(st.lists(st.none() | BIG))
def test_integers(connection: psycopg.Connection[Any], items: list[int | None]) -> None:
    assert back(connection, BigintArray(items), "bigint") == items


@pytest.mark.parametrize(("items", "kind"), [([], "text"), ([1, 2], "bigint"), (["a"], "text")])
def test_a_list_parameter_takes_its_kind_from_its_first_item(
    connection: psycopg.Connection[Any], items: list[Any], kind: str
) -> None:
    assert back(connection, as_array(items), kind) == items
