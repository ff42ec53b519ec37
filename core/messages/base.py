"""The register of message types: versioned name, struct, and the fields that are hashed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of all canonical messages; unknown fields of a newer minor version are ignored."""


class Event(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Base of what has happened and nobody is asked to do: it is on the bus for who listens."""


@dataclass(frozen=True, slots=True)
class MessageType:
    """What the hub knows of a type.

    ``hashed`` names, in order, the business fields whose change under the same idempotency key is
    an alarm; ``hash_version`` is raised when the list changes, so that an upgrade does not turn
    honest repeats into alarms. ``earlier``: version -> the list as it was; a request that an older
    version stored is compared by the list of its day.
    """

    name: str
    struct: type[Message]
    hashed: tuple[str, ...]
    hash_version: int
    earlier: Mapping[int, tuple[str, ...]]


_BY_NAME: dict[str, MessageType] = {}
_BY_STRUCT: dict[type[Message], MessageType] = {}
M = TypeVar("M", bound=type[Message])


def message_type(
    name: str,
    *,
    hashed: tuple[str, ...],
    hash_version: int = 1,
    earlier: Mapping[int, tuple[str, ...]] | None = None,
) -> Callable[[M], M]:
    """Class decorator: registers a message struct under its versioned name."""

    def register(struct: M) -> M:
        lists = earlier or {}
        unknown = {*hashed, *(f for old in lists.values() for f in old)}
        unknown -= set(struct.__struct_fields__)
        if unknown or name in _BY_NAME:
            raise ValueError(f"{name}: {'hashed fields ' + str(unknown) if unknown else 'twice'}")
        if any(version >= hash_version for version in lists):
            raise ValueError(f"{name}: an earlier list of hashed fields is not earlier")
        entry = MessageType(name, struct, hashed, hash_version, lists)
        _BY_NAME[name] = entry
        _BY_STRUCT[struct] = entry
        return struct

    return register


def struct_of(name: str) -> MessageType | None:
    """The type registered under a name, or None for a type that this version does not know."""
    return _BY_NAME.get(name)


def name_of(message: Message | type[Message]) -> MessageType:
    """The registered type of a message or of its struct."""
    return _BY_STRUCT[message if isinstance(message, type) else type(message)]


def all_types() -> tuple[MessageType, ...]:
    """Every registered type, by name."""
    return tuple(_BY_NAME[name] for name in sorted(_BY_NAME))


def hashed_fields(message: Message) -> list[Any]:
    """The values that the payload hash covers: the hash version, the type name, then the fields."""
    entry = name_of(message)
    return _values(message, entry, entry.hash_version, entry.hashed)


def earlier_fields(message: Message) -> list[list[Any]]:
    """The same as each earlier version of the type's hash had it."""
    entry = name_of(message)
    return [_values(message, entry, version, names) for version, names in entry.earlier.items()]


def _values(
    message: Message, entry: MessageType, version: int, names: tuple[str, ...]
) -> list[Any]:
    return [version, entry.name, *(getattr(message, name) for name in names)]
