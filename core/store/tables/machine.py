"""The machine's own tables: what arrived, what is open, what was answered.

``journal``   every arrival, repeats too, raw, with its outcome
``request``   the memory of keys: key -> message, hash, answer
``message``   the canonical messages: one envelope, written once as bytes
``delivery``  one row per (message, handler): at once the queue, the inbox and the outbox
``tally``     what the balance is added up from, one row per writer so that none is hot
"""

from typing import Any

from sqlalchemy import Column, Identity, Index, Integer, PrimaryKeyConstraint, Table, Text, text

from core.store.states import DEAD, DONE, OPEN, PARKED, RETRY, STATE_NAMES
from core.store.tables.base import METADATA, Big, big, maybe_big, maybe_text, small
from core.store.tables.base import text as words

__all__ = ["DEAD", "DONE", "OPEN", "PARKED", "RETRY", "STATE_NAMES"]

#: Rows that are updated soon after they are written find room on their own page.
ROOM: Any = {"postgresql_with": {"fillfactor": 70}}

JOURNAL = Table(
    "journal",
    METADATA,
    Column("id", Text, primary_key=True),  # UUIDv7 of the arrival
    words("company"),
    words("channel"),
    words("key"),
    words("party"),  # E.164 number, terminal, bank: whom an operator searches for
    words("raw"),
    small("raw_is_hex", 0),
    maybe_text("message_id"),
    words("outcome"),  # accepted | duplicate | quarantined | noted | refused
    words("detail", ""),
    big("recorded"),
    Index("ix_journal_party", "party", "recorded"),
)

REQUEST = Table(
    "request",
    METADATA,
    words("company"),
    words("channel"),
    words("key"),
    words("message_id"),
    words("payload_hash"),
    maybe_text("answer"),
    maybe_big("answered"),
    big("valid_until"),
    PrimaryKeyConstraint("company", "channel", "key"),
    Index("ix_request_message_id", "message_id"),
    **ROOM,
)

MESSAGE = Table(
    "message",
    METADATA,
    Column("id", Text, primary_key=True),  # UUIDv7
    words("company"),
    words("type"),
    words("channel"),  # the channel instance that it came by; empty: made by a worker
    words("partitionkey"),
    words("party", ""),
    words("correlationid"),
    words("causationid", ""),
    words("envelope"),
    big("recorded"),
    Index("ix_message_partitionkey", "partitionkey", "recorded"),
    Index("ix_message_party", "party", "recorded"),
)

DELIVERY = Table(
    "delivery",
    METADATA,
    Column("seq", Big, Identity(), primary_key=True),
    words("message_id"),
    words("handler"),
    words("target"),  # worker | channel:<name>
    words("origin"),  # the channel that the balance books it under
    small("lane", 0),  # 0 interactive, 1 bulk
    small("partition"),
    words("partitionkey"),
    small("state", OPEN),
    small("published", 0),  # 1: confirmed by the broker (engines that have one)
    small("attempt", 0),
    small("started", 0),
    big("due", 0),
    words("outcome", ""),  # done | refused | unknown | expired | discarded
    words("error_class", ""),
    words("error", ""),
    big("updated", 0),
    big("decided", 0),  # order of the batches that decided: of two that met at a row, theirs
    words("drawn", ""),  # JSON: what replay decides it with again (hub.drawn)
    Index("uq_delivery_message_id_handler", "message_id", "handler", unique=True),
    # the queue: only what is open is in it, oldest first; a worker skips what it does not lease.
    # "seq + 0" keeps the planner from taking the primary key for the order, with all rows in it
    Index(
        "ix_delivery_open",
        "target",
        text("(seq + 0)"),
        "partition",
        sqlite_where=text("state = 0"),
        postgresql_where=text("state = 0"),
    ),
    # what holds back later messages of its key, and the work of the sweeper
    Index(
        "ix_delivery_held",
        "partitionkey",
        "handler",
        sqlite_where=text("state in (1, 2, 3)"),
        postgresql_where=text("state in (1, 2, 3)"),
    ),
    sqlite_autoincrement=True,
    **ROOM,
)

TALLY = Table(
    "tally",
    METADATA,
    words("channel"),
    words("handler"),
    words("outcome"),
    words("writer"),
    big("n"),
    PrimaryKeyConstraint("channel", "handler", "outcome", "writer"),
)

PARTITION_LEASE = Table(
    "partition_lease",
    METADATA,
    Column("partition", Integer, primary_key=True, autoincrement=False),
    words("owner", ""),
    big("epoch", 0),
    big("until", 0),
)

#: Worker processes that said that they live; a lease's fair share counts them.
WORKER_NODE = Table(
    "worker_node",
    METADATA,
    Column("name", Text, primary_key=True),
    big("seen"),
)

SETTING = Table(
    "setting",
    METADATA,
    Column("name", Text, primary_key=True),
    words("value"),
)

ID_BLOCK = Table(
    "id_block",
    METADATA,
    Column("name", Text, primary_key=True),
    big("next"),
)
