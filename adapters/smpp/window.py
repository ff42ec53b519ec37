"""Requests of ours that wait for their response: sequence numbers, matching, timeouts."""

from math import inf
from typing import NamedTuple

from adapters.smpp.codec import Packet
from adapters.smpp.events import Answered, Throttled, Unknown
from adapters.smpp.pdu import RESPONSE, GenericNack, Pdu
from adapters.smpp.status import Status

_LAST_SEQUENCE = 0x7FFFFFFF
_THROTTLES = (Status.ESME_RTHROTTLED, Status.ESME_RMSGQFUL)


class _Sent(NamedTuple):
    token: object
    pdu: Pdu
    at: float


def fits(response: Pdu, request: type[Pdu]) -> bool:
    """Whether a response may answer a request: of its kind, or a generic_nack."""
    return response.command_id in (request.command_id | RESPONSE, GenericNack.command_id)


class Window:
    """The owner's requests in flight, and apart from them the session's own.

    The session's own (bind, enquire_link, unbind) do not count against the limit, and their time
    is kept by the session.
    """

    def __init__(self) -> None:
        self._sequence = 0
        self._in_flight: dict[int, _Sent] = {}  # oldest first: dicts keep their order
        self._own: dict[int, type[Pdu]] = {}

    def __len__(self) -> int:
        return len(self._in_flight)

    def clear(self) -> None:
        """Forgets everything; sequence numbers go on, so that a late answer meets nothing."""
        self._in_flight.clear()
        self._own.clear()

    def next_sequence(self) -> int:
        """1 to 0x7FFFFFFF and round again (SMPP 3.4, 3.2.1.3), never one that is in flight."""
        sequence = self._sequence
        while True:
            sequence = 1 if sequence >= _LAST_SEQUENCE else sequence + 1
            if sequence not in self._in_flight and sequence not in self._own:
                self._sequence = sequence
                return sequence

    def add(self, sequence: int, token: object, pdu: Pdu, now: float) -> None:
        """A request of the owner went out."""
        self._in_flight[sequence] = _Sent(token, pdu, now)

    def add_own(self, sequence: int, kind: type[Pdu]) -> None:
        """A request of the session went out; an older one of its kind is given up."""
        self._own = {seq: own for seq, own in self._own.items() if own is not kind}
        self._own[sequence] = kind

    def answer(self, packet: Packet, now: float) -> Answered | Throttled | None:
        """The outcome of the owner's request that a response ends; None if it ends none."""
        pdu, sequence, status = packet
        sent = self._in_flight.get(sequence)
        if sent is None or not fits(pdu, type(sent.pdu)):
            return None
        del self._in_flight[sequence]
        if status in _THROTTLES:
            return Throttled(sent.token, sent.pdu, status, sent.at)
        return Answered(sent.token, sent.pdu, pdu, status, now - sent.at)

    def answer_own(self, packet: Packet) -> type[Pdu] | None:
        """The kind of the session's own request that a response ends; None if it ends none."""
        kind = self._own.get(packet.sequence)
        if kind is None or not fits(packet.pdu, kind):
            return None
        del self._own[packet.sequence]
        return kind

    def expire(self, timeout: float, now: float) -> list[Unknown]:
        """The requests that had no response in time."""
        limit = now - timeout
        late: list[Unknown] = []
        for sequence, sent in list(self._in_flight.items()):
            if sent.at > limit:
                break
            del self._in_flight[sequence]
            why = f"no response in {now - sent.at:.0f} s"
            late.append(Unknown(sent.token, sent.pdu, why))
        return late

    def fail(self, reason: str) -> list[Unknown]:
        """All requests in flight: the link is lost."""
        lost = [Unknown(sent.token, sent.pdu, reason) for sent in self._in_flight.values()]
        self.clear()
        return lost

    def oldest(self) -> float:
        """When the oldest request in flight was sent; infinity without one."""
        return next(iter(self._in_flight.values())).at if self._in_flight else inf
