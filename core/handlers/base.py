"""A handler: a pure decision about one message, on a stage, with everything as arguments."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from core.book import Stage, Wants
from core.company import Terms
from core.messages import Answer, Message


class Draw(msgspec.Struct, frozen=True, gc=False):
    """What chance and the clock gave to one message; drawn once, used again in every rerun."""

    now_us: int
    rnd: int  # 4 bits, for the token
    code: str  # 4 digits, for a confirmation


class Context(msgspec.Struct, frozen=True, gc=False):
    """The world of one decision."""

    terms: Terms
    stage: Stage
    draw: Draw
    new_id: Callable[[str], int]  # the next id of a series, drawn from blocks taken before
    message_id: str
    channel: str
    attempt: int = 1

    @property
    def now_us(self) -> int:
        """The instant of the decision: the pricing instant of a sale."""
        return self.draw.now_us


class NotYet(Exception):  # noqa: N818 - not a fault
    """What this message speaks of is not there yet: try again by the schedule, without alarm."""


@dataclass(frozen=True, slots=True)
class Handler:
    """One handler of one message type.

    ``ids`` bounds how many ids of each series a message may draw; ``{company}`` is filled in.
    ``decide`` returns the answer, or raises ``Refusal`` (a business no). Any other exception is a
    fault: only this message is put aside.
    """

    name: str
    message: type[Message]
    wants: Callable[[Any], Wants]
    decide: Callable[[Context, Any], Answer]
    ids: Mapping[str, int]
