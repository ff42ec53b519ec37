"""What one scalar of a document means where a struct says what it expects.

Beneath :mod:`core.documents`. Beside the types that msgspec knows, a struct may ask for

* ``Annotated[int, Scaled(1000)]``: a decimal number in the text, exactly as written, that becomes
  an integer of thousandths;
* ``Annotated[str, OneOf(words)]``: one of words that are only known when the module is loaded;
* ``Annotated[str, msgspec.Meta(pattern=…, description="a month like 2026-02")]``: the description
  is what an error says was expected.
"""

import difflib
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import Annotated, Any, Final, Literal, get_args, get_origin

import msgspec

from core.yamlnodes import Node

#: Stands for the scale that the reader of a document tells: minor units of its currency.
MINOR: Final = 0

# No exponent, no NaN, no Infinity: what an analyst writes. 40 digits are beyond any price.
_DECIMAL: Final = re.compile(r"[-+]?(?=\.?[0-9])[0-9]{0,40}(\.[0-9]{0,40})?")
DECIMAL_SAYS: Final = "a decimal number like 750.9"
_SHOWN: Final = 40  # characters of what was given


@dataclass(frozen=True, slots=True)
class Scaled:
    """A decimal number that becomes an integer of ``1 / scale``; the limits are in whole ones."""

    scale: int
    low: int | None = None
    high: int | None = None


@dataclass(frozen=True, slots=True)
class OneOf:
    """A text that is one of these."""

    words: Collection[str]


class NotExpected(ValueError):  # noqa: N818 - becomes a problem of the document
    """The scalar is not what was expected; ``allowed`` names what is, if that is a list."""

    def __init__(self, message: str, allowed: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.allowed = tuple(allowed)


def unwrapped(wanted: Any) -> Any:
    """The type without its annotations."""
    return get_args(wanted)[0] if get_origin(wanted) is Annotated else wanted


def leaf(node: Node, wanted: Any, minor: int) -> Any:
    """The scalar as ``wanted``; ``minor`` is the scale of :data:`MINOR`. Raises NotExpected."""
    bare = unwrapped(wanted)
    for note in get_args(wanted)[1:] if bare is not wanted else ():
        if isinstance(note, Scaled):
            return _scaled(node, note, minor)
        if isinstance(note, OneOf) and node.value not in note.words:
            raise _no_choice(node, note.words)
    if bare is Decimal:
        return _decimal(node)
    choices = [str(choice) for choice in _choices(bare)]
    textual = bare is str or all(isinstance(choice, str) for choice in _choices(bare) or (0,))
    if node.is_null():
        value = None
    else:
        value = node.value if textual else node.scalar(quoted=bare is not Any)
    try:
        return msgspec.convert(value, wanted)
    except msgspec.ValidationError as error:
        if choices:
            raise _no_choice(node, choices) from None
        raise NotExpected(f"expected {_expected(wanted, error)}, got {shown(node)}") from None


def _no_choice(node: Node, choices: Collection[str]) -> NotExpected:
    message = f"expected one of the allowed values, got {shown(node)}"
    return NotExpected(message + hint(node.value, choices), choices)


def _decimal(node: Node) -> Decimal:
    if node.is_null() or not _DECIMAL.fullmatch(node.value):
        raise NotExpected(f"expected {DECIMAL_SAYS}, got {shown(node)}")
    return Decimal(node.value)


def _scaled(node: Node, wanted: Scaled, minor: int) -> int:
    scale = wanted.scale or minor
    number = _decimal(node)
    whole = Fraction(number) * scale  # arithmetic of Decimal rounds at 28 digits
    if whole.denominator != 1:
        raise NotExpected(f"{node.value} is finer than 1/{scale}")
    low, high = wanted.low, wanted.high
    if (low is not None and number < low) or (high is not None and number > high):
        limits = f"between {low} and {high}" if high is not None else f"{low} or more"
        raise NotExpected(f"expected {limits}, got {node.value}")
    return whole.numerator


def _expected(wanted: Any, error: msgspec.ValidationError) -> str:
    says = [
        note.description
        for note in getattr(wanted, "__metadata__", ())
        if isinstance(note, msgspec.Meta) and note.description
    ]
    if says:
        return says[0]
    why = f" ({error})" if get_origin(wanted) is Annotated else ""
    return name_of(unwrapped(wanted)) + why


def _choices(bare: Any) -> tuple[Any, ...]:
    if get_origin(bare) is Literal:
        return get_args(bare)
    if isinstance(bare, type) and issubclass(bare, Enum):
        return tuple(member.value for member in bare)
    return ()


def name_of(bare: Any) -> str:
    """What a type is called when it was expected."""
    known = {
        str: "text",
        int: "an integer",
        bool: "true or false",
        Decimal: DECIMAL_SAYS,
        date: "a day like 2026-02-28",
    }
    if _choices(bare):
        return "one of the allowed values"
    return known.get(bare) or str(getattr(bare, "__name__", bare))


def shown(node: Node) -> str:
    """What was given, cut short."""
    if node.kind != "scalar":
        return f"a {node.kind}"
    return "nothing" if node.is_null() else repr(node.value[:_SHOWN])


def hint(given: str, names: Iterable[str]) -> str:
    """``; did you mean 'x'?`` where something near is known."""
    near = difflib.get_close_matches(given[:_SHOWN], list(names), n=1)
    return f"; did you mean '{near[0]}'?" if near else ""
