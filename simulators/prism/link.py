"""The module's end of one connection, without I/O: calls in, replies out."""

from typing import Any

import msgspec

from adapters._session import CloseLink
from adapters.prismtoken import message
from adapters.prismtoken.calls import CALLS, Call
from adapters.prismtoken.errors import DecodeError
from adapters.prismtoken.framing import Framer
from adapters.prismtoken.message import ApplicationException, Fault, Head, MessageType


class Asked(msgspec.Struct, frozen=True, gc=False):
    """A client calls; answer with ``respond``."""

    sequence: int
    call: Call


class LinkSession:
    """Takes calls in any number: whoever drives it answers them in their order."""

    def __init__(self) -> None:
        self._framer = Framer()
        self._out: list[bytes] = []
        self._finished = False

    def connected(self, now: float) -> list[Any]:  # noqa: ARG002
        """Waits for calls."""
        return []

    def receive(self, data: bytes, now: float) -> list[Any]:  # noqa: ARG002
        """The calls that ``data`` completes."""
        events: list[Any] = []
        for frame in self._framer.feed(data):
            if not self._finished:
                self._frame(frame, events)
        if self._framer.defect is not None and not self._finished:
            self._finished = True
            events.append(CloseLink(self._framer.defect))
        return events

    def tick(self, now: float) -> list[Any]:  # noqa: ARG002
        """Nothing is ever due."""
        return []

    def lost(self, reason: str, now: float) -> list[Any]:  # noqa: ARG002
        """The client is gone."""
        self._finished = True
        return []

    def outgoing(self) -> bytes:
        """The octets to write now; asking empties them."""
        data = b"".join(self._out)
        self._out.clear()
        return data

    def deadline(self) -> float | None:
        """Never."""
        return None

    def respond(self, asked: Asked, result: Any) -> None:
        """Answers a call with what it returns, or with an ApiError."""
        call = asked.call
        self.raw(message.encode_result(call.method, asked.sequence, result, call.result))

    def raw(self, octets: bytes) -> None:
        """Sends octets as they are."""
        if not self._finished:
            self._out.append(octets)

    def _frame(self, frame: bytes, events: list[Any]) -> None:
        try:
            head = message.decode_head(frame)
        except DecodeError as error:
            self._finished = True
            events.append(CloseLink(str(error)))
            return
        kind = CALLS.get(head.method)
        if kind is None:
            self._fault(head, Fault.UNKNOWN_METHOD, f"no method {head.method!r}")
        elif head.type is not MessageType.CALL:
            self._fault(head, Fault.INVALID_MESSAGE_TYPE, f"a {head.type.name}")
        else:
            try:
                events.append(Asked(head.sequence, message.decode_struct(head, kind)))
            except DecodeError as error:
                self._fault(head, Fault.PROTOCOL_ERROR, str(error))

    def _fault(self, head: Head, fault: Fault, why: str) -> None:
        body = ApplicationException(why, fault)
        self.raw(message.encode_struct(MessageType.EXCEPTION, head.method, head.sequence, body))
