"""The phone in a terminal: a line typed is a code, an answer, a text or a command.

Texts that come are shown at once, between the lines; everything goes through one loop over the
keyboard and the phone's line.
"""

import os
import re
import selectors
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from simulators.phone.handset import Phone, Sms
from simulators.phone.line import NetworkError
from simulators.phone.wallet import Wallet
from simulators.ussd.gateway import Screen

#: More than a phone's keypad ever sends at once; the rest of a longer line is not read.
MAX_LINE = 1_600
_CODE = re.compile(r"\*[0-9*#]+#")
_PAY = re.compile(r"pay\s+(\S.{0,158}?)\s+(\d{1,12})", re.IGNORECASE)
_SMS = re.compile(r"sms\s+(\+?\d{2,15})\s+(\S.*)", re.IGNORECASE | re.DOTALL)
Write = Callable[[str], None]


def help_text(phone: Phone) -> str:
    """What can be typed."""
    return (
        f"*123# dials; in a menu type the answer, or hangup. A text such as"
        f" BUY 04123456784 20000 goes to {phone.short_code};"
        " sms NUMBER TEXT to another number. inbox shows all texts; quit ends."
        " With a purse: its PIN when it asks, and pay REFERENCE AMOUNT (minor units)."
    )


def framed(screen: Screen) -> str:
    """A screen as the phone shows it."""
    lines = screen.text.splitlines() or [""]
    width = max(28, *map(len, lines))
    rows = [f"  | {line.ljust(width)} |" for line in lines]
    edge = f"  +{'-' * (width + 2)}+"
    ending = [] if screen.more else ["  (the menu is closed)"]
    return "\n".join([edge, *rows, edge, *ending])


def shown(text: Sms) -> str:
    """A text as the phone shows it."""
    body = "\n".join(f"    {line}" for line in text.text.splitlines())
    return f"  [SMS from {text.sender}]\n{body}"


def respond(phone: Phone, typed: str, wallets: Sequence[Wallet] = ()) -> str | None:
    """What the phone shows for a line typed; None ends. The network's errors are shown.

    A payment that waits is before everything else, as on a phone.
    """
    line = typed[:MAX_LINE].strip()
    asking = next((each for each in wallets if each.prompt is not None), None)
    try:
        if asking is not None:
            return f"  [purse] {asking.answer(line or '0')}"
        if phone.in_menu():
            return _in_menu(phone, line)
        if line in ("quit", "exit", "q"):
            return None
        paying = _PAY.fullmatch(line) if wallets else None
        if paying:
            receipt = wallets[0].pay(paying[1], int(paying[2]))
            return f"  [purse] paid, receipt {receipt}"
        return _idle(phone, line)
    except NetworkError as error:
        phone.screen = None
        return f"  ! {error}"


def _in_menu(phone: Phone, line: str) -> str:
    if line in ("hangup", "quit", "exit"):
        phone.hang_up()
        return "  (hung up)"
    if _CODE.fullmatch(line):
        return framed(phone.dial(line))
    return framed(phone.answer(line))


def _idle(phone: Phone, line: str) -> str:
    if line in ("", "help", "?"):
        return help_text(phone)
    if _CODE.fullmatch(line):
        return framed(phone.dial(line))
    if line == "inbox":
        return "\n".join(map(shown, phone.inbox())) or "  (no text yet)"
    if line == "hangup":
        return "  (no menu is open)"
    named = _SMS.fullmatch(line)
    to, text = (named[1], named[2]) if named else (phone.short_code, line)
    phone.send_sms(text, to)
    return f"  (sent to {to})"


def converse(
    phone: Phone, keyboard: int, write: Write, prompt: str = "", wallets: Sequence[Wallet] = ()
) -> None:
    """Serve the keyboard (a file descriptor) and the network until ``quit`` or the end of input."""
    with selectors.DefaultSelector() as ready:
        ready.register(keyboard, selectors.EVENT_READ, None)
        ready.register(phone, selectors.EVENT_READ, lambda: list(map(shown, _texts(phone))))
        for wallet in wallets:
            ready.register(wallet, selectors.EVENT_READ, partial(_news, wallet))
        lines = _Lines(keyboard)
        write(prompt)
        _tell(wallets, write, prompt)  # a payment may wait from before
        while True:
            for key, _ in ready.select():
                if key.data is not None:
                    for text in key.data():
                        write(f"\n{text}\n{prompt}")
                    continue
                for line in lines.read():
                    answer = respond(phone, line, wallets)
                    if answer is None:
                        return
                    write(f"{answer}\n{prompt}")
                _tell(wallets, write, prompt)  # what came with an answer makes nothing readable
                if lines.ended:
                    return


def _tell(wallets: Sequence[Wallet], write: Write, prompt: str) -> None:
    for wallet in wallets:
        for text in _news(wallet):
            write(f"\n{text}\n{prompt}")


def _news(wallet: Wallet) -> list[str]:
    """What a purse says: a payment waits, or is over."""
    return [f"  [purse] {text}" for text in wallet.news()]


def _texts(phone: Phone) -> Iterator[Sms]:
    """What has come and was not shown; the network's end ends the phone too."""
    while (text := phone.next_sms(0.0)) is not None:
        yield text


class _Lines:
    """Whole lines of a file descriptor, without a buffer that select would not see."""

    def __init__(self, source: int) -> None:
        self._source = source
        self._read = b""
        self.ended = False

    def read(self) -> list[str]:
        data = os.read(self._source, 4_096)
        self.ended = not data
        *lines, self._read = (self._read + data).split(b"\n")
        if self.ended and self._read:
            lines.append(self._read)
        if len(self._read) > MAX_LINE:
            self._read = self._read[:MAX_LINE]
        return [line.decode("utf-8", "replace") for line in lines]
