"""What a switch means by its messages: the section ``service`` of a dialect (``mappings/pos``).

The adapter knows fields; here is said which message is which operation, where the meter, the
account and the cashier stand, and what goes into an answer. README.md has every key.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any, Final, Literal, get_args

import msgspec

from adapters.iso8583.codec import Layout
from adapters.iso8583.document import Dialect, DialectDocument, compiled, layout, problems
from adapters.iso8583.message import Message
from adapters.iso8583.vocabulary import RESPONSES, response
from channels.pos.outcomes import CODES, REVERSALS
from channels.pos.paths import PathError, Place, Reader, matches, place, read_text, reader
from channels.pos.values import VALUES, Value
from core.documents import Document, DocumentError, Problem, read
from core.refusals import OPERATOR

Operation = Literal[
    "sign_on", "sign_off", "echo", "key_exchange", "cut_over", "report", "parameters", "emergency",
    "enquiry", "vend", "pay", "advice", "reprint", "reversal", "settle", "settle_end", "upload",
]  # fmt: skip
Take = Literal[
    "terminal", "merchant", "stan", "rrn", "amount", "currency", "time", "date", "datetime",
    "meter", "account", "batch", "cashier", "pin", "phone", "another", "receipt", "slip_receipt",
    "original_mti", "original_stan", "original_date", "replacement", "reversed",
    "debits", "debit_amount", "debit_reversals", "debit_reversal_amount",
    "latitude", "longitude", "signal", "application", "parameters", "message", "page",
]  # fmt: skip
OPERATIONS: Final[tuple[str, ...]] = get_args(Operation)
#: What begins a session, or is of the line alone: there may be no session key yet.
OPENING: Final = frozenset({"sign_on", "key_exchange", "echo", "cut_over"})
#: Without these nobody knows who speaks, nor can what is said twice be told from something new.
NEEDED: Final = ("terminal", "stan", "amount", "currency")
#: Groups of ``gives`` beside the operations: always; of MTI class 8; when it was done; refused.
GROUPS: Final = ("all", "network", "done", "refused")
#: Types of messages whose rules are remembered: a dialect has some thirty, and a stranger sends
#: what he likes.
_MOST_TYPES: Final = 256
#: A field of fixed size is filled with zeros where there is none.
_ZEROS: Final = frozenset({"meter", "account", "receipt", "original_stan", "original_mti"})


class RuleDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A message in which every path has its value (``x``: any character) is the operation."""

    is_: Operation = msgspec.field(name="is")
    when: Mapping[str, str]


class SealDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which MTI classes must carry a code, and what becomes of a wrong one. Of class 8 (the line:
    signing off, reports, downloads) all but :data:`OPENING`."""

    classes: str = "12345"
    wrong: Literal["answer", "close"] = "answer"


class KeyDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a session key goes out: under the terminal's master key, its check value behind it."""

    cipher: Literal["des", "aes"] = "des"
    octets: Literal[8, 16, 24] = 16
    check: Annotated[int, msgspec.Meta(ge=3, le=8)] = 3


