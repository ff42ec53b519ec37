"""The terminal's keys by name: a line that is typed is a key and what belongs to it.

Amounts are as people write them (``20,000`` or ``20k``). What is asked for is waited for before the
next line is read, so that a script says what a person would.
"""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from core.money import MoneyError, parse_amount
from simulators.pos.items import Fate, Totals
from simulators.pos.kinds import AT_ONCE
from simulators.pos.line import Exchange, Line, NoHost
from simulators.pos.paper import journal, money, receipt, shown
from simulators.pos.states import State
from simulators.pos.terminal import Terminal
from simulators.pos.terms import Busy, Ended, Pending
from simulators.pos.wording import Heard, WordingError

HELP: Final = """\
on [CASHIER PIN]        sign on                 off            sign off
meter METER [AMOUNT]    whose it is; with an amount, what it would buy
bill ACCOUNT            what is owed
sell METER AMOUNT       a token                 pay ACCOUNT AMOUNT   a bill
print [STAN]            print a receipt once more from the terminal's own memory
reprint RECEIPT|METER   ask the host for a copy
lose                    the next answer is lost: it is taken back (0400, then 0401)
repeat                  the last sale or payment is sent once more (0201)
reverse [STAN]          take an item back
settle [OFF-BY]         close the batch; with a number, with a wrong total on purpose
cash ACCOUNT AMOUNT RECEIPT   collect without a line; upload sends it
echo, keys, report LATITUDE LONGITUDE [SIGNAL], parameters, list
hang, dial              cut the line; connect
journal, state, help, quit"""

#: Octets of a line: more than any key needs.
MAX_LINE: Final = 400


class Played(Terminal):
    """A terminal in somebody's hands: it does on purpose what others do by chance."""

    name = "played"
    lose_next = False
    off_by = 0
    last_booking: Pending | None = None

    def hears(self, heard: Heard, pending: Pending) -> bool:
        if self.lose_next and pending.operation in ("vend", "pay"):
            self.lose_next, pending.due = False, AT_ONCE
            return False
        return super().hears(heard, pending)

    def transmits(self, octets: bytes, pending: Pending) -> None:
        if pending.operation in ("vend", "pay"):
            self.last_booking = pending
        super().transmits(octets, pending)

    def totals(self) -> Totals:
        right = super().totals()
        if not self.off_by:
            return right
        return Totals(
            right.debits,
            max(0, right.debit_amount + self.off_by),
            right.debit_reversals,
            right.debit_reversal_amount,
        )


class Refused(Exception):  # noqa: N818 - said to the person
    """What was typed cannot be done; the text says why."""


@dataclass(slots=True)
class Desk:
    """A person, a terminal, a line. ``write`` gets what is shown; ``tell`` what a program reads."""

    terminal: Played
    line: Line
    exchange: Exchange
    currency: str
    write: Callable[[str], None]
    tell: Callable[[Mapping[str, Any]], None] | None = None
    trouble: int = 0
    _ended: list[Ended] = field(default_factory=list)

    def heard(self, terminal: Terminal, event: Any) -> None:
        """What the terminal has to say."""
        if not isinstance(event, Ended):
            return
        self._ended.append(event)
        if self.tell is not None:
            self.tell(told(event))
        else:
            self.write(shown(terminal, event))

    def typed(self, text: str) -> bool:
        """Do what a line says; False ends."""
        try:
            words = shlex.split(text[:MAX_LINE], comments=True)
        except ValueError as error:
            self._no(str(error))
            return True
        if not words:
            return True
        key, *rest = words
        if key in ("quit", "exit", "q"):
            return False
        act = _KEYS.get(key)
        if act is None:
            self._no(f"there is no key {key!r}: help")
            return True
        try:
            act(self, rest)
            self.settled()
        except (Busy, Refused, NoHost, WordingError, MoneyError, ValueError, TimeoutError) as no:
            self._no(str(no))
        return True

    def settled(self) -> None:
        """Wait until the terminal does nothing, or has no line to do it on."""
        limit = 10 * self.terminal.setup.answer_s

        def quiet() -> bool:
            return self.terminal.state in (State.IDLE, State.OFF) or self.line.hung

        self.exchange.until(quiet, limit, "an answer")

    @property
    def now(self) -> float:
        """The exchange's clock."""
        return self.exchange.clock()

    def does(self, events: list[Any]) -> None:
        """Hand on what a key made."""
        self.line.told(events, self.now)

    def amount(self, text: str) -> int:
        """Minor units of what was typed."""
        return parse_amount(text, self.currency)

    def say(self, text: str, **facts: Any) -> None:
        """Something that needs no host."""
        if self.tell is not None:
            self.tell({"shown": text, **facts})
        else:
            self.write(text)

    def _no(self, why: str) -> None:
        self.trouble += 1
        if self.tell is not None:
            self.tell({"error": why})
        else:
            self.write(f"! {why}")


