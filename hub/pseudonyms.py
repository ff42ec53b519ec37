"""Pseudonyms: what stands in the books instead of a person's names and phones after an erasure.

The same name or phone has the same pseudonym everywhere, so that what belonged together still does
and decisions can be made again. It is made with a key (HMAC-SHA256): who has not the key cannot
try all phones of a country; where the key is deleted nobody can.
"""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Any, Final

import msgspec

#: A phone's pseudonym keeps country and network (+25670…), by which wallets and routes are chosen,
#: and is as long as a number of E.164 can be, longer than those of its country: it is nobody's.
_KEPT, _LONGEST = 6, 16
#: Fields of messages in a person's own words, which no decision looks at: emptied.
FREE_TEXT: Final = frozenset(("note", "meter_name", "names"))
#: Fields where a person is called by his name.
NAMES: Final = frozenset(("name", "payer_name"))
#: A shorter name, or one of one word, is a word of other texts too.
_LEAST_NAME: Final = 6


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """The pseudonyms of one person. ``phones``: E.164 of his, ``called``: his names as they are on
    file, each with what stands instead."""

    phones: dict[str, str]
    name: str
    called: tuple[str, ...] = ()

    def text(self, value: str) -> str:
        """A text with his phones replaced, written with + or without, and his whole names."""
        for phone, other in self.phones.items():
            value = value.replace(phone, other)
            value = value.replace(phone.removeprefix("+"), other.removeprefix("+"))
        for called in self.called:
            if len(called) >= _LEAST_NAME and " " in called:
                value = value.replace(called, self.name)
        return value

    def json(self, value: str) -> str:
        """JSON with all that names him replaced; what is no JSON is taken for a text."""
        try:
            return msgspec.json.encode(self.plain(msgspec.json.decode(value))).decode()
        except msgspec.DecodeError:
            return self.text(value)

    def plain(self, value: Any, field: str = "") -> Any:
        """Plain data with all that names him replaced."""
        if isinstance(value, dict):
            return {name: self.plain(inner, name) for name, inner in value.items()}
        if isinstance(value, list):
            return [self.plain(inner, field) for inner in value]
        if not isinstance(value, str) or not value:
            return value
        if field in FREE_TEXT:
            return ""
        return self.name if field in NAMES and value in self.called else self.text(value)


def of_person(
    key: bytes, company: str, person: str, phones: list[str], called: tuple[str, ...] = ()
) -> Pseudonyms:
    """The pseudonyms of a person: ``person`` is the customer's number, or a phone."""
    return Pseudonyms(
        {phone: _number(key, company, phone) for phone in phones},
        f"Erased {_mac(key, company, 'person', person).hex()[:12]}",
        called,
    )


def _number(key: bytes, company: str, phone: str) -> str:
    kept = phone[:_KEPT]
    digits = _LONGEST - len(kept)
    found = int.from_bytes(_mac(key, company, "phone", phone)) % 10**digits
    return f"{kept}{found:0{digits}}"


def _mac(key: bytes, company: str, kind: str, value: str) -> bytes:
    return hmac.digest(key, msgspec.json.encode([company, kind, value]), hashlib.sha256)
