"""What a session tells its owner, in the order in which it happened."""

import msgspec

from adapters._session import CloseLink
from adapters.smpp.pdu import AlertNotification, Bind, Outbind, Pdu
from adapters.smpp.tlv import Tlv


class Event(msgspec.Struct, frozen=True, gc=False):
    """The root of all events but CloseLink, which every protocol shares."""


class Bound(Event, frozen=True, gc=False):
    """ESME: the login was accepted; ``version`` is None if the SMSC did not tell it.

    Without a version (or below 0x34) the SMSC speaks 3.3 and knows no optional parameters.
    """

    system_id: str
    version: int | None = None
    tlvs: tuple[Tlv, ...] = ()


class BindRefused(Event, frozen=True, gc=False):
    """ESME: the login was refused; CloseLink follows."""

    status: int


class BindRequested(Event, frozen=True, gc=False):
    """SMSC: an ESME logs in; answer with ``respond(handle, …)``."""

    handle: int
    pdu: Bind


class Outbound(Event, frozen=True, gc=False):
    """ESME: the SMSC asks us to bind; the session does so if it has a login."""

    pdu: Outbind


class Requested(Event, frozen=True, gc=False):
    """The peer asks for something; answer with ``respond(handle, …)``."""

    handle: int
    pdu: Pdu


class Notified(Event, frozen=True, gc=False):
    """A message that wants no answer."""

    pdu: AlertNotification


class Answered(Event, frozen=True, gc=False):
    """The response to a request of ours: a sure outcome, good or bad by ``status``.

    ``response`` is a GenericNack if the peer did not understand the request.
    """

    token: object
    request: Pdu
    response: Pdu
    status: int
    seconds: float  # between request and response


class Throttled(Event, frozen=True, gc=False):
    """The peer wants less (0x58 or 0x14). Nothing was accepted; the request may be sent again.

    From :class:`~adapters.smpp.esme.EsmeLink` it is news only: the link sends it again itself.
    """

    token: object
    request: Pdu
    status: int
    sent_at: float


class Unknown(Event, frozen=True, gc=False):
    """Nobody knows whether the peer accepted this request: no response, or the link was lost."""

    token: object
    request: Pdu
    reason: str


class PeerLeaves(Event, frozen=True, gc=False):
    """The peer sent unbind: it is answered after what is in flight, then the link closes."""


class Defect(Event, frozen=True, gc=False):
    """The peer broke the protocol; it was answered as the standard says. For the log."""

    why: str
    status: int  # what it was answered, 0 if nothing
    evidence: bytes  # the first octets of the PDU


AnyEvent = Event | CloseLink
