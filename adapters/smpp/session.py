"""A session of SMPP 3.4, either side, without I/O: bytes and time in, bytes and events out.

The states are in :mod:`.states`. Times are monotonic seconds that the caller passes in. No method
raises because of what the peer sent; methods that our own side calls raise
:class:`~adapters.smpp.errors.LocalError`.
"""

from math import inf

from adapters._session import CloseLink
from adapters.smpp import codec, states, tlv
from adapters.smpp.errors import DecodeError, LocalError, NotAllowedError, WindowFullError
from adapters.smpp.events import (
    AnyEvent,
    BindRefused,
    BindRequested,
    Bound,
    Defect,
    Notified,
    Outbound,
    PeerLeaves,
    Requested,
)
from adapters.smpp.framing import Framer
from adapters.smpp.keepalive import Keepalive, Pulse
from adapters.smpp.pdu import (
    COMMANDS,
    RESPONSE,
    AlertNotification,
    Bind,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    Outbind,
    Pdu,
    Unbind,
    UnbindResp,
    response_of,
)
from adapters.smpp.settings import Settings
from adapters.smpp.states import BINDING, BOUND, LEAVING, Move, Side, State
from adapters.smpp.status import LOGIN_REFUSED, Status
from adapters.smpp.window import Window

_EVIDENCE = 64  # octets of a bad PDU worth a line in the log


