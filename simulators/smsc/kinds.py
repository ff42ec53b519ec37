"""SMSCs that misbehave, each in one way, by name. All have been met in the field."""

from typing import Any

from twisted.internet.defer import Deferred

from adapters.smpp.events import BindRequested, Requested
from adapters.smpp.pdu import DataSm, DeliverSm, SubmitSm, SubmitSmResp
from adapters.smpp.status import Status
from simulators.smsc.deliveries import Link
from simulators.smsc.smsc import SMSC


class SilentSMSC(SMSC):
    """Accepts the login, answers enquire_link, and never answers a submit."""

    name = "silent"

    def submitted(self, link: Link, event: Requested, pdu: SubmitSm) -> None:
        """Nothing."""


class RefusingSMSC(SMSC):
    """Refuses every login."""

    name = "refusing"

    def login(self, link: Link, event: BindRequested) -> None:
        link.session.respond(event.handle, None, Status.ESME_RBINDFAIL)


class ThrottlingSMSC(SMSC):
    """Throttles a share of the submits (``share``), spread evenly."""

    name = "throttling"
    _owed = 0.0

    def submitted(self, link: Link, event: Requested, pdu: SubmitSm) -> None:
        self._owed += self.options.share
        if self._owed >= 1.0:
            self._owed -= 1.0
            link.session.respond(event.handle, None, Status.ESME_RTHROTTLED)
        else:
            super().submitted(link, event, pdu)


class UnbindingSMSC(SMSC):
    """Accepts each n-th submit (``every``) but unbinds in place of the answer."""

    name = "unbinding"

    def answer(self, link: Link, event: Requested, number: int) -> None:
        if link.submits % self.options.every:
            super().answer(link, event, number)
        else:
            link.wire.handle(link.session.leave(link.wire.now()))


class DroppingSMSC(SMSC):
    """Accepts each n-th submit (``every``) but loses the connection before the answer."""

    name = "dropping"

    def answer(self, link: Link, event: Requested, number: int) -> None:
        if link.submits % self.options.every:
            super().answer(link, event, number)
        else:
            link.wire.close("dropped on purpose", abort=True)


class ReceiptFirstSMSC(SMSC):
    """Sends the delivery receipt before the submit_sm_resp that tells its id."""

    name = "receipt-first"

    def submitted(self, link: Link, event: Requested, pdu: SubmitSm) -> None:
        number = self.accept(pdu)
        self.receipt(link, pdu, number)
        self.answer(link, event, number)


class DuplicateIdSMSC(SMSC):
    """Gives every message the same id."""

    name = "duplicate-id"

    def answer(self, link: Link, event: Requested, number: int) -> None:  # noqa: ARG002
        link.session.respond(event.handle, SubmitSmResp(message_id="123456789"))


class LyingLengthSMSC(SMSC):
    """Answers each n-th submit (``every``) with a command_length of 2³¹-1."""

    name = "lying-length"

    def answer(self, link: Link, event: Requested, number: int) -> None:
        if link.submits % self.options.every:
            super().answer(link, event, number)
            return
        transport: Any = link.wire.transport
        transport.write(link.session.outgoing() + bytes.fromhex("7fffffff8000000400000000"))


class DoubleDeliverSMSC(SMSC):
    """Delivers every message from a phone twice, USSD and receipts too."""

    name = "double-deliver"

    def enqueue(
        self, pdus: list[DeliverSm] | list[DataSm], system_id: str | None = None
    ) -> "Deferred[None]":
        super().enqueue(pdus, system_id).addErrback(lambda _: None)
        return super().enqueue(pdus, system_id)


class ShufflingSMSC(SMSC):
    """Delivers the parts of a long text last one first."""

    name = "shuffling"

    def enqueue(
        self, pdus: list[DeliverSm] | list[DataSm], system_id: str | None = None
    ) -> "Deferred[None]":
        return super().enqueue(pdus[::-1], system_id)


KINDS: dict[str, type[SMSC]] = {
    kind.name: kind
    for kind in (
        SMSC,
        SilentSMSC,
        RefusingSMSC,
        ThrottlingSMSC,
        UnbindingSMSC,
        DroppingSMSC,
        ReceiptFirstSMSC,
        DuplicateIdSMSC,
        LyingLengthSMSC,
        DoubleDeliverSMSC,
        ShufflingSMSC,
    )
}
