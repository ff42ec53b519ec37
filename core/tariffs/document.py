"""A document as a tree that remembers where each value stands, so that an error can say so.

YAML and JSON give the same tree. Numbers stay the text that the author wrote: ``750.9`` becomes
exactly 750.9 and never a float. Reading collects every problem of a file before it complains.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

import yaml

Tree = str | list["Field"] | dict[str, "Field"] | None
_LARGEST = 8_000_000  # characters: conformance files of tens of thousands of cases fit
_DEEPEST = 40  # levels; a tariff needs eight
_MOST_VALUES = 500_000  # an alias that repeats an alias grows without end otherwise
_LONGEST_NUMBER = 40  # characters


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong: line (from 1, 0 if unknown), path of the field, what and what is allowed."""

    line: int
    path: str
    message: str


class DocumentError(ValueError):
    """A document that is not what it should be; ``problems`` names each place, the text all."""

    def __init__(self, name: str, problems: list[Problem]) -> None:
        self.name = name
        self.problems = tuple(problems)
        super().__init__("\n".join(_sentence(name, problem) for problem in problems))


class FieldError(ValueError):
    """One field cannot be read; caught where the fields of a document are gathered."""

    def __init__(self, field: Field, message: str) -> None:
        super().__init__(message)
        self.problem = Problem(field.line, field.path, message)


def _sentence(name: str, problem: Problem) -> str:
    where = f"{name}:{problem.line}" if problem.line else name
    return f"{where}: {problem.path or 'document'}: {problem.message}"


@dataclass(frozen=True, slots=True)
class Field:
    """A value in a document, with its place. Readers raise FieldError with what is allowed."""

    value: Tree
    line: int
    path: str

    def mapping(self, needed: Collection[str], optional: Collection[str] = ()) -> dict[str, Field]:
        """A mapping with all needed keys and no unknown one."""
        if not isinstance(self.value, dict):
            raise FieldError(self, f"must be a mapping with {_names(needed)}")
        allowed = {*needed, *optional}
        for key, field in self.value.items():
            if key not in allowed:
                raise FieldError(field, f"{key!r} is not known here; allowed: {_names(allowed)}")
        missing = [key for key in needed if key not in self.value]
        if missing:
            raise FieldError(self, f"{_names(missing)} missing; what changes money has no default")
        return self.value

    def items(self) -> list[Field]:
        """A list."""
        if not isinstance(self.value, list):
            raise FieldError(self, "must be a list")
        return self.value

    def text(self) -> str:
        """A text that is not empty."""
        if not isinstance(self.value, str) or not self.value.strip():
            raise FieldError(self, "must be a text")
        return self.value

    def one_of(self, allowed: Collection[str]) -> str:
        """One of the allowed words."""
        text = self.text()
        if text not in allowed:
            raise FieldError(self, f"{text!r} is not one of {', '.join(allowed)}")
        return text

    def flag(self) -> bool:
        """true or false."""
        return self.one_of(("true", "false")) == "true"

    def decimal(self) -> Decimal:
        """A decimal number, exactly as written."""
        text = self.text()
        try:
            number = Decimal(text) if len(text) <= _LONGEST_NUMBER else Decimal("NaN")
        except InvalidOperation:
            number = Decimal("NaN")
        if not number.is_finite() or "e" in text.lower():
            raise FieldError(self, f"{text[:_LONGEST_NUMBER]!r} is not a decimal number like 750.9")
        return number

    def scaled(self, scale: int) -> int:
        """A decimal number times ``scale``, which must be whole: 750.9 × 10⁸."""
        whole = Fraction(self.decimal()) * scale  # Decimal arithmetic rounds at 28 digits
        if whole.denominator != 1:
            raise FieldError(self, f"{self.value} is finer than 1/{scale}")
        return whole.numerator

    def integer(self, low: int, high: int) -> int:
        """A whole number within limits."""
        number = self.scaled(1)
        if not low <= number <= high:
            raise FieldError(self, f"{number} is not between {low} and {high}")
        return number

    def day(self) -> date:
        """A date YYYY-MM-DD."""
        try:
            return date.fromisoformat(self.text())
        except ValueError:
            raise FieldError(self, f"{self.value!r} is not a date like 2026-02-28") from None


def _names(keys: Collection[str]) -> str:
    return ", ".join(sorted(keys))


