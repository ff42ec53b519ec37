"""Several sets in one statement: what a batch writes goes to PostgreSQL in a single round trip.

At small batches the round trips are what a sale costs (client and server each wake up for every
statement). Data-modifying ``WITH`` parts carry all inserts and updates of a group; the statement
answers with how many rows each update found.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from core.store.tx import Change, Row, Update, checked_update, column_kinds

#: Texts of statements kept: a batch of sales, of payments, of receipts … each has its own.
KEPT = 256


class Shape(NamedTuple):
    """What the text of a change depends on: not its rows."""

    update: bool
    table: str
    columns: tuple[str, ...]
    tail: str


def shape_of(change: Change) -> Shape:
    """The shape of a change."""
    tail = "" if isinstance(change, Update) else change.tail
    return Shape(isinstance(change, Update), change.table, change.columns, tail)


@lru_cache(KEPT)
def statement(shapes: tuple[Shape, ...]) -> str:
    """The statement for changes of these shapes, with ``$n`` for each column in turn.

    Its one row: for each change how many rows an update touched, 0 for an insert.
    """
    parts: list[str] = []
    counts: list[str] = []
    used = 0
    for number, shape in enumerate(shapes):
        parts.append(f"w{number} AS ({_part(shape, used)})")
        counts.append(f"(SELECT count(*) FROM w{number})" if shape.update else "0")
        used += len(shape.columns)
    return f"WITH {', '.join(parts)} SELECT {', '.join(counts)}"


def _part(shape: Shape, used: int) -> str:
    kinds = column_kinds(shape.table)
    names = ", ".join(f'"{name}"' for name in shape.columns)
    arrays = ", ".join(f"${used + i}::{kinds[n]}[]" for i, n in enumerate(shape.columns, start=1))
    if not shape.update:
        return (
            f"INSERT INTO {shape.table} ({names}) SELECT * FROM unnest({arrays}) {shape.tail}"
        ).rstrip()
    key, *rest = shape.columns
    sets = ", ".join(f'"{name}" = v."{name}"' for name in rest)
    return (
        f"UPDATE {shape.table} SET {sets} FROM unnest({arrays}) AS v({names}) "
        f'WHERE {shape.table}."{key}" = v."{key}" RETURNING 1'
    )


def checked(changes: Sequence[Change], counts: Row) -> None:
    """Every update found each of its rows, once. AssertionError otherwise."""
    for change, touched in zip(changes, counts, strict=True):
        if isinstance(change, Update):
            found = touched if change.must_match else len(change.rows)
            checked_update(change.table, change.rows, found)
