"""An SMPP link as a service: keeps its bind(s) up and is shared by the channels that use it.

Incoming messages go to the first subscriber that wants them; each is answered on the wire only
when the subscriber's deferred fires, that is after it was journaled. Outgoing ones are submitted
through pace, window and throttle, and end in exactly one way: the response, surely refused, surely
not sent, or unknown.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
from twisted.internet.defer import Deferred, fail, gatherResults
from twisted.python.failure import Failure

from adapters._session import CloseLink
from adapters.smpp.esme import EsmeLink
from adapters.smpp.events import (
    Answered,
    AnyEvent,
    BindRefused,
    Bound,
    Defect,
    PeerLeaves,
    Requested,
    Throttled,
    Unknown,
)
from adapters.smpp.pdu import (
    Bind,
    BindReceiver,
    BindTransceiver,
    BindTransmitter,
    DataSm,
    DeliverSm,
    Pdu,
)
from adapters.smpp.status import Status
from adapters.smpp.status import name as status_name
from hub.channel import Overloaded
from hub.dialer import Backoff, Dialer
from hub.links.smpp_config import SmppLinkConfig
from hub.links.submits import SubmitNotSent, SubmitRefused, Submits, SubmitUnknown
from hub.links.surroundings import Surroundings, read_password
from hub.wire import Wire

__all__ = [
    "Handler",
    "Incoming",
    "SmppLink",
    "SubmitNotSent",
    "SubmitRefused",
    "SubmitUnknown",
]

Incoming = DeliverSm | DataSm
Wants = Callable[[Incoming], bool]
Handler = Callable[[Incoming], "Deferred[int]"]

_BINDS: Final[Mapping[str, Mapping[str, type[Bind]]]] = {
    "trx": {"trx": BindTransceiver},
    "tx+rx": {"tx": BindTransmitter, "rx": BindReceiver},  # the sender stands first
}


@dataclass(frozen=True, slots=True)
class _Lost:
    """Our own event, after the last of a connection's."""

    reason: str


class _Bind(EsmeLink):
    """One bind; says when its connection is gone."""

    def lost(self, reason: str, now: float) -> list[Any]:
        return [*super().lost(reason, now), _Lost(reason)]


def make_link(name: str, options: Mapping[str, Any], reactor: Any, base: Path) -> "SmppLink":
    """The link of a configuration's section; msgspec.ValidationError names the wrong field."""
    config = msgspec.convert(options, SmppLinkConfig)
    password = read_password(config.password_file, base)
    return SmppLink(config, password, Surroundings.of(name, reactor))


