"""Texts on the wire: GSM 03.38 (3GPP TS 23.038), UCS-2, and the link's own default alphabet.

data_coding 0 means "the SMSC's default alphabet", which differs per operator: each link names its
own (:data:`Alphabet`). GSM text travels unpacked, one septet per octet, as nearly all SMSCs want.
"""

import codecs
from typing import Literal

from adapters.smpp.errors import LocalError

Alphabet = Literal["gsm", "latin1", "ascii"]

# 3GPP TS 23.038, 6.2.1: the place of a character is its code. 0x1B escapes to the extension.
_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_ESCAPE = 0x1B
# 6.2.1.1: the extension table.
_EXTENDED = {
    0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\",
    0x3C: "[", 0x3D: "~", 0x3E: "]", 0x40: "|", 0x65: "€",
}  # fmt: skip

_CODES = {char: code for code, char in enumerate(_BASIC) if code != _ESCAPE}
_ENCODE: dict[str, bytes] = {
    **{char: bytes((code,)) for char, code in _CODES.items()},
    **{char: bytes((_ESCAPE, code)) for code, char in _EXTENDED.items()},
}
# The codes of the characters that Latin-1 has too, by their place there.
_NO_CODE = 0xFF
_FROM_LATIN1 = bytes(_CODES.get(chr(octet), _NO_CODE) for octet in range(256))
_CODECS: dict[Alphabet, str] = {"latin1": "latin-1", "ascii": "ascii"}


class NotInAlphabetError(LocalError):
    """A character that the alphabet does not have; ``char`` is the first one."""

    def __init__(self, char: str, alphabet: Alphabet) -> None:
        super().__init__(f"{char!r} is not in the alphabet {alphabet}")
        self.char = char


def gsm_encode(text: str) -> bytes:
    """Text to unpacked septets. Raises :class:`NotInAlphabetError`."""
    return _basic_codes(text) or _codes_one_by_one(text)


def _basic_codes(text: str) -> bytes:
    """The whole text by one table, a tenth of the time of the other way; empty: it cannot be.

    It can when all its characters are basic ones that Latin-1 has too, as in nearly all texts.
    """
    try:
        codes = text.encode("latin-1").translate(_FROM_LATIN1)
    except UnicodeEncodeError:
        return b""
    return b"" if _NO_CODE in codes else codes


def _codes_one_by_one(text: str) -> bytes:
    try:
        return b"".join([_ENCODE[char] for char in text])
    except KeyError as error:
        raise NotInAlphabetError(error.args[0], "gsm") from error


def gsm_decode(data: bytes) -> str:
    """Unpacked septets to text; never fails.

    An unknown escape shows the basic character (6.2.1.1), an escape at the end a space, an octet
    above 0x7F is a replacement character.
    """
    if _ESCAPE not in data:
        return codecs.charmap_decode(data, "replace", _BASIC)[0]
    chars = []
    escaped = False
    for code in data:
        if escaped:
            escaped = False
            chars.append(_EXTENDED.get(code) or _basic(code))
        elif code == _ESCAPE:
            escaped = True
        else:
            chars.append(_basic(code))
    return "".join(chars) + (" " if escaped else "")


def _basic(code: int) -> str:
    if code == _ESCAPE:
        return " "  # an escape behind an escape: reserved, shown as a space
    return _BASIC[code] if code < 128 else "�"


def septets(text: str) -> int | None:
    """How many septets a text takes; None if it is not GSM 03.38."""
    try:
        return len(gsm_encode(text))
    except NotInAlphabetError:
        return None


def ucs2_encode(text: str) -> bytes:
    """UTF-16BE, as "UCS-2" is in practice; a lone surrogate becomes a replacement character."""
    return (
        text.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "replace").encode("utf-16-be")
    )


def ucs2_decode(data: bytes) -> str:
    """UTF-16BE; a byte order mark, as some SMSCs send it, is obeyed and dropped."""
    if data[:2] in (b"\xfe\xff", b"\xff\xfe"):
        return data.decode("utf-16", "replace")
    return data.decode("utf-16-be", "replace")


def encode(text: str, alphabet: Alphabet) -> tuple[int, bytes]:
    """(data_coding, octets): 0 with the link's alphabet if the text fits it, else 8 with UCS-2."""
    try:
        return 0, encode_default(text, alphabet)
    except NotInAlphabetError:
        return 8, ucs2_encode(text)


def encode_default(text: str, alphabet: Alphabet) -> bytes:
    """A text in the link's default alphabet. Raises :class:`NotInAlphabetError`."""
    if alphabet == "gsm":
        return gsm_encode(text)
    try:
        return text.encode(_CODECS[alphabet])
    except UnicodeEncodeError as error:
        raise NotInAlphabetError(text[error.start], alphabet) from error


# SMPP 3.4, 5.2.19: codings that have nothing to do with the link's default.
_BY_CODING: dict[int, str] = {
    1: "latin-1",  # IA5; its upper half is undefined, and peers use it as Latin-1
    3: "latin-1",
    5: "shift_jis",
    6: "iso8859_5",
    7: "iso8859_8",
    10: "iso2022_jp",
    13: "euc_jp",
    14: "euc_kr",
}


def kind_of(data_coding: int) -> Literal["default", "ucs2", "binary", "other"]:
    """What a data_coding says: of SMPP below 0x10, of TS 23.038 (clause 4) above."""
    if data_coding < 0x10:
        if data_coding == 8:
            return "ucs2"
        if data_coding in (2, 4):
            return "binary"
        return "other" if data_coding in _BY_CODING else "default"
    group = data_coding & 0xF0
    if group < 0xC0:  # general groups: bits 3 and 2 name the alphabet
        return ("default", "binary", "ucs2", "default")[data_coding >> 2 & 3]
    if group == 0xE0:
        return "ucs2"
    return "binary" if group == 0xF0 and data_coding & 4 else "default"


def decode(data: bytes, data_coding: int, alphabet: Alphabet) -> str:
    """The text of a message; never fails. Binary data is read as Latin-1: nothing is lost."""
    kind = kind_of(data_coding)
    if kind == "ucs2":
        return ucs2_decode(data)
    if kind == "binary":
        return data.decode("latin-1")
    if kind == "other":
        return data.decode(_BY_CODING[data_coding], "replace")
    if alphabet == "gsm":
        return gsm_decode(data)
    return data.decode(_CODECS[alphabet], "replace")
