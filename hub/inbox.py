"""The inbox: what is open, what is already done, what is held back by an earlier one of its key."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.store.states import DEAD, DONE, OPEN, PARKED, RETRY
from core.store.tx import Reader, Row, Tx, Update
from hub.envelope import from_rfc3339, unseal
from hub.outbox import WORKER
from hub.partitions import partition_of


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message for one handler, as it was fetched."""

    seq: int
    message_id: str
    handler: str
    origin: str
    partitionkey: str
    attempt: int
    started: int
    envelope: str
    recorded_us: int


_COLUMNS = (
    "d.seq, d.message_id, d.handler, d.origin, d.partitionkey, d.attempt, d.started, "
    "m.envelope, m.recorded"
)


_BUT = " AND NOT (seq IN :but)"


def fetch_open(
    reader: Reader, target: str, partitions: Sequence[int], limit: int, but: Sequence[int] = ()
) -> list[Delivery]:
    """The oldest open deliveries of a target ``but`` these: a scan of states, never a cursor.

    A cursor over ``seq`` would skip rows of a transaction that commits late. The index of open
    rows is made of ``seq + 0``: by ``seq`` alone PostgreSQL may walk every row that ever was.
    """
    rows = reader.rows(
        f"SELECT {_COLUMNS} FROM (SELECT * FROM delivery WHERE target = :target "
        f"AND partition IN :partitions AND state = 0{_BUT if but else ''} "
        "ORDER BY seq + 0 LIMIT :limit) d "
        "JOIN message m ON m.id = d.message_id ORDER BY d.seq",
        target=target,
        partitions=list(partitions),
        limit=limit,
        **({"but": list(but)} if but else {}),
    )
    return [Delivery(*row) for row in rows]


def next_of(tx: Tx, target: str) -> Delivery | None:
    """The oldest open delivery of a target that nobody is at, locked; None when there is none."""
    tail = " FOR UPDATE SKIP LOCKED" if tx.dialect == "postgresql" else ""
    found = tx.rows(
        "SELECT seq FROM delivery WHERE target = :target AND state = 0 "
        f"ORDER BY seq + 0 LIMIT 1{tail}",
        target=target,
    )
    if not found:
        return None
    rows = tx.rows(
        f"SELECT {_COLUMNS} FROM delivery d JOIN message m ON m.id = d.message_id "
        "WHERE d.seq = :seq",
        seq=found[0][0],
    )
    return Delivery(*rows[0])


def still_open(tx: Tx, deliveries: Iterable[Delivery]) -> list[Delivery]:
    """Lock the rows by seq and keep what nobody has finished: a repeat is dropped here.

    The same message twice in one batch is dropped before anything else.
    """
    unique = {delivery.seq: delivery for delivery in deliveries}
    rows = tx.rows(
        "SELECT seq, state FROM delivery WHERE seq IN :seqs ORDER BY seq FOR UPDATE",
        seqs=sorted(unique),
    )
    return [unique[seq] for seq, state in rows if state == OPEN]


#: The first row of a (key, handler) that waits, is parked or is dead.
_IN_TROUBLE = (
    "SELECT partitionkey, handler, min(seq) FROM delivery "
    "WHERE partitionkey IN :keys AND state IN (1, 2, 3) GROUP BY partitionkey, handler"
)
#: The first open row of a (key, handler) that is older than the batch's last, and not in it. Only
#: the queue up to there is looked at: hardly more than the batch.
_OVERTAKEN = (
    "SELECT partitionkey, handler, min(seq) FROM delivery WHERE target = :target "
    "AND partition IN :partitions AND state = 0 AND seq + 0 < :last AND NOT (seq IN :among) "
    "GROUP BY partitionkey, handler"
)


def held_back(reader: Reader, deliveries: Sequence[Delivery]) -> set[int]:
    """The seqs whose (handler, key) has an earlier row that waits, is parked or is dead."""
    if not deliveries:
        return set()
    return _behind(reader.rows(_IN_TROUBLE, keys=_keys(deliveries)), deliveries)


def not_in_turn(reader: Reader, deliveries: Sequence[Delivery]) -> set[int]:
    """The seqs of a worker's batch that are held back, or would overtake.

    A retried or released message becomes open again at any moment, also after this batch was
    fetched: then an open row of their (handler, key) is earlier, and not among them.
    """
    if not deliveries:
        return set()
    rows = reader.rows(
        f"{_IN_TROUBLE} UNION ALL {_OVERTAKEN}",
        keys=_keys(deliveries),
        target=WORKER,
        partitions=sorted({partition_of(delivery.partitionkey) for delivery in deliveries}),
        last=max(delivery.seq for delivery in deliveries),
        among=[delivery.seq for delivery in deliveries],
    )
    return _behind(rows, deliveries)


