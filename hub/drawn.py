"""What chance, the clock and the counters gave to a decision, kept with its delivery.

With it the decision can be made again from the journal, at any later time and on empty books, and
must come to the same: ``hub.replaying``.
"""

from collections.abc import Callable

import msgspec

from core.handlers.base import Draw


class Drawn(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A draw, and the ids that the decision took of each series, in their order."""

    now_us: int
    rnd: int
    code: str
    ids: dict[str, list[int]]

    @property
    def draw(self) -> Draw:
        """As the decision had it."""
        return Draw(self.now_us, self.rnd, self.code)


class Recorder:
    """Hands ids out and remembers which: one for each decision."""

    __slots__ = ("_draw", "taken")

    def __init__(self, draw: Callable[[str], int]) -> None:
        self._draw = draw
        self.taken: dict[str, list[int]] = {}

    def new_id(self, series: str) -> int:
        """The next id of a series."""
        taken = self._draw(series)
        self.taken.setdefault(series, []).append(taken)
        return taken

    def said(self, draw: Draw) -> str:
        """The draw and what was taken, as it is stored."""
        return _encode(Drawn(draw.now_us, draw.rnd, draw.code, self.taken)).decode()


class RanOutError(LookupError):
    """A decision made again wants an id that it did not take the first time."""


class Again:
    """Hands out the ids that were taken the first time."""

    __slots__ = ("_left",)

    def __init__(self, drawn: Drawn) -> None:
        self._left = {series: iter(ids) for series, ids in drawn.ids.items()}

    def new_id(self, series: str) -> int:
        """The next one of a series; RanOutError when the first decision took no more."""
        taken = next(self._left.get(series, iter(())), None)
        if taken is None:
            raise RanOutError(f"one more id of {series} than the first time")
        return taken


_encode = msgspec.json.encode
_decoder = msgspec.json.Decoder(Drawn)


def read_drawn(text: str) -> Drawn:
    """What is stored with a delivery. ``msgspec.DecodeError``."""
    return _decoder.decode(text)
