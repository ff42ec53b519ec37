"""A phone: dials, answers menus, sends texts, keeps those that came."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

from simulators.phone.line import ControlLine, NetworkError
from simulators.phone.ussd import Ussd
from simulators.ussd.gateway import Screen

#: Texts that a phone keeps; the SMSC simulator keeps as many.
MAX_TEXTS = 1_000
_OPTION = re.compile(r"^\s*(\d+)[.):]?\s+(.*\S)\s*$")


@dataclass(frozen=True, slots=True)
class Sms:
    """A text that reached the phone, whole; ``parts`` as the network carried it."""

    sender: str
    text: str
    parts: int = 1


def option_of(screen: Screen, label: str) -> str:
    """What to type for the option that starts with ``label``. Raises NetworkError if none does."""
    for line in screen.text.splitlines():
        found = _OPTION.match(line)
        if found and found[2].lower().startswith(label.lower()):
            return found[1]
    raise NetworkError(f"the screen has no option {label!r}: {screen.text!r}")


class Phone:
    """One subscriber. ``line`` is the phone's own: texts that come are read from it."""

    def __init__(
        self, msisdn: str, line: ControlLine, ussd: Ussd, short_code: str = "8080"
    ) -> None:
        self.msisdn = msisdn
        self.short_code = short_code
        self.screen: Screen | None = None
        self._line = line
        self._ussd = ussd
        self._texts: list[Sms] = []
        self._read = 0
        line.ask("watch", phone=msisdn)
        for text in line.ask("received", phone=msisdn)["messages"]:
            self._keep(str(text["from"]), str(text["text"]), int(text["parts"]))
        self._read = len(self._texts)

    # --- menus ---------------------------------------------------------------------------------

    def dial(self, code: str = "*123#") -> Screen:
        """Dial a service code; the first screen."""
        return self._shown(self._ussd.dial(self.msisdn, code))

    def answer(self, text: str) -> Screen:
        """Answer the screen; the next one."""
        return self._shown(self._ussd.answer(self.msisdn, text))

    def choose(self, label: str) -> Screen:
        """Answer with the number of the option that starts with ``label``."""
        if self.screen is None:
            raise NetworkError("no menu is open")
        return self.answer(option_of(self.screen, label))

    def hang_up(self) -> None:
        """Close the menu, if one is open."""
        if self.screen is not None and self.screen.more:
            self._ussd.hang_up(self.msisdn)
        self.screen = None

    def in_menu(self) -> bool:
        """Whether what is typed now answers a menu."""
        return self.screen is not None and self.screen.more

    def _shown(self, screen: Screen) -> Screen:
        self.screen = screen
        return screen

    # --- texts ---------------------------------------------------------------------------------

    def send_sms(self, text: str, to: str = "", copies: int = 1) -> list[int]:
        """Send a text; ``copies`` more than one: the network delivers it several times.

        Does not wait: a network keeps a text while the application is away. The numbers are for
        :meth:`delivered`.
        """
        fields = {"from": self.msisdn, "to": to or self.short_code, "text": text}
        return [self._line.tell("deliver", **fields) for _ in range(copies)]

    def delivered(self, sent: Sequence[int], within_s: float) -> None:
        """Wait until the application took what was sent. Raises NetworkError when it does not."""
        for number in sent:
            self._line.answer(number, within_s)

    def next_sms(self, within_s: float) -> Sms | None:
        """The oldest text not read yet; None when none comes within the time."""
        until = time.monotonic() + within_s
        while self._read == len(self._texts):
            if not self._fetch(until - time.monotonic()):
                return None
        self._read += 1
        return self._texts[self._read - 1]

    def inbox(self) -> list[Sms]:
        """Every text so far, oldest first."""
        while self._fetch(0.0):
            pass
        return list(self._texts)

    def fileno(self) -> int:
        """For select: readable when a text may have come."""
        return self._line.fileno()

    def close(self) -> None:
        """Switch the phone off."""
        self._line.close()

    def _fetch(self, within_s: float) -> bool:
        event = self._line.event(max(0.0, within_s))
        if event is None:
            return False
        self._keep(str(event["from"]), str(event["text"]), int(event["parts"]))
        return True

    def _keep(self, sender: str, text: str, parts: int) -> None:
        self._texts.append(Sms(sender, text, parts))
        if len(self._texts) > MAX_TEXTS:
            del self._texts[0]
            self._read = max(0, self._read - 1)
