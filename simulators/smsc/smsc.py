"""A friendly SMSC. It knows SMPP and phones, never us; misbehaviours are in :mod:`.kinds`.

Everything that a misbehaviour may want to change is one small method: ``login``, ``submitted``,
``answer``, ``receipt``, ``enqueue``.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.defer import Deferred

from adapters.smpp import segment
from adapters.smpp.events import Answered, BindRequested, Requested, Throttled, Unknown
from adapters.smpp.gsm0338 import Alphabet
from adapters.smpp.pdu import (
    CancelSm,
    DataSm,
    DataSmResp,
    DeliverSm,
    Message,
    QuerySm,
    QuerySmResp,
    ReplaceSm,
    SubmitMulti,
    SubmitMultiResp,
    SubmitSm,
    SubmitSmResp,
    response_of,
)
from adapters.smpp.receipt import MessageState
from adapters.smpp.segment import Reassembly, Text
from adapters.smpp.session import SmppSession
from adapters.smpp.settings import Settings
from adapters.smpp.states import Side
from adapters.smpp.status import Status
from hub.wire import Clock, Event, Monotonic, Wire, listen
from simulators.smsc.deliveries import Deliveries, Link
from simulators.smsc.dialects import DIALECTS, write
from simulators.smsc.phones import Phones, Received, plain
from simulators.smsc.ussd import UssdDesk, UssdProfile

_REMEMBERED = 100_000  # submitted messages that query_sm can ask for


@dataclass(frozen=True, slots=True)
class Options:
    """What an operator decides. ``password`` None takes any login."""

    dialect: str = "kannel"
    alphabet: Alphabet = "gsm"
    password: str | None = None
    system_id: str = "smsc"
    split: segment.Method = "udh8"  # long texts from phones
    share: float = 0.01  # of submits that ThrottlingSMSC throttles
    every: int = 10  # the submit at which UnbindingSMSC and their like strike
    window: int = 50
    ussd: UssdProfile = field(default_factory=UssdProfile)


class SMSC:
    """Takes any login, accepts every message, delivers it to its phone, tells so if asked."""

    name = "friendly"

    def __init__(
        self, reactor: Any, options: Options | None = None, clock: Clock | None = None,
        wall: Callable[[], float] = lambda: 0.0,
    ) -> None:  # fmt: skip
        self.options = options or Options()
        self.dialect = DIALECTS[self.options.dialect]
        self.phones = Phones()
        self.links: list[Link] = []
        self.clock = clock or Monotonic(reactor)
        self.desk = UssdDesk(self.options.ussd, self.options.alphabet, self._send_ussd, self.clock)
        self._reactor = reactor
        self._wall = wall
        self.deliveries = Deliveries(self.links, self.clock)
        self._texts = Reassembly(self.options.alphabet)
        self._numbers = int(wall())  # ids must not come again after a restart
        self._states: dict[str, MessageState] = {}
        self._references: dict[tuple[str, str], int] = {}
        self._port: Any = None

    # --- for tests and people ------------------------------------------------------------------

    async def start(self, port: int = 0, interface: str = "127.0.0.1", endpoint: str = "") -> int:
        """Listens for ESMEs, over TLS where ``endpoint`` says ``ssl:…``; returns the port."""
        endpoint = endpoint or f"tcp:{port}:interface={interface}"
        self._port = await listen(self._reactor, endpoint, self._connection)
        return int(self._port.getHost().port)

    async def stop(self) -> None:
        """Drops everybody and listens no more."""
        if self._port is not None:
            await self._port.stopListening()
            self._port = None
        for link in list(self.links):
            link.wire.close("the simulator stops", abort=True)

    def deliver(self, source: str, destination: str, text: str) -> "Deferred[None]":
        """A phone sends a text; fires when an ESME took it, fails with NotDeliveredError.

        It waits while no receiver is bound, and comes again after a lost link: at least once.
        """
        key = (source, destination)
        self._references[key] = self._references.get(key, 0) + 1
        parts = segment.segment(
            text, self._references[key], self.options.alphabet, self.options.split
        )
        return self.enqueue(
            [
                DeliverSm(
                    source_addr_ton=1,
                    source_addr_npi=1,
                    source_addr=plain(source),
                    destination_addr=destination,
                    esm_class=part.esm_class,
                    data_coding=part.data_coding,
                    short_message=part.short_message,
                    tlvs=part.tlvs,
                )
                for part in parts
            ]
        )

    def received(self, msisdn: str) -> list[Received]:
        """The texts that a phone received, oldest first."""
        return self.phones.received(msisdn)

    def ussd(self, source: str, text: str) -> "Deferred[Any]":
        """A phone dials ``text``, or answers the open menu with it; fires with a Screen."""
        return self.desk.say(plain(source), text)

    def status(self) -> dict[str, Any]:
        """Who is bound, and what waits."""
        binds = [
            {
                "system_id": link.system_id,
                "state": link.session.state.value,
                "submits": link.submits,
            }
            for link in self.links
        ]
        return {"kind": self.name, "binds": binds, "waiting": self.deliveries.waiting}

    # --- what kinds of SMSC do differently -----------------------------------------------------

    def login(self, link: Link, event: BindRequested) -> None:
        """An ESME binds."""
        wanted = self.options.password
        answer = response_of(type(event.pdu))
        assert answer is not None
        if wanted is not None and event.pdu.password != wanted:
            link.session.respond(event.handle, None, Status.ESME_RINVPASWD)
            return
        link.system_id = event.pdu.system_id
        reply: Any = answer
        link.session.respond(event.handle, reply(system_id=self.options.system_id))

    def submitted(self, link: Link, event: Requested, pdu: SubmitSm) -> None:
        """An ESME submits a message: accept, answer, deliver to the phone, tell if asked."""
        number = self.accept(pdu)
        self.answer(link, event, number)
        self.receipt(link, pdu, number)

    def answer(self, link: Link, event: Requested, number: int) -> None:
        """The submit_sm_resp."""
        reply = SubmitSmResp(message_id=self.dialect.response(number))
        link.session.respond(event.handle, reply)

    def receipt(self, link: Link, pdu: SubmitSm, number: int) -> None:
        """The delivery receipt, if registered_delivery asks for success or both (5.2.17)."""
        if pdu.registered_delivery & 0x03 == 1:
            state = MessageState.DELIVERED
            told = write(self.dialect, number, pdu, state, self._wall())
            self.enqueue([told], link.system_id)

    def enqueue(
        self, pdus: list[DeliverSm] | list[DataSm], system_id: str | None = None
    ) -> "Deferred[None]":
        """Messages for an ESME (None: for any); fires when it took all of them."""
        return self.deliveries.add(pdus, system_id)

    def accept(self, pdu: SubmitSm | DataSm) -> int:
        """Gives the message its number and brings its text to the phone."""
        self._numbers += 1
        if len(self._states) >= _REMEMBERED:
            del self._states[next(iter(self._states))]
        self._states[self.dialect.response(self._numbers)] = MessageState.DELIVERED
        if not self.desk.shown(pdu):
            self._reach(pdu, pdu.destination_addr)
        return self._numbers

    # --- the wire ------------------------------------------------------------------------------

    def _connection(self) -> Wire:
        settings = Settings(window=self.options.window, strict_texts=False)
        session = SmppSession(Side.SMSC, settings)
        wire = Wire(session, lambda _, event: self._event(link, event), self.clock)
        link = Link(wire, session)
        wire.gone = lambda _: self.links.remove(link)
        self.links.append(link)
        return wire

    def _event(self, link: Link, event: Event) -> None:
        if isinstance(event, Requested):
            self._requested(link, event)
        elif isinstance(event, BindRequested):
            self.login(link, event)
            self.deliveries.pump()
        elif isinstance(event, Answered | Throttled):
            self.deliveries.answered(event.token, event.status)
        elif isinstance(event, Unknown):
            self.deliveries.again(event.token)

    def _requested(self, link: Link, event: Requested) -> None:
        pdu = event.pdu
        respond = link.session.respond
        if isinstance(pdu, SubmitSm):
            link.submits += 1
            self.submitted(link, event, pdu)
        elif isinstance(pdu, SubmitMulti):
            respond(event.handle, SubmitMultiResp(message_id=self._multi(pdu)))
        elif isinstance(pdu, DataSm):
            respond(event.handle, DataSmResp(message_id=self.dialect.response(self.accept(pdu))))
        elif isinstance(pdu, QuerySm):
            self._query(link, event, pdu)
        elif isinstance(pdu, CancelSm):
            respond(event.handle, None, Status.ESME_RCANCELFAIL)  # all are delivered already
        elif isinstance(pdu, ReplaceSm):
            respond(event.handle, None, Status.ESME_RREPLACEFAIL)
        else:
            respond(event.handle, None, Status.ESME_RINVCMDID)

    def _multi(self, pdu: SubmitMulti) -> str:
        number = 0
        for destination in pdu.destinations:
            if not destination.is_list:
                number = self.accept(
                    SubmitSm(
                        source_addr=pdu.source_addr,
                        destination_addr=destination.addr,
                        esm_class=pdu.esm_class,
                        data_coding=pdu.data_coding,
                        short_message=pdu.short_message,
                        tlvs=pdu.tlvs,
                    )
                )
        return self.dialect.response(number)

    def _query(self, link: Link, event: Requested, pdu: QuerySm) -> None:
        state = self._states.get(pdu.message_id)
        if state is None:
            link.session.respond(event.handle, None, Status.ESME_RQUERYFAIL)
        else:
            reply = QuerySmResp(message_id=pdu.message_id, message_state=state.code)
            link.session.respond(event.handle, reply)

    def _reach(self, pdu: Message | DataSm, destination: str) -> None:
        now = self.clock.seconds()
        for text in self._texts.add(pdu, now):
            if isinstance(text, Text):
                self.phones.take(
                    Received(plain(destination), text.source, text.text, now, text.parts)
                )

    def _send_ussd(self, pdu: DeliverSm) -> "Deferred[None]":
        return self.enqueue([pdu])
