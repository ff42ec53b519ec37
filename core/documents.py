"""Reads the documents that an integrator edits: YAML (or JSON) text into msgspec structs.

Every problem is reported at once, each with ``source:line``, the path inside the document, what
was expected and the allowed values. Differences from plain YAML, all of them for safety:

* a scalar means what the struct expects: ``no`` where text is expected is the word *no*, ``007``
  stays three characters, ``750.9`` becomes a ``Decimal`` or an integer of the smallest parts
  (``core.yamlvalues.Scaled``), quoted or not; elsewhere only ``true false null``, decimal integers
  and decimal fractions (as ``Decimal``: no float in core) have a meaning of their own;
* a key given twice, anchors, aliases and tags are refused;
* size, depth and number of nodes have limits.
"""

import functools
import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar, Union, cast, get_args, get_origin

import msgspec

from core.yamlnodes import Node, NotAcceptable, Size, compose
from core.yamlvalues import NotExpected, hint, leaf, name_of, shown, unwrapped

#: More than a screen of problems helps nobody.
MAX_PROBLEMS: Final = 50

T = TypeVar("T")
_BAD: Final = object()  # stands for a value whose problem is already noted
_ABSENT: Final = (type(None), msgspec.UnsetType)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and where. ``line`` counts from 1."""

    source: str
    line: int
    path: str
    message: str
    allowed: tuple[str, ...] = ()

    def __str__(self) -> str:
        where = f"{self.source}:{self.line}: {self.path + ': ' if self.path else ''}{self.message}"
        return f"{where} (allowed: {', '.join(self.allowed)})" if self.allowed else where


class DocumentError(ValueError):
    """The document is not acceptable; ``problems`` says everything that is wrong with it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda p: (p.line, p.path)))
        shown = [str(problem) for problem in self.problems[:MAX_PROBLEMS]]
        if len(self.problems) > MAX_PROBLEMS:
            shown.append(f"… and {len(self.problems) - MAX_PROBLEMS} more")
        super().__init__("\n".join(shown))


