"""How fast a link may send after its SMSC said "less": additive increase, multiplicative decrease.

Pure: times are monotonic seconds passed in. A link starts unlimited. What counts is the share of
throttled answers among the last hundred or so. While it is below 16 % (a full handset here and
there, a limit per destination, a link near its limit) a throttled message just goes again, ahead
of all others. Above, the SMSC means the link: it goes on at the rate that was last accepted, or
seven tenths of its present one, which is a pause of a tenth of a second on an operator's 10/s;
while the share is below 5 %, each second adds a fixed step. Against SMSCs that count by the second
this uses nine tenths of what is granted, with less than a tenth of the messages sent in vain.
"""

_MEMORY = 1 / 64  # the weight of one answer in the share
_GROW_BELOW = 0.05
_CUT_ABOVE = 0.16
_AFTER_CUT = 0.06  # the share starts anew: it spoke of the old rate
_CUT = 0.7  # the new rate, as a share of the old one
_STEP = 0.1  # what a second of accepted messages adds, as a share of the rate after the cut
_GAP = 0.5  # seconds between cuts: the refusals of one counted second are one piece of news
_SLOWEST = 0.2  # messages a second: the longest pause is 5 s
_BURST = 0.010  # seconds of unused rate that may be caught up at once
_SHORTEST = 0.001  # seconds: a finer pause costs more in timers than it spares the SMSC
_SPAN = 1.0  # seconds over which the accepted rate is measured: SMSCs count by the second
_AHEAD = 4.0  # the rate grows no further than this multiple of the measured one: four cuts away
_FIRST = 10.0  # messages a second that an idle link is thought to do: a common grant
_FORGET = 30.0  # seconds without a throttle after which the link is unlimited again


class Throttle:
    """One link's rate. Ask :meth:`ready_at` before sending; report what became of it."""

    def __init__(self) -> None:
        self.rate: float | None = None  # messages a second; None: unlimited
        self.share = 0.0  # of answers that were throttles, lately
        self._step = 0.0
        self._tokens = 0.0
        self._filled_at = 0.0
        self._grown_at = 0.0
        self._cut_at = float("-inf")
        self._last_at = float("-inf")
        self._span_from: float | None = None
        self._accepted = 0
        self._measured = 0.0  # accepted a second in the last whole span

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
        self.share -= self.share * _MEMORY
        if self._span_from is None:
            self._span_from = now
        self._accepted += 1
        self._measure(now)
        if self.rate is not None and self.share < _GROW_BELOW:
            most = _AHEAD * max(_FIRST, self._measured)
            step = self._step * min(now - self._grown_at, 1.0)
            self.rate = max(self.rate, min(most, self.rate + step))
        self._grown_at = now

    def throttled(self, sent_at: float, now: float) -> None:
        """The SMSC refused a message for its rate.

        Messages sent before the last cut say nothing new, so they do not count.
        """
        self._last_at = now
        if sent_at < self._cut_at:
            return
        self.share += (1.0 - self.share) * _MEMORY
        if self.rate is not None:
            self._tokens = min(self._tokens, 0.0)
        if self.share < _CUT_ABOVE or now - self._cut_at < _GAP:
            return
        self._measure(now)
        if self.rate is None:
            self.rate = max(_FIRST, self._measured, self._glance(now))
        else:
            self.rate = max(_SLOWEST, self.rate * _CUT)
        self._step = self.rate * _STEP
        self.share = _AFTER_CUT
        self._tokens = 0.0
        self._cut_at = self._filled_at = now

    def _measure(self, now: float) -> None:
        """Closes a full span, so that a rate which is no more accepted holds up no cut."""
        if self._span_from is not None and now - self._span_from >= _SPAN:
            self._measured = self._accepted / (now - self._span_from)
            self._span_from = now
            self._accepted = 0

    def _glance(self, now: float) -> float:
        """The rate of the span that is not yet full: all that a fresh link knows."""
        if self._span_from is None:
            return 0.0
        return self._accepted / max(now - self._span_from, _SPAN)
