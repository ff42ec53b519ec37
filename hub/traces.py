"""Spans to an OpenTelemetry collector, by OTLP over HTTP: the one file that knows the SDK.

Needs the extra ``traces``; imported only where the configuration has ``[traces] endpoint``. A
thread of its own sends what waits in a queue with an end: a collector that is slow or away costs
spans, which are counted, and never a message, a millisecond or memory.

Headers (a token of the collector's) and certificates come by OpenTelemetry's own environment:
``OTEL_EXPORTER_OTLP_HEADERS``, ``OTEL_EXPORTER_OTLP_CERTIFICATE``.
"""

import logging
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Final, Protocol

import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags
from opentelemetry.trace.status import Status, StatusCode

from hub.figures import Figures
from hub.tracecontext import ARRIVE, SEND, Span

#: Spans that may wait: some seconds of a fully sampled rush, a few megabytes.
MAX_WAITING: Final = 8_192
#: As many go in one request as OpenTelemetry's own processor sends.
MAX_BATCH: Final = 512
#: A request is often sent after this long; a collector that takes longer than the other is away.
EVERY_S: Final = 1.0
TIMEOUT_S: Final = 3.0
#: What still waits at the end is sent within this time, or is lost.
STOP_S: Final = 4.0

_KINDS: Final = {ARRIVE: SpanKind.CONSUMER, SEND: SpanKind.PRODUCER}
_SCOPE: Final = InstrumentationScope("wattbus")
_FAULT: Final = Status(StatusCode.ERROR)
_FINE: Final = Status(StatusCode.UNSET)

log = structlog.get_logger("hub.traces")


class Exporter(Protocol):
    """As much of the SDK's exporter as is used."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult: ...

    def shutdown(self) -> None: ...


@dataclass(slots=True)
class OtlpSpans:
    """Takes spans from any thread; ``figures`` counts what was sent and what was dropped."""

    exporter: Exporter
    process: str
    figures: Figures
    ratio: float
    every_s: float = EVERY_S
    _waiting: deque[Span] = field(default_factory=deque)
    _wake: threading.Event = field(default_factory=threading.Event)
    _stopping: bool = False
    _given_up: bool = False  # what waits is sent no more
    _away: bool = False
    _resource: Resource = field(init=False)
    _thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self._resource = Resource(
            {
                "service.name": "wattbus",
                "service.version": version("wattbus"),
                "service.instance.id": self.process,
            }
        )
        self._thread = threading.Thread(target=self._run, name="traces", daemon=True)
        self._thread.start()

    def emit(self, span: Span) -> None:
        """Take one; when too many wait it is dropped: the older ones tell how it began."""
        if len(self._waiting) >= MAX_WAITING:
            self.figures.count("spans", "dropped")
            return
        self._waiting.append(span)
        if len(self._waiting) >= MAX_BATCH:
            self._wake.set()

    def stop(self) -> None:
        """Send what waits, for a moment; then give up."""
        self._stopping = True
        self._wake.set()
        self._thread.join(STOP_S)
        self._given_up = True
        self.exporter.shutdown()  # ends a retry that is under way
        self._thread.join(STOP_S)
        if not self._thread.is_alive() and self._waiting:
            self.figures.count("spans", "dropped", len(self._waiting))
            self._waiting.clear()

    def _run(self) -> None:
        while not self._stopping:
            self._wake.wait(self.every_s)
            self._wake.clear()
            self._send_all()

    def _send_all(self) -> None:
        while self._waiting and not self._given_up:
            count = min(len(self._waiting), MAX_BATCH)
            batch = [self._waiting.popleft() for _ in range(count)]
            taken = self._send([self._readable(span) for span in batch])
            self.figures.count("spans", "sent" if taken else "dropped", count)
            if self._away and taken:
                log.info("traces.collector-back")
            elif not self._away and not taken:
                log.warning("traces.collector-away", dropped=count)
            self._away = not taken

    def _send(self, spans: Sequence[ReadableSpan]) -> bool:
        try:
            return self.exporter.export(spans) is SpanExportResult.SUCCESS
        except Exception as error:  # of whatever kind: spans are not worth a thread
            log.warning("traces.fault", error=f"{type(error).__name__}: {error}")
            return False

    def _readable(self, span: Span) -> ReadableSpan:
        return ReadableSpan(
            name=span.name,
            context=_context(span.trace, span.span),
            parent=_context(span.trace, span.parent) if span.parent else None,
            resource=self._resource,
            attributes=dict(span.attributes),
            kind=_KINDS.get(span.name, SpanKind.INTERNAL),
            status=_FINE if span.well else _FAULT,
            start_time=span.start_us * 1_000,
            end_time=max(span.end_us, span.start_us) * 1_000,
            instrumentation_scope=_SCOPE,
        )


def _context(trace: str, span: str) -> SpanContext:
    return SpanContext(int(trace, 16), int(span, 16), False, TraceFlags(TraceFlags.SAMPLED))


def open_spans(endpoint: str, ratio: float, process: str, figures: Figures) -> OtlpSpans:
    """Spans of a process to a collector's URL (``http://collector:4318/v1/traces``)."""
    sdk = logging.getLogger("opentelemetry")  # its words are ours: one line when it goes away
    sdk.addHandler(logging.NullHandler())
    sdk.propagate = False
    return OtlpSpans(OTLPSpanExporter(endpoint, timeout=TIMEOUT_S), process, figures, ratio)
