"""The register of message types: versioned name, struct, and the fields that are hashed."""

from collections.abc import Callable
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
    honest repeats into alarms.
    """

    name: str
    struct: type[Message]
    hashed: tuple[str, ...]
    hash_version: int


_BY_NAME: dict[str, MessageType] = {}
_BY_STRUCT: dict[type[Message], MessageType] = {}
M = TypeVar("M", bound=type[Message])


def message_type(name: str, *, hashed: tuple[str, ...], hash_version: int = 1) -> Callable[[M], M]:
    """Class decorator: registers a message struct under its versioned name."""

    def register(struct: M) -> M:
        unknown = set(hashed) - set(struct.__struct_fields__)
        if unknown or name in _BY_NAME:
            raise ValueError(f"{name}: {'hashed fields ' + str(unknown) if unknown else 'twice'}")
        entry = MessageType(name, struct, hashed, hash_version)
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
    values = [getattr(message, field) for field in entry.hashed]
    return [entry.hash_version, entry.name, *values]
