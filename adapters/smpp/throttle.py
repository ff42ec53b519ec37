"""How fast a link may send after its SMSC said "less": additive increase, multiplicative decrease.

Pure: times are monotonic seconds passed in. A link that was not throttled lately is unlimited. A
throttle sets a rate below the one that was just measured and empties the bucket down to five
milliseconds' worth, so the pause is about one message's time at the new rate: nothing that counts
on a fast link, a tenth of a second on an operator's 10/s. Each accepted message then adds a fixed
step. With these numbers a share of up to 3 % throttled messages costs almost nothing, and a real
limit is met with less than a tenth of the messages sent in vain.
"""

_CUT = 0.7  # the new rate, as a share of the old one
_STEP = 0.01  # what one accepted message adds, as a share of the rate after the cut
_SLOWEST = 0.2  # messages a second: the longest pause is 5 s
_BURST = 0.010  # seconds of unused rate that may be caught up at once
_KEPT = 0.005  # seconds of rate that a cut leaves: a window's worth where a window passes in that
_SHORTEST = 0.001  # seconds: a finer pause costs more in timers than it spares the SMSC
_SPAN = 0.25  # seconds over which the accepted rate is measured
_GLANCE = 0.020  # seconds: a rate measured over less says nothing
_AHEAD = 10.0  # the rate grows no further than this multiple of the measured one: 7 cuts away
_FIRST = 10.0  # messages a second that a link is thought to do if it was idle: a common grant
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
        self._measured = _FIRST

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
        if self._tokens >= 1.0:
            return now
        return now + max(_SHORTEST, (1.0 - self._tokens) / self.rate)

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
            self._measured = max(_FIRST, self._accepted / elapsed)
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
        if self.rate is None:
            self.rate = self._measure(now)
            self._tokens = self.rate
        self.rate = max(_SLOWEST, self.rate * _CUT)
        self._step = self.rate * _STEP
        self._tokens = min(self._tokens, self.rate * _KEPT)
        self._cut_at = self._filled_at = now

    def _measure(self, now: float) -> float:
        """The accepted rate, of the span that is not yet full too."""
        if self._span_from is not None:
            elapsed = max(now - self._span_from, _GLANCE)
            self._measured = max(self._measured, self._accepted / elapsed)
        return self._measured
