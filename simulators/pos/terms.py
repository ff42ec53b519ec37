"""How a terminal is set up, what is under way, and what is over."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from adapters.iso8583.message import Message
from simulators.pos.items import Item
from simulators.pos.wording import Wording

#: Answers that say nothing of what became of an item: they count as none.
UNSURE: Final = frozenset({"late", "away", "in_progress", "malfunction", "error"})
#: A terminal numbers what it sends in six digits.
LAST_STAN: Final = 999_999
OPERATION: Final = {"sale": "vend", "payment": "pay"}


class Busy(Exception):  # noqa: N818 - the terminal says so, nothing is broken
    """The key does nothing now; the text says what the terminal is doing."""


@dataclass(frozen=True, slots=True)
class Setup:
    """How a terminal was set up. ``currency`` is DE 49, ``exponent`` the currency's decimals.

    ``answer_s``: how long it waits for an answer; ``again_s``: until what must be answered is sent
    again (jPOS waits 60 s and 1 s; a person who plays waits less gladly).
    """

    number: str
    wording: Wording
    merchant: str = ""
    currency: str = "800"
    exponent: int = 0
    zone: str = "UTC"
    master: bytes = b""
    answer_s: float = 30.0
    again_s: float = 5.0
    first_stan: int = 1


@dataclass(frozen=True, slots=True)
class Ended:
    """Something that was asked for is over. ``outcome``: ours (``approved``, ``insufficient_float``
    …) or ``silence``."""

    operation: str
    outcome: str
    values: Mapping[str, Any] = field(default_factory=dict)
    item: Item | None = None
    code: str = ""


@dataclass(slots=True)
class Pending:
    """The one request that is under way."""

    operation: str
    message: Message
    stan: int
    item: Item | None
    due: float
    silent: bool = False  # its time is over; it is sent again at ``due``
    tries: int = 1
