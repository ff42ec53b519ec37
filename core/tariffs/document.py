"""A document as a tree that remembers where each value stands, so that an error can say so.

YAML and JSON give the same tree. Numbers stay the text that the author wrote: ``750.9`` becomes
exactly 750.9 and never a float. Reading collects every problem of a file before it complains.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
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
    loader = yaml.CSafeLoader(text)
    try:
        node = loader.get_single_node()
    finally:
        loader.dispose()
    if node is None:
        raise FieldError(Field(None, 1, ""), "is empty")
    return _Builder().build(node, "", 0)


class _Builder:
    """YAML nodes → fields, within the limits above."""

    def __init__(self) -> None:
        self.count = 0

    def build(self, node: yaml.Node, path: str, depth: int) -> Field:
        line = node.start_mark.line + 1
        self.count += 1
        if depth > _DEEPEST or self.count > _MOST_VALUES:
            raise FieldError(Field(None, line, path), "is nested too deeply or too large")
        if isinstance(node, yaml.SequenceNode):
            items = [self.build(n, f"{path}[{i}]", depth + 1) for i, n in enumerate(node.value)]
            return Field(items, line, path)
        if isinstance(node, yaml.MappingNode):
            return Field(dict(self.pairs(node, path, depth)), line, path)
        null = node.tag == "tag:yaml.org,2002:null"
        return Field(None if null else str(node.value), line, path)

    def pairs(self, node: yaml.MappingNode, path: str, depth: int) -> Iterator[tuple[str, Field]]:
        seen: set[str] = set()
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = key_node.value
            here = f"{path}.{key}" if path else str(key)
            if not isinstance(key, str) or key in seen:
                raise FieldError(Field(None, line, here), "is given twice or is not a name")
            seen.add(key)
            yield key, self.build(value_node, here, depth + 1)


def from_json(text: str, name: str) -> Field:
    """The tree of a JSON text. Lines are found by YAML, of which most JSON is a part; where it is
    not (tabs), the path alone must do."""
    try:
        return _from_yaml(text)
    except (yaml.YAMLError, FieldError):
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
