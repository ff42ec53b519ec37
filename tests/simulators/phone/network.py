"""A control port in a thread, scripted by the test: the far end of a phone's line."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from simulators.phone.line import NetworkError
from simulators.ussd.gateway import Screen


class FakeNetwork:
    """Answers as the SMSC's control port does. ``mute``: what it never answers."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.stored: list[dict[str, Any]] = []
        self.screens: list[Screen | str] = []
        self.mute: set[str] = set()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._ready = threading.Event()
        self._client: socket.socket | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def push(self, text: str, sender: str = "8080") -> None:
        """A text reaches the phone."""
        self._say({"event": "message", "phone": "1", "from": sender, "text": text, "parts": 1})

    def raw(self, data: bytes) -> None:
        """Octets as they are."""
        assert self._ready.wait(5)
        assert self._client is not None
        self._client.sendall(data)

    def hang_up(self) -> None:
        """The network closes the line."""
        assert self._ready.wait(5)
        assert self._client is not None
        self._client.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """The end of the test."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        if self._client is not None:
            with suppress(OSError):
                self._client.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listening.close()

    def _say(self, value: dict[str, Any]) -> None:
        self.raw(json.dumps(value).encode() + b"\n")

    def _serve(self) -> None:
        try:
            self._client, _ = self._listening.accept()
        except OSError:
            return
        self._ready.set()
        with self._client, self._client.makefile("rb") as lines, suppress(OSError):
            for line in lines:
                self._do(json.loads(line))

    def _do(self, request: dict[str, Any]) -> None:
        self.asked.append(request)
        if request["do"] in self.mute:
            return
        answer: dict[str, Any] = {"id": request["id"], "ok": True}
        if request["do"] == "received":
            answer["messages"] = self.stored
        if request["do"] == "ussd":
            screen = self.screens.pop(0)
            if isinstance(screen, str):
                answer = {"id": request["id"], "ok": False, "error": screen}
            else:
                answer |= {"text": screen.text, "more": screen.more}
        self._say(answer)


@contextmanager
def network() -> Iterator[FakeNetwork]:
    """A network for the length of a test."""
    fake = FakeNetwork()
    try:
        yield fake
    finally:
        fake.close()


class FakeMenus:
    """Screens in their order; what was typed is kept."""

    def __init__(self, *screens: Screen) -> None:
        self.screens = list(screens)
        self.typed: list[str] = []

    def dial(self, msisdn: str, code: str) -> Screen:
        return self._next(f"{msisdn} dials {code}")

    def answer(self, msisdn: str, text: str) -> Screen:
        return self._next(f"{msisdn} answers {text}")

    def hang_up(self, msisdn: str) -> None:
        self.typed.append(f"{msisdn} hangs up")

    def _next(self, typed: str) -> Screen:
        self.typed.append(typed)
        if not self.screens:
            raise NetworkError("connection problem or invalid MMI code")
        return self.screens.pop(0)
