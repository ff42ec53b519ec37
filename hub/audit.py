"""The audit trail: what operators did, by whom and why, chained so that tampering shows.

Each writer (a node) has a chain of its own: the seal of a row covers the seal of the row before it,
and the numbers have no gaps. So a row that was changed, dropped or put in breaks the chain from
there on. What a chain alone cannot show is that its end was cut off: keep the last seal elsewhere
(``wattbus audit verify`` prints it).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any

import msgspec

from core.store.tx import Reader, Tx

#: The seal before the first row of a writer.
GENESIS = "0" * 64
#: A detail longer than this is cut: the evidence itself is in the journal.
MAX_DETAIL = 4_000

_COLUMNS = ("writer", "number", "at", "actor", "act", "subject", "detail", "previous", "seal")


@dataclass(frozen=True, slots=True)
class Act:
    """What an operator did to one thing; ``detail`` is plain data."""

    actor: str
    act: str
    subject: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the trail; ``at`` in microseconds UTC, ``detail`` JSON."""

    writer: str
    number: int
    at: int
    actor: str
    act: str
    subject: str
    detail: str
    previous: str
    seal: str


def seal_of(row: Row) -> str:
    """SHA-256 in hex over everything in the row but the seal itself."""
    return hashlib.sha256(msgspec.json.encode(astuple(row)[:-1])).hexdigest()


def append(tx: Tx, writer: str, acts: Sequence[Act], now_us: int) -> None:
    """Add rows to the writer's chain, in the transaction of what they tell."""
    number, previous = _last(tx, writer)
    rows = []
    for act in acts:
        number += 1
        detail = msgspec.json.encode(act.detail).decode()[:MAX_DETAIL]
        open_row = Row(
            writer, number, now_us, act.actor, act.act, act.subject, detail, previous, ""
        )
        previous = seal_of(open_row)
        rows.append((*astuple(open_row)[:-1], previous))
    tx.insert("audit", _COLUMNS, rows)


def _last(reader: Reader, writer: str) -> tuple[int, str]:
    rows = reader.rows(
        "SELECT number, seal FROM audit WHERE writer = :writer ORDER BY number DESC LIMIT 1",
        writer=writer,
    )
    return (int(rows[0][0]), str(rows[0][1])) if rows else (0, GENESIS)


def read(reader: Reader, limit: int | None = None) -> list[Row]:
    """The rows of all writers in their order; ``limit`` keeps the newest of each."""
    writers = reader.rows("SELECT DISTINCT writer FROM audit ORDER BY writer")
    return [row for (writer,) in writers for row in _of(reader, writer, limit)]


def _of(reader: Reader, writer: str, limit: int | None) -> list[Row]:
    names = ", ".join(_COLUMNS)
    rows = reader.rows(
        f"SELECT {names} FROM audit WHERE writer = :writer ORDER BY number DESC LIMIT :limit",
        writer=writer,
        limit=2**62 if limit is None else limit,
    )
    return [Row(*row) for row in reversed(rows)]


@dataclass(frozen=True, slots=True)
class Chain:
    """What a check of one chain found; ``broken_at``: the first row that does not fit."""

    writer: str
    rows: int
    last_seal: str
    broken_at: int | None


def verify(rows: Sequence[Row]) -> list[Chain]:
    """Check the whole chains, one per writer."""
    chains = []
    for writer in sorted({row.writer for row in rows}):
        own = [row for row in rows if row.writer == writer]
        chains.append(Chain(writer, len(own), own[-1].seal, _first_break(own)))
    return chains


def _first_break(rows: Sequence[Row]) -> int | None:
    previous = GENESIS
    for number, row in enumerate(rows, start=1):
        if row.number != number or row.previous != previous or row.seal != seal_of(row):
            return number
        previous = row.seal
    return None
