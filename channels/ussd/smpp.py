"""The SMPP face: USSD over a bind that may carry SMS beside it.

What the link brings with a ``ussd_service_op`` (or the service type USSD) is ours. It is answered
on the wire at once; the screen follows as a ``submit_sm`` with the marks of the link's profile.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from twisted.internet.defer import Deferred, succeed

from adapters.smpp import gsm0338, tlv
from adapters.smpp.pdu import DataSm, DeliverSm, Pdu, SubmitSm
from adapters.smpp.status import Status
from adapters.ussd.codes import split_dialled
from adapters.ussd.smpp import Event, Profile, UssdError, marks, read, session_key
from adapters.ussd.smpp import Kind as Said
from channels.ussd.conversation import Conversation, Hop, Kind
from channels.ussd.screens import Shown
from channels.ussd.sessions import Session, SessionKey
from channels.ussd.state import (
    Phase,
)
from hub.channel import Ports
from hub.msisdn import e164

Incoming = DeliverSm | DataSm
#: A start that comes again this soon is the network's, not the customer's (he needs some seconds).
DOUBLE_START_US: Final = 5_000_000


class Link(Protocol):
    """What is asked of a shared SMPP link."""

    def subscribe(
        self, wants: Callable[[Any], bool], handler: "Callable[[Any], Deferred[int]]"
    ) -> None:
        """Take incoming messages; the handler gives the command_status of the answer."""

    def submit(self, pdu: Pdu) -> "Deferred[Pdu]":
        """Send a request; fires with its response."""


def wanted(pdu: Incoming) -> bool:
    """True for a message that is USSD, whatever else the link carries."""
    return tlv.raw(pdu.tlvs, tlv.Tag.ussd_service_op) is not None or pdu.service_type == "USSD"


@dataclass(frozen=True, slots=True)
class SmppFace:
    """One link's sessions. ``codes`` are the service codes; what is dialled behind them answers."""

    ports: Ports
    conversation: Conversation
    link: Link
    link_name: str
    profile: Profile
    codes: tuple[str, ...]
    alphabet: gsm0338.Alphabet

    def start(self) -> None:
        """From now on the link's USSD messages are ours."""
        self.link.subscribe(wanted, self.handle)

    def handle(self, pdu: Incoming) -> "Deferred[int]":
        """One message of the network; the command_status of its answer."""
        op = tlv.integer(pdu.tlvs, tlv.Tag.ussd_service_op)
        info = tlv.raw(pdu.tlvs, tlv.Tag.its_session_info)
        try:
            event = read(self.profile, op, info, self._text_of(pdu))
            key = self._key(pdu, event)
        except UssdError as error:
            self.conversation.counts["malformed"] += 1
            self.ports.log.warning("ussd.malformed", link=self.link_name, reason=str(error))
            return succeed(int(Status.ESME_RX_R_APPN))
        if event.kind in (Said.END, Said.ABORT):
            session = self.conversation.find(key)
            if session is not None:
                self.conversation.hang_up(session)
        else:
            answering = Deferred.fromCoroutine(self._answer(key, event, pdu, info))
            answering.addErrback(self._failed)
        return succeed(0)

    async def _answer(
        self, key: SessionKey, event: Event, pdu: Incoming, info: bytes | None
    ) -> None:
        session = self.conversation.find(key)
        if event.kind is Said.BEGIN:
            shown = await self._begun(key, session, event)
        elif session is None:
            shown = self.conversation.lost()
        else:
            hop = self._hop(session, event)
            if hop is None:
                return
            shown = await self.conversation.hop(session, hop)
        await self.link.submit(self._screen(shown, pdu, info))

    async def _begun(self, key: SessionKey, session: Session | None, event: Event) -> Shown:
        split = split_dialled(event.text, self.codes)
        answers = split[1] if split else ()
        name = f"begin:{event.text}"
        if session is not None and self._doubled(session, name):
            return await self.conversation.hop(session, Hop(Kind.REPEAT, name))
        session = self.conversation.begin(key)
        if session is None:
            return self.conversation.busy()
        return await self.conversation.hop(session, Hop(Kind.BEGIN, name, answers))

    def _doubled(self, session: Session, name: str) -> bool:
        fresh = self.ports.now_us() - session.started_us <= DOUBLE_START_US
        known = session.reply_to(name) is not None or session.turn.locked
        unanswered = session.state.hop == 0 and session.state.phase is not Phase.ENDED
        return fresh and known and unanswered

    def _hop(self, session: Session, event: Event) -> Hop | None:
        """The hop, named by the dialog where the network counts; else by our own count.

        An answer that comes before its screen has left cannot be one to that screen: it is the
        last one again, and its screen is on the way.
        """
        if event.hop is not None:
            return Hop(Kind.ANSWER, f"{event.hop}:{event.text}", (event.text,))
        if session.turn.locked:
            self.conversation.counts["early"] += 1
            return None
        return Hop(Kind.ANSWER, f"{session.state.hop + 1}:{event.text}", (event.text,))

    def _key(self, pdu: Incoming, event: Event) -> SessionKey:
        number = e164(pdu.source_addr, self.ports.company.country_code, pdu.source_addr_ton)
        if not number:
            raise UssdError("the source address is no subscriber's number")
        session = session_key(self.profile, self.link_name, number, event.session)
        return SessionKey(self.ports.name, number, session)

    def _text_of(self, pdu: Incoming) -> str:
        octets = tlv.raw(pdu.tlvs, tlv.Tag.message_payload)
        if octets is None:
            octets = pdu.short_message if isinstance(pdu, DeliverSm) else b""
        return gsm0338.decode(octets, pdu.data_coding, self.alphabet)

    def _screen(self, shown: Shown, pdu: Incoming, info: bytes | None) -> SubmitSm:
        """The screen as an answer to ``pdu``: addresses turned round, marks of the profile."""
        said = marks(self.profile, info, shown.closes)
        coding, octets = self._encoded(shown.text)
        tlvs = [tlv.make(tlv.Tag.ussd_service_op, said.op)]
        if said.session_info is not None:
            tlvs.append(tlv.make(tlv.Tag.its_session_info, said.session_info))
        if self.profile.payload:
            tlvs.append(tlv.make(tlv.Tag.message_payload, octets))
        return SubmitSm(
            service_type=self.profile.service_type,
            source_addr_ton=pdu.dest_addr_ton,
            source_addr_npi=pdu.dest_addr_npi,
            source_addr=pdu.destination_addr,
            dest_addr_ton=pdu.source_addr_ton,
            dest_addr_npi=pdu.source_addr_npi,
            destination_addr=pdu.source_addr,
            data_coding=coding,
            short_message=b"" if self.profile.payload else octets,
            tlvs=tuple(tlvs),
        )

    def _encoded(self, text: str) -> tuple[int, bytes]:
        try:
            return self.profile.data_coding, gsm0338.gsm_encode(text)
        except gsm0338.NotInAlphabetError:
            return self.profile.ucs2_coding, gsm0338.ucs2_encode(text)

    def _failed(self, failure: Any) -> None:
        """The screen did not leave: the customer dials again, and what he bought comes by SMS."""
        self.conversation.counts["screen-lost"] += 1
        self.ports.log.warning("ussd.screen-lost", reason=failure.getErrorMessage())
