"""A terminal's own journal: what it sent, what came of it by its own lights, and its totals.

Totals are as ISO 8583:1987 has them in DE 74–77 and 86–89: sales and payments are debits; what was
taken back counts in the second pair, and stays counted in the first.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from simulators.pos.wording import Heard, Moment

#: Items of one batch: paper runs out long before.
MAX_ITEMS: Final = 10_000


class Fate(Enum):
    """What became of an item, as far as the terminal knows.

    ``UNKNOWN``: sent and not answered, or printed and to be taken back; it is sent as a reversal
    until that is answered. ``REVERSED``: it had been booked and was taken back. ``VOID``: nothing
    had been booked. ``KEPT``: a token was made, the money stays where it is.
    """

    UNKNOWN = "unknown"
    DONE = "done"
    REFUSED = "refused"
    REVERSED = "reversed"
    VOID = "void"
    KEPT = "kept"


#: Items of these fates count as booked.
COUNTED: Final = frozenset({Fate.DONE, Fate.REVERSED, Fate.KEPT})


@dataclass(slots=True)
class Item:
    """One sale or payment: ``values`` is what was asked for, ``answer`` what the host said."""

    moment: Moment
    batch: int
    kind: str  # sale | payment
    amount: int  # minor units
    values: dict[str, Any]
    mti: str = ""
    fate: Fate = Fate.UNKNOWN
    code: str = ""
    answer: dict[str, Any] = field(default_factory=dict)
    offline: bool = False
    tries: int = 0  # of its reversal

    @property
    def stan(self) -> int:
        """Its number."""
        return self.moment.stan

    @property
    def reversed(self) -> bool:
        """Whether the totals have it in the second pair too."""
        return self.fate is Fate.REVERSED


#: What the host says of a reversal → what became of the item. ``waiting``: a security module has
#: it; the host does not count it either.
STATES: Final = {
    "reversed": Fate.REVERSED,
    "barred": Fate.VOID,
    "refused": Fate.VOID,
    "waiting": Fate.VOID,
    "kept": Fate.KEPT,
}


def fate_of(item: Item, heard: Heard) -> Fate:
    """What became of an item whose reversal is answered. A host that says no more than its code
    leaves the terminal to what it knows itself."""
    if (state := str(heard.values.get("state", ""))) in STATES:
        return STATES[state]
    booked = bool(item.answer)
    if heard.outcome == "no_action":
        return Fate.KEPT
    if heard.outcome == "approved":
        return Fate.REVERSED if booked else Fate.VOID
    return Fate.DONE if booked else Fate.VOID


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts, and amounts in minor units."""

    debits: int = 0
    debit_amount: int = 0
    debit_reversals: int = 0
    debit_reversal_amount: int = 0

    @classmethod
    def of(cls, items: Iterable[Item]) -> "Totals":
        """The totals of a batch's items."""
        counted = [item for item in items if item.fate in COUNTED]
        back = [item for item in counted if item.reversed]
        return cls(
            len(counted),
            sum(item.amount for item in counted),
            len(back),
            sum(item.amount for item in back),
        )

    @property
    def net(self) -> int:
        """What the agent owes for the batch."""
        return self.debit_amount - self.debit_reversal_amount


class Full(Exception):  # noqa: N818 - the terminal says so, nothing is broken
    """No room for another item: settle first."""


@dataclass(slots=True)
class ItemBook:
    """Every item since the terminal was switched on; the present batch, and those that are closed.

    It is the memory that a power cut does not take.
    """

    batch: int = 1
    items: list[Item] = field(default_factory=list)
    closed: dict[int, list[Item]] = field(default_factory=dict)

    def add(self, item: Item) -> Item:
        """A new item of the present batch. Raises Full."""
        if len(self.items) >= MAX_ITEMS:
            raise Full(f"the batch has {MAX_ITEMS} items: settle first")
        self.items.append(item)
        return item

    def open_ones(self) -> list[Item]:
        """What waits to be taken back, oldest first."""
        return [item for item in self.items if item.fate is Fate.UNKNOWN]

    def counted(self) -> list[Item]:
        """What counts as booked."""
        return [item for item in self.items if item.fate in COUNTED]

    def find(self, stan: int) -> Item | None:
        """The newest item of this number in the present batch."""
        return next((item for item in reversed(self.items) if item.stan == stan), None)

    def last(self) -> Item | None:
        """The newest item of the present batch."""
        return self.items[-1] if self.items else None

    def close(self) -> None:
        """The batch is settled: the next one begins. Numbers wrap after 999,999."""
        self.closed[self.batch] = self.items
        self.items = []
        self.batch = self.batch % 999_999 + 1

    def everything(self) -> list[Item]:
        """All items, of closed batches too."""
        return [*(item for items in self.closed.values() for item in items), *self.items]
