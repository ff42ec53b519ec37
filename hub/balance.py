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
    """Since when the oldest open delivery of each target is as it is (µs UTC)."""
    rows = reader.rows("SELECT target, min(updated) FROM delivery WHERE state = 0 GROUP BY target")
    return {str(target): int(at) for target, at in rows}


def unaccounted(reader: Reader) -> int:
    """The one number that must be 0."""
    return sum(line.unaccounted for line in lines(reader))
