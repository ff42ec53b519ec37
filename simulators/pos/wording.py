"""How requests and answers stand in fields: the section ``service`` of a dialect, from outside.

A terminal's maker has the switch's document: which message is which operation (``operations``),
where the meter, the account, the batch stand (``takes``), and where an answer has the token and the
receipt (``gives``). Paths are ``102``, or ``48.meter`` for a part of a field.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from adapters.iso8583.amounts import from_wire, to_wire
from adapters.iso8583.document import Dialect, DialectDocument, compiled
from adapters.iso8583.message import Message
from adapters.iso8583.parts import Below, Row
from adapters.iso8583.vocabulary import RESPONSES, response
from core.documents import DocumentError, read
from hub.files import read_text
from hub.iso8583 import shipped

#: Every group of ``gives``, in the order in which later ones go over earlier ones.
_ALWAYS: Final = "all"
_NETWORK: Final = "network"
#: What is money on the wire.
_MONEY: Final = frozenset({"amount", "debit_amount", "debit_reversal_amount"})
#: The same in answers, in the digits of an amount.
_SHOWN: Final = frozenset({"tender", "tax", "debts", "carried", "credit", "due"})
#: What carries no code, though its class does: it brings the key, or is of the line alone.
_OPENING: Final = ("sign_on", "key_exchange", "echo", "cut_over")
#: In advice and upload the processing code says what is told of.
_TELLS: Final = {"payment": "pay", "sale": "vend"}


class WordingError(ValueError):
    """A dialect has no words for it."""


class Asks(Protocol):
    """What a wording needs of a terminal's setup."""

    @property
    def number(self) -> str: ...
    @property
    def merchant(self) -> str: ...
    @property
    def currency(self) -> str: ...
    @property
    def exponent(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Moment:
    """The number of a message, and its time: the terminal's own and UTC."""

    stan: int
    local: datetime
    utc: datetime


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer. ``outcome``: the name of its code (``approved``), or "" for one that the dialect
    does not know; ``values``: what it says, by name."""

    mti: str
    stan: int
    code: str
    outcome: str
    values: Mapping[str, Any]


class Rule(msgspec.Struct, frozen=True):
    """Which message is an operation."""

    is_: str = msgspec.field(name="is")
    when: Mapping[str, Any] = {}


class KeyForm(msgspec.Struct, frozen=True):
    """How a session key comes: octets of the key, then of its check value."""

    cipher: str = "des"
    octets: int = 16
    check: int = 3


class Seal(msgspec.Struct, frozen=True):
    """Which classes of messages carry a code."""

    classes: str = "12345"


class Sheet(msgspec.Struct, frozen=True):
    """What a terminal needs of the section ``service``; the rest of it is the host's matter."""

    operations: tuple[Rule, ...] = ()
    takes: Mapping[str, Any] = {}
    gives: Mapping[str, Mapping[str, str]] = {}
    keys: KeyForm = KeyForm()
    seal: Seal = Seal()


class Document(DialectDocument, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A dialect with its service."""

    service: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Wording:
    """A dialect with what its messages mean."""

    dialect: Dialect
    standard: int
    sheet: Sheet

    @cached_property
    def _rules(self) -> Mapping[str, Rule]:
        found: dict[str, Rule] = {}
        for rule in self.sheet.operations:
            found.setdefault(rule.is_, rule)
        return found

    @cached_property
    def _outcomes(self) -> Mapping[str, str]:
        """Code → outcome; of outcomes with one code the first."""
        found: dict[str, str] = {}
        for name in RESPONSES:
            try:
                found.setdefault(response(name, self.standard, self.dialect.responses), name)
            except KeyError:
                continue
        return found

    @property
    def operations(self) -> tuple[str, ...]:
        """What can be asked in this dialect."""
        return tuple(self._rules)

    def seals(self, message: Message) -> bool:
        """Whether a message, or its answer, which says the same of itself, carries a code."""
        if self.dialect.mac is None or message.mti[1] not in self.sheet.seal.classes:
            return False
        return not any(self._is(message, rule) for rule in self._opening)

    @cached_property
    def _opening(self) -> tuple[Rule, ...]:
        return tuple(rule for rule in self.sheet.operations if rule.is_ in _OPENING)

    def _is(self, message: Message, rule: Rule) -> bool:
        wanted = {path: str(text) for path, text in rule.when.items() if path != "mti"}
        same = str(rule.when.get("mti", ""))[:2] == message.mti[:2]
        return same and all(self._read(message, path) == text for path, text in wanted.items())

    # --- requests --------------------------------------------------------------------------------

    def request(
        self, operation: str, setup: Asks, moment: Moment, values: Mapping[str, Any]
    ) -> Message:
        """The message of a request; what the dialect has no place for is left out."""
        rule = self._rules.get(operation)
        if rule is None:
            raise WordingError(f"{self.dialect.name} has no {operation}")
        fields: dict[int, Any] = {}
        for name, text in self._texts(setup, moment, values):
            for path in self._places(name):
                self._put(fields, path, text)
        for path, text in self._when(operation, values).items():
            self._put(fields, path, text)
        if 7 in self.dialect.codec.layout.fields:
            fields.setdefault(7, f"{moment.utc:%m%d%H%M%S}")
        self._complete(fields)
        mti = str(rule.when.get("mti", "")).replace("x", "0")
        return Message(mti, fields, self._header())

    def _when(self, operation: str, values: Mapping[str, Any]) -> dict[str, str]:
        """Paths and texts that make a message the operation."""
        told = _TELLS.get(str(values.get("kind", "payment")), "")
        of = [told, operation] if operation in ("advice", "upload") else [operation]
        found: dict[str, str] = {}
        for name in of:
            rule = self._rules.get(name)
            found |= {path: str(text) for path, text in (rule.when if rule else {}).items()}
        found.pop("mti", None)
        return {path: text.replace("x", "0") for path, text in found.items()}

    def _texts(
        self, setup: Asks, moment: Moment, values: Mapping[str, Any]
    ) -> Iterator[tuple[str, str]]:
        """(name, text) of everything that is known."""
        own = {
            "terminal": setup.number,
            "merchant": setup.merchant,
            "stan": f"{moment.stan:0{12 if self.standard == 2003 else 6}d}",
            "time": f"{moment.local:%H%M%S}",
            "date": f"{moment.local:%m%d}",
            "datetime": f"{moment.local:%y%m%d%H%M%S}",
            "currency": setup.currency if values.get("amount") is not None else "",
        }
        for name, value in {**own, **values}.items():
            if value is None or value == "":
                continue
            if name in _MONEY:
                yield name, self._money(name, int(value), setup)
            elif isinstance(value, bool):
                yield name, "1" if value else "0"
            else:
                yield name, str(value)

    def _money(self, name: str, minor: int, setup: Asks) -> str:
        exponent = self.dialect.amount_exponent
        size = 12 if name == "amount" else 16
        return to_wire(minor, exponent, setup.exponent, size)

    def original(self, moment: Moment, mti: str) -> dict[str, str]:
        """What names the item that a reversal is about."""
        found = {"original_mti": mti, "original_stan": f"{moment.stan:06d}"}
        for path in self._places("original_date"):
            forms = {4: "%m%d", 8: "%Y%m%d", 10: "%m%d%H%M%S", 12: "%y%m%d%H%M%S"}
            form = forms.get(self._size(path), "%m%d")
            found["original_date"] = f"{moment.local:{form}}"
        return found

    # --- answers ---------------------------------------------------------------------------------

    def read(self, message: Message, operation: str, exponent: int = 0) -> Heard:
        """What an answer says."""
        code = str(message.fields.get(39, ""))
        stan = self._read(message, next(iter(self._places("stan")), "11"))
        outcome = self._outcomes.get(code, "")
        return Heard(
            message.mti,
            int(stan) if stan.isdigit() else -1,
            code,
            outcome,
            self._values(message, operation, outcome, exponent),
        )

    def _values(
        self, message: Message, operation: str, outcome: str, exponent: int
    ) -> dict[str, str | int]:
        groups = [_ALWAYS, _NETWORK] if message.mti[1:2] == "8" else [_ALWAYS]
        # "no action taken" has what was done: the token that is not taken back
        groups += ["kept", "done"] if outcome in ("approved", "no_action") else ["refused"]
        groups.append(operation)
        found: dict[str, str | int] = {}
        for group in groups:
            for path, name in self.sheet.gives.get(group, {}).items():
                if text := self._read(message, path):
                    found[name] = text
        for name in (_MONEY | _SHOWN) & set(found):
            digits = str(found[name])
            if digits.isdigit():
                found[name] = from_wire(digits, self.dialect.amount_exponent, exponent)
        return found

    # --- places ----------------------------------------------------------------------------------

    def _places(self, name: str) -> tuple[str, ...]:
        given = self.sheet.takes.get(name, ())
        return (str(given),) if isinstance(given, str | int) else tuple(map(str, given[:1]))

    def _put(self, fields: dict[int, Any], path: str, text: str) -> None:
        number, _, part = path.split(" ")[0].partition(".")
        if part:
            fields.setdefault(int(number), {})[part] = text
        else:
            fields[int(number)] = text

    def _read(self, message: Message, path: str) -> str:
        number, _, part = path.split(" ")[0].partition(".")
        value = message.fields.get(int(number))
        if part:
            value = value.get(part) if isinstance(value, Mapping) else None
        if isinstance(value, bytes):
            return value.hex().upper()
        return value.strip() if isinstance(value, str) else ""

    def _row(self, number: int) -> Row | None:
        field = self.dialect.codec.layout.fields.get(number)
        below = field.parts if field is not None else None
        inside = below.parts if isinstance(below, Below) else None
        return inside if isinstance(inside, Row) else None

    def _size(self, path: str) -> int:
        number, _, part = path.split(" ")[0].partition(".")
        row = self._row(int(number))
        if row is not None:
            return next((field.size for field in row.fields if field.name == part), 0)
        field = self.dialect.codec.layout.fields.get(int(number))
        return field.size if field is not None else 0

    def _complete(self, fields: dict[int, Any]) -> None:
        """Rows have all their parts: what was not said is zeros, or blanks."""
        for number, value in fields.items():
            row = self._row(number)
            if row is None or not isinstance(value, dict):
                continue
            for field in row.fields:
                if field.name not in value:
                    value[field.name] = "0" * field.size if field.kind == "n" else ""

    def _header(self) -> bytes:
        """A TPDU to the host 0003, where there is one."""
        size = self.dialect.codec.layout.header
        return bytes.fromhex("6000030000").ljust(size, b"\0")[:size]


def load(text: str, source: str = "pos") -> Wording:
    """The wording of a dialect's text. DocumentError: what is wrong, with its line."""
    document = read(text, Document, source).value
    try:
        sheet = msgspec.convert(dict(document.service), Sheet)
    except msgspec.ValidationError as error:
        raise WordingError(f"{source}: service: {error}") from error
    if not sheet.operations:
        raise WordingError(f"{source}: the dialect says nothing of its service")
    return Wording(compiled(document), document.standard, sheet)


def wording_of(name: str) -> Wording:
    """Of a dialect's name in ``mappings/pos``, or of a file. WordingError: neither."""
    files = shipped()
    path = files.get(name, Path(name))
    if name not in files and not name.endswith((".yaml", ".yml")):
        raise WordingError(f"{name!r} is no file, nor one of: {', '.join(files)}")
    try:
        return load(read_text(path), str(path))
    except DocumentError as error:
        raise WordingError(str(error)) from error