def told(event: Ended) -> dict[str, Any]:
    """An event for a program."""
    found: dict[str, Any] = {
        "operation": event.operation,
        "outcome": event.outcome,
        "code": event.code,
        "values": dict(event.values),
    }
    if event.item is not None:
        found |= {"stan": event.item.stan, "fate": event.item.fate.value}
    return found


def _words(words: list[str], *names: str, least: int | None = None) -> list[str]:
    """So many words, or Refused with the names of those that are needed."""
    least = len(names) if least is None else least
    if not least <= len(words) <= len(names):
        raise Refused(f"it takes: {' '.join(names) or 'nothing more'}")
    return words + [""] * (len(names) - len(words))


def _on(desk: Desk, words: list[str]) -> None:
    cashier, pin = _words(words, "CASHIER", "PIN", least=0)
    desk.does(desk.terminal.sign_on(desk.now, cashier, pin))


def _off(desk: Desk, words: list[str]) -> None:
    _words(words)
    desk.does(desk.terminal.sign_off(desk.now))


def _meter(desk: Desk, words: list[str]) -> None:
    meter, amount = _words(words, "METER", "AMOUNT", least=1)
    values = {"amount": desk.amount(amount)} if amount else {}
    desk.does(desk.terminal.ask("enquiry", desk.now, meter=meter, **values))


def _bill(desk: Desk, words: list[str]) -> None:
    (account,) = _words(words, "ACCOUNT")
    desk.does(desk.terminal.ask("enquiry", desk.now, account=account))


def _sell(desk: Desk, words: list[str]) -> None:
    meter, amount = _words(words, "METER", "AMOUNT")
    desk.does(desk.terminal.sell(meter, desk.amount(amount), desk.now))


def _pay(desk: Desk, words: list[str]) -> None:
    account, amount = _words(words, "ACCOUNT", "AMOUNT")
    desk.does(desk.terminal.pay(account, desk.amount(amount), desk.now))


def _print(desk: Desk, words: list[str]) -> None:
    (stan,) = _words(words, "STAN", least=0)
    book = desk.terminal.book
    item = book.find(int(stan)) if stan else book.last()
    if item is None or item.fate not in (Fate.DONE, Fate.KEPT, Fate.REVERSED):
        raise Refused("the terminal has no such receipt")
    desk.say(receipt(desk.terminal, item, copy=True), stan=item.stan)


def _reprint(desk: Desk, words: list[str]) -> None:
    (what,) = _words(words, "RECEIPT|METER", least=0)
    name = "meter" if what.isdigit() and len(what) in (11, 13) else "receipt"
    desk.does(desk.terminal.ask("reprint", desk.now, **{name: what}))


def _lose(desk: Desk, words: list[str]) -> None:
    _words(words)
    desk.terminal.lose_next = True
    desk.say("the next answer will be lost")


def _repeat(desk: Desk, words: list[str]) -> None:
    _words(words)
    pending = desk.terminal.last_booking
    if pending is None:
        raise Refused("nothing was sold or paid yet")
    desk.does(desk.terminal.repeats(pending, desk.now))


