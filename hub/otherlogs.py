"""What others than we write to standard error goes by the same mask: Twisted's log, the standard
library's (uvicorn, pika, asyncio), and the traceback of what nobody caught.
"""

import logging
import sys
import threading
from types import TracebackType
from typing import Any, Final

import structlog
from twisted.logger import LogEvent, LogLevel, formatEvent, globalLogBeginner

_LEVELS: Final = {
    LogLevel.warn: "warning",
    LogLevel.error: "error",
    LogLevel.critical: "critical",
}
#: Of a stranger's making: a port that anybody scans must not fill the log.
_STRANGERS: Final = ("Invalid HTTP request received.", "Unsupported upgrade request.")


class _Handler(logging.Handler):
    """The standard library's records, as events of ours."""

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if text in _STRANGERS:
            return
        name = "error" if record.levelno >= logging.ERROR else "warning"
        _log(name, record.name, text, record.exc_info)


def _twisted(event: LogEvent) -> None:
    """An observer of Twisted's log."""
    name = _LEVELS.get(event.get("log_level", LogLevel.info))
    failure = event.get("log_failure")
    if name is None:
        return
    caught = (type(failure.value), failure.value, failure.getTracebackObject()) if failure else None
    _log(name, str(event.get("log_namespace", "twisted")), formatEvent(event), caught)


def _log(level: str, logger: str, text: str, caught: Any = None) -> None:
    log = structlog.get_logger()
    getattr(log, level)("log", logger=logger, said=text, exc_info=caught or None)


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    _log("critical", "uncaught", kind.__name__, (kind, error, trace))


def _in_thread(caught: threading.ExceptHookArgs) -> None:
    if caught.exc_value is not None:
        _uncaught(caught.exc_type, caught.exc_value, caught.exc_traceback)


def capture() -> None:
    """For a process that serves: from now on all of it is masked. Once in a process."""
    root = logging.getLogger()
    root.addHandler(_Handler(logging.WARNING))
    observers: list[Any] = [_twisted]  # a callable will do; its interface asks for a class
    globalLogBeginner.beginLoggingTo(observers, discardBuffer=True, redirectStandardIO=False)
    sys.excepthook = _uncaught
    threading.excepthook = _in_thread
