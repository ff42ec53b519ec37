"""Dead letters: what could not be handled, its evidence, and what an operator may do with it.

*Replay* opens the same message again under the same id: what was done already is dropped by the
inbox. *Discard* ends it: nothing is done. *Edit* sends a corrected message under a new id, caused
by the old one, and discards the old one; the counterpart's request then gets the new answer.
Messages of the key that were parked behind it are released by the sweeper afterwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from core.messages import Answer, Outcome, SendNotice
from core.store.states import DEAD, DONE, PARKED, RETRY, STATE_NAMES
from core.store.tx import Reader, Tx
from hub import balance
from hub.envelope import Envelope, EnvelopeError, body_of, rfc3339, unseal
from hub.inbox import MAX_ERROR
from hub.outbox import COMMANDS

#: Ids in one act: its transaction must not hold locks for long.
MAX_IDS = 200
#: States from which an operator may open a delivery again, and those he may end it in.
REPLAYABLE = frozenset({DEAD, RETRY})
DISCARDABLE = frozenset({DEAD, RETRY, PARKED})


class ActError(ValueError):
    """What was asked for cannot be done; a sentence. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A delivery in trouble with what an operator must know of it. Instants in µs UTC."""

    seq: int
    message_id: str
    handler: str
    target: str
    origin: str
    partitionkey: str
    state: int
    attempt: int
    started: int
    error_class: str
    error: str
    updated_us: int
    company: str
    type: str
    party: str
    recorded_us: int

    @property
    def state_name(self) -> str:
        """``dead``, ``retry``, ``parked``, …"""
        return STATE_NAMES[self.state]


_COLUMNS = (
    "d.seq, d.message_id, d.handler, d.target, d.origin, d.partitionkey, d.state, d.attempt, "
    "d.started, d.error_class, d.error, d.updated, m.company, m.type, m.party, m.recorded"
)
_FROM = f"SELECT {_COLUMNS} FROM delivery d JOIN message m ON m.id = d.message_id"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which dead letters; empty: all."""

    handler: str = ""
    origin: str = ""
    error_class: str = ""


def listed(reader: Reader, wanted: Filter, limit: int) -> list[DeadLetter]:
    """The newest dead letters, newest first.

    The states are named as the partial index of held deliveries has them, so that SQLite sees that
    it may use it: a million deliveries that are done cost nothing here. (By ``seq`` alone it would
    walk through all of them.)
    """
    rows = reader.rows(
        f"{_FROM} WHERE d.state IN (1, 2, 3) AND d.state = 3 "
        "AND :handler IN ('', d.handler) AND :origin IN ('', d.origin) "
        "AND :error_class IN ('', d.error_class) ORDER BY d.updated DESC, d.seq DESC LIMIT :limit",
        handler=wanted.handler,
        origin=wanted.origin,
        error_class=wanted.error_class,
        limit=limit,
    )
    return [DeadLetter(*row) for row in rows]


def of_message(reader: Reader, message_id: str) -> list[DeadLetter]:
    """Every delivery of a message, whatever its state."""
    rows = reader.rows(f"{_FROM} WHERE d.message_id = :id ORDER BY d.seq", id=message_id)
    return [DeadLetter(*row) for row in rows]


def parked_behind(reader: Reader, letter: DeadLetter) -> int:
    """How many later messages of its key wait because of it."""
    rows = reader.rows(
        "SELECT count(*) FROM delivery WHERE partitionkey = :key AND handler = :handler "
        "AND state IN (1, 2, 3) AND state = 2 AND seq > :seq",
        key=letter.partitionkey,
        handler=letter.handler,
        seq=letter.seq,
    )
    return int(rows[0][0])


@dataclass(frozen=True, slots=True)
class Named:
    """What an operator names: messages, one handler of theirs or (empty) all.

    ``skip``: what is no longer in a fitting state is left alone instead of refusing the whole.
    """

    ids: tuple[str, ...]
    handler: str = ""
    skip: bool = False


