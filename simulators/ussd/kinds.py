"""Gateways that misbehave as real ones do, each a class with a name."""

from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred, succeed

from simulators.ussd.gateway import Call, Gateway, NetworkError, Options, Screen, Send


class DoubleStartGateway(Gateway):
    """Sends the start of each session twice at once; the phone shows what comes last.

    ``firsts`` are the screens that the other starts were given.
    """

    name = "double-start"

    def __init__(
        self, send: Send, clock: Any, options: Options | None = None, sessions: int = 1
    ) -> None:
        super().__init__(send, clock, options, sessions)
        self.firsts: list[Screen] = []

    def started(self, call: Call) -> "Deferred[Screen]":
        self.hop(call).addCallbacks(self.firsts.append, lambda _: None)
        return self.hop(call)


class RepeatedHopGateway(Gateway):
    """Sends every hop twice, the second when the first was answered, as after a lost answer.

    The phone shows the second screen; ``Call.shown`` has both.
    """

    name = "repeated-hop"

    def started(self, call: Call) -> "Deferred[Screen]":
        return self.answered(call)

    def answered(self, call: Call) -> "Deferred[Screen]":
        return Deferred.fromCoroutine(self._twice(call))

    async def _twice(self, call: Call) -> Screen:
        await self.hop(call)
        return await self.hop(call)


class DroppedSessionGateway(Gateway):
    """Loses a session at an answer that the application still gets: the phone sees no screen."""

    name = "dropped-session"

    def answered(self, call: Call) -> "Deferred[Screen]":
        if call.hops < self.options.drop_at:
            return self.hop(call)
        return Deferred.fromCoroutine(self._lost(call))

    async def _lost(self, call: Call) -> Screen:
        await self.hop(call)
        if self.calls.pop(call.msisdn, None) is not None:
            await self.tell_end(call, "Incomplete", "the dialog was aborted")
        raise NetworkError("Connection problem or invalid MMI code")


class SilentlyDroppingGateway(DroppedSessionGateway):
    """Loses sessions likewise, and tells nobody: the end-of-session event never comes."""

    name = "silently-dropping"

    def tell_end(self, call: Call, status: str, reason: str = "") -> "Deferred[None]":  # noqa: ARG002
        return succeed(None)


class LateGateway(Gateway):
    """Gives up on a screen after a second, though its contract says fifteen."""

    name = "late"
    patience = 1.0

    def __init__(
        self, send: Send, clock: Any, options: Options | None = None, sessions: int = 1
    ) -> None:
        hasty = replace(options or Options(), answer_within=self.patience)
        super().__init__(send, clock, hasty, sessions)


KINDS: dict[str, type[Gateway]] = {
    kind.name: kind
    for kind in (
        Gateway,
        DoubleStartGateway,
        RepeatedHopGateway,
        DroppedSessionGateway,
        SilentlyDroppingGateway,
        LateGateway,
    )
}
