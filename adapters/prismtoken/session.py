"""One connection to a module, without I/O: octets and time in, octets and events out.

One call at a time. A module makes tens of tokens a second and a Thrift server serves the calls of
one connection in their order, so sending ahead would gain nothing; but each call that is out when
a connection breaks has an unknown outcome, and with one at a time that is one. Who wants more opens
more connections. The states are in :mod:`.states`; times are monotonic seconds that the caller
passes in. Nothing raises because of what the module sent; :meth:`TokenSession.call` raises
:class:`~adapters.prismtoken.errors.LocalError`.
"""

from dataclasses import dataclass
from math import inf
from typing import Any

import msgspec

from adapters._session import CloseLink
from adapters.prismtoken import message, states
from adapters.prismtoken.api import API_VERSION, SessionOptions
from adapters.prismtoken.calls import IDENT, Authorised, Call, FetchTokenResult, Ping, SignIn
from adapters.prismtoken.codes import (
    SIGNED_OUT,
    UNANSWERED,
    UNKNOWN,
    Remedy,
    Verdict,
    fault_verdict,
    verdict,
)
from adapters.prismtoken.errors import DecodeError, EncodeError, NotAllowedError
from adapters.prismtoken.events import (
    AnyEvent,
    Defect,
    Lost,
    Ready,
    Refused,
    Returned,
    SignInRefused,
)
from adapters.prismtoken.framing import Framer
from adapters.prismtoken.message import ApiError, ApplicationException, Head, MessageType
from adapters.prismtoken.settings import Login, Settings
from adapters.prismtoken.states import Move, State

_EVIDENCE = 48  # octets of a bad frame worth a line in the log; a token's digits come later


@dataclass(slots=True)
class _Sent:
    """The owner's call that is out or held back."""

    tag: object
    call: Call
    at: float
    by: float
    renewed: bool = False  # it went out a second time, after a new sign-in