class SmppSession:
    """One end of a link. ``login`` is the bind that an ESME sends, or the outbind of an SMSC.

    An ESME without a login waits for outbind or for :meth:`bind`. The object is used again after
    a loss: :meth:`connected` begins a new session.
    """

    def __init__(
        self,
        side: Side,
        settings: Settings | None = None,
        login: Bind | Outbind | None = None,
        *,
        await_outbind: bool = False,
    ) -> None:
        self.side = side
        self.settings = settings or Settings()
        self.login = login
        if login is not None:  # a wrong one is our own mistake: found here, not on each connection
            codec.encode(login, 1, strict=self.settings.strict_texts)
        self.await_outbind = await_outbind
        self._window = Window()
        self._handle = 0
        self._begin(0.0)
        self.state = State.CLOSED

    def _begin(self, now: float) -> None:
        self.state = State.OPEN
        self._framer = Framer(self.settings.longest_pdu)
        self._out: list[bytes] = []
        self._window.clear()
        self._unanswered: dict[int, tuple[int, type[Pdu]]] = {}
        self._keepalive = Keepalive(self.settings, now)
        self._part_since = now
        self._bind_by = now + self.settings.bind_timeout
        self._leave_by = inf
        self._gone_by = inf
        self._peer_unbind: int | None = None
        self._finished = False

    # --- what every session offers -------------------------------------------------------------

    def connected(self, now: float) -> list[AnyEvent]:
        """The transport is up: an ESME logs in, an SMSC waits for that."""
        self._begin(now)
        if isinstance(self.login, Bind) and not self.await_outbind:
            self.bind(self.login, now)
        elif isinstance(self.login, Outbind):
            self.state = self._must(Move.OUTBIND, Outbind)
            self._send(self.login, self._window.next_sequence())
        return []

    def receive(self, data: bytes, now: float) -> list[AnyEvent]:
        """What the peer's octets mean. Never raises on them."""
        events: list[AnyEvent] = []
        if self._finished:
            return events
        frames = self._framer.feed(data)
        if frames:
            self._part_since = now
            self._keepalive.heard(now)
            for frame in frames:
                self._frame(frame, now, events)
                if self.over():
                    return events
        elif self._framer.waiting == len(data):
            self._part_since = now
        if self._framer.defect is not None:
            self._send(GenericNack(), 0, Status.ESME_RINVCMDLEN)
            events.append(Defect(self._framer.defect, Status.ESME_RINVCMDLEN, data[:_EVIDENCE]))
            self._close(self._framer.defect, events)
        elif self.state in LEAVING:
            self._settle(now, events)
        return events

    def tick(self, now: float) -> list[AnyEvent]:
        """Does what is due by now."""
        events: list[AnyEvent] = []
        if self._finished or self.state is State.CLOSED:
            return events
        events += self._window.expire(self.settings.response_timeout, now)
        if now >= self._bind_by:
            self._close("no bind in time", events)
        elif now >= self._gone_by:
            self._close("no unbind_resp in time", events)
        elif self._framer.waiting and now >= self._part_since + self.settings.pdu_timeout:
            self._close("a PDU was begun and not ended", events, abort=True)
        else:
            self._enquire(now, events)
        if self.state in LEAVING and not self._finished:
            self._settle(now, events)
        return events

    def lost(self, reason: str, now: float) -> list[AnyEvent]:  # noqa: ARG002
        """The transport is gone: whatever was in flight has an unknown outcome."""
        events: list[AnyEvent] = [*self._window.fail(reason)]
        self._unanswered.clear()
        self._out.clear()
        self._finished = True
        self.state = states.TABLE[self.state, Move.CLOSE]
        return events

    def outgoing(self) -> bytes:
        """The octets to write now; asking empties them."""
        if not self._out:
            return b""
        data = b"".join(self._out)
        self._out.clear()
        return data

    def deadline(self) -> float | None:
        """When :meth:`tick` must be called at the latest."""
        if self._finished or self.state is State.CLOSED:
            return None
        settings = self.settings
        due = min(
            self._bind_by,
            self._gone_by,
            self._leave_by,
            self._window.oldest() + settings.response_timeout,
            self._keepalive.deadline(),
        )
        if self._framer.waiting:
            due = min(due, self._part_since + settings.pdu_timeout)
        return due

    # --- what our own side asks for ------------------------------------------------------------

    def over(self) -> bool:
        """Whether this session has ended and only waits for its transport to close."""
        return self._finished

    @property
    def bound(self) -> bool:
        """Whether traffic may flow."""
        return self.state in BOUND and not self._finished

    @property
    def room(self) -> int:
        """How many requests the window still takes; 0 unless bound."""
        return self.settings.window - len(self._window) if self.bound else 0

    def bind(self, login: Bind, now: float) -> None:
        """ESME: log in (done by itself if the session has a login and needs no outbind)."""
        move = states.move_of(self.side, type(login))
        self.state = self._must(move, type(login))
        self._bind_by = now + self.settings.bind_timeout
        self._send_own(login)

    def request(
        self, pdu: Pdu, token: object, now: float, encoded: bytes | None = None
    ) -> int | None:
        """Sends a request; returns its sequence, None if it never has a response.

        ``token`` comes back with :class:`Answered`, :class:`Throttled` or :class:`Unknown`.
        ``encoded`` is the PDU's own wire form with any sequence, if it is known already.
        Raises NotAllowedError, WindowFullError or EncodeError, and then nothing was sent.
        """
        if not self.bound:
            raise NotAllowedError(f"{pdu.command} while {self.state.value}")
        self._must(states.move_of(self.side, type(pdu)), type(pdu))
        if len(self._window) >= self.settings.window:
            raise WindowFullError(f"{self.settings.window} requests are waiting")
        sequence = self._window.next_sequence()
        if encoded is None:
            encoded = codec.encode(pdu, sequence)
        else:
            encoded = encoded[:12] + sequence.to_bytes(4, "big") + encoded[16:]
        self._out.append(encoded)
        if type(pdu) is AlertNotification:
            return None
        self._window.add(sequence, token, pdu, now)
        return sequence

    def respond(self, handle: int, reply: Pdu | None = None, status: int = 0) -> bool:
        """Answers a request of the peer. False if it is too late: the link is another one.

        Without ``reply`` the response is the plain one of its kind.
        """
        if handle not in self._unanswered:
            return False
        sequence, kind = self._unanswered[handle]
        if reply is not None and type(reply) is not kind:
            raise LocalError(f"{reply.command} does not answer what wants {kind.command}")
        self._send(kind() if reply is None else reply, sequence, status)
        del self._unanswered[handle]
        if self.state in BINDING:
            self.state = states.TABLE[self.state, Move.REFUSE if status else Move.ACCEPT]
            if not status:
                self._bind_by = inf
        elif self.state in LEAVING and not self._unanswered and not self._window:
            self._leave_by = -inf  # nothing is left to wait for
        return True

    def leave(self, now: float) -> list[AnyEvent]:
        """Unbinds after what is in flight (at most ``drain_timeout``), then closes the link."""
        events: list[AnyEvent] = []
        if self._finished or self.state is State.CLOSED:
            return events
        if self.state in BOUND:
            self.state = self._must(states.leave_of(self.side), Unbind)
            self._leave_by = now + self.settings.drain_timeout
            self._settle(now, events)
        elif self.state not in LEAVING:
            self._close("left before the bind", events)
        return events

    # --- what the peer sent --------------------------------------------------------------------

    def _frame(self, frame: bytes, now: float, events: list[AnyEvent]) -> None:
        try:
            packet = codec.decode(frame)
        except DecodeError as error:
            self._malformed(frame, error, now, events)
            return
        if packet.pdu.command_id & RESPONSE:
            self._response(packet, now, events)
        else:
            self._request(packet, frame, now, events)

    def _malformed(
        self, frame: bytes, error: DecodeError, now: float, events: list[AnyEvent]
    ) -> None:
        """A whole frame with a bad body, or of an unknown command."""
        head = codec.header(frame)
        kind = COMMANDS.get(head.command_id)
        answer = None if kind is None else response_of(kind)
        status = 0
        if kind is None and not head.command_id & RESPONSE:
            status = error.status
            self._send(GenericNack(), head.sequence, status)
        elif answer is not None and kind not in (EnquireLink, Unbind):
            status = error.status
            self._send(answer(), head.sequence, status)
        events.append(Defect(str(error), status, frame[:_EVIDENCE]))
        if kind is None:
            return
        if head.command_id & RESPONSE:  # its header is good enough to end the request
            self._response(codec.Packet(kind(), head.sequence, head.status), now, events)
        elif kind in (EnquireLink, Unbind):  # have no body to be wrong
            self._request(codec.Packet(kind(), head.sequence), frame, now, events)

    def _request(
        self, packet: codec.Packet, frame: bytes, now: float, events: list[AnyEvent]
    ) -> None:
        pdu = packet.pdu
        kind = type(pdu)
        move = states.move_of(self.side.other, kind)
        state = None if move is None else states.after(self.state, move)
        if state is None:
            self._refuse(packet, frame, events)
            return
        self.state = state
        if kind is EnquireLink:
            self._send(EnquireLinkResp(), packet.sequence)
        elif kind is Unbind:
            self._peer_unbind = packet.sequence
            self._leave_by = now + self.settings.drain_timeout
            events.append(PeerLeaves())
        elif isinstance(pdu, AlertNotification):
            events.append(Notified(pdu))
        elif isinstance(pdu, Outbind):
            events.append(Outbound(pdu))
            if isinstance(self.login, Bind):
                self.bind(self.login, now)
        elif len(self._unanswered) >= self.settings.unanswered:
            self._refuse(packet, frame, events, Status.ESME_RMSGQFUL)
        else:
            self._handle += 1
            answer = response_of(kind)
            assert answer is not None
            self._unanswered[self._handle] = (packet.sequence, answer)
            if isinstance(pdu, Bind):
                events.append(BindRequested(self._handle, pdu))
            else:
                events.append(Requested(self._handle, pdu))

    def _refuse(
        self,
        packet: codec.Packet,
        frame: bytes,
        events: list[AnyEvent],
        status: Status = Status.ESME_RINVBNDSTS,
    ) -> None:
        pdu = packet.pdu
        if isinstance(pdu, Bind) and self.state is not State.OPEN and self.side is Side.SMSC:
            status = Status.ESME_RALYBND
        answer = response_of(type(pdu))
        if answer is not None:
            self._send(answer(), packet.sequence, status)
        why = f"{pdu.command} from the {self.side.other.value} while {self.state.value}"
        events.append(Defect(why, status if answer else 0, frame[:_EVIDENCE]))

    def _response(self, packet: codec.Packet, now: float, events: list[AnyEvent]) -> None:
        outcome = self._window.answer(packet, now)
        if outcome is not None:
            events.append(outcome)
            return
        own = self._window.answer_own(packet)
        if own is None:
            why = f"{packet.pdu.command} answers nothing that waits (sequence {packet.sequence})"
            events.append(Defect(why, 0, b""))
        elif issubclass(own, Bind):
            self._bind_response(packet, events)
        elif own is EnquireLink:
            self._keepalive.answered()
        else:
            self._close("unbound", events)

    def _bind_response(self, packet: codec.Packet, events: list[AnyEvent]) -> None:
        pdu, _, status = packet
        if self.state not in BINDING:
            return  # we are leaving already
        if isinstance(pdu, GenericNack) and not status:
            status = Status.ESME_RBINDFAIL
        self.state = states.TABLE[self.state, Move.REFUSE if status else Move.ACCEPT]
        self._bind_by = inf
        if status:
            events.append(BindRefused(status))
            pause = self.settings.refused_pause if status in LOGIN_REFUSED else 0.0
            self._close(f"bind refused: status 0x{status:X}", events, pause=pause)
            return
        version = tlv.integer(pdu.tlvs, tlv.Tag.sc_interface_version)
        events.append(Bound(getattr(pdu, "system_id", ""), version, pdu.tlvs))

    # --- timers and small things ---------------------------------------------------------------

    def _enquire(self, now: float, events: list[AnyEvent]) -> None:
        pulse = self._keepalive.due(now)
        if pulse is Pulse.ASK:
            self._send_own(EnquireLink())
        elif pulse is Pulse.DEAD:
            why = f"the peer was silent to {self._keepalive.missed} enquire_link"
            self._close(why, events, abort=True)

    def _settle(self, now: float, events: list[AnyEvent]) -> None:
        """While a side leaves: says goodbye once nothing is in flight, or time is up."""
        waiting = bool(self._window or self._unanswered) and now < self._leave_by
        if waiting or self._finished:
            return
        if self._peer_unbind is not None:
            self._send(UnbindResp(), self._peer_unbind)
            self._close("the peer unbound", events)
        elif self._gone_by == inf:
            self._leave_by = inf
            self._gone_by = now + self.settings.unbind_timeout
            self._send_own(Unbind())

    def _must(self, move: Move | None, kind: type[Pdu]) -> State:
        state = None if move is None or self._finished else states.after(self.state, move)
        if state is None:
            raise NotAllowedError(
                f"{kind.command} by the {self.side.value} while {self.state.value}"
            )
        return state

    def _send_own(self, pdu: Pdu) -> None:
        sequence = self._window.next_sequence()
        self._send(pdu, sequence)
        self._window.add_own(sequence, type(pdu))

    def _send(self, pdu: Pdu, sequence: int, status: int = 0) -> None:
        self._out.append(codec.encode(pdu, sequence, status, strict=self.settings.strict_texts))

    def _close(
        self, why: str, events: list[AnyEvent], *, abort: bool = False, pause: float = 0.0
    ) -> None:
        self._finished = True
        events.append(CloseLink(why, abort, pause))
