"""A friendly USSD gateway in Africa's Talking's form, with phones that dial and answer.

It knows the form and what a network can carry, never us; misbehaviours are in :mod:`.kinds`. How
a form travels is given from outside (:mod:`.senders`), so that a test needs no socket.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import AlreadyCalled, AlreadyCancelled

from adapters.smpp.gsm0338 import septets
from adapters.ussd.africastalking import ReplyError, read_reply
from adapters.ussd.codes import split_dialled

#: What one USSD string carries on the air (3GPP TS 23.038 in 160 octets): a longer one never
#: reaches the phone.
MAX_SEPTETS: Final = 182
MAX_UCS2: Final = 80

#: The body of a form -> (HTTP status, body of the answer)
Send = Callable[[bytes], "Deferred[tuple[int, str]]"]


class NetworkError(Exception):
    """The phone shows the network's own error instead of a screen; the text says why."""


@dataclass(frozen=True, slots=True)
class Screen:
    """What the phone shows; ``more``: it asks for an answer."""

    text: str
    more: bool


@dataclass(frozen=True, slots=True)
class Options:
    """The gateway's side of the contract.

    ``codes``: the service codes that it knows, none for all; ``answer_within``: seconds that it
    waits for a screen; ``drop_at``: the answer of a session at which the kinds that drop sessions
    do so.
    """

    codes: tuple[str, ...] = ("*123#",)
    network_code: str = "64110"
    answer_within: float = 15.0
    drop_at: int = 3


@dataclass(slots=True)
class Call:
    """One session of one phone, with everything that was typed in it."""

    session_id: str
    msisdn: str
    code: str
    text: str = ""
    hops: int = 0
    shown: list[Screen] = field(default_factory=list)


class Gateway:
    """Sends what phones type, shows what comes back. One session per phone at a time.

    ``sessions`` numbers them: pass another start so that ids do not come again after a restart.
    """

    name = "friendly"

    def __init__(
        self, send: Send, clock: Any, options: Options | None = None, sessions: int = 1
    ) -> None:
        self.options = options or Options()
        self.calls: dict[str, Call] = {}
        self._send = send
        self._clock = clock
        self._number = sessions

    def dial(self, msisdn: str, code: str) -> "Deferred[Screen]":
        """A phone dials; an open session of it ends without a word."""
        split = split_dialled(code, self.options.codes or (_root(code),))
        if split is None:
            return fail(NetworkError(f"{code} is no code of this network"))
        call = Call(f"ATUid_{self._number:08d}", msisdn, split[0], "*".join(split[1]))
        self._number += 1
        self.calls[msisdn] = call
        return self.started(call)

    def answer(self, msisdn: str, text: str) -> "Deferred[Screen]":
        """The phone answers the screen that is open."""
        call = self.calls.get(msisdn)
        if call is None:
            return fail(NetworkError("no session is open"))
        call.text = f"{call.text}*{text}" if call.text else text
        return self.answered(call)

    def hang_up(self, msisdn: str) -> "Deferred[None]":
        """The phone closes the session; fires when the application has been told."""
        call = self.calls.pop(msisdn, None)
        return self.tell_end(call, "Incomplete", "hung up") if call else succeed(None)

    # --- what kinds of gateways do differently -------------------------------------------------

    def started(self, call: Call) -> "Deferred[Screen]":
        """The first hop of a session."""
        return self.hop(call)

    def answered(self, call: Call) -> "Deferred[Screen]":
        """A hop behind the first."""
        return self.hop(call)

    def hop(self, call: Call) -> "Deferred[Screen]":
        """Sends the history so far and shows the screen."""
        call.hops += 1
        return Deferred.fromCoroutine(self._hop(call))

    def tell_end(self, call: Call, status: str, reason: str = "") -> "Deferred[None]":
        """The end-of-session event; what the application answers is of no interest."""
        form = self.form(call) | {"status": status, "hopsCount": str(call.hops), "cost": "0"}
        del form["text"]
        form |= {"input": call.text, "errorMessage": reason, "durationInMillis": "1000"}
        return self._send(urlencode(form).encode()).addBoth(lambda _: None)

    def form(self, call: Call) -> dict[str, str]:
        """The fields of a hop."""
        return {
            "sessionId": call.session_id,
            "serviceCode": call.code,
            "phoneNumber": call.msisdn,
            "networkCode": self.options.network_code,
            "text": call.text,
        }

    # --- inside --------------------------------------------------------------------------------

    async def _hop(self, call: Call) -> Screen:
        try:
            screen = _screen(*await self._in_time(self._send(urlencode(self.form(call)).encode())))
        except NetworkError as error:
            self._over(call)
            self.tell_end(call, "Failed", str(error))
            raise
        call.shown.append(screen)
        if not screen.more:
            self._over(call)
            self.tell_end(call, "Success")
        return screen

    def _over(self, call: Call) -> None:
        if self.calls.get(call.msisdn) is call:
            del self.calls[call.msisdn]

    async def _in_time(self, sent: "Deferred[tuple[int, str]]") -> tuple[int, str]:
        first: Deferred[tuple[int, str]] = Deferred()
        late = NetworkError("the application did not answer in time")
        timer = self._clock.callLater(self.options.answer_within, _once, first, late)

        def done(result: Any) -> None:
            try:
                timer.cancel()
            except (AlreadyCalled, AlreadyCancelled):
                return
            first.callback(result)

        sent.addErrback(lambda failure: fail(NetworkError(failure.getErrorMessage())))
        sent.addBoth(done)
        return await first


def _root(code: str) -> str:
    """The service code of what is dialled, if any may be: the part before the second ``*``."""
    return f"*{code.strip('*#').partition('*')[0]}#"


def _once(first: "Deferred[Any]", error: Exception) -> None:
    first.errback(error)


def _screen(status: int, body: str) -> Screen:
    """The screen, as strictly as a network is: anything else is its own error on the phone."""
    if status != 200:
        raise NetworkError(f"the application answered HTTP {status}: {body[:80]}")
    try:
        reply = read_reply(body)
    except ReplyError as error:
        raise NetworkError(str(error)) from error
    count = septets(reply.text)
    units = len(reply.text.encode("utf-16-be")) // 2
    if (count is None and units > MAX_UCS2) or (count or 0) > MAX_SEPTETS:
        raise NetworkError(f"the screen of {len(reply.text)} characters is too long")
    return Screen(reply.text, not reply.closes)
