"""The life of a link and what a terminal may do, each as one table: what is not in it is not done.

A link carries many terminals, a terminal may come by any link. Who is signed on is the books'
knowledge (a shift), not this process's: after a restart the next message is as good as before it.
"""

from enum import StrEnum
from typing import Final


class Link(StrEnum):
    """One connection."""

    DOWN = "down"  # not connected, or closed
    UP = "up"  # between frames
    FRAME = "frame"  # inside a frame: its time runs
    DRAINING = "draining"  # we stop: what is in flight is answered, what is new is told to wait


class Saw(StrEnum):
    """What can happen to a link."""

    CONNECTED = "connected"
    PART = "part"  # octets of an unfinished frame
    WHOLE = "whole"  # the stream stands between frames
    STOP = "stop"
    GONE = "gone"  # lost, or closed by us: bad frame, slow sender, idle, too fast


#: (state, what happened) → state. Anything else leaves the state as it is.
LINK: Final = {
    (Link.DOWN, Saw.CONNECTED): Link.UP,
    (Link.UP, Saw.PART): Link.FRAME,
    (Link.FRAME, Saw.WHOLE): Link.UP,
    (Link.UP, Saw.STOP): Link.DRAINING,
    (Link.FRAME, Saw.STOP): Link.DRAINING,
    (Link.UP, Saw.GONE): Link.DOWN,
    (Link.FRAME, Saw.GONE): Link.DOWN,
    (Link.DRAINING, Saw.GONE): Link.DOWN,
}


class Standing(StrEnum):
    """What the books say of a terminal."""

    UNKNOWN = "unknown"
    ACTIVE = "active"
    BLOCKED = "blocked"
    LOST = "lost"
    RETIRED = "retired"


class Verdict(StrEnum):
    """What becomes of an operation."""

    GO = "go"  # carried out here or by the hub
    ASK = "ask"  # the hub decides: what was done before must have its answer again
    NO = "no"  # refused here, with an alarm


#: What only asks, and what may have moved money when it came the first time. Of a terminal that
#: was blocked after a sale the repeat must get the sale's own answer, and its reversal must be put
#: on record: only the hub knows which it is. A stranger has done nothing before.
ASKING: Final = frozenset(
    {"sign_on", "sign_off", "report", "parameters", "emergency", "enquiry", "reprint"}
)
MOVING: Final = frozenset({"vend", "pay", "advice", "reversal", "settle", "settle_end", "upload"})
#: Of a terminal and its line. An echo and a cut-over are of the link alone: always answered.
NETWORK: Final = frozenset({"key_exchange"})

_KINDS: Final = {"asking": ASKING, "moving": MOVING, "network": NETWORK}
_TABLE: Final = {
    # standing            asking       moving       network
    Standing.UNKNOWN: (Verdict.NO, Verdict.NO, Verdict.NO),
    Standing.ACTIVE: (Verdict.GO, Verdict.GO, Verdict.GO),
    Standing.BLOCKED: (Verdict.NO, Verdict.ASK, Verdict.GO),
    Standing.LOST: (Verdict.NO, Verdict.ASK, Verdict.NO),
    Standing.RETIRED: (Verdict.NO, Verdict.ASK, Verdict.NO),
}  # fmt: skip
ALLOWED: Final = {
    (standing, operation): verdict
    for standing, row in _TABLE.items()
    for operations, verdict in zip(_KINDS.values(), row, strict=True)
    for operation in operations
}


def after(state: Link, saw: Saw) -> Link:
    """The link's state after something happened."""
    return LINK.get((state, saw), state)