class TokenSession:
    """One connection after another to one module: :meth:`connected` begins anew."""

    def __init__(self, login: Login, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self.state = State.CLOSED
        self._login = login
        self._sequence = 0  # goes on over connections, so that a late answer meets nothing
        self._sign_in()  # a wrong login is our own mistake: found here, not on each connection
        self._begin(0.0)

    def _begin(self, now: float) -> None:
        self._framer = Framer(self.settings.limits.frame)
        self._out: list[bytes] = []
        self._sent: _Sent | None = None
        self._awaited: tuple[int, Call] | None = None  # the sequence and the call that is out
        self._access = ""
        self._own_by = inf  # the answer to our own call: a sign-in or a ping
        self._heard = now
        self._part_since = now

    # --- what every session offers -------------------------------------------------------------

    def connected(self, now: float) -> list[AnyEvent]:
        """The transport is up: we sign in."""
        self._begin(now)
        self._go(Move.CONNECT)
        self._own(self._sign_in(), now + self.settings.sign_in_timeout)
        return []

    def receive(self, data: bytes, now: float) -> list[AnyEvent]:
        """What the module's octets mean. Never raises on them."""
        events: list[AnyEvent] = []
        frames = [] if self.over() else self._framer.feed(data)
        if frames or self._framer.waiting == len(data):
            self._part_since = now
        for frame in frames:
            self._heard = now
            self._frame(frame, now, events)
            if self.over():
                return events
        if self._framer.defect is not None and not self.over():
            events.append(Defect(self._framer.defect, data[:_EVIDENCE]))
            self._close(self._framer.defect, events, abort=True)
        return events

    def tick(self, now: float) -> list[AnyEvent]:
        """Does what is due by now."""
        events: list[AnyEvent] = []
        if self.over():
            return events
        if self._sent is not None and now >= self._sent.by:
            waited = self._sent.by - self._sent.at
            self._close(f"no answer within {waited:.0f} s", events, abort=True)
        elif now >= self._own_by:
            self._close(f"no answer while {self.state.value}", events, abort=True)
        elif self._framer.waiting and now >= self._part_since + self.settings.frame_timeout:
            self._close("a frame was begun and not ended", events, abort=True)
        elif self.ready and now >= self._heard + self.settings.ping_interval:
            self._go(Move.PING)
            ping = Ping(sleep_ms=0, echo=str(self._sequence))
            self._own(ping, now + self.settings.ping_timeout)
        return events

    def lost(self, reason: str, now: float) -> list[AnyEvent]:  # noqa: ARG002
        """The transport is gone: a call that is out has an unknown outcome."""
        events: list[AnyEvent] = []
        self._abandon(reason, events)
        self._out.clear()
        self._go(Move.CLOSE)
        return events

    def outgoing(self) -> bytes:
        """The octets to write now; asking empties them."""
        data = b"".join(self._out)
        self._out.clear()
        return data

    def deadline(self) -> float | None:
        """When :meth:`tick` must be called at the latest."""
        if self.over():
            return None
        due = self._own_by
        if self._sent is not None:
            due = min(due, self._sent.by)
        if self._framer.waiting:
            due = min(due, self._part_since + self.settings.frame_timeout)
        if self.ready:
            due = min(due, self._heard + self.settings.ping_interval)
        return due

    # --- what our own side asks for ------------------------------------------------------------

    def over(self) -> bool:
        """Whether there is no connection, or it only waits for its transport to close."""
        return self.state in (State.CLOSED, State.ENDING)

    @property
    def ready(self) -> bool:
        """Whether a call may go out now."""
        return self.state is State.READY

    def call(self, call: Authorised, tag: object, now: float, within: float | None = None) -> None:
        """Sends a call; ``tag`` comes back with its one outcome, ``within`` so many seconds.

        Errors: NotAllowedError, EncodeError; then nothing was sent and there is no outcome.
        """
        if not self.ready:
            raise NotAllowedError(f"{call.method} while {self.state.value}")
        _check_ident(call.message_id, "messageId")
        self._send(msgspec.structs.replace(call, access_token=self._access))
        timeout = self.settings.call_timeout if within is None else within
        self._sent = _Sent(tag, call, now, now + timeout)
        self._go(Move.CALL)

    def leave(self, now: float) -> list[AnyEvent]:  # noqa: ARG002
        """Closes the connection, after the answer to a call that is out (or its deadline)."""
        events: list[AnyEvent] = []
        if self.over():
            return events
        if self.state is State.CALLING:
            self._go(Move.LEAVE)
        elif self.state is not State.LEAVING:
            self._close("we leave", events)
        return events

    # --- what the module sent ------------------------------------------------------------------

    def _frame(self, frame: bytes, now: float, events: list[AnyEvent]) -> None:
        try:
            head = message.decode_head(frame, self.settings.limits)
            awaited = self._awaited
            if awaited is None or head.sequence != awaited[0]:
                # A second answer, or one to a call of long ago: it must not end another call.
                why = f"{head.method[:40]!r} answers nothing that waits (sequence {head.sequence})"
                events.append(Defect(why, frame[:_EVIDENCE]))
                return
            call = awaited[1]
            answer = self._read(head, call)
        except DecodeError as error:
            events.append(Defect(str(error), frame[:_EVIDENCE]))
            self._close(f"the module sent nonsense: {error}", events, abort=True)
            return
        self._awaited = None
        self._own_by = inf
        if isinstance(call, SignIn):
            self._signed_in(answer, now, events)
        elif isinstance(call, Ping):
            self._go(Move.PONG)
            events.append(Ready())
        else:
            self._answered(answer, now, events)

    def _read(self, head: Head, call: Call) -> Any:
        """The result of a call, its ApiError, or what Thrift itself said. Error: DecodeError."""
        limits = self.settings.limits
        if head.type is MessageType.EXCEPTION:
            return message.decode_struct(head, ApplicationException, limits)
        if head.type is MessageType.REPLY and head.method == call.method:
            return message.decode_result(head, call.result, limits)
        raise DecodeError(f"{head.type.name} of {head.method[:40]!r}", 0)

    def _signed_in(self, answer: Any, now: float, events: list[AnyEvent]) -> None:
        found = _verdict(answer)
        if found is not None:
            error_id, sentence = _words(answer)
            self._abandon("the module does not let us in", events)
            events.append(SignInRefused(error_id, sentence, found))
            pause = self.settings.refused_pause
            self._close(f"sign-in refused: {error_id}", events, pause=pause)
            return
        self._access = answer.access_token
        self._go(Move.SIGNED_IN)
        sent = self._sent
        if sent is None:
            events.append(Ready())
            return
        assert isinstance(sent.call, Authorised)
        sent.renewed = True
        self._heard = now
        self._send(msgspec.structs.replace(sent.call, access_token=self._access))

    def _answered(self, answer: Any, now: float, events: list[AnyEvent]) -> None:
        sent = self._sent
        assert sent is not None
        found = _verdict(answer)
        if found is not None and found.remedy is Remedy.SIGN_IN:
            if self.state is State.CALLING and not sent.renewed:
                self._go(Move.EXPIRED)
                self._own(self._sign_in(), now + self.settings.sign_in_timeout)
                return
            found = SIGNED_OUT
        self._sent = None
        self._go(Move.ANSWER)
        events.append(_outcome(sent, answer, found, now))
        if self.over():
            events.append(CloseLink("we leave"))
        else:
            events.append(Ready())

    # --- small things --------------------------------------------------------------------------

    def _abandon(self, reason: str, events: list[AnyEvent]) -> None:
        """Ends the owner's call without an answer: unknown if it is out, else surely not done."""
        sent, self._sent, self._awaited = self._sent, None, None
        if sent is None:
            return
        if self.state is State.RENEWING:
            events.append(Refused(sent.tag, sent.call, "", reason, SIGNED_OUT))
        else:
            events.append(Lost(sent.tag, sent.call, reason, UNANSWERED))

    def _close(
        self, why: str, events: list[AnyEvent], *, abort: bool = False, pause: float = 0.0
    ) -> None:
        self._abandon(why, events)
        self._go(Move.END)
        events.append(CloseLink(why, abort, pause))

    def _go(self, move: Move) -> None:
        state = states.after(self.state, move)
        if state is None:
            raise NotAllowedError(f"{move.value} while {self.state.value}")
        self.state = state

    def _sign_in(self) -> SignIn:
        login = self._login
        call = SignIn(
            message_id=f"{login.name}.{self._sequence}",
            realm=login.realm,
            username=login.username,
            password=login.password,
            session_opts=SessionOptions(API_VERSION, login.culture),
        )
        for name in ("message_id", "realm", "username"):
            _check_ident(getattr(call, name), name)
        return call

    def _own(self, call: Call, by: float) -> None:
        self._send(call)
        self._own_by = by

    def _send(self, call: Call) -> None:
        sequence = self._sequence % message.LAST_SEQUENCE + 1
        frame = message.encode_struct(MessageType.CALL, call.method, sequence, call)
        self._sequence = sequence
        self._awaited = (sequence, call)
        self._out.append(frame)


def _check_ident(text: str, name: str) -> None:
    if not IDENT.fullmatch(text):
        raise EncodeError("is 1 to 40 letters, digits and _-., and begins with no sign", name)


def _verdict(answer: Any) -> Verdict | None:
    """The verdict on an error; None for a result."""
    if type(answer) is ApiError:
        return verdict(answer)
    return fault_verdict(answer) if type(answer) is ApplicationException else None


def _words(answer: ApiError | ApplicationException) -> tuple[str, str]:
    if isinstance(answer, ApiError):
        return answer.e_code, answer.e_msg_en
    return f"TApplicationException {answer.type}", answer.message or ""


def _outcome(
    sent: _Sent, answer: Any, found: Verdict | None, now: float
) -> Returned | Refused | Lost:
    if found is None:
        return Returned(sent.tag, sent.call, answer, now - sent.at)
    error_id, sentence = _words(answer)
    if found.remedy is Remedy.NEVER_MADE and not isinstance(sent.call, FetchTokenResult):
        found = UNKNOWN  # an answer to a question that was not asked
    if found.remedy is Remedy.ASK:
        return Lost(sent.tag, sent.call, f"{error_id}: {sentence}", found)
    return Refused(sent.tag, sent.call, error_id, sentence, found)