class Misfit(ValueError):  # noqa: N818 - becomes a problem of the document
    """What a struct's ``__post_init__`` raises when one of its fields does not fit the others.

    ``field`` is the path below the struct (``components[2]``), so that the error leads there. Any
    other ValueError leads to the struct itself.
    """

    def __init__(self, field: str, message: str, allowed: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.field = field
        self.allowed = tuple(allowed)


@dataclass(frozen=True, slots=True)
class Document(Generic[T]):
    """A document that was read, and where each part of it stands."""

    value: T
    source: str
    lines: Mapping[str, int]

    def problem(self, path: str, message: str, allowed: tuple[str, ...] = ()) -> Problem:
        """A problem that only the meaning shows (the form was right), with its line."""
        return Problem(self.source, self.lines.get(path, 1), path, message, allowed)


def load(text: str, struct: type[T], source: str) -> T:
    """The document as a ``struct``; raises :class:`DocumentError` with every problem."""
    return read(text, struct, source).value


def read(text: str, struct: type[T], source: str) -> Document[T]:
    """As :func:`load`, and keeps the lines for checks of the meaning that come after."""
    return read_node(nodes(text, source), struct, source)


def nodes(text: str, source: str, size: Size | None = None) -> Node:
    """The text's tree, for documents whose parts are read one by one; raises DocumentError."""
    try:
        return compose(text, size)
    except NotAcceptable as error:
        raise DocumentError([Problem(source, error.line, "", str(error))]) from error


def read_node(
    node: Node, struct: type[T], source: str, path: str = "", *, minor: int = 1
) -> Document[T]:
    """A part of a document, at ``path`` within it, as :func:`read` reads a whole one.

    A field of type ``Node`` keeps its part for such a reading. ``minor``: minor units in a major
    one, for what the struct says to be ``Scaled(MINOR)``.
    """
    builder = _Builder(source, minor)
    value = builder.build(node, struct, path)
    if builder.problems:
        raise DocumentError(builder.problems)
    return Document(cast(T, value), source, builder.lines)


@dataclass(slots=True)
class _Builder:
    source: str
    minor: int
    problems: list[Problem] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)

    def note(self, line: int, path: str, message: str, allowed: Iterable[str] = ()) -> Any:
        self.problems.append(Problem(self.source, line, path, message, tuple(allowed)))
        return _BAD

    def build(self, node: Node, wanted: Any, path: str) -> Any:
        """The node as ``wanted`` (an annotation), or ``_BAD`` with the problem noted."""
        self.lines.setdefault(path, node.line)
        bare = unwrapped(wanted)
        origin = get_origin(bare) or bare
        if bare is Node:
            return node
        if origin in (Union, types.UnionType):
            return self._union(node, wanted, get_args(bare), path)
        if isinstance(origin, type) and issubclass(origin, msgspec.Struct):
            return self._struct(node, origin, path)
        if origin in (list, tuple, set, frozenset):
            return self._list(node, wanted, bare, path)
        if isinstance(origin, type) and issubclass(origin, Mapping):
            return self._dict(node, get_args(bare) or (str, Any), path)
        if bare is Any and node.kind == "list":
            return self._items(node, [Any] * len(node.value), path)
        if bare is Any and node.kind == "mapping":
            return self._dict(node, (str, Any), path)
        return self._leaf(node, wanted, bare, path)

    def _leaf(self, node: Node, wanted: Any, bare: Any, path: str) -> Any:
        if node.kind != "scalar":
            return self.note(node.line, path, f"expected {name_of(bare)}, got {shown(node)}")
        try:
            return leaf(node, wanted, self.minor)
        except NotExpected as problem:
            return self.note(node.line, path, str(problem), problem.allowed)

    def _struct(self, node: Node, struct: type[msgspec.Struct], path: str) -> Any:
        if node.kind != "mapping":
            return self.note(node.line, path, f"expected a mapping with {_required(struct)}")
        fields = _fields_of(struct)
        tag = struct.__struct_config__.tag_field
        values: dict[str, Any] = {}
        for key, child in self._pairs(node, path):
            below = _join(path, key.value)
            self.lines.setdefault(below, key.line)
            if key.value == tag and tag not in fields:
                continue
            if key.value not in fields:
                names = sorted(fields)
                message = f"unknown{hint(key.value, names)}"
                values[key.value] = self.note(key.line, below, message, names)
                continue
            info = fields[key.value]
            values[info.name] = self.build(child, info.type, below)
        for name, info in fields.items():
            if info.required and info.name not in values:
                values[info.name] = self.note(node.line, path, f"'{name}' is missing")
        if any(value is _BAD for value in values.values()):
            return _BAD
        try:
            return struct(**values)
        except Misfit as misfit:
            below = _join(path, misfit.field)
            line = self.lines.get(below, node.line)
            return self.note(line, below, str(misfit), misfit.allowed)
        except ValueError as error:  # what its __post_init__ found
            return self.note(node.line, path, str(error))

    def _pairs(self, node: Node, path: str) -> list[tuple[Node, Node]]:
        """The pairs of a mapping, with doubled keys noted and left out."""
        first: dict[str, tuple[Node, Node]] = {}
        for key, child in node.value:
            if key.value in first:
                line = first[key.value][0].line
                self.note(key.line, _join(path, key.value), f"given twice, first on line {line}")
            first.setdefault(key.value, (key, child))
        return list(first.values())

    def _list(self, node: Node, wanted: Any, bare: Any, path: str) -> Any:
        if node.kind != "list":
            return self.note(node.line, path, f"expected a list, got a {node.kind}")
        args = get_args(bare) or (Any,)
        kind = get_origin(bare) or bare
        fixed = kind is tuple and args[-1] is not Ellipsis and bool(get_args(bare))
        if fixed and len(args) != len(node.value):
            return self.note(node.line, path, f"expected {len(args)} items, got {len(node.value)}")
        items = self._items(node, args if fixed else [args[0]] * len(node.value), path)
        if items is _BAD:
            return _BAD
        try:
            return kind(items) if wanted is bare else msgspec.convert(items, wanted)
        except (msgspec.ValidationError, TypeError) as error:
            return self.note(node.line, path, str(error))

    def _items(self, node: Node, wanted: Iterable[Any], path: str) -> Any:
        pairs = enumerate(zip(node.value, wanted, strict=True))
        items = [self.build(child, kind, f"{path}[{at}]") for at, (child, kind) in pairs]
        return _BAD if any(item is _BAD for item in items) else items

    def _dict(self, node: Node, wanted: tuple[Any, ...], path: str) -> Any:
        if node.kind != "mapping":
            return self.note(node.line, path, f"expected a mapping, got a {node.kind}")
        result: dict[Any, Any] = {}
        bad = False
        for key, child in self._pairs(node, path):
            below = _join(path, key.value)
            name = self.build(key, wanted[0], below)
            value = self.build(child, wanted[1], below)
            bad = bad or name is _BAD or value is _BAD
            if not bad:
                result[name] = value
        return _BAD if bad else result

    def _union(self, node: Node, wanted: Any, kinds: tuple[Any, ...], path: str) -> Any:
        """Chooses by form (nothing, list, mapping, scalar), mappings among themselves by tag."""
        if node.is_null() and type(None) in kinds:
            return None
        present = [kind for kind in kinds if kind not in _ABSENT]
        kinds = tuple(kind for kind in present if _fits(node, kind))
        if not kinds and len(present) == 1:
            return self.build(node, present[0], path)  # whose message says what was expected
        if node.kind == "mapping" and len(kinds) > 1:
            return self._tagged(node, kinds, path)
        if len(kinds) == 1:
            return self.build(node, kinds[0], path)
        if not kinds:
            return self.note(node.line, path, f"a {node.kind} was not expected here")
        try:
            return msgspec.convert(node.scalar(), wanted)
        except msgspec.ValidationError:
            names = " or ".join(name_of(unwrapped(kind)) for kind in kinds)
            if str in kinds:
                return self.build(node, str, path)
            return self.note(node.line, path, f"expected {names}, got {node.value[:40]!r}")

    def _tagged(self, node: Node, kinds: tuple[Any, ...], path: str) -> Any:
        by_tag = {str(kind.__struct_config__.tag): kind for kind in kinds}
        tag = kinds[0].__struct_config__.tag_field
        for key, child in node.value:
            if key.value == tag:
                given = child.value if child.kind == "scalar" else shown(child)
                if given in by_tag:
                    return self.build(node, by_tag[given], path)
                message = f"{given[:40]!r} is not known{hint(given, by_tag)}"
                return self.note(child.line, _join(path, tag), message, sorted(by_tag))
        return self.note(node.line, path, f"'{tag}' is missing", sorted(by_tag))


def _fits(node: Node, kind: Any) -> bool:
    bare = unwrapped(kind)
    origin = get_origin(bare) or bare
    if origin in (Any, Node):
        return True
    mapping = isinstance(origin, type) and issubclass(origin, (msgspec.Struct, Mapping))
    listing = origin in (list, tuple, set, frozenset)
    return {"mapping": mapping, "list": listing, "scalar": not (mapping or listing)}[node.kind]


@functools.cache
def _fields_of(struct: type[msgspec.Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    """The fields by their names in the document; msgspec works them out anew at every call."""
    return {info.encode_name: info for info in msgspec.structs.fields(struct)}


def _required(struct: type[msgspec.Struct]) -> str:
    required = [name for name, info in _fields_of(struct).items() if info.required]
    return ", ".join(required) or "keys"


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