def parse(text: str, name: str) -> Field:
    """The tree of a YAML or JSON text; DocumentError with the line where it breaks."""
    if len(text) > _LARGEST:
        raise DocumentError(name, [Problem(0, "", f"longer than {_LARGEST} characters")])
    try:
        if text.lstrip()[:1] in ("{", "["):
            return from_json(text, name)
        return _from_yaml(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = mark.line + 1 if mark else 0
        raise DocumentError(name, [Problem(line, "", f"not YAML: {error.problem}")]) from None
    except yaml.YAMLError as error:
        raise DocumentError(name, [Problem(0, "", f"not YAML: {error}")]) from None
    except FieldError as error:
        raise DocumentError(name, [error.problem]) from None


def _from_yaml(text: str) -> Field:
    """The tree from the stream of events: PyYAML's own composer recurses in C, and a file of
    brackets would bring the process down."""
    builder = _Builder()
    for event in yaml.parse(text, yaml.CSafeLoader):
        builder.take(event)
    if builder.root is None:
        raise FieldError(Field(None, 1, ""), "is empty")
    return builder.root


@dataclass(slots=True)
class _Open:
    """A list or mapping that is not closed yet; ``key`` waits for its value."""

    field: Field
    key: str | None = None


class _Builder:
    """YAML events → fields, within the limits above."""

    def __init__(self) -> None:
        self.root: Field | None = None
        self.stack: list[_Open] = []
        self.count = 0

    def take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.AliasEvent):
            raise self.error(event, "is an alias; write the value out")
        if isinstance(event, yaml.CollectionEndEvent):
            self.stack.pop()
        elif isinstance(event, yaml.NodeEvent):
            self.node(event)

    def node(self, event: yaml.NodeEvent) -> None:
        self.count += 1
        if len(self.stack) > _DEEPEST or self.count > _MOST_VALUES:
            raise self.error(event, "is nested too deeply, or the document is too large")
        parent = self.stack[-1] if self.stack else None
        if parent and isinstance(parent.field.value, dict) and parent.key is None:
            self.key(event, parent)
            return
        value: Tree = {} if isinstance(event, yaml.MappingStartEvent) else []
        if isinstance(event, yaml.ScalarEvent):
            null = event.implicit[0] and event.value in ("", "~", "null")
            value = None if null else event.value
        field = Field(value, _line(event), self.path())
        if parent is None:
            if self.root is not None:
                raise self.error(event, "is a second document in one file")
            self.root = field
        elif isinstance(parent.field.value, list):
            parent.field.value.append(field)
        elif isinstance(parent.field.value, dict) and parent.key is not None:
            parent.field.value[parent.key] = field
            parent.key = None
        if not isinstance(event, yaml.ScalarEvent):
            self.stack.append(_Open(field))

    def key(self, event: yaml.NodeEvent, parent: _Open) -> None:
        if not isinstance(event, yaml.ScalarEvent) or not isinstance(parent.field.value, dict):
            raise self.error(event, "a key must be a name")
        if event.value in parent.field.value:
            raise self.error(event, f"{event.value!r} is given twice")
        parent.key = event.value

    def path(self) -> str:
        """The path of the value that comes next."""
        if not self.stack:
            return ""
        top = self.stack[-1]
        if isinstance(top.field.value, list):
            return f"{top.field.path}[{len(top.field.value)}]"
        if top.key is None:
            return top.field.path
        return f"{top.field.path}.{top.key}" if top.field.path else top.key

    def error(self, event: yaml.Event, message: str) -> FieldError:
        return FieldError(Field(None, _line(event), self.path()), message)


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 0


def from_json(text: str, name: str) -> Field:
    """The tree of a JSON text. Lines are found by YAML, of which most JSON is a part; where it is
    not (tabs), the path alone must do."""
    try:
        return _from_yaml(text)
    except yaml.YAMLError:
        try:
            value = json.loads(text, parse_float=str, parse_int=str, object_pairs_hook=_unique)
        except RecursionError:
            raise DocumentError(name, [Problem(0, "", "is nested too deeply")]) from None
        except json.JSONDecodeError as error:
            message = f"not JSON: {error.msg}"
            raise DocumentError(name, [Problem(error.lineno, "", message)]) from None
        except KeyError as error:
            raise DocumentError(name, [Problem(0, str(error), "is given twice")]) from None
        return _plain(value, "", 0)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise KeyError(key)
        found[key] = value
    return found


def _plain(value: object, path: str, depth: int) -> Field:
    if depth > _DEEPEST:
        raise FieldError(Field(None, 0, path), "is nested too deeply")
    if isinstance(value, list):
        items = [_plain(item, f"{path}[{i}]", depth + 1) for i, item in enumerate(value)]
        return Field(items, 0, path)
    if isinstance(value, dict):
        return Field(
            {k: _plain(v, f"{path}.{k}" if path else k, depth + 1) for k, v in value.items()},
            0,
            path,
        )
    if value is None or isinstance(value, str):
        return Field(value, 0, path)
    return Field("true" if value is True else "false", 0, path)
