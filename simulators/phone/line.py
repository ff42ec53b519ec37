"""The phone's side of the SMSC simulator's control port: JSON lines over a blocking socket.

One thread, one socket: what the network tells by itself (texts that come) is kept aside while an
answer is waited for, and read later.
"""

import json
import socket
import time
from collections import deque
from typing import Any

#: A line of the control port is at most this long; its own limit for what it reads.
MAX_LINE = 64 * 1024
#: How long an answer of the control port may take: it is on the same machine.
ANSWER_S = 10.0


class NetworkError(Exception):
    """The network did not do it; the text is what a person reads."""


class ControlLine:
    """A connection to the control port. Raises NetworkError wherever the network says no."""

    def __init__(self, host: str, port: int) -> None:
        try:
            self._socket = socket.create_connection((host, port), timeout=ANSWER_S)
        except OSError as error:
            raise NetworkError(f"no SMSC answers at {host}:{port} ({error})") from error
        self._read = b""
        self._asked = 0
        self._answers: dict[int, dict[str, Any]] = {}
        self._events: deque[dict[str, Any]] = deque()

    def fileno(self) -> int:
        """For select: readable when something has come."""
        return self._socket.fileno()

    def close(self) -> None:
        """Hang up the line."""
        self._socket.close()

    def tell(self, do: str, **fields: Any) -> int:
        """Send a request without waiting; the number that :meth:`answer` takes."""
        self._asked += 1
        line = json.dumps({"do": do, "id": self._asked, **fields}).encode()
        try:
            self._socket.sendall(line + b"\n")
        except OSError as error:
            raise NetworkError(f"the SMSC has gone ({error})") from error
        return self._asked

    def answer(self, number: int, within_s: float = ANSWER_S) -> dict[str, Any]:
        """The answer to a request, waited for."""
        until = time.monotonic() + within_s
        while number not in self._answers:
            if not self._receive(until - time.monotonic()):
                raise NetworkError(f"the SMSC did not answer within {within_s:g} s")
        found = self._answers.pop(number)
        if not found.get("ok"):
            raise NetworkError(str(found.get("error", "no reason given")))
        return found

    def ask(self, do: str, **fields: Any) -> dict[str, Any]:
        """A request and its answer. ``received`` also forgets the events that it contains."""
        return self.answer(self.tell(do, **fields))

    def event(self, within_s: float = 0.0) -> dict[str, Any] | None:
        """The next event; None when there is none within the time."""
        until = time.monotonic() + within_s
        while not self._events:
            if not self._receive(until - time.monotonic()):
                return None
        return self._events.popleft()

    def _receive(self, within_s: float) -> bool:
        """Read what has come, at least one packet; False when the time is over."""
        self._socket.settimeout(max(within_s, 0.000_001))
        try:
            data = self._socket.recv(MAX_LINE)
        except (TimeoutError, BlockingIOError):
            return False
        except OSError as error:
            raise NetworkError(f"the SMSC has gone ({error})") from error
        finally:
            self._socket.settimeout(ANSWER_S)
        if not data:
            raise NetworkError("the SMSC has closed the line")
        *lines, self._read = (self._read + data).split(b"\n")
        for line in lines:
            self._sort(json.loads(line))
        return True

    def _sort(self, said: dict[str, Any]) -> None:
        if "event" in said:
            self._events.append(said)
        elif isinstance(said.get("id"), int):
            self._answers[said["id"]] = said
            if "messages" in said:  # they are all in it
                self._events.clear()
