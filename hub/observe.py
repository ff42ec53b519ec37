"""Logs with one context per message, and what must never be in them.

Every event passes through :func:`mask`: fields that carry a card PAN, a PIN, a token or a phone
number are masked by name, and anything that looks like a 20-digit token is masked wherever it
stands. The STS ``meter_pan`` stays readable: it is printed on the meter.

The vocabulary of events is docs/operations/logs.md. A storm does not fill the disk: of one event of
one channel so many lines are written in a minute, the rest is counted, and the first line after
says how many were not written (``suppressed``). What is critical is always written.
"""

import logging
import re
import sys
import threading
import time
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import structlog

#: field names (or their ends) whose values are masked, and how many last characters stay
MASKED = {
    "card_pan": 4,
    "pin": 0,
    "token": 4,
    "phone": 3,
    "msisdn": 3,
    "recipient": 3,
    "party": 3,
    "sender": 3,
    "text": 0,
    "raw": 0,
    "password": 0,
    "secret": 0,
    "pin_proof": 0,
}
#: 20 digits, with or without the blanks or hyphens of their groups
_TOKEN = re.compile(r"(?<!\d)\d{4}(?:[ -]?\d{4}){3}[ -]?(\d{4})(?!\d)")
_PHONE = re.compile(r"\+\d{6,12}(\d{3})(?!\d)")
#: the password of a URL, as drivers say it in their errors
_IN_URL = re.compile(r"(://[^\s:/@]*:)[^\s@]+@")
#: what may be a number of somebody in raw input, where fields cannot be told apart
_LONG_NUMBER = re.compile(r"\d{4,}(\d{3})")


def masked_raw(raw: str, is_hex: bool) -> str:
    """Raw input as an operator sees it who has not said why he must see more."""
    if is_hex:
        return f"{len(raw) // 2} bytes"
    return _LONG_NUMBER.sub(r"****\1", _TOKEN.sub(r"**** \1", raw))


def masked_value(name: str, value: Any) -> Any:
    """A field's value as a log may show it."""
    keep = MASKED.get(name)
    if keep is None:
        keep = next((n for end, n in MASKED.items() if name.endswith("_" + end)), None)
    if keep is not None and value is not None and name != "meter_pan":
        text = str(value)
        return "*" * 4 + text[len(text) - keep :] if keep else "****"
    if isinstance(value, Mapping):
        return {inner: masked_value(str(inner), held) for inner, held in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [masked_value("", held) for held in value]
    return masked_text(value) if isinstance(value, str) else value


def masked_text(text: str) -> str:
    """Free text with tokens, phone numbers and passwords of URLs masked."""
    return _PHONE.sub(r"+****\1", _TOKEN.sub(r"**** \1", _IN_URL.sub(r"\1****@", text)))


def mask(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The structlog processor that every logger passes through."""
    return {name: masked_value(name, value) for name, value in event.items()}


def subject(message_id: str, traceparent: str = "", correlation: str = "") -> dict[str, str]:
    """What a line about a message says of it: its id, what it began with, its trace if it has one.

    A trace that began here has the id of its first message, so it is not said twice."""
    said = {"message": message_id}
    if correlation and correlation != message_id:
        said["correlation"] = correlation
    trace = traceparent[3:35]
    if trace and trace != (correlation or message_id).replace("-", ""):
        said["trace"] = trace
    return said


#: Lines of one event of one channel, link or worker in a minute: enough to see what goes on, and
#: over a day not more than some ten megabytes, whatever comes.
STORM_LINES, STORM_S = 60, 60.0
#: Kinds of lines that are remembered; there are as many as events times channels.
STORM_KINDS = 5_000
#: Fields that tell two sources of one event apart.
_SOURCES = ("channel", "link", "bind", "worker", "loop", "logger")
#: Its sixty-first line may be the one that matters, and nothing says it so often for long.
_ALWAYS = "critical"


@dataclass(slots=True)
class Storms:
    """The processor that ends a storm. ``count``: hears of each line, for the metrics."""

    count: Callable[[str], None] = lambda _said: None
    clock: Callable[[], float] = time.monotonic
    lines: int = STORM_LINES
    _seen: dict[tuple[str, ...], list[float]] = field(default_factory=dict)  # since, lines
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(
        self, _logger: Any, method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """Raises DropEvent for a line too many. Warnings of an event use up nothing of its errors'
        lines."""
        sources = (str(event.get(name, "")) for name in _SOURCES)
        kind = (method, str(event.get("event", "")), *sources)
        now = self.clock()
        with self._lock:
            if kind not in self._seen and len(self._seen) >= STORM_KINDS:
                self._seen.clear()
            seen = self._seen.setdefault(kind, [now, 0.0])
            before = 0
            if now - seen[0] >= STORM_S:
                before = max(0, int(seen[1]) - self.lines) if method != _ALWAYS else 0
                seen[:] = [now, 0.0]
            seen[1] += 1
            over = seen[1] > self.lines and method != _ALWAYS
        self.count(f"{method}\t{'suppressed' if over else 'written'}")
        if over:
            raise structlog.DropEvent
        if before:
            event["suppressed"] = before
        return event


#: Of this process; ``hub.watch`` gives it where to count.
STORMS = Storms()


def configure(form: str = "json", level: int = logging.INFO) -> None:
    """Set up logging for the process: one line per event on standard error."""
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            STORMS,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            mask,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),  # where it leads just now
        cache_logger_on_first_use=False,
    )
