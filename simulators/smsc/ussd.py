"""The USSD half of the SMSC: phones dial codes and answer menus, over deliver_sm and submit_sm.

TLVs: ussd_service_op 0x0501 and its_session_info 0x1383 (session number, then dialog sequence in
bits 7 to 1 and "the session ends" in bit 0). Operators differ, so the profile is data.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from twisted.internet.defer import Deferred

from adapters.smpp import gsm0338, segment, tlv
from adapters.smpp.gsm0338 import Alphabet
from adapters.smpp.pdu import DataSm, DeliverSm, Message
from adapters.smpp.tlv import Tag, Tlv
from hub.wire import Clock, Timer

PSSR_INDICATION = 1  # the phone dials
USSR_REQUEST = 2  # the application asks
USSN_REQUEST = 3  # the application tells
PSSR_RESPONSE = 17  # the application's last screen
USSR_CONFIRM = 18  # the phone answers
_TIMEOUT = 30.0  # seconds for the application's answer, as networks have it
_SESSIONS = 10_000  # dialogs at once


class UssdError(Exception):
    """The dialog ended without a screen; the text says why."""


@dataclass(frozen=True, slots=True)
class UssdProfile:
    """How this operator does USSD over SMPP."""

    short_code: str = "*123#"  # destination_addr of what the phone sends
    service_type: str = "USSD"
    data_coding: int = 0x0F
    session_info: bool = True  # some networks send no its_session_info
    end_by: Literal["op", "bit", "either"] = "either"  # how the application ends the dialog


@dataclass(frozen=True, slots=True)
class Screen:
    """What the phone shows; ``more``: it asks for an answer."""

    text: str
    more: bool


@dataclass(slots=True)
class _Dialog:
    number: int
    hop: int = 0
    waiting: "Deferred[Screen] | None" = None
    timer: Timer | None = None


class UssdDesk:
    """All open dialogs, one per phone."""

    def __init__(
        self,
        profile: UssdProfile,
        alphabet: Alphabet,
        send: "Callable[[DeliverSm], Deferred[None]]",
        clock: Clock,
    ) -> None:
        self.profile = profile
        self._alphabet = alphabet
        self._send = send
        self._clock = clock
        self._dialogs: dict[str, _Dialog] = {}
        self._count = 0

    def say(self, phone: str, text: str) -> "Deferred[Screen]":
        """The phone dials, or answers the screen that is open; fires with the next screen."""
        dialog = self._dialogs.get(phone)
        op = USSR_CONFIRM
        if dialog is None:
            if len(self._dialogs) >= _SESSIONS:
                raise UssdError(f"{_SESSIONS} dialogs are open")
            op = PSSR_INDICATION
            self._count += 1
            dialog = self._dialogs[phone] = _Dialog(self._count & 0xFF)
        if dialog.waiting is not None:
            raise UssdError("the application has not answered yet")
        waiting: Deferred[Screen] = Deferred()
        dialog.waiting = waiting
        dialog.timer = self._clock.callLater(_TIMEOUT, self._fail, phone, "no answer in time")
        sent = self._send(self._pdu(phone, dialog, op, text))
        sent.addErrback(lambda failure: self._fail(phone, failure.getErrorMessage()))
        return waiting

    def drop(self, phone: str) -> None:
        """The phone hangs up: the application hears it by the end bit, if by anything."""
        dialog = self._dialogs.pop(phone, None)
        if dialog is None:
            return
        if self.profile.session_info:
            pdu = self._pdu(phone, dialog, USSR_CONFIRM, "", ends=True)
            self._send(pdu).addErrback(lambda _: None)
        self._settle(dialog, UssdError("hung up"))

    def shown(self, pdu: Message | DataSm) -> bool:
        """Takes an application's message if it belongs to a dialog; False if it is an SMS."""
        op = tlv.integer(pdu.tlvs, Tag.ussd_service_op)
        if op is None and (not pdu.service_type or pdu.service_type != self.profile.service_type):
            return False
        phone = pdu.destination_addr.removeprefix("+")
        dialog = self._dialogs.get(phone)
        if dialog is None:
            return op is not None  # too late for its dialog: dropped, as a network does
        text = gsm0338.decode(segment.body(pdu), pdu.data_coding, self._alphabet)
        more = not self._ends(op, tlv.raw(pdu.tlvs, Tag.its_session_info))
        if not more:
            del self._dialogs[phone]
        self._settle(dialog, Screen(text, more))
        return True

    def _ends(self, op: int | None, info: bytes | None) -> bool:
        by_op = op is not None and op not in (USSR_REQUEST,)
        by_bit = info is not None and len(info) == 2 and bool(info[1] & 1)
        if self.profile.end_by == "op":
            return by_op
        return by_bit if self.profile.end_by == "bit" else by_op or by_bit

    def _pdu(
        self, phone: str, dialog: _Dialog, op: int, text: str, *, ends: bool = False
    ) -> DeliverSm:
        tlvs: list[Tlv] = [tlv.make(Tag.ussd_service_op, op)]
        if self.profile.session_info:
            info = bytes((dialog.number, (dialog.hop & 0x7F) << 1 | ends))
            tlvs.append(tlv.make(Tag.its_session_info, info))
        dialog.hop += 1
        try:
            coding, data = self.profile.data_coding, gsm0338.encode_default(text, self._alphabet)
        except gsm0338.NotInAlphabetError:
            coding, data = 8, gsm0338.ucs2_encode(text)
        return DeliverSm(
            service_type=self.profile.service_type,
            source_addr_ton=1,
            source_addr_npi=1,
            source_addr=phone,
            destination_addr=self.profile.short_code,
            data_coding=coding,
            short_message=data,
            tlvs=tuple(tlvs),
        )

    def _fail(self, phone: str, reason: str) -> None:
        dialog = self._dialogs.pop(phone, None)
        if dialog is not None:
            self._settle(dialog, UssdError(reason))

    @staticmethod
    def _settle(dialog: _Dialog, outcome: Screen | UssdError) -> None:
        if dialog.timer is not None and dialog.timer.active():
            dialog.timer.cancel()
        waiting: Any = dialog.waiting
        dialog.waiting = None
        if waiting is None:
            return
        if isinstance(outcome, Screen):
            waiting.callback(outcome)
        else:
            waiting.errback(outcome)
