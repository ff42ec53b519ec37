"""The same phones behind an SMPP gateway: the USSD conversation of :mod:`simulators.smsc`."""

from typing import Any, Protocol

from twisted.internet.defer import Deferred

from simulators.ussd.gateway import NetworkError, Screen


class Desk(Protocol):
    """The dialogs of an SMSC."""

    def drop(self, phone: str) -> None:
        """The phone hangs up."""


class Smsc(Protocol):
    """What is needed of an SMSC."""

    desk: Any  # a Desk

    def ussd(self, source: str, text: str) -> "Deferred[Any]":
        """The phone dials, or answers; fires with a screen (``text``, ``more``)."""


class SmppGateway:
    """Dials and answers through an SMSC, with the interface of :class:`~.gateway.Gateway`."""

    name = "smpp"

    def __init__(self, smsc: Smsc) -> None:
        self._smsc = smsc

    def dial(self, msisdn: str, code: str) -> "Deferred[Screen]":
        """A phone dials; an open session of it ends."""
        self._drop(msisdn)
        return self.answer(msisdn, code)

    def answer(self, msisdn: str, text: str) -> "Deferred[Screen]":
        """The phone answers the screen that is open."""
        return Deferred.fromCoroutine(self._say(msisdn, text))

    def hang_up(self, msisdn: str) -> None:
        """The phone closes the session."""
        self._drop(msisdn)

    async def _say(self, msisdn: str, text: str) -> Screen:
        try:
            shown = await self._smsc.ussd(msisdn, text)
        except Exception as error:  # whatever went wrong, the phone shows the network's error
            raise NetworkError(str(error)) from error
        return Screen(shown.text, shown.more)

    def _drop(self, msisdn: str) -> None:
        self._smsc.desk.drop(msisdn.removeprefix("+"))
