"""What one field is: its kind and size by the standard, and its form on a partner's wire.

The standard writes ``n6`` (six digits), ``n..19`` (up to 19, a length of two digits in front),
``ans...999`` (three), ``b8`` (eight octets), ``x+n8`` (a sign letter and eight digits).
"""

import re
from dataclasses import dataclass
from typing import Any, Final, Literal

from adapters.iso8583.errors import DialectError

Kind = Literal["n", "a", "an", "ans", "as", "anp", "ns", "z", "b", "x+n"]
#: How digits of a length prefix, or data, stand on the wire. Other names are Python's charsets.
Prefix = Literal["ascii", "bcd", "ebcdic", "binary"]
Count = Literal["units", "octets"]
Side = Literal["left", "right"]

KINDS: Final = ("n", "a", "an", "ans", "as", "anp", "ns", "z", "b", "x+n")
_NOTATION: Final = re.compile(r"(n|a|an|ans|as|anp|ns|z|b|x\+n) ?(\.{2,4})?(\d{1,4})")
#: Two dots stand for a length of two digits, four for one of four.
LARGEST: Final = {0: 9999, 2: 99, 3: 999, 4: 9999}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a dialect.

    ``size``: units of the kind (digits, characters; octets of ``b``), the fixed number when
    ``digits`` (of the length prefix) is 0, else the most. ``form``: ``bcd``, ``hex``, ``binary``
    or a charset. ``count``: what the prefix counts, units or octets on the wire. ``pad`` and
    ``fill``: the side and nibble that make BCD digits whole octets, and the side and character
    that make a short value of a fixed field long enough. ``trim``: that padding is taken off when
    read. ``parts``: the codec below the field.
    """

    number: int
    name: str
    kind: Kind
    size: int
    digits: int = 0
    form: str = "ascii"
    prefix: Prefix = "ascii"
    count: Count = "units"
    pad: Side = "right"
    fill: str = " "
    trim: bool = False
    parts: Any = None

    @property
    def fixed(self) -> bool:
        """Without a length prefix."""
        return self.digits == 0


def notation(text: str, path: str = "") -> tuple[Kind, int, int]:
    """(kind, size, digits of the prefix) of the standard's way to write it. DialectError."""
    found = _NOTATION.fullmatch(text)
    if found is None:
        raise DialectError(f"{text[:20]!r} is no field like n6, ans..25 or b8", path)
    kind, dots, size = found.groups()
    digits = len(dots or "")
    if not 0 < int(size) <= LARGEST[digits]:
        raise DialectError(f"{text}: a length of {digits or 4} digits cannot say {size}", path)
    return kind, int(size), digits  # type: ignore[return-value]  # the expression allows no other
