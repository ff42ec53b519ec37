"""A host in memory that keeps a terminal's books as a utility's would: the far end's far end."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import msgspec

from adapters.iso8583.framing import reply_header
from adapters.iso8583.message import Message
from adapters.iso8583.vocabulary import is_repeat, reply_mti, response
from simulators.pos.modem import Modem
from simulators.pos.terminal import Terminal
from simulators.pos.terms import Setup
from simulators.pos.wording import Wording, wording_of

MASTER = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
#: 2026-11-21 09:00 UTC
MORNING = 1_795_251_600.0
ASCII, BCD, NINETIES = "generic-1987-ascii", "tpdu-1987-bcd", "ascii-1993"


@cache
def wording(name: str = ASCII) -> Wording:
    return wording_of(name)


def setup(name: str = ASCII, **changes: Any) -> Setup:
    values = {"number": "T0000001", "merchant": "M1", "answer_s": 10.0, "again_s": 1.0}
    return Setup(wording=wording(name), **{**values, **changes})


@dataclass
class Booked:
    """One item as the host has it."""

    kind: str
    amount: int
    token: str = ""
    reversed: bool = False


@dataclass
class Host:
    """Answers one terminal at a time. ``mute``: it hears, does, and says nothing; ``refuse``: what
    it says no to, by operation; ``off_by``: it has other totals than it should."""

    words: Wording
    master: bytes = b""
    items: dict[int, Booked] = field(default_factory=dict)
    barred: set[int] = field(default_factory=set)
    uploads: list[int] = field(default_factory=list)
    advised: list[int] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    refuse: dict[str, str] = field(default_factory=dict)
    off_by: int = 0
    mute: bool = False

    def __post_init__(self) -> None:
        self.modem = Modem(self.words.dialect, self.master, self.words.seals)
        self.answers: dict[int, tuple[str, dict[str, str]]] = {}

    def receive(self, data: bytes) -> bytes:
        """The octets of all answers."""
        found = b""
        for message in self.modem.messages(data):
            self.heard.append(message.mti)
            outcome, values = self._outcome(message)
            if not self.mute:
                found += self.modem.framed(self._reply(message, outcome, values))
        return found

    def totals(self) -> dict[str, str]:
        back = [item for item in self.items.values() if item.reversed]
        amount = sum(item.amount for item in self.items.values())
        return {
            "debits": f"{len(self.items):010d}",
            "debit_reversals": f"{len(back):010d}",
            "debit_amount": self._wire(amount + self.off_by),
            "debit_reversal_amount": self._wire(sum(item.amount for item in back)),
        }

    def _wire(self, minor: int) -> str:
        return f"{minor * 10 ** (self.words.dialect.amount_exponent or 0):016d}"

    def _outcome(self, message: Message) -> tuple[str, dict[str, str]]:
        operation = self._operation(message)
        if operation in self.refuse:
            return self.refuse[operation], {"text": "no"}
        stan = int(self._take(message, "stan"))
        if is_repeat(message.mti) and stan in self.answers:
            return self.answers[stan]
        known: Any = getattr(self, f"_{operation}", None)
        answer = known(message, stan) if known else ("approved", {})
        self.answers[stan] = answer
        return answer

    def _operation(self, message: Message) -> str:
        for rule in self.words.sheet.operations:
            wanted = {path: str(text) for path, text in rule.when.items()}
            given = {p: message.mti if p == "mti" else self._read(message, p) for p in wanted}
            if all(_fits(given[path], wanted[path]) for path in wanted):
                return rule.is_
        raise AssertionError(f"no operation: {message!r}")

    def _vend(self, message: Message, stan: int) -> tuple[str, dict[str, str]]:
        token = f"{stan:020d}"
        return self._booked(message, stan, Booked("sale", self._amount(message), token))

    def _pay(self, message: Message, stan: int) -> tuple[str, dict[str, str]]:
        return self._booked(message, stan, Booked("payment", self._amount(message)))

    def _booked(self, message: Message, stan: int, item: Booked) -> tuple[str, dict[str, str]]:
        if stan in self.barred:
            return "duplicate", {"text": "taken back before"}
        if stan in self.items:
            return "duplicate", {"text": "another has this number"}
        self.items[stan] = item
        named = {"token": item.token} if item.token else {}
        return "approved", {"receipt": f"R{stan}", **named}

    def _reversal(self, message: Message, stan: int) -> tuple[str, dict[str, str]]:
        of = int(self._take(message, "original_stan"))
        item = self.items.get(of)
        if item is None:
            self.barred.add(of)
            return "approved", {"state": "barred"}
        if item.token:
            outcome = "no_action" if self.words.standard == 1987 else "approved"
            return outcome, {"state": "kept", "token": item.token}
        item.reversed = True
        return "approved", {"state": "reversed"}

    def _settle(self, message: Message, stan: int) -> tuple[str, dict[str, str]]:
        same = all(self._take(message, name) == text for name, text in self.totals().items())
        return ("approved" if same else "out_of_balance"), {}

    def _settle_end(self, message: Message, stan: int) -> tuple[str, dict[str, str]]:
        return self._settle(message, stan)

    def _upload(self, message: Message, stan: int) -> tuple[str, dict[str, str]]:
        self.uploads.append(int(self._take(message, "original_stan")))
        return "approved", {}

    def _advice(self, message: Message, stan: int) -> tuple[str, dict[str, str]]:
        self.advised.append(stan)
        self.items[stan] = Booked("payment", self._amount(message))
        return "approved", {}

    def _amount(self, message: Message) -> int:
        return int(self._take(message, "amount")) // 10 ** (self.words.dialect.amount_exponent or 0)

    def _take(self, message: Message, name: str) -> str:
        given = self.words.sheet.takes[name]
        paths = [given] if isinstance(given, str) else given
        return next((text for path in paths if (text := self._read(message, path))), "")

    def _read(self, message: Message, path: str) -> str:
        number, _, part = path.split(" ")[0].partition(".")
        value = message.fields.get(int(number), "")
        return str(value.get(part, "") if isinstance(value, dict) else value).strip()

    def _reply(self, message: Message, outcome: str, values: dict[str, str]) -> Message:
        own = self.words.dialect.responses
        fields: dict[int, Any] = {
            number: message.fields[number]
            for number in (3, 4, 11, 12, 13, 24, 41, 42, 49, 70)
            if number in message.fields
        }
        fields[39] = response(outcome, self.words.standard, own)
        groups = ["all", "done" if outcome == "approved" else "refused"]
        groups += [self._operation(message)] + (["done"] if values.get("state") == "kept" else [])
        for group in groups:
            for path, name in self.words.sheet.gives.get(group, {}).items():
                if name in values:
                    number, _, part = path.partition(".")
                    if part:
                        fields.setdefault(int(number), {})[part] = values[name]
                    else:
                        fields[int(number)] = values[name]
        return Message(reply_mti(message.mti), fields, reply_header(message.header))


def _fits(text: str, pattern: str) -> bool:
    return len(text) == len(pattern) and all(
        p in ("x", t) for t, p in zip(text, pattern, strict=True)
    )


@dataclass
class Talk:
    """A terminal and its host, with a clock that the test moves."""

    terminal: Terminal
    host: Host
    now: float = 0.0
    events: list[Any] = field(default_factory=list)

    def does(self, events: list[Any], rounds: int = 50) -> list[Any]:
        """What a key makes, until nothing is said any more; the events since."""
        begun = len(self.events)
        self.events += events
        for _ in range(rounds):
            due = self.terminal.deadline()
            if due is not None and due <= self.now:
                self.events += self.terminal.tick(self.now)
            asked = self.terminal.outgoing()
            if asked:
                said = self.host.receive(asked)
                self.events += self.terminal.receive(said, self.now) if said else []
            elif due is None or due > self.now:
                break
        return self.events[begun:]

    def later(self, seconds: float) -> list[Any]:
        """Time goes by."""
        self.now += seconds
        return self.does([])

    def signed_on(self) -> "Talk":
        self.does(self.terminal.connected(self.now))
        self.does(self.terminal.sign_on(self.now, "01", "2468"))
        return self


def talk(kind: type[Terminal] = Terminal, name: str = ASCII, **changes: Any) -> Talk:
    """A terminal of a kind, signed on."""
    master = changes.pop("master", b"")
    options = changes.pop("options", {})
    terminal = kind(setup(name, master=master, **changes), lambda: MORNING, **options)
    return Talk(terminal, Host(wording(name), master)).signed_on()


def codes(host: Host) -> Iterator[str]:
    """The types that a host has heard after the sign-on."""
    yield from host.heard[1:]


def plain(value: Any) -> Any:
    return msgspec.to_builtins(value)
