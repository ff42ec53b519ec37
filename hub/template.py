"""The small language of the customers' texts: ``{name}`` and ``[ left out when empty ]``."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeVar

A = TypeVar("A")
_PIECE: Final = re.compile(r"\{([a-z_]+)\}|([\[\]{}])|([^\[\]{}]+)")


@dataclass(frozen=True, slots=True)
class Hole:
    """A placeholder."""

    name: str


@dataclass(frozen=True, slots=True)
class Optional:
    """A part that is left out as a whole when a placeholder in it has nothing to say."""

    parts: "tuple[str | Hole, ...]"


Part = str | Hole | Optional
Template = tuple[Part, ...]


def parse(text: str) -> Template:
    """The parts of a text; ValueError says what is wrong with its brackets."""
    parts: list[Part] = []
    inner: list[str | Hole] | None = None
    for found in _PIECE.finditer(text):
        name, mark, plain = found.groups()
        if mark == "[" and inner is None:
            inner = []
        elif mark == "]" and inner is not None:
            parts.append(Optional(tuple(inner)))
            inner = None
        elif mark:
            raise ValueError(f"'{mark}' at character {found.start() + 1} has no partner")
        else:
            (parts if inner is None else inner).append(Hole(name) if name else plain)
    if inner is not None:
        raise ValueError("a '[' is not closed")
    return tuple(parts)


def names(template: Template, always: bool = False) -> Iterator[str]:
    """The placeholders; ``always``: only those that are never left out."""
    for part in template:
        if isinstance(part, Hole):
            yield part.name
        elif isinstance(part, Optional) and not always:
            yield from (piece.name for piece in part.parts if isinstance(piece, Hole))


#: Shown for a placeholder outside an optional part that has nothing to say: better than hiding the
#: rest of a sentence.
_UNKNOWN: Final = "?"


def fill(template: Template, value: Callable[[str, bool], str]) -> str:
    """The text with every placeholder replaced; ``value(name, optional)`` gives "" for nothing."""
    return "".join(_part(part, value) for part in template)


def _part(part: Part, value: Callable[[str, bool], str]) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, Hole):
        return value(part.name, False) or _UNKNOWN
    said = {piece.name: value(piece.name, True) for piece in part.parts if isinstance(piece, Hole)}
    if not all(said.values()):
        return ""
    return "".join(piece if isinstance(piece, str) else said[piece.name] for piece in part.parts)


def compiled(
    template: Template, bind: Callable[[str, bool], Callable[[A], str]]
) -> Callable[[A], str]:
    """:func:`fill` for a template that is filled for every message: it is walked once, here.

    ``bind(name, optional)`` gives a placeholder's own function of the arguments.
    """
    pattern = _pattern(template)
    says = [
        (bind(part.name, False), _UNKNOWN) if isinstance(part, Hole) else (_whole(part, bind), "")
        for part in template
        if not isinstance(part, str)
    ]

    def text(args: A) -> str:
        return pattern % tuple([say(args) or nothing for say, nothing in says])

    return text


def _whole(part: Optional, bind: Callable[[str, bool], Callable[[A], str]]) -> Callable[[A], str]:
    pattern = _pattern(part.parts)
    says = [bind(piece.name, True) for piece in part.parts if isinstance(piece, Hole)]

    def text(args: A) -> str:
        said = [say(args) for say in says]
        return pattern % tuple(said) if all(said) else ""

    return text


def _pattern(parts: Template) -> str:
    """The parts as a pattern of ``%``: a place for each that is not plain text."""
    return "".join(part.replace("%", "%%") if isinstance(part, str) else "%s" for part in parts)
