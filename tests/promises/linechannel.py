"""A channel for tests: one JSON object a line, over TCP on loopback or handed over by a test.

To the hub it is a channel like any other (``CHANNEL``); it keeps its promises by the hub's ports
alone. ``{"n", "key", "type", "data", "ref"}`` is an arrival; it is acknowledged after its commit by
``{"n", "key", "state", "message_id"}`` and answered by ``{"n", "key", "answer"}``.
``{"deliver", "type", "data", "attempt"}`` is a message for the far end, which confirms it by
``{"taken", "refs"}`` or refuses it by ``{"failed", "reason", "retry"}``.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from twisted.application.internet import ClientService
from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineOnlyReceiver

from core.messages import Answer, name_of, struct_of
from hub.channel import (
    Accepted,
    Arrival,
    ChannelSpec,
    Failed,
    KeyReused,
    Outbound,
    Overloaded,
    SendResult,
    Sent,
)
from hub.installed import channel_spec
from tests.promises.company import WAY

Line = dict[str, Any]
RECONNECT_S = 0.05


class Options(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """``port`` of the far end (0: lines are handed over by a test); notices in flight at once."""

    port: int = 0
    window: int = 64
    answer_s: float = 30.0


@dataclass(slots=True)
class LineChannel:
    """The conversation. ``up`` gives it a way to write, ``line`` what came."""

    ports: Any
    options: Options
    _write: Callable[[Line], None] | None = None
    _sent: dict[str, "Deferred[SendResult]"] = field(default_factory=dict)
    _busy: int = 0
    _stopping: "Deferred[None] | None" = None
    _service: Any = None

    def start(self) -> None:
        """Keep a connection to the far end."""
        if self.options.port:
            endpoint = TCP4ClientEndpoint(self.ports.reactor, "127.0.0.1", self.options.port)
            self._service = ClientService(
                endpoint, _LineFactory(self), lambda _attempt: RECONNECT_S, self.ports.reactor
            )
            self._service.startService()

    def stop(self) -> "Deferred[None]":
        """Take in nothing more; end when what was taken in is acknowledged or given up."""
        self._stopping = Deferred()
        done = self._stopping
        done.addCallback(lambda _: self._service and self._service.stopService())
        self._rest()
        return done

    def abort(self) -> None:
        """Another node has the line by now."""
        if self._service is not None:
            self._service.stopService()

    def _rest(self) -> None:
        waits = self._stopping is not None and not self._stopping.called
        if waits and not self._busy and not self._sent:
            self._stopping.callback(None)

    def up(self, write: Callable[[Line], None]) -> None:
        """The line is there."""
        self._write = write
        self.ports.wake()

    def down(self) -> None:
        """The line is gone: nobody knows what became of what was on it."""
        self._write = None
        for deferred in list(self._sent.values()):
            deferred.callback(Failed("the line went down", retry=True, error_class="link"))

    def line(self, line: Line) -> None:
        """One object from the far end."""
        if "taken" in line:
            self._over(line["taken"], Sent(tuple(line["refs"])))
        elif "failed" in line:
            self._over(line["failed"], Failed(line["reason"], line["retry"]))
        elif self._stopping is None:
            self._arrived(line)

    def _over(self, message_id: str, result: SendResult) -> None:
        if message_id in self._sent:
            self._sent[message_id].callback(result)

    def _arrived(self, line: Line) -> None:
        known = struct_of(line["type"])
        assert known is not None, line
        arrival = Arrival(
            key=line["key"],
            message=msgspec.convert(line["data"], known.struct),
            raw=json.dumps(line),
            partition_ref=line["ref"],
            reply_within_s=self.options.answer_s,
        )
        self._busy += 1
        accepted = self.ports.accept(arrival)
        accepted.addCallbacks(self._accepted, self._refused, (line,), None, (line,))

    def _say(self, line: Line, **more: Any) -> None:
        if self._write is not None:
            self._write({"n": line["n"], "key": line["key"], **more})

    def _accepted(self, accepted: Accepted, line: Line) -> None:
        state = "repeat" if accepted.repeat else "accepted"
        self._say(line, state=state, message_id=accepted.message_id)
        self._left()
        if accepted.answer is not None:
            self._answer(accepted.answer, line)
            return
        answer = self.ports.answer(accepted.message_id, self.options.answer_s)
        answer.addCallback(self._answer, line)

    def _refused(self, failure: Any, line: Line) -> None:
        states: dict[type[BaseException], str] = {Overloaded: "overloaded", KeyReused: "reused"}
        self._say(line, state=states.get(failure.type, "error"), why=str(failure.value))
        self._left()

    def _answer(self, answer: Answer | None, line: Line) -> None:
        self._say(line, answer=None if answer is None else msgspec.to_builtins(answer))

    def _left(self) -> None:
        self._busy -= 1
        self._rest()

    def capacity(self) -> int:
        """Room in the window, when the line is up."""
        if self._write is None or self._stopping is not None:
            return 0
        return self.options.window - len(self._sent)

    def send(self, outbound: Outbound) -> "Deferred[SendResult]":
        """Hand a message to the far end; fires when it is taken or refused."""
        if self._write is None:
            return succeed(Failed("the line is down", retry=True, error_class="link"))
        deferred: Deferred[SendResult] = Deferred()
        self._sent[outbound.message_id] = deferred
        deferred.addCallback(self._ended, outbound.message_id)
        self._write(
            {
                "deliver": outbound.message_id,
                "type": name_of(outbound.message).name,
                "data": msgspec.to_builtins(outbound.message),
                "attempt": outbound.attempt,
            }
        )
        return deferred

    def _ended(self, result: SendResult, message_id: str) -> SendResult:
        del self._sent[message_id]
        self._rest()
        self.ports.wake()
        return result

    def status(self) -> Mapping[str, Any]:
        """For /readyz."""
        return {"up": self._write is not None}


class _LineProtocol(LineOnlyReceiver):
    delimiter = b"\n"
    MAX_LENGTH = 64 * 1024

    def __init__(self, channel: LineChannel) -> None:
        self._channel = channel

    def connectionMade(self) -> None:
        self.transport.setTcpNoDelay(True)
        self._channel.up(lambda line: self.sendLine(json.dumps(line).encode()))

    def lineReceived(self, line: bytes) -> None:
        self._channel.line(json.loads(line))

    def connectionLost(self, reason: Any = None) -> None:
        self._channel.down()


class _LineFactory(Factory):
    noisy = False

    def __init__(self, channel: LineChannel) -> None:
        self._channel = channel

    def buildProtocol(self, addr: Any) -> _LineProtocol:
        return _LineProtocol(self._channel)


CHANNEL = ChannelSpec("line", Options, LineChannel, carries=(WAY,))


def spec_of(kind: str) -> ChannelSpec:
    """The test channel, or one of the product's beside it. Raises ConfigError."""
    return CHANNEL if kind == CHANNEL.kind else channel_spec(kind)
