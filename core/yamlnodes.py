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

    def scalar(self) -> Any:
        """What a scalar means where nothing says what is expected."""
        if not self.plain:
            return self.value
        if self.value in _WORDS:
            return _WORDS[self.value]
        if _INTEGER.fullmatch(self.value):
            return int(self.value)
        return Decimal(self.value) if _FRACTION.fullmatch(self.value) else self.value

    def is_null(self) -> bool:
        """Whether nothing is given: an empty value, ``null`` or ``~``."""
        return self.kind == "scalar" and self.plain and _WORDS.get(self.value, "") is None


def compose(text: str) -> Node:
    """The tree of the text's nodes; raises :class:`NotAcceptable`."""
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise NotAcceptable(1, f"larger than {MAX_BYTES} bytes")
    if text.lstrip()[:1] in ("{", "["):  # JSON may be indented by tabs, YAML may not
        text = text.replace("\t", " ")
    try:
        return _tree(yaml.parse(text, Loader=_LOADER))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise NotAcceptable(mark.line + 1 if mark else 1, f"not YAML: {error.problem}") from error
    except (yaml.YAMLError, UnicodeError) as error:
        raise NotAcceptable(1, f"not YAML: {error}") from error


def _tree(events: Iterator[Any]) -> Node:
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
        if count > MAX_NODES or len(stack) > MAX_DEPTH:
            raise NotAcceptable(line, f"more than {MAX_NODES} nodes or {MAX_DEPTH} levels")
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
