"""How fast a link may send after its SMSC said "less": additive increase, multiplicative decrease.

Pure: times are monotonic seconds passed in. A link that never was throttled is unlimited. A
throttle sets a rate below the one that was just measured and empties the bucket, so the pause is
one message's time at the new rate: a fraction of a millisecond on a fast link, tens of
milliseconds on an operator's 10/s. Each accepted message then adds a fixed step. With these
numbers a share of up to 3 % throttled messages costs almost nothing, and a real limit is met with
about that share of messages sent in vain.
"""

_CUT = 0.7  # the new rate, as a share of the old one
_STEP = 0.01  # what one accepted message adds, as a share of the rate after the cut
_SLOWEST = 0.2  # messages a second: the longest pause is 5 s
_BURST = 0.010  # seconds of unused rate that may be caught up at once
_SPAN = 0.25  # seconds over which the accepted rate is measured
_AHEAD = 2.0  # the rate grows no further than this multiple of the measured one
_FORGET = 30.0  # seconds without a throttle after which the link is unlimited again


class Throttle:
    """One link's rate. Ask :meth:`ready_at` before sending; report what became of it."""

    def __init__(self) -> None:
        self.rate: float | None = None  # messages a second; None: unlimited
        self._step = 0.0
        self._tokens = 0.0
        self._filled_at = 0.0
        self._cut_at = float("-inf")
        self._last_at = float("-inf")
        self._span_from: float | None = None
        self._accepted = 0
        self._measured = 0.0

    def ready_at(self, now: float) -> float:
        """The earliest time for the next message: ``now`` or later."""
        if self.rate is None:
            return now
        if now - self._last_at > _FORGET:
            self.rate = None
            return now
        burst = max(1.0, self.rate * _BURST)
        self._tokens = min(burst, self._tokens + (now - self._filled_at) * self.rate)
        self._filled_at = now
        return now if self._tokens >= 1.0 else now + (1.0 - self._tokens) / self.rate

    def sent(self) -> None:
        """A message went out."""
        if self.rate is not None:
            self._tokens -= 1.0

    def accepted(self, now: float) -> None:
        """The SMSC took a message."""
        if self._span_from is None:
            self._span_from = now
        self._accepted += 1
        elapsed = now - self._span_from
        if elapsed >= _SPAN:
            self._measured = self._accepted / elapsed
            self._span_from = now
            self._accepted = 0
        if self.rate is not None and self.rate < _AHEAD * self._measured:
            self.rate += self._step

    def throttled(self, sent_at: float, now: float) -> None:
        """The SMSC refused a message for its rate.

        Messages sent before the last cut say nothing new, so they do not cut again.
        """
        self._last_at = now
        if sent_at < self._cut_at:
            return
        base = self._rate_so_far(now) if self.rate is None else self.rate
        self.rate = max(_SLOWEST, base * _CUT)
        self._step = self.rate * _STEP
        self._cut_at = now
        self._tokens = 0.0
        self._filled_at = now

    def _rate_so_far(self, now: float) -> float:
        if self._span_from is None:
            return 1.0
        elapsed = max(now - self._span_from, 0.001)
        return max(self._measured, self._accepted / elapsed, 1.0)
