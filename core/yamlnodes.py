"""The text of a document as a tree of nodes that know their line; refuses what is unsafe.

Beneath :mod:`core.documents`. Own composing instead of PyYAML's: the parser's events come one by
one, so that limits hold before memory is taken, and nothing is given a type by its look.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import yaml

#: The largest mapping in use (a country's tariffs) is some 40 KB; one that is larger than this is
#: a file given by mistake.
MAX_BYTES: Final = 1 << 20
#: Nobody nests deeper by hand; the parser's own stack is safe far beyond.
MAX_DEPTH: Final = 40
#: Bounds the memory that a small text with very short nodes can take.
MAX_NODES: Final = 200_000


_INTEGER: Final = re.compile(r"[-+]?(0|[1-9][0-9]{0,39})")
_FRACTION: Final = re.compile(r"[-+]?(0|[1-9][0-9]{0,39})?\.[0-9]{1,40}([eE][-+]?[0-9]{1,3})?")
_WORDS: Final[Mapping[str, Any]] = {"true": True, "false": False, "null": None, "~": None, "": None}
_LOADER: Final[Any] = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


@dataclass(frozen=True, slots=True)
class Size:
    """How large a text may be: ``MAX_BYTES`` and ``MAX_NODES`` fit what people write by hand."""

    max_bytes: int
    max_nodes: int


#: JSON writes what lies beyond 16 bits as two escapes, YAML as one. The last branch takes every
#: other escape whole, so that the second backslash of one is not the first of the next.
_ESCAPE: Final = re.compile(
    r"\\(?:u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|.)", re.DOTALL
)


class NotAcceptable(Exception):  # noqa: N818 - becomes a problem of the document
    """The text cannot be read at all, or holds what is refused; ``line`` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


@dataclass(slots=True)
class Node:
    """A scalar (``value`` is its text), a list (of nodes), or a mapping (of pairs of nodes)."""

    line: int
    value: Any
    kind: str  # "scalar", "list", "mapping"
    plain: bool = False

    def scalar(self, *, quoted: bool = False) -> Any:
        """What a scalar means where nothing says what is expected: a text, if it is quoted.

        ``quoted``: something other than text is expected, so the quotes say nothing (JSON is often
        written with its decimals as strings, to keep them exact)."""
        if not self.plain and not (quoted and self.value):
            return self.value
        if self.value in _WORDS:
            return _WORDS[self.value]
        if _INTEGER.fullmatch(self.value):
            return int(self.value)
        return Decimal(self.value) if _FRACTION.fullmatch(self.value) else self.value

    def is_null(self) -> bool:
        """Whether nothing is given: an empty value, ``null`` or ``~``."""
        return self.kind == "scalar" and self.plain and _WORDS.get(self.value, "") is None


def compose(text: str, size: Size | None = None) -> Node:
    """The tree of the text's nodes; raises :class:`NotAcceptable`."""
    size = size or Size(MAX_BYTES, MAX_NODES)
    if len(text.encode("utf-8", "replace")) > size.max_bytes:
        raise NotAcceptable(1, f"larger than {size.max_bytes} bytes")
    if text.lstrip()[:1] in ("{", "["):  # JSON may be indented by tabs, YAML may not
        text = _ESCAPE.sub(_one_escape, text.replace("\t", " "))
    try:
        return _tree(yaml.parse(text, Loader=_LOADER), size.max_nodes)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = min(mark.line, text.rstrip().count("\n")) + 1 if mark else 1  # not beyond the end
        raise NotAcceptable(line, f"not YAML: {error.problem}") from error
    except (yaml.YAMLError, UnicodeError) as error:
        raise NotAcceptable(1, f"not YAML: {error}") from error


def _one_escape(found: re.Match[str]) -> str:
    high, low = found.groups()
    if high is None:
        return found[0]
    code = 0x10000 + ((int(high, 16) - 0xD800) << 10) + (int(low, 16) - 0xDC00)
    return f"\\U{code:08x}"


def _tree(events: Iterator[Any], max_nodes: int) -> Node:
    root = Node(1, [], "list")
    stack, count = [root], 0
    for event in events:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.CollectionEndEvent):
            _pair_up(stack.pop())
            continue
        node = _node_of(event, line)
        if node is None:
            continue
        count += 1
        if count > max_nodes or len(stack) > MAX_DEPTH:
            raise NotAcceptable(line, f"more than {max_nodes} nodes or {MAX_DEPTH} levels")
        stack[-1].value.append(node)
        if node.kind != "scalar":
            stack.append(node)
    if len(root.value) != 1:
        raise NotAcceptable(1, "one document was expected")
    only: Node = root.value[0]
    return only


def _node_of(event: Any, line: int) -> Node | None:
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
        raise NotAcceptable(line, "anchors and aliases are not used here: write the value out")
    if getattr(event, "tag", None):
        raise NotAcceptable(line, f"the tag {event.tag} is not used here")
    if isinstance(event, yaml.ScalarEvent):
        return Node(line, event.value, "scalar", plain=not event.style)
    if isinstance(event, yaml.SequenceStartEvent):
        return Node(line, [], "list")
    return Node(line, [], "mapping") if isinstance(event, yaml.MappingStartEvent) else None


def _pair_up(node: Node) -> None:
    """Turns the flat children of a finished mapping into pairs."""
    if node.kind != "mapping":
        return
    for key in node.value[::2]:
        if key.kind != "scalar":
            raise NotAcceptable(key.line, "a key must be a word")
    node.value = list(zip(node.value[::2], node.value[1::2], strict=True))
