"""The control port: one JSON object per line, so that a phone in another process can use the SMSC.

Requests have ``do`` and an optional ``id`` that comes back in the answer ``{"id", "ok", …}``:

* ``{"do": "deliver", "from": PHONE, "to": CODE, "text": TEXT}``: when an ESME took it;
* ``{"do": "received", "phone": PHONE}``: ``messages``, each with from, text, parts;
* ``{"do": "watch", "phone": PHONE or null}``: from now on a line
  ``{"event": "message", "phone", "from", "text", "parts"}`` for each text that reaches the phone;
* ``{"do": "ussd", "from": PHONE, "text": CODE or answer}``: ``text`` and ``more``;
* ``{"do": "hangup", "from": PHONE}``; ``{"do": "status"}``: kind, binds, waiting.

What is wrong gets ``{"ok": false, "error": SENTENCE}``.
"""

import json
from collections.abc import Callable
from typing import Any

from twisted.internet import protocol
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

from simulators.smsc.phones import Received, plain
from simulators.smsc.smsc import SMSC

_LONGEST = 64 * 1024  # octets of a line: a text of 255 parts and to spare


def _message(text: Received) -> dict[str, Any]:
    return {"phone": text.phone, "from": text.source, "text": text.text, "parts": text.parts}


class Control(LineOnlyReceiver):
    """One client of the control port."""

    delimiter = b"\n"
    MAX_LENGTH = _LONGEST

    def __init__(self, smsc: SMSC) -> None:
        self._smsc = smsc
        self._stops: list[Callable[[], None]] = []

    def connectionLost(self, reason: Failure = protocol.connectionDone) -> None:  # noqa: N802, ARG002
        for stop in self._stops:
            stop()

    def lineReceived(self, line: bytes) -> None:  # noqa: N802
        try:
            request = json.loads(line)
            if not isinstance(request, dict):
                raise ValueError("a request is a JSON object")
        except ValueError as error:
            self._say({"ok": False, "error": str(error)})
            return
        done = maybeDeferred(self._do, request)
        done.addCallbacks(
            lambda answer: self._say({"id": request.get("id"), "ok": True, **answer}),
            lambda failure: self._say(
                {"id": request.get("id"), "ok": False, "error": failure.getErrorMessage()}
            ),
        )

    def _do(self, request: dict[str, Any]) -> "dict[str, Any] | Deferred[dict[str, Any]]":
        def text(name: str) -> str:
            value = request.get(name)
            if not isinstance(value, str):
                raise ValueError(f"{name!r} must be a text")
            return value

        what = request.get("do")
        if what == "deliver":
            return self._smsc.deliver(text("from"), text("to"), text("text")).addCallback(
                lambda _: {}
            )
        if what == "ussd":
            return self._smsc.ussd(text("from"), text("text")).addCallback(
                lambda screen: {"text": screen.text, "more": screen.more}
            )
        if what == "hangup":
            self._smsc.desk.drop(plain(text("from")))
            return {}
        if what == "received":
            return {"messages": [_message(one) for one in self._smsc.received(text("phone"))]}
        if what == "watch":
            phone = None if request.get("phone") is None else text("phone")
            self._stops.append(self._smsc.phones.watch(phone, self._watched))
            return {}
        if what == "status":
            return self._smsc.status()
        raise ValueError(f"'do' is {what!r}, not deliver, received, watch, ussd, hangup or status")

    def _watched(self, text: Received) -> None:
        self._say({"event": "message", **_message(text)})

    def _say(self, value: dict[str, Any]) -> None:
        transport: Any = self.transport
        transport.write(json.dumps(value, ensure_ascii=False).encode() + b"\n")


async def serve(reactor: Any, smsc: SMSC, port: int, interface: str) -> Any:
    """Listens for control clients; returns the listening port."""
    factory = protocol.Factory.forProtocol(lambda: Control(smsc))
    factory.noisy = False
    endpoint: Any = serverFromString(reactor, f"tcp:{port}:interface={interface}")  # type: ignore[no-untyped-call]
    return await endpoint.listen(factory)
