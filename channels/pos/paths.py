"""Places in a message: ``102``, or what is inside a field: ``48.meter``, ``62.01``, ``127.2``."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from adapters.iso8583.codec import Layout
from adapters.iso8583.message import Message
from adapters.iso8583.parts import Below, Mapped, Row, TextTlv
from adapters.iso8583.spec import Field

_FORM: Final = re.compile(r"(\d{1,3})(?:\.([A-Za-z0-9]{1,16}))?( unpadded)?")


class PathError(ValueError):
    """There is no such place in the dialect; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Place:
    """A field, or a part of it. ``unpadded``: zeros in front say nothing. ``size``: the most
    that it takes, in characters, or octets where ``octets``; ``hex``: octets stand as text."""

    number: int
    part: str
    unpadded: bool
    size: int
    form: str
    octets: bool
    hex: bool


def place(text: str, layout: Layout) -> Place:
    """The place of a path. PathError: the dialect has none."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise PathError(f"{text[:30]!r} is no place like 102 or 48.meter")
    number, part = int(found[1]), found[2] or ""
    field = layout.fields.get(number)
    if field is None or number in (1, 52, 64, 65, 128):
        raise PathError(f"field {number} is none that a message of ours may have")
    if bool(part) != (field.parts is not None):
        raise PathError(f"field {number} has {'no ' if part else ''}parts")
    size = _size(field, part) if part else field.size
    octets = field.count == "octets" or isinstance(_inside(field), TextTlv)
    hexed = field.kind != "b" or bool(part)
    return Place(number, part, bool(found[3]), size, field.form, octets, hexed)


def _inside(field: Field) -> Any:
    return field.parts.parts if isinstance(field.parts, Below) else None


def _size(field: Field, part: str) -> int:
    """The most that a part of a field takes."""
    inside = _inside(field)
    if isinstance(inside, Row):
        for each in inside.fields:
            if each.name == part:
                return field.size if part == "rest" else each.size
        names = ", ".join(each.name for each in inside.fields)
        raise PathError(f"field {field.number} has no part {part}: {names}")
    if isinstance(inside, TextTlv):
        if len(part) != inside.tag:
            raise PathError(f"tags of field {field.number} have {inside.tag} characters")
        return min(int("9" * inside.digits), field.size - inside.tag - inside.digits)
    if isinstance(inside, Mapped):
        known = {str(number): each.size for number, each in inside.fields.items()}
        if part in known:
            return known[part]
    raise PathError(f"field {field.number} has no part {part}")


def matches(text: str, pattern: str) -> bool:
    """Whether a text is what a pattern says: ``x`` is any one character."""
    return text == pattern or ("x" in pattern and _compiled(pattern)(text) is not None)


@lru_cache(512)  # a dialect has some dozen
def _compiled(pattern: str) -> Callable[[str], Any]:
    return re.compile(re.escape(pattern).replace("x", "."), re.DOTALL).fullmatch


def read_text(message: Message, where: Place) -> str:
    """What stands at a place, without blanks around it; "" for nothing. Octets as hex."""
    value = message.fields.get(where.number)
    if where.part:
        value = value.get(where.part) if isinstance(value, dict) else None
    if isinstance(value, bytes):
        return value.hex().upper()
    text = value.strip() if isinstance(value, str) else ""
    return text.lstrip("0") if where.unpadded else text


def read_all(message: Message, places: Iterable[Place], *, zeros_say_nothing: bool = False) -> str:
    """The first of some places that has something."""
    for where in places:
        text = read_text(message, where)
        if text and not (zeros_say_nothing and not text.strip("0")):
            return text
    return ""


Reader = Callable[[Message], str]


def reader(places: tuple[Place, ...], *, zeros_say_nothing: bool = False) -> Reader:
    """:func:`read_all` of these places, made once: a request is asked some thirty things."""
    if len(places) != 1 or places[0].part or places[0].unpadded:
        return lambda message: read_all(message, places, zeros_say_nothing=zeros_say_nothing)
    (where,) = places
    number = where.number

    def read(message: Message) -> str:
        value = message.fields.get(number)
        if value is None:
            return ""
        text = value.strip() if isinstance(value, str) else read_text(message, where)
        return "" if zeros_say_nothing and not text.strip("0") else text

    return read


def put(fields: dict[int, Any], where: Place, value: str | bytes) -> None:
    """Puts a value into the fields of an answer; a text that is too long is cut."""
    if isinstance(value, bytes):
        fitting: str | bytes = value.hex().upper() if where.hex else value
    else:
        fitting = fit(value, where)
    if where.part:
        inside = fields.setdefault(where.number, {})
        inside[where.part] = fitting
    else:
        fields[where.number] = fitting


def fit(text: str, where: Place) -> str:
    """The text in the field's charset (``?`` for what it has not), as much as it takes."""
    if text.isascii():  # which every charset of ours has, an octet each
        return text[: where.size]
    form = where.form if where.form not in ("bcd", "hex", "binary") else "ascii"
    raw = text.encode(form, "replace")
    if not where.octets:
        return raw.decode(form)[: where.size]
    return raw[: where.size].decode(form, "ignore")
