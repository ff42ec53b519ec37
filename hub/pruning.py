"""Pruning, a chunk at a time: what ``core.store.retention`` says may go, and is finished, goes.

A walk goes through a table in the order of its keys, for one company, as far as its rows are old
enough. What is old and not finished is left, remembered and looked at again in the next run. A
chunk is one transaction: rows, mark and memory change together, so it may end at any moment.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from core.store.retention import OPEN_STORIES, TABLES, UNFINISHED_MESSAGES, VALID_KEYS, Tier, Walk
from core.store.retention import With as Child
from core.store.tables import METADATA
from core.store.tx import Reader, Row, Tx
from hub.archive import Archive, day_of
from hub.envelope import EnvelopeError, rfc3339, seal, unseal

#: Rows of a chunk: some milliseconds of writing, so that nobody waits longer than for a batch.
CHUNK: Final = 200
#: A key is remembered so much longer than it is valid: a link that was down repeats late.
GRACE_US: Final = 7 * 86_400_000_000
#: Up to which instant bodies are gone: replay from the beginning cannot be.
GONE: Final = "retention.bodies-gone"


@dataclass(frozen=True, slots=True)
class Job:
    """A walk for a company: rows before ``cut_us`` go."""

    walk: Walk
    company: str
    cut_us: int


@dataclass(slots=True)
class Took:
    """What was done: rows gone by table, their bytes, and how many are left for they are open."""

    rows: Counter[str] = field(default_factory=Counter)
    size: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Took") -> None:
        """Sum up."""
        self.rows += other.rows
        self.size += other.size
        self.left += other.left

    def as_facts(self) -> dict[str, dict[str, int]]:
        """By walk and table, for a report."""
        return {"rows": dict(self.rows), "bytes": dict(self.size), "left": dict(self.left)}


def open_stories(reader: Reader) -> frozenset[str]:
    """The correlations of stories that are not over."""
    return frozenset(str(row[0]) for sql in OPEN_STORIES for row in reader.rows(sql))


def text_columns(table: str) -> list[str]:
    """The columns of a table that hold text."""
    columns = METADATA.tables[table].columns
    return [column.name for column in columns if str(column.type) == "TEXT"]


def _size(walk_or_table: Walk | str) -> str:
    """Bytes of a row, nearly: its texts, and eight for each number."""
    if isinstance(walk_or_table, Walk) and walk_or_table.blank:
        return " + ".join(f'length(t."{name}")' for name in walk_or_table.blank)
    table = walk_or_table if isinstance(walk_or_table, str) else walk_or_table.table
    texts = text_columns(table)
    numbers = 8 * (len(METADATA.tables[table].columns) - len(texts))
    return " + ".join([str(numbers), *(f'COALESCE(length(t."{n}"), 0)' for n in texts)])


@dataclass(frozen=True, slots=True)
class _Seen:
    """A row that a walk came by."""

    key: Any
    company: str
    at: int
    story: str
    open: bool
    size: int


@dataclass(slots=True)
class Turn:
    """A job on its way. ``dry``: nothing is changed, and it may be given a reader."""

    job: Job
    archive: Archive | None = None
    dry: bool = False
    chunk: int = CHUNK
    _again: str | None = ""  # the last of what was left before that was looked at; None: all were
    _after: Any = None  # a dry run's own mark

    def step(self, tx: Any, stories: frozenset[str], now_us: int) -> tuple[Took, bool]:
        """One chunk, and whether there may be more."""
        if self._again is not None:
            left = [row for row in self._left_before(tx) if row.at < self.job.cut_us]
            return self._took(tx, left, stories, now_us), True
        after = self._mark(tx)
        seen = self._window(tx, after)
        old = [row for row in seen if row.at < self.job.cut_us]
        if len(old) < len(seen):  # up to the first that is young: keys go with the time
            first = next(i for i, row in enumerate(seen) if row.at >= self.job.cut_us)
            old = seen[:first]
        took = self._took(tx, [r for r in old if r.company == self.job.company], stories, now_us)
        if old:
            self._keep_mark(tx, old[-1].key, now_us)
        return took, len(old) == self.chunk

    def _select(self, source: str, where: str = "") -> str:
        walk = self.job.walk
        return (
            f"SELECT t.{walk.key}, t.company, t.{walk.at}, {walk.story}, "
            f"CASE WHEN {walk.open} THEN 1 ELSE 0 END, {_size(walk)} FROM {source} t {where}"
            f"ORDER BY t.{walk.key}"
        )

    def _window(self, reader: Reader, after: Any) -> list[_Seen]:
        walk = self.job.walk
        source = (
            f"(SELECT * FROM {walk.table} WHERE {walk.key} > :after "
            f"ORDER BY {walk.key} LIMIT :chunk)"
        )
        rows = reader.rows(self._select(source), after=after, chunk=self.chunk)
        return [_seen(row) for row in rows]

    def _left_before(self, tx: Any) -> list[_Seen]:
        rows = tx.rows(
            "SELECT key FROM retention_left WHERE walk = :walk AND company = :company "
            "AND key > :after ORDER BY key LIMIT :chunk",
            walk=self.job.walk.name, company=self.job.company, after=self._again, chunk=self.chunk,
        )  # fmt: skip
        self._again = rows[-1][0] if len(rows) == self.chunk else None
        keys = [self._typed(row[0]) for row in rows]
        if not keys:
            return []
        source, where = self.job.walk.table, f"WHERE t.{self.job.walk.key} IN :keys "
        seen = [_seen(row) for row in tx.rows(self._select(source, where), keys=keys)]
        missing = {str(key) for key in keys} - {str(row.key) for row in seen}
        if missing and not self.dry:
            self._forget(tx, missing)
        return seen

    def _typed(self, key: str) -> Any:
        return key if self._is_text() else int(key)

    def _is_text(self) -> bool:
        return self.job.walk.key in text_columns(self.job.walk.table)

    def _mark(self, tx: Any) -> Any:
        first = "" if self._is_text() else 0
        if self.dry and self._after is not None:
            return self._after
        lock = "" if self.dry else " FOR UPDATE"
        rows = tx.rows(
            "SELECT after FROM retention_mark WHERE walk = :walk AND company = :company" + lock,
            walk=self.job.walk.name, company=self.job.company,
        )  # fmt: skip
        return self._typed(rows[0][0]) if rows else first

    def _keep_mark(self, tx: Any, key: Any, now_us: int) -> None:
        self._after = key
        if not self.dry:
            tx.insert(
                "retention_mark", ("walk", "company", "after", "at"),
                [(self.job.walk.name, self.job.company, str(key), now_us)],
                "ON CONFLICT (walk, company) DO UPDATE SET after = excluded.after, "
                "at = excluded.at",
            )  # fmt: skip

    def _took(self, tx: Any, seen: list[_Seen], stories: frozenset[str], now_us: int) -> Took:
        walk, took = self.job.walk, Took()
        bad = {row.key for row in seen if row.open or row.story in stories}
        if walk.table == "message":
            bad |= _unfinished(tx, [r.key for r in seen], walk.tier is Tier.ROWS, now_us)
        goes = [row for row in seen if row.key not in bad]
        if bad:
            took.left[walk.name] += len(bad)
        if goes:
            _go(tx, self, goes, took)
        if not self.dry:
            self._remember(tx, [r for r in seen if r.key in bad], now_us)
            self._forget(tx, {str(row.key) for row in goes})
            if walk.table == "message" and goes:
                _note_gone(tx, max(row.at for row in goes))
        return took

    def _remember(self, tx: Tx, rows: Iterable[_Seen], now_us: int) -> None:
        walk, company = self.job.walk.name, self.job.company
        found = [(walk, company, str(row.key), now_us) for row in rows]
        columns = ("walk", "company", "key", "at")
        tx.insert("retention_left", columns, found, "ON CONFLICT DO NOTHING")

    def _forget(self, tx: Tx, keys: set[str]) -> None:
        if keys:
            tx.run(
                "DELETE FROM retention_left WHERE walk = :walk AND company = :company "
                "AND key IN :keys",
                walk=self.job.walk.name, company=self.job.company, keys=sorted(keys),
            )  # fmt: skip


def _seen(row: Row) -> _Seen:
    key, company, at, story, is_open, size = row
    return _Seen(key, str(company), int(at), str(story), bool(is_open), int(size or 0))


def _unfinished(reader: Reader, ids: list[str], rows: bool, now_us: int) -> set[Any]:
    """Of these messages, those that wait for something, or whose key must be known."""
    found = {row[0] for sql in UNFINISHED_MESSAGES for row in reader.rows(sql, ids=ids)}
    if rows:
        until = now_us - GRACE_US
        found |= {row[0] for row in reader.rows(VALID_KEYS, ids=ids, until=until)}
    return found


def _go(tx: Any, turn: Turn, goes: list[_Seen], took: Took) -> None:
    """Rows go, with all that belongs to them, or what is in them does."""
    walk = turn.job.walk
    days: dict[str, list[Any]] = {}
    for row in goes:
        days.setdefault(day_of(row.at), []).append(row.key)
    took.rows[walk.name] += len(goes)
    took.size[walk.name] += sum(row.size for row in goes)
    if walk.blank:
        for day, keys in days.items():
            _put(tx, turn, (walk.table, walk.key), day, keys)
        if not turn.dry:
            _blank(tx, walk, [row.key for row in goes])
        return
    for day, keys in days.items():
        _gone(tx, turn, (walk.table, walk.key), day, (keys, took))


def _gone(
    tx: Any, turn: Turn, named: tuple[str, str], day: str, what: tuple[list[Any], Took]
) -> None:
    """Delete rows of a table by a column, and first those that belong to them."""
    (table, column), (keys, took) = named, what
    for name, child in TABLES.items():
        if not isinstance(child, Child) or child.parent != table:
            continue
        theirs = keys
        if child.theirs != column:
            sql = f'SELECT "{child.theirs}" FROM {table} WHERE "{column}" IN :keys'
            theirs = [row[0] for row in tx.rows(sql, keys=keys)]
        if theirs:
            _count(tx, turn, (name, child.own), theirs, took)
            _gone(tx, turn, (name, child.own), day, (theirs, took))
    _put(tx, turn, named, day, keys)
    if not turn.dry:
        tx.run(f'DELETE FROM {table} WHERE "{column}" IN :keys', keys=keys)


def _count(tx: Any, turn: Turn, named: tuple[str, str], keys: list[Any], took: Took) -> None:
    table, column = named
    sql = f"SELECT count(*), CAST(COALESCE(sum({_size(table)}), 0) AS BIGINT) FROM {table} t "
    ((count, size),) = tx.rows(f'{sql}WHERE t."{column}" IN :keys', keys=keys)
    name = f"{turn.job.walk.tier.value}.{table}"
    took.rows[name] += int(count)
    took.size[name] += int(size)


def _put(tx: Any, turn: Turn, named: tuple[str, str], day: str, keys: list[Any]) -> None:
    if turn.archive is None or turn.dry:
        return
    table, column = named
    names = [each.name for each in METADATA.tables[table].columns]
    listed = ", ".join(f'"{name}"' for name in names)
    rows = tx.rows(f'SELECT {listed} FROM {table} WHERE "{column}" IN :keys', keys=keys)
    turn.archive.put(turn.job.walk.tier.value, table, day, names, rows)


def _blank(tx: Tx, walk: Walk, keys: list[Any]) -> None:
    if walk.table == "journal":
        tx.run("UPDATE journal SET raw = '' WHERE id IN :keys AND raw <> ''", keys=keys)
        return
    rows = tx.rows(  # locked: an erasure may be changing what is kept of them
        "SELECT id, envelope FROM message WHERE id IN :keys ORDER BY id FOR UPDATE", keys=keys
    )
    tx.update("message", ("id", "envelope"), [(id_, without_body(text)) for id_, text in rows])


def without_body(envelope: str) -> str:
    """An envelope whose letter is gone. What cannot be read is gone as a whole."""
    try:
        return seal(msgspec.structs.replace(unseal(envelope), data=msgspec.Raw(b"null")))
    except EnvelopeError:
        return ""


def _note_gone(tx: Tx, at_us: int) -> None:
    tx.insert(
        "setting", ("name", "value"), [(GONE, rfc3339(at_us))],
        "ON CONFLICT (name) DO UPDATE SET value = CASE WHEN excluded.value > setting.value "
        "THEN excluded.value ELSE setting.value END",
    )  # fmt: skip


def bodies_gone(reader: Reader) -> str:
    """Of when the newest message is whose body is gone (RFC 3339); empty: all are there."""
    rows = reader.rows("SELECT value FROM setting WHERE name = :name", name=GONE)
    return str(rows[0][0]) if rows else ""


def marks(reader: Reader) -> Mapping[tuple[str, str], int]:
    """When each walk of each company last came on (µs UTC)."""
    rows = reader.rows("SELECT walk, company, at FROM retention_mark")
    return {(str(walk), str(company)): int(at) for walk, company, at in rows}
