"""What a session is between two events, and the events: plain data, nothing else.

A state holds everything that the next answer needs, so that it can be stored, put aside for a
redial, and gone back to.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from channels.ussd.document import Action, Slot


class Phase(StrEnum):
    """Where a session stands."""

    NEW = "new"
    ASKING = "asking"  # a screen is shown and waits for an answer
    WORKING = "working"  # an action runs
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Item:
    """A choice of a list: what is shown, and the value that its slot gets."""

    text: str
    value: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the caller when he dials."""

    registered: bool
    language: str
    base: Mapping[str, str] = field(default_factory=dict)
    lists: Mapping[str, tuple[Item, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Place:
    """A screen as it was shown."""

    screen: str
    page: int = 0
    slots: Mapping[Slot, str] = field(default_factory=dict)
    args: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Saved:
    """A session that was dropped on the way, for a redial."""

    place: Place
    history: tuple[Place, ...]
    language: str


@dataclass(frozen=True, slots=True)
class State:
    """A session between two events. ``hop`` counts the answers taken; ``wrong`` is a text key."""

    phase: Phase = Phase.NEW
    place: Place = Place("")
    facts: Facts = Facts(False, "")
    language: str = ""
    history: tuple[Place, ...] = ()
    hop: int = 0
    confirm: int = 0
    wrong: str = ""
    action: Action | None = None
    saved: Saved | None = None


@dataclass(frozen=True, slots=True)
class Dial:
    """The session begins."""

    facts: Facts
    saved: Saved | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The customer's ``hop``-th answer. ``unseen``: dialled ahead, for a screen not shown yet."""

    text: str
    hop: int
    unseen: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the action ended, and what its screen shows."""

    name: str
    args: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hangup:
    """The network or the customer closed the session."""


Event = Dial | Answer | Outcome | Hangup


@dataclass(frozen=True, slots=True)
class Move:
    """What an event leads to; an ``action`` must be run, and its outcome given back."""

    state: State
    action: Action | None = None