def locked(tx: Tx, named: Named, allowed: frozenset[int]) -> list[DeadLetter]:
    """Lock the deliveries that may be acted on, by seq. Raises ActError for the rest."""
    ids = list(named.ids)
    if not 0 < len(ids) <= MAX_IDS:
        raise ActError(f"name 1 to {MAX_IDS} messages at once, not {len(ids)}")
    tx.rows("SELECT seq FROM delivery WHERE message_id IN :ids ORDER BY seq FOR UPDATE", ids=ids)
    rows = tx.rows(f"{_FROM} WHERE d.message_id IN :ids ORDER BY d.seq", ids=ids)
    found = [
        x for row in rows if (x := DeadLetter(*row)).handler == named.handler or not named.handler
    ]
    ready = [letter for letter in found if letter.state in allowed]
    missing = sorted(set(ids) - {letter.message_id for letter in ready})
    if missing and not named.skip:
        raise ActError(_why_not(missing[0], found, allowed))
    return ready


def _why_not(message_id: str, found: Sequence[DeadLetter], allowed: frozenset[int]) -> str:
    states = [letter.state_name for letter in found if letter.message_id == message_id]
    if not states:
        return f"there is no delivery of a message {message_id}"
    wanted = " or ".join(STATE_NAMES[state] for state in sorted(allowed))
    return f"message {message_id} is {', '.join(states)}; it would have to be {wanted}"


def replay(tx: Tx, letters: Sequence[DeadLetter], now_us: int) -> None:
    """Open them again under their ids: no attempt and no start counts any more."""
    tx.update(
        "delivery",
        ("seq", "state", "published", "attempt", "started", "due", "outcome", "updated"),
        [(letter.seq, 0, 0, 0, 0, 0, "", now_us) for letter in letters],
    )
    _move_notices(tx, letters, "queued", "", now_us)


def discard(tx: Tx, letters: Sequence[DeadLetter], why: str, writer: str, now_us: int) -> None:
    """End them: nothing is done, the balance counts them as done by a decision of ours."""
    tx.update(
        "delivery",
        ("seq", "state", "outcome", "error", "updated"),
        [(letter.seq, DONE, "discarded", _told(letter.error, why), now_us) for letter in letters],
    )
    tallies: balance.Tallies = balance.Tallies()
    for letter in letters:
        tallies[letter.origin, letter.handler, "discarded"] += 1
    balance.add(tx, writer, tallies)
    _move_notices(tx, letters, "failed", why, now_us)
    _answer_no(tx, letters, now_us)


def _told(error: str, why: str) -> str:
    return f"discarded: {why}; was: {error}"[:MAX_ERROR]


def _answer_no(tx: Tx, letters: Sequence[DeadLetter], now_us: int) -> None:
    """What was unknown is known now: it was not begun. A repeat of the request hears that."""
    answer = Answer(outcome=Outcome.REFUSED, code="expired", args={"expirytime": rfc3339(now_us)})
    text = msgspec.json.encode(answer).decode()
    commands = [letter.message_id for letter in letters if letter.target in COMMANDS]
    if commands:
        rows = [(message_id, text, now_us) for message_id in dict.fromkeys(commands)]
        tx.update("request", ("message_id", "answer", "answered"), rows, must_match=False)


def _move_notices(
    tx: Tx, letters: Sequence[DeadLetter], state: str, detail: str, now_us: int
) -> None:
    """The notices that these deliveries carry follow them; what was delivered stays delivered."""
    ids = {notice for letter in letters if (notice := notice_of(tx, letter))}
    if not ids:
        return
    rows = tx.rows(
        "SELECT id, state FROM notice WHERE id IN :ids ORDER BY id FOR UPDATE", ids=sorted(ids)
    )
    moved = [(id_, state, detail, now_us) for id_, was in rows if was in ("queued", "failed")]
    tx.update("notice", ("id", "state", "detail", "updated_at"), moved)


def notice_of(reader: Reader, letter: DeadLetter) -> int:
    """The notice that a channel's delivery carries; 0: none, or it cannot be read."""
    if letter.target in COMMANDS:
        return 0
    try:
        message = body_of(envelope_of(reader, letter.message_id))
    except EnvelopeError:
        return 0
    return message.notice_id if isinstance(message, SendNotice) else 0


def envelope_of(reader: Reader, message_id: str) -> Envelope:
    """A stored envelope. Raises EnvelopeError when it cannot be read."""
    return unseal(
        str(reader.rows("SELECT envelope FROM message WHERE id = :id", id=message_id)[0][0])
    )
