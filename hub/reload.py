"""What of a changed configuration a running node may take up, as one table.

Everything is compared leaf by leaf. What decisions are made on (tariffs, limits, operators, fees)
is taken up at once and by all workers; what a channel or link was built from, when it is started
again; everything else needs a restart, and then nothing at all is taken up: half of a change would
be one that nobody wrote.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from fnmatch import fnmatchcase
from typing import Any, Final

import msgspec

from hub.config import Config


class How(Enum):
    """When a change is in force."""

    NOW = "at once"
    CHANNEL = "when the channel is started again"
    LINK = "when a channel of the link is started again"
    COMPANY = "when the company's channels are started again"
    RESTART = "when the node is started again"


#: The first that fits. ``*`` stands for anything, dots too.
RULES: Final[tuple[tuple[str, How], ...]] = (
    ("operators.*", How.NOW),
    ("companies.*.limits.*", How.NOW),
    ("companies.*.changes*", How.NOW),
    ("companies.*.tariffs*", How.NOW),
    ("companies.*.deductions*", How.NOW),
    ("companies.*.repeat_minutes", How.NOW),
    ("companies.*.confirm_minutes", How.NOW),
    ("companies.*.approval_hours", How.NOW),
    ("companies.*.agents", How.NOW),
    ("companies.*.collection", How.NOW),
    ("companies.*.tax_number", How.NOW),
    ("companies.*.name", How.COMPANY),
    ("companies.*.help_line", How.COMPANY),
    ("companies.*.languages*", How.COMPANY),
    ("channels.*.quota*", How.NOW),
    ("channels.*.kind", How.RESTART),
    ("channels.*.company", How.RESTART),
    ("channels.*.options.link", How.RESTART),  # which seat it belongs to, on every node
    ("channels.*.options.*", How.CHANNEL),
    ("links.*.options.*", How.LINK),
    ("*", How.RESTART),
)
#: Where the configuration was read from says nothing of what it says.
_APART: Final = frozenset({"base", "file"})


@dataclass(frozen=True, slots=True)
class Change:
    """One leaf: where, and when it is in force. What it is stays out of logs: it may be secret."""

    path: str
    how: How

    @property
    def owner(self) -> str:
        """The channel, link or company that it belongs to."""
        return self.path.split(".")[1] if "." in self.path else ""


def changes(old: Config, new: Config) -> list[Change]:
    """What differs, by path."""
    before, after = dict(_leaves(old)), dict(_leaves(new))
    differing = sorted(
        path for path in before.keys() | after.keys() if before.get(path) != after.get(path)
    )
    return [Change(path, _how(path, before, after)) for path in differing]


def _how(path: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> How:
    """A channel, link or company that is new or gone is wired at the start."""
    kind, _, rest = path.partition(".")
    if kind in ("channels", "companies", "links"):
        whole = f"{kind}.{rest.partition('.')[0]}."
        if not (_any(whole, before) and _any(whole, after)):
            return How.RESTART
    return next(how for pattern, how in RULES if fnmatchcase(path, pattern))


def _any(prefix: str, leaves: Mapping[str, Any]) -> bool:
    return any(path.startswith(prefix) for path in leaves)


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that is no table, with its path."""
    table = _table(value, path)
    if table is None:
        yield path, value
        return
    for name, inner in table.items():
        yield from _leaves(inner, f"{path}.{name}" if path else str(name))


def _table(value: Any, path: str) -> dict[str, Any] | None:
    if isinstance(value, dict):
        return value
    if isinstance(value, msgspec.Struct):
        return msgspec.structs.asdict(value)
    if is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in fields(value)]
        return {name: getattr(value, name) for name in names if path or name not in _APART}
    return None
