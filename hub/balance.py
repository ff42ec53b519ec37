"""The balance: nothing that was accepted is ever unaccounted for.

Per channel and handler: accepted = done + refused + duplicate + dead + parked + pending. What was
accepted, done, refused and repeated is counted in the very transactions that did it (one row per
writer, so that no row is hot); what is dead, parked or pending is counted where it lies. The two
sides come from different tables: a lost message shows.
"""

from collections import Counter
from dataclasses import dataclass

from core.store.states import DEAD, OPEN, PARKED, RETRY
from core.store.tx import Insert, Reader, Tx
from hub.outbox import WORKER

ACCEPTED = "accepted"
DUPLICATE = "duplicate"

Tallies = Counter[tuple[str, str, str]]  # (channel, handler, outcome)


def add(tx: Tx, writer: str, tallies: Tallies) -> None:
    """Add counts in the caller's transaction."""
    tx.write([counted(writer, tallies)])


def counted(writer: str, tallies: Tallies) -> Insert:
    """A batch's counts, for its own transaction."""
    return Insert(
        "tally",
        ("channel", "handler", "outcome", "writer", "n"),
        [(*key, writer, n) for key, n in sorted(tallies.items())],
        "ON CONFLICT (channel, handler, outcome, writer) DO UPDATE SET n = tally.n + excluded.n",
    )


@dataclass(frozen=True, slots=True)
class Line:
    """The balance of one channel and handler."""

    channel: str
    handler: str
    accepted: int
    done: int
    refused: int
    duplicate: int
    dead: int
    parked: int
    pending: int

    @property
    def unaccounted(self) -> int:
        """Must be 0 at any moment."""
        ended = self.done + self.refused + self.duplicate
        return self.accepted - ended - self.dead - self.parked - self.pending


#: outcomes of a delivery that count as refused, as done; unknown ones stay pending
_REFUSED = {"refused", "expired"}
_DONE = {"done", "sent", "discarded"}


def lines(reader: Reader) -> list[Line]:
    """The balance now. Both sides are read by one statement, so they are of one moment.

    What is open and what is held back have a partial index each: what is done costs nothing here.
    """
    lying = "SELECT 'd', origin, handler, CAST(state AS TEXT), count(*) FROM delivery"
    rows = reader.rows(
        "SELECT 't', channel, handler, outcome, sum(n) FROM tally "
        "GROUP BY channel, handler, outcome "
        f"UNION ALL {lying} WHERE state = 0 GROUP BY origin, handler, state "
        f"UNION ALL {lying} WHERE state IN (1, 2, 3) GROUP BY origin, handler, state"
    )
    counts: dict[tuple[str, str], Counter[str]] = {}
    for kind, channel, handler, what, n in rows:
        bag = counts.setdefault((channel, handler), Counter())
        bag[_bucket(kind, what)] += int(n)
    return [
        Line(channel, handler, *(bag[name] for name in Line.__slots__[2:]))
        for (channel, handler), bag in sorted(counts.items())
    ]


def _bucket(kind: str, what: str) -> str:
    if kind == "d":
        by_state = {OPEN: "pending", RETRY: "pending", PARKED: "parked", DEAD: "dead"}
        return by_state[int(what)]
    if what in _REFUSED:
        return "refused"
    if what in _DONE:
        return "done"
    if what == "unknown":
        return "pending"
    return what


def oldest_open(reader: Reader) -> dict[str, int]:
    """Since when the oldest open delivery of each target waits (µs UTC): what is for a worker since
    it was accepted, for a relay touches its row each time that it is published."""
    rows = reader.rows(
        "SELECT target, min(updated), min(seq) FROM delivery WHERE state = 0 GROUP BY target"
    )
    found = {str(target): int(at) for target, at, _ in rows}
    for seq in [seq for target, _, seq in rows if target == WORKER]:
        ((accepted,),) = reader.rows(
            "SELECT m.recorded FROM delivery d JOIN message m ON m.id = d.message_id "
            "WHERE d.seq = :seq",
            seq=seq,
        )
        found[WORKER] = int(accepted)
    return found


def unaccounted(reader: Reader) -> int:
    """The one number that must be 0."""
    return sum(line.unaccounted for line in lines(reader))
