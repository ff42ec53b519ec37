"""A message as plain data, and how it may be shown: card numbers masked, PIN blocks never."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

#: Shorter values of DE2 are product codes of switches, no card numbers.
_LONGEST_CODE: Final = 8
#: A card number has at least 13 digits; of fewer only the end is shown.
_SHORTEST_PAN: Final = 13
_PAN_FIELDS: Final = frozenset({2, 34})
_TRACKS: Final = frozenset({35, 36, 45})
_SECRETS: Final = frozenset({52})
_CARD_TAGS: Final = frozenset({"56", "57", "5A", "9F6B"})  # EMV: tracks and PAN in DE55


@dataclass(frozen=True, slots=True, repr=False)
class Message:
    """``mti`` has four digits; ``fields`` holds ``str``, ``bytes`` or the parts of a sub-codec by
    number; ``header`` are the octets before the MTI."""

    mti: str
    fields: Mapping[int, Any] = field(default_factory=dict)
    header: bytes = b""

    def __repr__(self) -> str:
        return f"Message({self.mti!r}, {masked(self)!r})"


def masked(message: Message) -> dict[int, Any]:
    """The fields as they may be logged or shown."""
    return {number: mask(number, value) for number, value in message.fields.items()}


def mask(number: int, value: Any) -> Any:
    """One field as it may be shown."""
    if number in _SECRETS:
        return "redacted"
    if number in _TRACKS:
        return f"{len(value)} characters" if isinstance(value, str) else "redacted"
    if number in _PAN_FIELDS:
        return mask_pan(value) if isinstance(value, str) else "redacted"
    if number == 55:
        return _chip(value)
    return value


def mask_pan(pan: str) -> str:
    """First six and last four digits of a card number; product codes are shown whole."""
    if len(pan) <= _LONGEST_CODE:
        return pan
    shown = 6 if len(pan) >= _SHORTEST_PAN else 0
    return pan[:shown] + "*" * (len(pan) - shown - 4) + pan[-4:]


def _chip(value: Any) -> Any:
    """Chip data by tags is shown but for the card's; not taken apart, it is not shown at all."""
    if isinstance(value, Mapping):
        return {tag: "redacted" if tag in _CARD_TAGS else each for tag, each in value.items()}
    return f"{len(value)} octets" if isinstance(value, bytes) else f"{len(value)} characters"


def plain(value: Any) -> Any:
    """A value for JSON and for people: octets as upper-case hex, parts below likewise."""
    if isinstance(value, bytes):
        return value.hex().upper()
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value
