"""Whole layouts by name: a version of the standard in one of the usual encodings.

``ascii87_hexbitmap``, ``bcd93_binbitmap``, ``bcd87``, ``unionpay_pos_bcd``; after ``with`` what is
changed: ``bcd87 with DE24 left pad F``, ``bcd87 with DE48 binary``. Dialects start from these.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final, Literal, cast

from adapters.iso8583.codec import Layout, with_fields
from adapters.iso8583.errors import DialectError
from adapters.iso8583.spec import Field, Kind, Side
from adapters.iso8583.tables import standard

Encoding = Literal["ascii", "bcd", "ebcdic"]
Bitmap = Literal["binary", "hex", "ebcdic"]

_NAME: Final = re.compile(r"(ascii|bcd|ebcdic)(87|93|03)(?:_(hex|bin)bitmap)?")
_CHANGE: Final = re.compile(r"DE(\d{1,3}) (?:(left|right) pad ([0-9A-F])|(binary))")
_YEARS: Final = {"87": 1987, "93": 1993, "03": 2003}
#: Kinds that BCD packs two to an octet.
_PACKED: Final = frozenset({"n", "z", "x+n"})
_TPDU_AND_HEADER: Final = 11


def named(name: str) -> Layout:
    """The layout of a name. DialectError says what names look like."""
    base, _, changes = name.partition(" with ")
    layout = unionpay(name) if base == "unionpay_pos_bcd" else _standard(base)
    changed: dict[int, Field] = {}
    for change in filter(None, re.split(r",\s*(?:with )?| and ", changes)):
        number, field = _changed(layout, change)
        changed[number] = field
    return replace(with_fields(layout, changed), name=name)


def _standard(name: str) -> Layout:
    found = _NAME.fullmatch(name)
    if found is None:
        raise DialectError(f"{name[:40]!r} is none like ascii87_hexbitmap or bcd93", "dialect")
    encoding, year, bitmap = found.groups()
    kind = {"hex": "hex", "bin": "binary", None: "binary" if encoding == "bcd" else "hex"}[bitmap]
    if encoding == "ebcdic" and kind == "hex":
        kind = "ebcdic"
    return base_layout(_YEARS[year], cast(Encoding, encoding), cast(Bitmap, kind), name)


def base_layout(version: int, encoding: Encoding, bitmap: Bitmap, name: str) -> Layout:
    """All fields of a version, in one encoding."""
    table = standard(version)
    fields = {number: _field(number, row, encoding) for number, row in table.items()}
    return Layout(name, fields, encoding, bitmap)


def field_of(number: int, name: str, form: tuple[Kind, int, int], encoding: Encoding) -> Field:
    """A field as an encoding usually has it; a dialect changes what its partner does otherwise."""
    return _field(number, (name, *form), encoding)


def _field(number: int, row: tuple[str, Kind, int, int], encoding: Encoding) -> Field:
    name, kind, size, digits = row
    text = "cp500" if encoding == "ebcdic" else "ascii"
    if kind == "b":
        form = "hex" if encoding == "ascii" else "binary"
    else:
        form = "bcd" if encoding == "bcd" and kind in _PACKED else text
    # odd digits: a fixed number keeps its value with a zero in front, a variable one is as it comes
    side: Side = "left" if kind == "n" and not digits else "right"
    fill = "0" if kind == "n" or form == "bcd" else " "
    return Field(number, name, kind, size, digits, form, encoding, pad=side, fill=fill)


def _changed(layout: Layout, change: str) -> tuple[int, Field]:
    found = _CHANGE.fullmatch(change.strip())
    if found is None or int(found[1]) not in layout.fields:
        raise DialectError(f"{change[:40]!r} is none like DE24 left pad F", "dialect")
    field = layout.fields[int(found[1])]
    if found[4]:
        return field.number, replace(field, kind="b", form="binary")
    return field.number, replace(field, pad=cast(Side, found[2]), fill=found[3])


def unionpay(name: str = "unionpay_pos_bcd") -> Layout:
    """Terminals of UnionPay: TPDU and header in front, BCD, some fields of their own.

    DE55 is chip data and 62, 63 hold keys and parameters: octets. Names are in GBK.
    """
    layout = base_layout(1987, "bcd", "binary", name)
    fields = layout.fields
    changed: Mapping[int, Field] = {
        22: replace(fields[22], pad="right"),
        60: replace(fields[60], kind="n", form="bcd", pad="right", fill="0"),
        **{number: replace(fields[number], form="gbk") for number in (43, 44, 56)},
        **{number: replace(fields[number], kind="b", form="binary") for number in (55, 62, 63)},
    }
    return replace(with_fields(layout, changed), header=_TPDU_AND_HEADER)
