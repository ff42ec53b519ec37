"""HTTP callbacks in Africa's Talking's form (help pages and integrators' code; facts, USSD §4.1).

The gateway posts a form at every hop: ``sessionId serviceCode phoneNumber networkCode text``.
``text`` is empty at first and then holds *all* answers so far joined by ``*``; the application
answers ``CON <screen>`` or ``END <screen>`` as text/plain. Another form tells the end of a session.

Several aggregators use the same shape under other names: :class:`Names` is that difference.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import parse_qs

#: 20 hops of a full page (182 septets), each octet percent-encoded, is some 11 kB.
MAX_FORM_BYTES: Final = 16_384
#: The documented end-of-session form has 13 fields; room for an aggregator's own.
MAX_FIELDS: Final = 40
_SHAPES: Final = {
    "session_id": (re.compile(r"[!-~]{1,128}"), "1 to 128 visible characters"),
    "service_code": (re.compile(r"[*#0-9]{1,40}"), "digits, * and #"),
    "msisdn": (re.compile(r"\+?[0-9]{6,15}"), "6 to 15 digits after an optional +"),
    "network_code": (re.compile(r"[!-~]{0,16}"), "at most 16 visible characters"),
}


class FormError(ValueError):
    """The gateway's form is not acceptable; its text is one sentence for the 400.

    ``field`` is the field's name on the wire. The value is never repeated: it may be a secret.
    """

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


@dataclass(frozen=True, slots=True)
class Names:
    """What the fields are called; ``network_code`` is empty where the aggregator sends none."""

    session_id: str = "sessionId"
    service_code: str = "serviceCode"
    msisdn: str = "phoneNumber"
    network_code: str = "networkCode"
    text: str = "text"
    status: str = "status"


@dataclass(frozen=True, slots=True)
class Callback:
    """One hop. ``text`` is the accumulated history, untouched."""

    session_id: str
    service_code: str
    msisdn: str
    network_code: str
    text: str


@dataclass(frozen=True, slots=True)
class SessionEnd:
    """The session is over. ``status``: Success, Incomplete or Failed, or what they say instead."""

    session_id: str
    msisdn: str
    status: str
    reason: str


AFRICASTALKING: Final = Names()


def parse_form(body: bytes) -> dict[str, list[str]]:
    """The fields of an urlencoded body, doubled ones with all their values."""
    if len(body) > MAX_FORM_BYTES:
        raise FormError("", f"The form is larger than {MAX_FORM_BYTES} bytes.")
    try:
        return parse_qs(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(body),
            errors="strict",
            max_num_fields=MAX_FIELDS,
        )
    except ValueError as error:
        raise FormError("", "The body is not an urlencoded form of UTF-8 text.") from error


def read(
    fields: Mapping[str, Sequence[str]], names: Names = AFRICASTALKING
) -> Callback | SessionEnd:
    """One hop, or the end of a session: told apart by ``text`` and ``status``."""
    if names.status in fields and names.text not in fields:
        return SessionEnd(
            session_id=_shaped(fields, names, "session_id"),
            msisdn=_shaped(fields, names, "msisdn"),
            status=_one(fields, names.status)[:32],
            reason=_optional(fields, "errorMessage")[:200],
        )
    return Callback(
        session_id=_shaped(fields, names, "session_id"),
        service_code=_shaped(fields, names, "service_code"),
        msisdn=_shaped(fields, names, "msisdn"),
        network_code=_shaped(fields, names, "network_code") if names.network_code else "",
        text=_one(fields, names.text),
    )


def _shaped(fields: Mapping[str, Sequence[str]], names: Names, role: str) -> str:
    name = getattr(names, role)
    value = _one(fields, name)
    pattern, allowed = _SHAPES[role]
    if role == "msisdn":  # an unescaped + in a query arrives as a blank
        value = value.replace(" ", "+", 1) if value.startswith(" ") else value
    if not pattern.fullmatch(value):
        raise FormError(name, f"The field {name} must be {allowed}.")
    return value


def _one(fields: Mapping[str, Sequence[str]], name: str) -> str:
    values = fields.get(name, ())
    if not values:
        raise FormError(name, f"The field {name} is missing.")
    if len(values) > 1:
        raise FormError(name, f"The field {name} is given {len(values)} times.")
    return values[0]


def _optional(fields: Mapping[str, Sequence[str]], name: str) -> str:
    return fields[name][0] if fields.get(name) else ""


# -- what is new in a hop


@dataclass(frozen=True, slots=True)
class Seen:
    """The history as far as it was handled, without keeping it: it may hold secrets."""

    length: int
    digest: bytes


class Step(StrEnum):
    """How a hop's text stands to the history that we know."""

    FIRST = "first"  # the session begins; answers may have been dialled with the code
    NEXT = "next"  # the customer answered
    SAME = "same"  # the same hop again
    OTHER = "other"  # an earlier hop again, or another session under the same id


@dataclass(frozen=True, slots=True)
class Delta:
    """What is new: the step and the answers in it."""

    step: Step
    answers: tuple[str, ...] = ()


def seen(text: str) -> Seen:
    """The fingerprint of a history."""
    return Seen(len(text), hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest())


def delta(known: Seen | None, text: str) -> Delta:
    """What ``text`` adds to the history ``known`` (None: no session).

    Only the first hop may hold several answers (dialled at once): there every ``*`` separates.
    Later, everything behind the known history is *one* answer, even with a ``*`` typed in it:
    splitting it could walk on over a screen that nobody has seen.
    """
    if known is None:
        return Delta(Step.FIRST, tuple(text.split("*")) if text else ())
    if seen(text) == known:
        return Delta(Step.SAME)
    if len(text) < known.length or seen(text[: known.length]) != known:
        return Delta(Step.OTHER)
    rest = text[known.length :]
    if known.length == 0:
        return Delta(Step.NEXT, (rest,))
    return Delta(Step.NEXT, (rest[1:],)) if rest.startswith("*") else Delta(Step.OTHER)


# -- answers


class ReplyError(ValueError):
    """An answer that begins with neither CON nor END: the gateway ends the session."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A screen; ``closes``: the session is over with it."""

    text: str
    closes: bool


def write_reply(reply: Reply) -> str:
    """The body of the answer: ``CON `` keeps the session, ``END `` closes it."""
    return f"{'END' if reply.closes else 'CON'} {reply.text}"


def read_reply(body: str) -> Reply:
    """The answer as a gateway reads it."""
    word, _, text = body.partition(" ")
    if word not in ("CON", "END"):
        raise ReplyError(f"The answer begins with {body[:8]!r}, not with CON or END.")
    return Reply(text, word == "END")
