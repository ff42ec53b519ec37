"""What the stages tell of their work: numbers always, spans of what is sampled.

The stages call it after their commit: what was rolled back was not done, and is not told of.
Attributes and labels name kinds, channels, handlers and codes, never a person, a meter, an account
or an amount.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from hub import observe
from hub.envelope import Envelope, made_at_us
from hub.figures import FOLDER, FigureFile, Figures
from hub.sections import ConfigError, TracesSection
from hub.tracecontext import (
    ARRIVE,
    DECIDE,
    JOURNAL,
    SEND,
    WAIT,
    Span,
    Value,
    begin,
    parse,
    span_id,
)

#: Handlers whose end is a token or a no: what a buyer waits for.
SALES = frozenset(
    {"vending.credit-vend", "vending.confirm-vend", "agents.sell-credit", "counter.sell"}
)
#: The outcome of what was tried and must be tried again, or is dead.
FAULT = "fault"


class Spans(Protocol):
    """Where spans go."""

    ratio: float

    def emit(self, span: Span) -> None:
        """Take one; never waits, never fails."""

    def stop(self) -> None:
        """Send what is waiting, for a moment, and end."""


class NoSpans:
    """Nothing is traced."""

    ratio = 0.0

    def emit(self, span: Span) -> None:
        """Nobody asked."""

    def stop(self) -> None:
        """Nothing waits."""


@dataclass(frozen=True, slots=True)
class Decided:
    """A delivery that a batch has decided, or could not. ``code``: why not."""

    message_id: str
    handler: str
    recorded_us: int
    traceparent: str
    outcome: str
    code: str = ""
    attempt: int = 1


@dataclass(slots=True)
class Watch:
    """Of one process. ``tracing``: somebody takes spans."""

    figures: Figures = field(default_factory=Figures)
    spans: Spans = field(default_factory=NoSpans)
    tracing: bool = False
    clock_wrong: Callable[[], bool] = lambda: False  # no token is made here

    def begin(self, message_id: str, caller: str, correlation: str) -> tuple[str, str]:
        """(traceparent, the parent's span) of a message that arrives; empty: it is not sampled."""
        if not self.tracing:
            return "", ""
        return begin(message_id, self.spans.ratio, caller, correlation)

    def accepted(self, channel: str, seconds: float) -> None:
        """An arrival is safe, so long after it was handed over."""
        self.figures.observe("acceptance_seconds", channel, seconds)

    def transaction(self, stage: str, seconds: float, size: int) -> None:
        """A stage's commit."""
        self.figures.observe("transaction_seconds", stage, seconds)
        self.figures.observe("batch_size", stage, float(size))

    def arrived(
        self, envelope: Envelope, parent: str, instants: tuple[int, int, int], size: int
    ) -> None:
        """A sampled arrival: handed over, its transaction begun, committed (µs UTC)."""
        place = parse(envelope.traceparent)
        if place is None:
            return
        handed, begun, ended = instants
        said: dict[str, Value] = {
            "wattbus.channel": envelope.source.rpartition("/")[2],
            "wattbus.company": envelope.company,
            "messaging.message.id": envelope.id,
            "wattbus.type": envelope.type,
        }
        self.spans.emit(Span(ARRIVE, place.trace, place.span, parent, handed, ended, said))
        own = span_id(envelope.id, JOURNAL)
        batch: dict[str, Value] = {"messaging.batch.message_count": size}
        self.spans.emit(Span(JOURNAL, place.trace, own, place.span, begun, ended, batch))

    def decided(
        self, stage: str, decided: Sequence[Decided], begun_us: int, seconds: float
    ) -> None:
        """A batch is committed: its numbers, and the spans of what is sampled."""
        self.transaction(stage, seconds, len(decided))
        ended_us = begun_us + int(seconds * 1e6)
        for one in decided:
            if one.code:
                self.figures.count("not_done", f"{one.handler}\t{one.code}")
            if one.handler in SALES:
                age = (ended_us - one.recorded_us) / 1e6
                self.figures.observe("sale_seconds", one.handler, max(age, 0.0))
        if self.tracing:
            self._spans_of(decided, begun_us, ended_us)

    def _spans_of(self, decided: Iterable[Decided], begun_us: int, ended_us: int) -> None:
        for one in decided:
            place = parse(one.traceparent) if one.traceparent else None
            if place is None or not place.sampled:
                continue
            said: dict[str, Value] = {
                "wattbus.handler": one.handler,
                "wattbus.outcome": one.outcome,
                "messaging.message.id": one.message_id,
                "wattbus.attempt": one.attempt,
            }
            if one.code:
                said["wattbus.code"] = one.code
            well = one.outcome != FAULT
            again = () if well else (str(one.attempt),)  # what it will cause is another's
            own = span_id(one.message_id, DECIDE, *again)
            self._waited(place.trace, place.span, one, begun_us)
            self.spans.emit(
                Span(DECIDE, place.trace, own, place.span, begun_us, ended_us, said, well)
            )

    def _waited(self, trace: str, parent: str, one: Decided, until_us: int) -> None:
        own = span_id(one.message_id, WAIT, one.handler, str(one.attempt))
        said: dict[str, Value] = {"wattbus.handler": one.handler}
        start = min(one.recorded_us, until_us)
        self.spans.emit(Span(WAIT, trace, own, parent, start, until_us, said))

    def sent(self, one: Decided, correlation: str, started_us: int, ended_us: int) -> None:
        """A channel has finished with a delivery; ``correlation`` names what had asked for it, when
        it is a customer's notice and the network took it."""
        if correlation:
            asked = asked_at(correlation)
            if asked is not None:
                age = max((ended_us - asked) / 1e6, 0.0)
                self.figures.observe("told_seconds", one.handler.rpartition(":")[2], age)
        place = parse(one.traceparent) if self.tracing and one.traceparent else None
        if place is None or not place.sampled:
            return
        said: dict[str, Value] = {
            "wattbus.channel": one.handler.rpartition(":")[2],
            "wattbus.outcome": one.outcome,
            "messaging.message.id": one.message_id,
            "wattbus.attempt": one.attempt,
        }
        if one.code:
            said["wattbus.code"] = one.code
        own = span_id(one.message_id, SEND, one.handler, str(one.attempt))
        self._waited(place.trace, place.span, one, started_us)
        well = one.outcome == "sent"
        self.spans.emit(Span(SEND, place.trace, own, place.span, started_us, ended_us, said, well))

    def file(self, data: Path, process: str, node: str) -> FigureFile:
        """Its numbers, in the data folder of its node."""
        return FigureFile(data / FOLDER, process, node, self.figures, lambda: self.clock_wrong())


def asked_at(correlation: str) -> int | None:
    """When the message was accepted that all this began with; None: it is no id of ours."""
    try:
        return made_at_us(correlation)
    except ValueError:
        return None


def make_watch(traces: TracesSection, process: str) -> Watch:
    """The watch of a process; the SDK is imported only where somebody takes spans. ConfigError."""
    watch = Watch()
    observe.STORMS.count = lambda said: watch.figures.count("log_lines", said)
    if traces.endpoint:
        try:
            from hub.traces import open_spans
        except ImportError as error:
            sentence = f"[traces] needs the extra: pip install 'wattbus[traces]' ({error})"
            raise ConfigError([sentence]) from error
        watch.spans = open_spans(traces.endpoint, traces.ratio, process, watch.figures)
        watch.tracing = True
    return watch