def _keys(deliveries: Sequence[Delivery]) -> list[str]:
    return sorted({delivery.partitionkey for delivery in deliveries})


def _behind(rows: Sequence[Row], deliveries: Sequence[Delivery]) -> set[int]:
    """Of rows (key, handler, first seq): which deliveries come after the first of their own."""
    first: dict[tuple[str, str], int] = {}
    for key, handler, seq in rows:
        first[key, handler] = min(seq, first.get((key, handler), seq))
    return {d.seq for d in deliveries if first.get((d.partitionkey, d.handler), d.seq) < d.seq}


@dataclass(frozen=True, slots=True)
class Mark:
    """What becomes of a delivery."""

    seq: int
    state: int
    outcome: str
    attempt: int
    due: int = 0
    error_class: str = ""
    error: str = ""
    decided: int = 0  # place of the batch that decided it
    drawn: str = ""  # hub.drawn


#: An error text longer than this is cut: the evidence is in the journal.
MAX_ERROR = 2_000


def mark(tx: Tx, marks: Sequence[Mark], now_us: int) -> None:
    """Write what became of deliveries, each row once."""
    tx.write([marked(marks, now_us)])


def marked(marks: Sequence[Mark], now_us: int) -> Update:
    """What became of deliveries. A start that came this far has ended."""
    return Update(
        "delivery",
        (
            *("seq", "state", "outcome", "attempt", "due", "error_class", "error", "started"),
            *("updated", "decided", "drawn"),
        ),
        [
            (
                m.seq,
                m.state,
                m.outcome,
                m.attempt,
                m.due,
                m.error_class,
                m.error[:MAX_ERROR],
                0,
                now_us,
                m.decided,
                m.drawn,
            )
            for m in marks
        ],
    )


def done(delivery: Delivery, outcome: str, decided: int = 0, drawn: str = "") -> Mark:
    """It is handled: done, refused, unknown, expired or sent; decided when, with what draw."""
    return Mark(delivery.seq, DONE, outcome, delivery.attempt + 1, decided=decided, drawn=drawn)


def parked(delivery: Delivery) -> Mark:
    """An earlier one of its key is in trouble. It is due when it expires."""
    return Mark(delivery.seq, PARKED, "", delivery.attempt, expiry_of(delivery))


def expiry_of(delivery: Delivery) -> int:
    """When nobody expects it any more, in µs UTC; 0: never, or it cannot be read."""
    try:
        stated = unseal(delivery.envelope).expirytime
        return from_rfc3339(stated) if stated else 0
    except (ValueError, TypeError):  # no envelope, no time; a time without its offset
        return 0


#: Waits before attempts 2, 3, …: two at once, then longer and longer, in seconds.
RETRY_AFTER_S = (0, 0, 10, 30, 120, 600, 1_800, 7_200)
#: No message is tried for longer than this, whatever its attempts.
MAX_AGE_US = 24 * 3_600 * 1_000_000
#: Spread of the waits, so that an outage's victims do not come back at once.
JITTER = 0.2


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a delivery did not end well; ``retry`` says whether another attempt can help."""

    error_class: str
    error: str
    retry: bool = True


#: What never left is offered again after this long; sooner, a link that flaps would be hammered.
POSTPONED_S = 2


def postponed(delivery: Delivery, trouble: Trouble, now_us: int) -> Mark:
    """It was not even tried: again soon, no attempt is burned; dead only of age."""
    told = (trouble.error_class, trouble.error)
    if now_us - delivery.recorded_us > MAX_AGE_US:
        return Mark(delivery.seq, DEAD, "", delivery.attempt, 0, *told)
    return Mark(delivery.seq, RETRY, "", delivery.attempt, now_us + POSTPONED_S * 1_000_000, *told)


def failed(delivery: Delivery, trouble: Trouble, now_us: int, jitter: float) -> Mark:
    """Again later by the schedule, or dead. ``jitter`` is drawn from -1 to 1."""
    attempt = delivery.attempt + 1
    too_old = now_us - delivery.recorded_us > MAX_AGE_US
    told = (trouble.error_class, trouble.error)
    if not trouble.retry or too_old or attempt > len(RETRY_AFTER_S):
        return Mark(delivery.seq, DEAD, "", attempt, 0, *told)
    wait = RETRY_AFTER_S[attempt - 1] * (1 + JITTER * jitter)
    return Mark(delivery.seq, RETRY, "", attempt, now_us + int(wait * 1_000_000), *told)
