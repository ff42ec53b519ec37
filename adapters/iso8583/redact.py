"""The octets of a message as they may be kept: card data and PIN blocks overwritten.

A hub journals what arrived before anything else; what carries a secret is redacted first. Lengths
and places stay, so that what is kept can still be shown field by field.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from adapters.iso8583.codec import Codec, Span
from adapters.iso8583.errors import DecodeError

#: PAN, its extended form, tracks, PIN block, chip data.
SECRET: Final = frozenset({"2", "34", "35", "36", "45", "52", "55"})
_NUMBERS: Final = frozenset(map(int, SECRET))
_CARD_NUMBERS: Final = frozenset({"2", "34"})
#: Products of switches in DE2 have fewer octets than any card number, in every encoding.
_CODE_OCTETS: Final = 8
_OVER: Final = b"\xee"  # no digit or letter in any encoding


class Redactor:
    """Redacts messages of one dialect; a PIN block does not stop it."""

    def __init__(self, codec: Codec) -> None:
        self._codec = Codec(replace(codec.layout, keep_pin=True))

    def redact(self, data: bytes) -> bytes:
        """The octets with their secrets overwritten. Of what cannot be read, nothing is kept but
        its length: a card number may stand anywhere in it."""
        try:
            _, spans = self._codec.spans(data)
        except DecodeError:
            return _OVER * len(data)
        kept = bytearray(data)
        for span in spans:
            if span.path in SECRET and not self._is_code(span):
                kept[span.offset : span.offset + span.length] = _OVER * span.length
        return bytes(kept)

    def secret(self, fields: Iterable[int]) -> bool:
        """Whether a message that has these fields may have a secret."""
        return not _NUMBERS.isdisjoint(fields)

    def _is_code(self, span: Span) -> bool:
        field = self._codec.layout.fields[int(span.path)]
        most = _CODE_OCTETS // 2 if field.form == "bcd" else _CODE_OCTETS
        lead = (field.digits + 1) // 2 if field.prefix in ("bcd", "binary") else field.digits
        return span.path in _CARD_NUMBERS and span.length - lead <= most
