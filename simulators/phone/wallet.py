"""The phone's purse: what a provider of mobile money asks for, and what is paid by hand.

``line`` is a connection to the control port of ``wattbus simulate mobilemoney``; every purse of a
phone has one of its own.
"""

import time
from dataclasses import dataclass
from typing import Any

from core.money import CURRENCIES
from simulators.phone.line import ControlLine, NetworkError


@dataclass(frozen=True, slots=True)
class Prompt:
    """A payment that waits for the PIN. ``amount`` in minor units."""

    merchant: str
    amount: int
    currency: str
    shown: str

    @property
    def text(self) -> str:
        """What the phone shows."""
        about = f" ({self.shown})" if self.shown else ""
        asked = f"Pay {money(self.amount, self.currency)} to {self.merchant}{about}?"
        return f"{asked} Type your PIN, or 0 to cancel."


class Wallet:
    """One purse of one phone: prompts come, PINs go. Raises NetworkError where the network does."""

    def __init__(self, msisdn: str, line: ControlLine) -> None:
        self.msisdn = msisdn
        self.prompt: Prompt | None = None
        self._line = line
        line.ask("watch", phone=msisdn)

    def fileno(self) -> int:
        """For select: readable when something may have come."""
        return self._line.fileno()

    def close(self) -> None:
        """Hang up."""
        self._line.close()

    def news(self) -> list[str]:
        """What came since: prompts, and how they ended without us. Does not wait."""
        texts = []
        while (event := self._line.event()) is not None:
            texts.append(self._told(event))
        return [text for text in texts if text]

    def wait_for_prompt(self, within_s: float) -> Prompt | None:
        """The prompt that is there or comes within the time."""
        until = time.monotonic() + within_s
        while self.prompt is None and (left := until - time.monotonic()) > 0:
            event = self._line.event(left)
            if event is not None:
                self._told(event)
        return self.prompt

    def answer(self, typed: str) -> str:
        """The PIN, or ``0`` to cancel; how it ended (``paid``, ``cancelled``, ``wrong-pin``, …)."""
        self.prompt = None
        pin = "" if typed == "0" else typed
        return str(self._line.ask("answer", phone=self.msisdn, pin=pin)["ending"])

    def loses(self, notices: int) -> None:
        """The provider loses so many of his next notices."""
        self._line.ask("lose", count=notices)

    def pay(self, reference: str, amount: int) -> str:
        """Pay by hand, with what is typed as reference: the receipt. NetworkError: refused."""
        paid = self._line.ask("pay", phone=self.msisdn, account=reference, amount=amount)
        if not paid["receipt"]:
            raise NetworkError(f"not paid: {paid['refused']}")
        return str(paid["receipt"])

    def _told(self, event: dict[str, Any]) -> str:
        if event["event"] == "push":
            self.prompt = Prompt(
                str(event["merchant"]), int(event["amount"]), str(event["currency"]),
                str(event["shown"]),
            )  # fmt: skip
            return self.prompt.text
        waited, self.prompt = self.prompt is not None, None
        return f"The payment is over: {event['ending']}." if waited else ""


def money(minor: int, code: str) -> str:
    """``UGX 20,000``."""
    unit = CURRENCIES[code]
    whole, part = divmod(minor, unit.scale)
    tail = f".{part:0{unit.exponent}d}" if part else ""
    return f"{code} {whole:,}{tail}"
