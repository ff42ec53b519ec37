"""Where a message stands in its trace: W3C Trace Context, without any library.

A trace's id is the id of the message that began it, without its hyphens: whoever has the one has
the other, and every process finds out by itself whether a trace is sampled. The ids of spans are
made from what they are of, so a batch that is run again names the same ones. What is not sampled
carries nothing: an empty ``traceparent`` costs nobody anything.

====== ==================================================== =====================================
span   is of                                                its parent
====== ==================================================== =====================================
arrive a channel's hand-over until it is safe               the caller's, or none: the root
journal the transaction that made it safe                   arrive
wait   the time in the queue, of a worker or of a channel   what caused the message
decide a batch, from its begin to its commit                what caused the message
send   a channel's delivery to its counterpart              what caused the message
====== ==================================================== =====================================

What caused a message is the arrive of one that came in, and the decide of one of our own.
"""

import re
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

ARRIVE, JOURNAL, WAIT, DECIDE, SEND = "arrive", "journal", "wait", "decide", "send"

#: What the HTTP request that is being served said of itself: the header, as it came.
INCOMING: ContextVar[str] = ContextVar("traceparent", default="")

_HEADER = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
#: Chance is in the last 62 bits of a UUIDv7; as many as a ratio needs are looked at.
_BITS: Final = 48
_SAMPLED: Final = 1

Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Place:
    """A span of a trace, in hex: 32 and 16 digits."""

    trace: str
    span: str
    sampled: bool = True

    def header(self) -> str:
        """The ``traceparent`` (W3C Trace Context 3.2)."""
        return f"00-{self.trace}-{self.span}-{int(self.sampled):02x}"


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of work that is over. Instants in µs UTC; ``parent`` empty: the root."""

    name: str
    trace: str
    span: str
    parent: str
    start_us: int
    end_us: int
    attributes: Mapping[str, Value] = field(default_factory=dict)
    well: bool = True


def parse(header: str) -> Place | None:
    """A ``traceparent`` (W3C Trace Context 3.2.2); None when it is none: a new trace begins."""
    found = _HEADER.fullmatch(header.strip())
    if found is None:
        return None
    version, trace, span, flags, more = found.groups()
    if version == "ff" or (version == "00" and more) or not int(trace, 16) or not int(span, 16):
        return None
    return Place(trace, span, bool(int(flags, 16) & _SAMPLED))


def span_id(*of: str) -> str:
    """The id of the span that is of these: the same wherever it is asked for."""
    return blake2b("/".join(of).encode(), digest_size=8).hexdigest()


def in_ratio(trace: str, ratio: float) -> bool:
    """Whether a trace is one of those that are sampled."""
    return int(trace[-_BITS // 4 :], 16) < ratio * (1 << _BITS)


def begin(
    message_id: str, ratio: float, caller: str = "", correlation: str = ""
) -> tuple[str, str]:
    """(traceparent, the parent's span) of a message that came in; ("", "") is not sampled.

    The caller's word is kept: he has sampled or not. Else what belongs to an earlier message of
    ours goes on under that one's root, and all else begins a trace of its own.
    """
    told = parse(caller) if caller else None
    if told is not None:
        trace, parent, sampled = told.trace, told.span, told.sampled
    else:
        first = correlation if _UUID.fullmatch(correlation) else message_id
        trace = first.replace("-", "")
        parent = span_id(first, ARRIVE) if first != message_id else ""
        sampled = in_ratio(trace, ratio)
    if not sampled:
        return "", ""
    return Place(trace, span_id(message_id, ARRIVE)).header(), parent


def decided_under(traceparent: str, message_id: str) -> str:
    """The ``traceparent`` of what the decision on a message causes."""
    if not traceparent:
        return ""
    place = parse(traceparent)
    if place is None or not place.sampled:
        return ""
    return Place(place.trace, span_id(message_id, DECIDE)).header()
