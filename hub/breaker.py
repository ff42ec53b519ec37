"""A circuit breaker: a counterpart that fails again and again is left alone for a while.

What waits for it keeps its attempts; now and then one call tries whether it is well again.

=========  ==========================  ===================================
state      what may go                 what changes it
=========  ==========================  ===================================
closed     everything                  ``failures`` in a row: open
open       nothing until ``pause_s``   the time: trying
trying     one call                    it is well: closed; it fails: open
=========  ==========================  ===================================
"""

from dataclasses import dataclass
from enum import Enum


class BreakerState(Enum):
    """Whether calls may go."""

    CLOSED = "closed"
    OPEN = "open"
    TRYING = "trying"


@dataclass(slots=True)
class Breaker:
    """``now`` is monotonic seconds everywhere."""

    failures: int = 3  # one lost call is bad luck, three in a row are a counterpart in trouble
    pause_s: float = 15.0
    state: BreakerState = BreakerState.CLOSED
    _failed: int = 0
    _until: float = 0.0

    def lets(self, now: float) -> bool:
        """Whether a call may go now; in ``trying`` the first who asks goes, alone."""
        if self.state is BreakerState.CLOSED:
            return True
        if self.state is BreakerState.OPEN and now >= self._until:
            self.state = BreakerState.TRYING
            return True
        return False

    def opens_at(self) -> float | None:
        """When the next call may try; None: now, or when the one that tries has ended."""
        return self._until if self.state is BreakerState.OPEN else None

    def well(self) -> None:
        """A call was answered, whatever the answer said of its request."""
        self.state, self._failed = BreakerState.CLOSED, 0

    def failed(self, now: float) -> None:
        """A call was lost, or the counterpart said that it is in trouble."""
        self._failed += 1
        if self.state is BreakerState.TRYING or self._failed >= self.failures:
            self.state, self._until = BreakerState.OPEN, now + self.pause_s

    def unused(self) -> None:
        """The call that was let through never left: the next one may try."""
        if self.state is BreakerState.TRYING:
            self.state = BreakerState.OPEN
