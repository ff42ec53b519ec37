"""What keeps a node from acting for a seat that another node has taken.

A **seat** is what only one node may hold at a time: a link with its channels, a channel without a
link, the relay, the chores of the installation. Each taking of it has an epoch of its own. Who
writes for a seat locks its row and looks whether the epoch is still his; who is about to send
something looks at this host's clock, too: a process that was frozen finds its time over.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Protocol

from core.store.tx import Reader, StoreError, Tx
from hub.stages import Stage

#: What runs once per installation: the sweepers and the daily proof.
KEEPER = "~keeper"
#: Who publishes to RabbitMQ.
RELAY = "~relay"


class SeatLostError(StoreError):
    """Another node has the seat: nothing was written, and nothing may leave."""


class Fence(Protocol):
    """What this node holds, as the stages ask it. All may be called from any thread."""

    def epoch(self, seat: str, /) -> int:
        """Of which taking we hold a seat now, by this host's clock; 0: we do not."""

    def may(self, channel: str, /) -> bool:
        """Whether something may leave by a channel now, by this host's clock."""

    def moved(self, tx: Tx, channels: Collection[str], /) -> frozenset[str]:
        """Lock the seats of these channels; which of the channels are not ours any more."""

    def ours(self, reader: Reader, channel: str, /) -> bool:
        """Whether a channel's seat is ours by the database, at this moment."""


class Alone:
    """The fence of the one process of an installation (SQLite): all is held, for ever."""

    def epoch(self, _seat: str, /) -> int:
        """See :class:`Fence`."""
        return 1

    def may(self, _channel: str, /) -> bool:
        """See :class:`Fence`."""
        return True

    def moved(self, _tx: Tx, _channels: Collection[str], /) -> frozenset[str]:
        """See :class:`Fence`."""
        return frozenset()

    def ours(self, _reader: Reader, _channel: str, /) -> bool:
        """See :class:`Fence`."""
        return True


ALONE = Alone()


@dataclass(slots=True)
class Seated:
    """A stage that runs only while its seat is held; ``begun`` is called after each taking."""

    stage: Stage
    seat: str
    fence: Fence
    begun: Callable[[], None] = lambda: None
    _epoch: int = field(default=0)

    def step(self) -> bool:
        """The stage's step, or nothing."""
        epoch = self.fence.epoch(self.seat)
        if not epoch:
            return False
        if epoch != self._epoch:
            self._epoch = epoch
            self.begun()
        return self.stage.step()


def seated(
    stage: Stage, seat: str, fence: Fence, begun: Callable[[], None] = lambda: None
) -> Stage:
    """The stage behind its seat; where there is one process alone, the stage itself."""
    return stage if isinstance(fence, Alone) else Seated(stage, seat, fence, begun)