class ServiceCase(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request and the canonical message it becomes; an answer and the reply that it becomes.

    The terminal is bound to agent A-1, and it is ``at`` (RFC 3339) of a company in UTC.
    """

    name: str
    request: str
    operation: Operation
    at: str = "2026-01-02T03:04:06Z"
    currency: str = "UGX"
    type: str = ""
    message: Mapping[str, Any] = {}
    outcome: Literal["", "done", "refused", "unknown"] = ""
    code: str = "ok"
    data: Mapping[str, Any] = {}
    reply: str = ""


class ServiceDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The section ``service``."""

    operations: tuple[RuleDocument, ...]
    takes: Mapping[Take, str | tuple[str, ...]]
    echoes: tuple[int, ...]
    gives: Mapping[str, Mapping[str, str]]
    codes: Mapping[str, str] = {}
    reversals: Mapping[str, str] = {}
    seal: SealDocument = SealDocument()
    keys: KeyDocument = KeyDocument()
    clock_s: Annotated[int, msgspec.Meta(ge=0, le=86_400)] = 900
    keepalive: Literal["silent", "echo"] = "silent"
    languages: Mapping[str, str] = {}
    cases: tuple[ServiceCase, ...] = ()


class ProfileDocument(DialectDocument, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A file of ``mappings/pos`` with its service."""

    service: ServiceDocument  # type: ignore[assignment]  # the adapter's is opaque


@dataclass(frozen=True, slots=True)
class Rule:
    """An operation and what its messages look like."""

    operation: str
    mti: str
    when: tuple[tuple[Place, str], ...]


@dataclass(frozen=True, slots=True)
class Profile:
    """A dialect and what its messages mean, compiled. ``gives``: group → places and values."""

    dialect: Dialect
    standard: int
    rules: tuple[Rule, ...]
    takes: Mapping[str, tuple[Place, ...]]
    gives: Mapping[str, tuple[tuple[Place, str], ...]]
    service: ServiceDocument
    _readers: dict[str, Reader] = field(default_factory=dict)  # of names that were asked for
    _rows_of: dict[tuple[str, ...], tuple[tuple[Place, str, Value], ...]] = field(
        default_factory=dict
    )
    _of_mti: dict[str, tuple[Rule, ...]] = field(default_factory=dict)  # those that a type may fit

    def operation(self, message: Message) -> str | None:
        """What a message is; None: nothing that this switch was said to send."""
        for rule in self._rules(message.mti):
            if all(matches(read_text(message, at), wanted) for at, wanted in rule.when):
                return rule.operation
        return None

    def _rules(self, mti: str) -> tuple[Rule, ...]:
        found = self._of_mti.get(mti)
        if found is None:
            found = tuple(rule for rule in self.rules if matches(mti, rule.mti))
            if len(self._of_mti) < _MOST_TYPES:
                self._of_mti[mti] = found
        return found

    def kind(self, message: Message) -> str | None:
        """What is told of by an advice or an upload: the operation of such a request."""
        request = f"{message.mti[0]}200"
        return self.operation(Message(request, message.fields, message.header))

    def take(self, message: Message, name: str) -> str:
        """What a message says under a name; "" for nothing."""
        read = self._readers.get(name)
        if read is None:
            places = self.takes.get(name, ())
            read = self._readers[name] = reader(places, zeros_say_nothing=name in _ZEROS)
        return read(message)

    def rows(self, groups: tuple[str, ...]) -> tuple[tuple[Place, str, Value], ...]:
        """What these groups of ``gives`` put into an answer: where, what by name, what makes it."""
        found = self._rows_of.get(groups)
        if found is None:
            each = (row for group in groups for row in self.gives.get(group, ()))
            found = self._rows_of[groups] = tuple((at, name, VALUES[name]) for at, name in each)
        return found

    def code(self, outcome: str) -> str:
        """DE39 of one of ``vocabulary.RESPONSES``."""
        return response(outcome, self.standard, self.dialect.responses)

    def outcome_of(self, refusal: str) -> str:
        """The outcome that a refusal is shown as."""
        return self.service.codes.get(refusal) or CODES.get(refusal, "declined")

    def reversal_outcome(self, state: str) -> str:
        """The outcome that a reversal's end is shown as: none of them starts it again."""
        return self.service.reversals.get(state) or REVERSALS.get(state, "approved")

    def seals(self, mti: str, operation: str) -> bool:
        """Whether a message of this type and meaning must carry a code."""
        classes = self.service.seal.classes if operation not in OPENING else ""
        return self.dialect.mac is not None and mti[1] in classes


def load(text: str, source: str = "pos") -> Profile:
    """The profile of a file's text. DocumentError: everything that is wrong, with its line."""
    document = read(text, ProfileDocument, source)
    found = [_problem(document, *each) for each in problems(document.value)]
    if found:
        raise DocumentError(found)
    profile, wrong = _compiled(document.value)
    if wrong:
        raise DocumentError([_problem(document, *each) for each in wrong])
    return profile


@cache
def loaded(text: str, source: str) -> Profile:
    """As :func:`load`, once in a process."""
    return load(text, source)


def _problem(document: Document[ProfileDocument], path: str, why: str) -> Problem:
    """With the line of the place, or of what is around it."""
    around = path
    while around and around not in document.lines:
        around = around.rpartition(".")[0]
    return Problem(document.source, document.lines.get(around, 1), path, why)


Wrong = list[tuple[str, str]]


def _compiled(document: ProfileDocument) -> tuple[Profile, Wrong]:
    wrong: Wrong = []
    below = layout(document)
    service = document.service
    profile = Profile(
        compiled(document),
        document.standard,
        tuple(_rules(service, below, wrong)),
        dict(_takes(service, below, wrong)),
        dict(_gives(service, below, wrong)),
        service,
    )
    wrong += _unknown(profile)
    return profile, wrong


def _place(text: str, below: Layout, path: str, wrong: Wrong) -> Place | None:
    try:
        return place(text, below)
    except PathError as error:
        wrong.append((path, str(error)))
        return None


def _rules(service: ServiceDocument, below: Layout, wrong: Wrong) -> Iterator[Rule]:
    for at, rule in enumerate(service.operations):
        path = f"service.operations[{at}].when"
        mti = rule.when.get("mti", "")
        if not re.fullmatch(r"[0-9x]{4}", mti):
            wrong.append((path, "mti: four digits or x"))
        found = [
            (_place(name, below, path, wrong), value)
            for name, value in rule.when.items()
            if name != "mti"
        ]
        yield Rule(rule.is_, mti, tuple((where, value) for where, value in found if where))


def _takes(
    service: ServiceDocument, below: Layout, wrong: Wrong
) -> Iterator[tuple[str, tuple[Place, ...]]]:
    for name, given in service.takes.items():
        texts = (given,) if isinstance(given, str) else given
        found = [_place(text, below, f"service.takes.{name}", wrong) for text in texts]
        yield name, tuple(where for where in found if where)
    wrong += [
        ("service.takes", f"it does not say where {name} is")
        for name in NEEDED
        if name not in service.takes
    ]


def _gives(
    service: ServiceDocument, below: Layout, wrong: Wrong
) -> Iterator[tuple[str, tuple[tuple[Place, str], ...]]]:
    for group, rows in service.gives.items():
        path = f"service.gives.{group}"
        if group not in (*GROUPS, *OPERATIONS):
            wrong.append((path, f"no operation, nor one of: {', '.join(GROUPS)}"))
        found = [(_place(name, below, path, wrong), value) for name, value in rows.items()]
        wrong += [
            (path, f"{value!r} is nothing that an answer has: {', '.join(sorted(VALUES))}")
            for _, value in found
            if value not in VALUES
        ]
        yield group, tuple((where, value) for where, value in found if where)
    wrong += [
        ("service.echoes", f"the standard does not know field {number}")
        for number in service.echoes
        if number not in below.fields or number in (2, 34, 35, 36, 45, 52)
    ]


def _unknown(profile: Profile) -> Wrong:
    """Names of outcomes and refusals that there are not, and outcomes without a code."""
    service = profile.service
    wrong: Wrong = [
        (f"service.codes.{name}", "no refusal is called so")
        for name in service.codes
        if name not in CODES and name not in OPERATOR
    ]
    wrong += [
        (f"service.reversals.{name}", f"a reversal ends as one of: {', '.join(REVERSALS)}")
        for name in service.reversals
        if name not in REVERSALS
    ]
    used = {f"service.codes.{name}": value for name, value in service.codes.items()}
    used |= {
        f"service.reversals.{name}": profile.reversal_outcome(name)
        for name in {**REVERSALS, **service.reversals}
    }
    for path, outcome in used.items():
        if outcome not in RESPONSES:
            wrong.append((path, f"no outcome is called so: {', '.join(RESPONSES)}"))
            continue
        try:
            profile.code(outcome)
        except KeyError:
            wrong.append((path, f"{outcome} has no code in this version: say it in `responses`"))
    return wrong