class SmppLink:
    """One operator's link; see :class:`SmppLinkConfig`."""

    def __init__(self, config: SmppLinkConfig, password: str, around: Surroundings) -> None:
        self.config = config
        self._log = around.log
        self._clock = around.clock
        self._counters: Counter[str] = Counter()
        self._bound_at = float("-inf")
        self._subscribers: list[tuple[Wants, Handler]] = []
        self._listeners: list[Callable[[], None]] = []
        self._telling = False
        self._leaving: dict[str, Deferred[None]] = {}
        self._stopping = False
        kinds = _BINDS[config.bind]
        self._binds = {
            name: _Bind(config.login(kind, password), config.settings())
            for name, kind in kinds.items()
        }
        self._sender = next(iter(kinds))
        self._dialers = {name: self._dialer(name, around) for name in kinds}
        sender, dialer = self._binds[self._sender], self._dialers[self._sender]
        self._out = Submits(sender, config.submit_rate, around.clock, dialer.touch, self._tell_free)
        self._out.verdicts = config.verdicts()

    def _dialer(self, name: str, around: Surroundings) -> Dialer:
        config = self.config
        backoff = Backoff(first=config.reconnect_first_s, longest=config.reconnect_longest_s)
        return Dialer(
            around.reactor,
            config.endpoint,
            self._binds[name],
            partial(self._on_event, name),
            around.draw,
            backoff,
            around.clock,
        )

    # --- life -----------------------------------------------------------------------------------

    def start(self) -> None:
        """Connects and stays connected."""
        for dialer in self._dialers.values():
            dialer.start()

    def stop(self) -> "Deferred[None]":
        """Unbinds after what is in flight (within the session's limits) and closes."""
        self._stopping = True
        self._out.give_up("the link is being stopped")
        done = []
        for name, dialer in self._dialers.items():
            if dialer.wire is None:
                done.append(dialer.stop())
            else:
                done.append(self._leaving.setdefault(name, Deferred()))
                dialer.wire.handle(self._binds[name].leave(self._clock.seconds()))
        return gatherResults(done).addCallback(lambda _: None)

    # --- for channels ---------------------------------------------------------------------------

    def subscribe(self, wants: Wants, handler: Handler) -> None:
        """Take incoming messages: ``handler`` gives the command_status of the answer."""
        self._subscribers.append((wants, handler))

    def submit(self, pdu: Pdu) -> "Deferred[Pdu]":
        """Send a request; fires with its response.

        Fails with SubmitRefused, SubmitNotSent or SubmitUnknown. The caller keeps to
        :meth:`free`; the parts of one message may go a little over it.
        """
        return self._out.submit(pdu) if self.up else fail(SubmitNotSent("the link is down"))

    @property
    def up(self) -> bool:
        """Whether messages can be submitted."""
        return self._binds[self._sender].session.bound and not self._stopping

    def bound_for(self) -> float:
        """Seconds since the last bind; after it the SMSC delivers again what had no answer."""
        return self._clock.seconds() - self._bound_at

    @property
    def outstanding(self) -> int:
        """Requests whose end is not known yet."""
        return self._out.outstanding

    def free(self) -> int:
        """How many more requests it can take now."""
        return self._out.room() if self.up else 0

    def on_free(self, callback: Callable[[], None]) -> None:
        """Call back after :meth:`free` has grown; at most once a turn of the reactor."""
        self._listeners.append(callback)

    def status(self) -> Mapping[str, Any]:
        """State of each bind, what waits, the rate after throttling, and counts since start."""
        return {
            "state": "up" if self.up else "down",
            "binds": {name: bind.session.state.value for name, bind in self._binds.items()},
            "peer": self.config.endpoint,
            "outstanding": self.outstanding,
            "rate": self._binds[self._sender].throttle.rate,
            **self._out.counters,
            **self._counters,
        }

    # --- inside ---------------------------------------------------------------------------------

    def _tell_free(self) -> None:
        if not self._telling and self._listeners:
            self._telling = True
            self._clock.callLater(0, self._told)

    def _told(self) -> None:
        self._telling = False
        for listener in self._listeners:
            listener()

    def _requested(self, name: str, event: Requested) -> None:
        pdu = event.pdu
        handler = self._handler_of(pdu)
        if handler is None:
            self._counters["unwanted"] += 1
            self._log.warning("smpp.unwanted", command=pdu.command, bind=name)
            early = not self._subscribers  # the channels are not there yet: it shall come again
            status = Status.ESME_RX_T_APPN if early else Status.ESME_RX_R_APPN
            self._respond(name, event.handle, status)
            return
        self._counters["delivered"] += 1
        try:
            answer = handler()
        except Exception:  # a channel's own mistake must not cost the SMSC its answer
            answer = fail()
        answer.addBoth(partial(self._answered, name, event.handle))

    def _handler_of(self, pdu: Pdu) -> "Callable[[], Deferred[int]] | None":
        if isinstance(pdu, DeliverSm | DataSm):
            for wants, handler in self._subscribers:
                if wants(pdu):
                    return partial(handler, pdu)
        return None

    def _answered(self, name: str, handle: int, status: int | Failure) -> None:
        self._respond(
            name, handle, self._trouble(status) if isinstance(status, Failure) else status
        )

    def _trouble(self, failure: Failure) -> int:
        """Nothing was stored: the SMSC must keep the message and come again."""
        if isinstance(failure.value, Overloaded):
            self._counters["pushed back"] += 1
            return Status.ESME_RMSGQFUL
        self._counters["trouble"] += 1
        self._log.error("smpp.not-stored", error=failure.getErrorMessage())
        return Status.ESME_RX_T_APPN

    def _respond(self, name: str, handle: int, status: int) -> None:
        self._binds[name].respond(handle, None, status)  # too late is nobody's loss: it comes again
        self._dialers[name].touch()

    def _on_event(self, name: str, _wire: Wire, event: AnyEvent | _Lost) -> None:
        match event:
            case Requested():
                self._requested(name, event)
            case Answered():
                self._out.answered(event)
            case Unknown():
                self._out.unknown(event)
            case Throttled():
                self._counters["throttled"] += 1
            case Bound():
                self._counters["binds"] += 1
                self._bound_at = self._clock.seconds()
                self._log.info("smpp.bound", bind=name, smsc=event.system_id)
                self._tell_free()
            case BindRefused():
                self._log.error("smpp.bind-refused", bind=name, status=status_name(event.status))
            case Defect():
                self._counters["defects"] += 1
                self._log.warning("smpp.broke-protocol", why=event.why)
            case PeerLeaves():
                self._log.info("smpp.unbound", bind=name)
            case CloseLink() | _Lost():
                self._closing(name, event)

    def _closing(self, name: str, event: CloseLink | _Lost) -> None:
        if isinstance(event, _Lost):
            self._log.info("smpp.link-lost", bind=name, reason=event.reason)
            if name == self._sender:
                self._out.give_up(event.reason)
        if name in self._leaving:
            self._dialers[name].stop().chainDeferred(self._leaving.pop(name))
