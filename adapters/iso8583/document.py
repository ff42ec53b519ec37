"""The form of a dialect, field by field, as an integrator writes it (docs/iso8583.md).

The structs are filled by whoever reads the file; :func:`layout` turns one into what a codec is made
of and says everything that does not fit, each with its path in the document.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated, Any, Literal

import msgspec

from adapters.iso8583 import framing, mac
from adapters.iso8583.codec import Codec, Layout, with_fields
from adapters.iso8583.errors import DialectError
from adapters.iso8583.parts import REST, Below, BerTlv, Groups, Mapped, Parts, Row, TextTlv
from adapters.iso8583.profiles import Bitmap, Encoding, base_layout, field_of
from adapters.iso8583.spec import Count, Field, Prefix, Side, notation
from adapters.iso8583.vocabulary import RESPONSES

Small = Annotated[int, msgspec.Meta(ge=0, le=64)]


class PartDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One part of a row: its name and what it is; ``rest`` takes what is left and is nothing."""

    name: str
    is_: str = msgspec.field(name="is", default="")
    form: str = ""


class TextTlvDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Characters of a tag, digits of its length."""

    tag: Annotated[int, msgspec.Meta(ge=1, le=8)]
    digits: Annotated[int, msgspec.Meta(ge=1, le=4)]


class PartsDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is in a field: exactly one of these."""

    row: tuple[PartDocument, ...] = ()
    groups: tuple[PartDocument, ...] = ()
    mapped: Mapping[int, str] = {}
    text_tlv: TextTlvDocument | None = None
    ber_tlv: bool = False

    def __post_init__(self) -> None:
        given = [self.row, self.groups, self.mapped, self.text_tlv, self.ber_tlv]
        if sum(map(bool, given)) != 1:
            raise ValueError("exactly one of: row, groups, mapped, text_tlv, ber_tlv")


class FieldDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a partner does otherwise than the standard in the dialect's encoding."""

    is_: str = msgspec.field(name="is", default="")
    name: str = ""
    form: str = ""
    prefix: Prefix | None = None
    count: Count | None = None
    pad: Side | None = None
    fill: str = ""
    trim: bool = False
    parts: PartsDocument | None = None


class MacDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How DE64 or DE128 is made. ``covers``: the message, or the header too; or ``fields``: the
    octets of these alone, as they are on the wire. ``octets`` of the code are sent, then zeros."""

    algorithm: str
    padding: Literal[1, 2] = 1
    octets: Annotated[int, msgspec.Meta(ge=4, le=32)] = 8
    covers: Literal["message", "header"] = "message"
    fields: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.algorithm not in mac.ALGORITHMS:
            raise ValueError(f"algorithm is one of {', '.join(sorted(mac.ALGORITHMS))}")


class CaseDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A message and what it must give; ``refused`` is the path of the field that must fail.

    ``canonical`` false: read like this, but written otherwise.
    """

    name: str
    hex: str
    mti: str = ""
    fields: Mapping[int, Any] = {}
    refused: str = ""
    canonical: bool = True
    key: str = ""  # of the code, in hex: a test key


class DialectDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of ``mappings/pos``."""

    dialect: str
    version: Annotated[int, msgspec.Meta(ge=1)]
    effective: date
    standard: Literal[1987, 1993, 2003]
    encoding: Encoding
    bitmap: Bitmap
    tests: tuple[CaseDocument, ...]
    about: str = ""
    framing: str = "len2be"
    longest: Annotated[int, msgspec.Meta(ge=64, le=8192)] = 4096
    header: Small = 0
    amount_exponent: Annotated[int, msgspec.Meta(ge=0, le=4)] | None = None
    mac: MacDocument | None = None
    fields: Mapping[int, FieldDocument] = {}
    responses: Mapping[str, str] = {}
    service: Mapping[str, Any] | None = None  # of the channel: what the messages mean


@dataclass(frozen=True, slots=True)
class Dialect:
    """A dialect, compiled. ``amount_exponent`` None: as the currency says."""

    name: str
    version: int
    effective: date
    codec: Codec
    framing: framing.Framing
    mac: MacDocument | None
    amount_exponent: int | None
    responses: Mapping[str, str]


def compiled(document: DialectDocument) -> Dialect:
    """The dialect. DialectError: the first thing that does not fit."""
    return Dialect(
        document.dialect,
        document.version,
        document.effective,
        Codec(layout(document)),
        framing.framing(document.framing, document.longest),
        document.mac,
        document.amount_exponent,
        document.responses,
    )


def problems(document: DialectDocument) -> list[tuple[str, str]]:
    """(path, sentence) of everything that does not fit."""
    found = []
    base = base_layout(document.standard, document.encoding, document.bitmap, document.dialect)
    for number, each in document.fields.items():
        try:
            with_fields(base, {number: _field(number, each, document, base)})
        except DialectError as error:
            found.append((error.path, error.why))
    try:
        framing.framing(document.framing)
    except DialectError as error:
        found.append((error.path, error.why))
    found += [
        (f"responses.{name}", f"no outcome is called so: {', '.join(RESPONSES)}")
        for name in document.responses
        if name not in RESPONSES
    ]
    if not document.tests:
        found.append(("tests", "a dialect has a case of its own"))
    return found


def layout(document: DialectDocument) -> Layout:
    """What the codec is made of. DialectError: the first thing that does not fit."""
    base = base_layout(document.standard, document.encoding, document.bitmap, document.dialect)
    changed = {n: _field(n, each, document, base) for n, each in document.fields.items()}
    return replace(with_fields(base, changed), header=document.header)


def _field(number: int, each: FieldDocument, document: DialectDocument, base: Layout) -> Field:
    path = f"fields.{number}"
    known = base.fields.get(number)
    if each.is_:
        name = each.name or (known.name if known else f"field {number}")
        known = field_of(number, name, notation(each.is_, path), document.encoding)
    if known is None:
        raise DialectError("the standard does not know it: say what it `is`", path)
    changes: dict[str, Any] = {
        name: value
        for name in ("name", "form", "prefix", "count", "pad", "fill", "trim")
        if (value := getattr(each, name))
    }
    field = replace(known, **changes)
    _check(field, path)
    return replace(field, parts=Below(_parts(each.parts, field, path))) if each.parts else field


def _check(field: Field, path: str) -> None:
    if field.form not in ("bcd", "hex", "binary"):
        try:
            "0".encode(field.form)
        except LookupError:
            raise DialectError(f"{field.form[:20]!r} is no charset", f"{path}.form") from None
    binary = field.form in ("hex", "binary")
    if binary != (field.kind == "b"):
        raise DialectError(f"{field.kind} does not stand as {field.form}", f"{path}.form")
    if field.form == "bcd" and field.fill not in tuple("0123456789ABCDEF"):
        raise DialectError("a nibble is 0 to 9 or A to F", f"{path}.fill")
    if len(field.fill) != 1:
        raise DialectError("one character", f"{path}.fill")


def _parts(given: PartsDocument, field: Field, path: str) -> Parts:
    path = f"{path}.parts"
    if field.form == "bcd":
        raise DialectError("parts stand in text or in octets, not in bcd", path)
    charset = None if field.kind == "b" else field.form
    if given.ber_tlv:
        if charset is not None:
            raise DialectError("tags of EMV stand in octets: the field is b", path)
        return BerTlv()
    if given.text_tlv is not None:
        if charset is None:
            raise DialectError("tags of characters stand in text", path)
        return TextTlv(given.text_tlv.tag, given.text_tlv.digits, charset)
    if given.mapped:
        fields = {n: _part(str(n), text, "", charset, path) for n, text in given.mapped.items()}
        return Mapped(fields, charset is not None, charset)
    rows = given.row or given.groups
    row = Row(tuple(_part(p.name, p.is_, p.form, charset, path) for p in rows), charset)
    if REST in [p.name for p in rows[:-1]] or (given.groups and rows[-1].name == REST):
        raise DialectError("rest is the last part of a row", path)
    return row if given.row else Groups(row, charset)


def _part(name: str, text: str, form: str, charset: str | None, path: str) -> Field:
    if name == REST:
        return Field(0, REST, "ans", 1)
    kind, size, digits = notation(text, f"{path}.{name}")
    form = form or ("binary" if kind == "b" else charset or "ascii")
    side: Side = "left" if kind == "n" else "right"
    prefix: Prefix = "ebcdic" if charset == "cp500" else "ascii"
    fill = "0" if kind == "n" else " "
    field = Field(0, name, kind, size, digits, form, prefix, pad=side, fill=fill)
    _check(field, f"{path}.{name}")
    return field
