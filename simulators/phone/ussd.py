"""How a phone's USSD reaches the application: by an HTTP gateway, or by the SMSC itself."""

from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from simulators.phone.line import ControlLine, NetworkError
from simulators.ussd.gateway import Gateway, Options, Screen
from simulators.ussd.gateway import NetworkError as GatewayError
from simulators.ussd.senders import blocking

#: Networks give an application some 10 to 15 s for a screen.
SCREEN_S = 15.0


class Ussd(Protocol):
    """Menus for phones. Every method raises NetworkError when the network shows an error."""

    def dial(self, msisdn: str, code: str) -> Screen:
        """The first screen."""

    def answer(self, msisdn: str, text: str) -> Screen:
        """The next screen."""

    def hang_up(self, msisdn: str) -> None:
        """Close the session."""


class HttpUssd:
    """A gateway that calls back by HTTP in Africa's Talking's form, and waits for each screen.

    ``first_session`` numbers the sessions: from the clock, so that their ids do not come again.
    """

    def __init__(self, url: str, first_session: int) -> None:
        try:
            post = blocking(url, SCREEN_S)
        except ValueError as error:
            raise NetworkError(str(error)) from error
        self._gateway = Gateway(post, Clock(), Options(codes=()), first_session)

    def dial(self, msisdn: str, code: str) -> Screen:
        """The first screen of a session."""
        return _now(self._gateway.dial(msisdn, code))

    def answer(self, msisdn: str, text: str) -> Screen:
        """The next screen."""
        return _now(self._gateway.answer(msisdn, text))

    def hang_up(self, msisdn: str) -> None:
        """Close the session; the application is told."""
        self._gateway.hang_up(msisdn)


class SmscUssd:
    """USSD over SMPP: the SMSC carries the dialog."""

    def __init__(self, line: ControlLine) -> None:
        self._line = line

    def dial(self, msisdn: str, code: str) -> Screen:
        """The first screen; an open dialog of the phone ends."""
        self.hang_up(msisdn)
        return self.answer(msisdn, code)

    def answer(self, msisdn: str, text: str) -> Screen:
        """The next screen."""
        number = self._line.tell("ussd", **{"from": msisdn, "text": text})
        shown = self._line.answer(number, SCREEN_S)
        return Screen(str(shown["text"]), bool(shown["more"]))

    def hang_up(self, msisdn: str) -> None:
        """Close the session."""
        self._line.ask("hangup", **{"from": msisdn})


def _now(fired: "Deferred[Screen]") -> Screen:
    """The screen of a sender that waits: its deferreds have fired when they are returned."""
    seen: list[Any] = []
    fired.addBoth(seen.append)
    if isinstance(seen[0], Screen):
        return seen[0]
    error: BaseException = seen[0].value
    raise NetworkError(str(error)) if isinstance(error, GatewayError) else error
