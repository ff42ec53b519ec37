"""PostgreSQL: the journal in months. Its ids are UUIDv7, so a range of ids is a range of time.

``journal`` is partitioned by ranges of ``id``: one partition a month (``journal_2026_11``), made
ahead; one without an end for what has an id of no time that was foreseen (``journal_other``); and
``journal_before``, the whole table of the time before there were months. A month that is over goes
by its name, in no time; a row of it goes like any other. Only the journal is laid out so: of the
other tables of messages rows stay that are not finished, and they are found by more than their id.
"""

from calendar import timegm
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from core.store.tx import Reader, Tx

#: Months that are there before they begin: a node that was down for so long misses none.
AHEAD: Final = 3
OTHER: Final = "journal_other"
BEFORE: Final = "journal_before"
#: How long a change of names waits for its lock. All who write wait behind it, so it gives up soon.
LOCK_MS: Final = 500
#: How often it tries: with pauses of some seconds in all.
TRIES: Final = 60

Execute = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Month:
    """A month in UTC."""

    year: int
    month: int

    @staticmethod
    def of(at_us: int) -> "Month":
        """The month of an instant."""
        at = datetime.fromtimestamp(at_us // 1_000_000, UTC)
        return Month(at.year, at.month)

    def after(self, count: int = 1) -> "Month":
        """So many months later."""
        years, month = divmod(self.month - 1 + count, 12)
        return Month(self.year + years, month + 1)

    @property
    def begins_us(self) -> int:
        """Its first instant."""
        return timegm((self.year, self.month, 1, 0, 0, 0)) * 1_000_000

    @property
    def name(self) -> str:
        """Its partition."""
        return f"journal_{self.year:04}_{self.month:02}"


def first_id(at_us: int) -> str:
    """Not above any UUIDv7 (RFC 9562 §5.7) that was made at or after an instant."""
    text = f"{at_us // 1_000 << 80:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def bounds(month: Month) -> str:
    """The words of a month's partition."""
    since, until = first_id(month.begins_us), first_id(month.after().begins_us)
    return f"FOR VALUES FROM ('{since}') TO ('{until}')"


def make_ahead(tx: Tx, now_us: int) -> list[str]:
    """Make the months to come that are not there; their names. Nothing on SQLite."""
    if tx.dialect != "postgresql":
        return []
    ends = dict(partitions(tx))
    if not ends:
        return []
    made, begun = [], ends.get(BEFORE, "")
    for count in range(AHEAD + 1):
        month = Month.of(now_us).after(count)
        if month.name in ends or first_id(month.begins_us) < begun:
            continue
        tx.run(f"SET LOCAL lock_timeout = {LOCK_MS}")
        _make(tx, month)
        made.append(month.name)
    return made


def _make(tx: Tx, month: Month) -> None:
    """A month, with what came of it before it was there: nobody had made it for so long."""
    since, until = first_id(month.begins_us), first_id(month.after().begins_us)
    tx.run(
        "LOCK TABLE ONLY journal IN ACCESS EXCLUSIVE MODE"
    )  # nobody writes into the other meanwhile
    tx.run(f"CREATE TABLE {month.name} (LIKE journal INCLUDING DEFAULTS)")
    tx.run(
        f"WITH moved AS (DELETE FROM {OTHER} WHERE id >= :since AND id < :until RETURNING *) "
        f"INSERT INTO {month.name} SELECT * FROM moved",
        since=since, until=until,
    )  # fmt: skip
    tx.run(f"ALTER TABLE journal ATTACH PARTITION {month.name} {bounds(month)}")


def partitions(reader: Reader) -> list[tuple[str, str]]:
    """The journal's partitions: name, and the id before which it ends (empty: has no end)."""
    rows = reader.rows(
        "SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) FROM pg_inherits i "
        "JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent "
        "WHERE p.relname = 'journal' AND p.relnamespace = current_schema()::regnamespace "
        "ORDER BY 1"
    )
    return [(str(name), _end(str(bound))) for name, bound in rows]


def over(reader: Reader, cut_us: int) -> list[str]:
    """Partitions all of whose rows are older than an instant. None on SQLite."""
    if getattr(reader, "dialect", "") != "postgresql":
        return []
    limit = first_id(cut_us)
    return [name for name, end in partitions(reader) if end and end <= limit]


def drop(tx: Tx, name: str) -> None:
    """Let a partition go, with all that is in it. TransientStoreError: somebody reads it."""
    tx.run(f"SET LOCAL lock_timeout = {LOCK_MS}")
    tx.run(f"ALTER TABLE journal DETACH PARTITION {name}")
    tx.run(f"DROP TABLE {name}")


def _end(bound: str) -> str:
    _, to, rest = bound.partition(" TO ('")
    return rest.partition("'")[0] if to else ""


#: The table as it is becomes the first partition. Each line is a change of names alone: what it
#: says of the old rows was looked at before, without a lock that keeps anybody from writing.
_ADOPT: Final = """
SET LOCAL lock_timeout = {lock};
LOCK TABLE journal IN ACCESS EXCLUSIVE MODE;
ALTER TABLE journal RENAME TO journal_before;
ALTER INDEX pk_journal RENAME TO pk_journal_before;
ALTER INDEX ix_journal_party RENAME TO ix_journal_before_party;
CREATE TABLE journal (LIKE journal_before INCLUDING DEFAULTS) PARTITION BY RANGE (id);
ALTER TABLE journal ADD CONSTRAINT pk_journal PRIMARY KEY (id);
CREATE INDEX ix_journal_party ON journal (party, recorded);
ALTER TABLE journal ATTACH PARTITION journal_before FOR VALUES FROM (MINVALUE) TO ('{bound}');
ALTER TABLE journal_before DROP CONSTRAINT journal_before_bound;
CREATE TABLE journal_other PARTITION OF journal DEFAULT;
{months}
"""
#: The lock is asked for again and again, each time not for long: who writes never waits longer.
_TRY: Final = """
DO $$
BEGIN
  FOR tried IN 1..{tries} LOOP
    BEGIN
      {body}
      RETURN;
    EXCEPTION WHEN lock_not_available THEN
      PERFORM pg_sleep(0.2);
    END;
  END LOOP;
  RAISE EXCEPTION 'the journal is in use: {tries} times its lock was not had; upgrade again'
    USING ERRCODE = 'lock_not_available';
END $$
"""


def adopt(execute: Execute, now_us: int) -> None:
    """Make the journal partitioned; outside a transaction. Begun again after a fault it goes on.

    The rows are looked at once (``VALIDATE``), which takes as long as
    reading them and keeps nobody from writing; the journal is locked for a moment only.
    """
    month = Month.of(now_us)
    # rows that come while the old ones are looked at must be below it too: the month after this one
    bound = first_id(month.after(2).begins_us)
    months = "".join(
        f"CREATE TABLE {each.name} PARTITION OF journal {bounds(each)};\n"
        for each in (month.after(2 + count) for count in range(AHEAD))
    )
    execute(_once(_tried("ALTER TABLE journal DROP CONSTRAINT IF EXISTS journal_before_bound;\n"
        f"ALTER TABLE journal ADD CONSTRAINT journal_before_bound CHECK (id < '{bound}') "
        "NOT VALID;")))  # fmt: skip
    execute(_once("ALTER TABLE journal VALIDATE CONSTRAINT journal_before_bound;"))
    execute(_once(_tried(_ADOPT.format(lock=f"'{LOCK_MS}ms'", bound=bound, months=months))))


def _tried(body: str) -> str:
    if "SET LOCAL" not in body:
        body = f"SET LOCAL lock_timeout = '{LOCK_MS}ms';\n{body}"
    return body


def _once(body: str) -> str:
    """A block that is done while the journal is one table, and then nothing."""
    once = (
        "IF (SELECT relkind FROM pg_class WHERE oid = 'journal'::regclass) = 'p' THEN "
        f"RETURN; END IF;\n{body}"
    )
    return _TRY.format(tries=TRIES, body=once)