def _reverse(desk: Desk, words: list[str]) -> None:
    (stan,) = _words(words, "STAN", least=0)
    desk.does(desk.terminal.reverse(desk.now, int(stan or 0)))


def _settle(desk: Desk, words: list[str]) -> None:
    (off_by,) = _words(words, "OFF-BY", least=0)
    desk.terminal.off_by = int(off_by or 0)
    desk.does(desk.terminal.settle(desk.now))
    desk.settled()
    desk.terminal.off_by = 0


def _cash(desk: Desk, words: list[str]) -> None:
    account, amount, number = _words(words, "ACCOUNT", "AMOUNT", "RECEIPT")
    item = desk.terminal.collect(account, desk.amount(amount), number)
    desk.say(receipt(desk.terminal, item), stan=item.stan)


def _upload(desk: Desk, words: list[str]) -> None:
    _words(words)
    desk.does(desk.terminal.forward(desk.now))


def _echo(desk: Desk, words: list[str]) -> None:
    _words(words)
    desk.does(desk.terminal.ask("echo", desk.now))


def _keys(desk: Desk, words: list[str]) -> None:
    _words(words)
    desk.does(desk.terminal.ask("key_exchange", desk.now))


def _report(desk: Desk, words: list[str]) -> None:
    latitude, longitude, signal = _words(words, "LATITUDE", "LONGITUDE", "SIGNAL", least=2)
    values = {"latitude": latitude, "longitude": longitude, "signal": signal}
    desk.does(desk.terminal.ask("report", desk.now, **values))


def _parameters(desk: Desk, words: list[str]) -> None:
    _words(words)
    desk.does(desk.terminal.ask("parameters", desk.now))
    desk.settled()
    if desk._ended and desk.tell is None:
        told = desk._ended[-1].values
        rows = (f"{name}: {told[name]}" for name in ("receipts", "message") if told.get(name))
        desk.write("\n".join((str(told.get("parameters", "")), *rows)).strip())


def _list(desk: Desk, words: list[str]) -> None:
    _words(words)
    desk.does(desk.terminal.ask("emergency", desk.now))
    desk.settled()
    if desk._ended and desk.tell is None:
        desk.write(str(desk._ended[-1].values.get("bills", "")))


def _hang(desk: Desk, words: list[str]) -> None:
    _words(words)
    desk.line.hung = True
    desk.line.close(desk.now)
    desk.say("there is no line")


def _dial(desk: Desk, words: list[str]) -> None:
    _words(words)
    if desk.line.socket is None:
        desk.line.dial(desk.now)


def _state(desk: Desk, words: list[str]) -> None:
    _words(words)
    terminal = desk.terminal
    facts = {"batch": terminal.book.batch, "cashier": terminal.cashier, "sent": terminal.counts}
    desk.say(f"{terminal.state.value}, batch {terminal.book.batch}", **facts)


def _journal(desk: Desk, words: list[str]) -> None:
    _words(words)
    terminal = desk.terminal
    net = money(terminal.totals().net, terminal.setup.exponent)
    desk.say(f"{journal(terminal)}\nowed for it: {net}")


def _help(desk: Desk, words: list[str]) -> None:
    _words(words)
    desk.say(HELP)


_KEYS: Final[Mapping[str, Callable[[Desk, list[str]], None]]] = {
    "on": _on, "off": _off, "meter": _meter, "bill": _bill, "sell": _sell, "pay": _pay,
    "print": _print, "reprint": _reprint, "lose": _lose, "repeat": _repeat, "reverse": _reverse,
    "settle": _settle, "cash": _cash, "upload": _upload, "echo": _echo, "keys": _keys,
    "report": _report, "parameters": _parameters, "list": _list, "hang": _hang, "dial": _dial,
    "state": _state, "journal": _journal, "help": _help, "?": _help,
}  # fmt: skip
