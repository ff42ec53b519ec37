"""What a bench is told."""

from collections.abc import Callable
from dataclasses import dataclass

from simulators.bench import yardstick
from simulators.bench.town import HOUSEHOLDS


@dataclass(frozen=True, slots=True)
class Options:
    """``seconds`` of each round, how many ``rounds`` in turn with the yardstick, how large.

    ``warm_s``: what an order runs before it is measured (path and pos).
    ``tenfold``: once more with ten times as many (billing only).
    ``nodes``: how many nodes there are, in turn (full only); ``minutes``: how long (soak only).
    """

    engine: str = "postgresql"
    seconds: int = yardstick.SECONDS
    rounds: int = 3
    warm_s: float = 2.0
    households: int = HOUSEHOLDS
    scale: int = yardstick.SCALE
    tenfold: bool = False
    nodes: tuple[int, ...] = (1,)
    minutes: float = 30.0
    say: Callable[[str], None] = lambda _sentence: None
