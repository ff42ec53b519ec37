"""Bytes to PDU and back, by the field tables of :mod:`.pdu`.

Each table is compiled once to a short plan (neighbouring octets become one ``struct`` call), which
a tight loop walks. Liberal in what it reads, strict in what it writes.
"""

import struct
from operator import attrgetter
from typing import Annotated, Any, NamedTuple, get_args, get_origin, get_type_hints

import msgspec

from adapters.smpp.errors import DecodeError, EncodeError
from adapters.smpp.pdu import (
    COMMANDS,
    RESPONSE,
    Counted,
    CString,
    Destination,
    Listed,
    Octet,
    Pdu,
    Unsuccess,
)
from adapters.smpp.status import Status
from adapters.smpp.tlv import decode as decode_tlvs
from adapters.smpp.tlv import encode as encode_tlvs

HEADER_SIZE = 16
_HEADER = struct.Struct(">IIII")
_UNSUCCESS = struct.Struct(">I")

# Peers use longer logins, addresses and ids than the standard allows; 65 is the longest C-octet
# string of any of its tables, beyond which a text is a mistake or an attack.
LIBERAL_LIMIT = 65

_OCTETS, _TEXT, _COUNTED, _LIST = range(4)


class Header(NamedTuple):
    """The first 16 octets of a PDU (SMPP 3.4, 3.2.1)."""

    length: int
    command_id: int
    status: int
    sequence: int


class Packet(NamedTuple):
    """A PDU with what its header said."""

    pdu: Pdu
    sequence: int
    status: int = 0


class _Step(NamedTuple):
    kind: int
    names: tuple[str, ...]
    limit: int
    fault: Status
    octets: struct.Struct


class _Plan(NamedTuple):
    steps: tuple[_Step, ...]
    values: Any  # attrgetter of all fields, tlvs first


def _rules(kind: type[Pdu]) -> list[tuple[str, Any]]:
    hints = get_type_hints(kind, include_extras=True)
    names = [field.name for field in msgspec.structs.fields(kind) if field.name != "tlvs"]
    return [
        (name, get_args(hints[name])[1]) for name in names if get_origin(hints[name]) is Annotated
    ]


def _compile(kind: type[Pdu]) -> _Plan:
    steps: list[_Step] = []
    octets: list[str] = []
    first = Status.ESME_ROK

    def close_run() -> None:
        if octets:
            layout = struct.Struct(f">{len(octets)}B")
            steps.append(_Step(_OCTETS, tuple(octets), len(octets), first, layout))
            octets.clear()

    nothing = struct.Struct("")
    rules = _rules(kind)
    for name, rule in rules:
        if isinstance(rule, Octet):
            first = first if octets else rule.fault
            octets.append(name)
            continue
        close_run()
        if isinstance(rule, CString):
            steps.append(_Step(_TEXT, (name,), rule.limit, rule.fault, nothing))
        elif isinstance(rule, Counted):
            steps.append(_Step(_COUNTED, (name,), rule.limit, rule.fault, nothing))
        elif isinstance(rule, Listed):
            steps.append(_Step(_LIST, (name,), 255, rule.fault, nothing))
    close_run()
    # attrgetter of one name gives a bare value, so a second "tlvs" keeps it a tuple.
    return _Plan(tuple(steps), attrgetter("tlvs", *[name for name, _ in rules], "tlvs"))


_PLANS: dict[type[Pdu], _Plan] = {kind: _compile(kind) for kind in COMMANDS.values()}


def fields(kind: type[Pdu]) -> list[tuple[str, Any]]:
    """The field table of a PDU class: (name, rule) in wire order, without the TLVs."""
    return _rules(kind)


def header(data: bytes) -> Header:
    """The header of a frame of at least 16 octets."""
    return Header._make(_HEADER.unpack_from(data))


def decode(frame: bytes) -> Packet:
    """One whole frame to its PDU.

    Raises :class:`DecodeError`: ESME_RINVCMDID for an unknown command, ESME_RINVCMDLEN if the
    length is not that of the frame, else the status of the field that failed. A response without
    a body is fine (SMPP 3.4, 4.4.2), and its last text may lack the NUL, as peers send it.
    """
    size = len(frame)
    if size < HEADER_SIZE:
        raise DecodeError(
            f"{size} octets are no header", "command_length", 0, Status.ESME_RINVCMDLEN
        )
    length, command_id, status, sequence = _HEADER.unpack_from(frame)
    if length != size:
        why = f"says {length} octets, the frame has {size}"
        raise DecodeError(why, "command_length", 0, Status.ESME_RINVCMDLEN)
    kind = COMMANDS.get(command_id)
    if kind is None:
        why = f"unknown command 0x{command_id:08X}"
        raise DecodeError(why, "command_id", 4, Status.ESME_RINVCMDID)
    if size == HEADER_SIZE and command_id & RESPONSE:
        return Packet(kind(), sequence, status)
    return Packet(_decode_body(kind, frame, bool(command_id & RESPONSE)), sequence, status)


def _decode_body(kind: type[Pdu], data: bytes, liberal: bool) -> Pdu:
    values: list[Any] = [()]
    append = values.append
    find = data.find
    size = len(data)
    at = HEADER_SIZE
    for step in _PLANS[kind].steps:
        what = step[0]
        if what == _TEXT:
            end = find(0, at)
            if end < 0 and liberal:
                end = size  # a response that ends without its NUL
            if end < 0 or end - at >= LIBERAL_LIMIT:
                raise _bad_text(step, data, at, end)
            append(data[at:end].decode("latin-1"))
            at = end + 1 if end < size else size
        elif what == _OCTETS:
            if at + step[2] > size:
                raise DecodeError("is missing", step.names[max(size - at, 0)], at, step.fault)
            values += step[4].unpack_from(data, at)
            at += step[2]
        elif what == _COUNTED:
            count = data[at] if at < size else -1
            if count < 0 or at + 1 + count > size:
                why = f"claims {count} octets, {max(size - at - 1, 0)} are left"
                raise DecodeError(
                    why if count >= 0 else "is missing", step.names[0], at, step.fault
                )
            append(data[at + 1 : at + 1 + count])
            at += 1 + count
        else:
            items, at = _decode_list(kind, step, data, at)
            append(items)
    if at < size:
        values[0] = decode_tlvs(data, at)
    return kind(*values)


def _bad_text(step: _Step, data: bytes, at: int, end: int) -> DecodeError:
    if at >= len(data):
        return DecodeError("is missing", step.names[0], at, step.fault)
    if end < 0:
        return DecodeError("has no NUL at its end", step.names[0], at, step.fault)
    return DecodeError(f"has {end - at} octets", step.names[0], at, step.fault)


def _decode_list(kind: type[Pdu], step: _Step, data: bytes, at: int) -> tuple[tuple[Any, ...], int]:
    """Destinations of submit_multi (4.5.1.1) or failures of its response (4.5.2.1)."""
    start = at
    items: list[Any] = []
    try:
        count = data[at]
        at += 1
        for _ in range(count):
            if kind.command_id & RESPONSE:
                ton, npi = data[at], data[at + 1]
                end = data.index(0, at + 2)
                (status,) = _UNSUCCESS.unpack_from(data, end + 1)
                items.append(Unsuccess(ton, npi, data[at + 2 : end].decode("latin-1"), status))
                at = end + 5
            else:
                item, at = _decode_destination(step, data, at)
                items.append(item)
    except (IndexError, ValueError, struct.error) as error:
        raise DecodeError(
            f"item {len(items) + 1} is cut", step.names[0], start, step.fault
        ) from error
    return tuple(items), at


def _decode_destination(step: _Step, data: bytes, at: int) -> tuple[Destination, int]:
    flag = data[at]
    if flag == 1:
        end = data.index(0, at + 3)
        text = data[at + 3 : end].decode("latin-1")
        return Destination(text, data[at + 1], data[at + 2]), end + 1
    if flag == 2:
        end = data.index(0, at + 1)
        return Destination(data[at + 1 : end].decode("latin-1"), is_list=True), end + 1
    raise DecodeError(f"dest_flag {flag}", step.names[0], at, Status.ESME_RINVDESTFLAG)


def encode(pdu: Pdu, sequence: int, status: int = 0, *, strict: bool = True) -> bytes:
    """The wire form of a PDU.

    A response with an error status goes without a body, as the standard asks. ``strict=False``
    allows texts up to 64 octets where the table says less: for logins of peers that demand it.
    Raises :class:`EncodeError` naming the field.
    """
    kind = type(pdu)
    if status and kind.command_id & RESPONSE:
        return _HEADER.pack(HEADER_SIZE, kind.command_id, status, sequence)
    plan = _PLANS[kind]
    values = plan.values(pdu)
    parts = [b""]
    place = 1
    for step in plan.steps:
        what = step[0]
        if what == _TEXT:
            text = values[place]
            if text:
                parts.append(_text(text, step, strict))
            parts.append(b"\0")
            place += 1
        elif what == _OCTETS:
            end = place + step[2]
            parts.append(_octets(values[place:end], step))
            place = end
        elif what == _COUNTED:
            parts.append(_counted(values[place], step))
            place += 1
        else:
            parts.append(_list(values[place], step))
            place += 1
    if values[0]:
        parts.append(encode_tlvs(values[0]))
    size = HEADER_SIZE + sum(map(len, parts))
    try:
        parts[0] = _HEADER.pack(size, kind.command_id, status, sequence)
    except struct.error as error:
        raise EncodeError(f"status {status}, sequence {sequence}", "header") from error
    return b"".join(parts)


def _text(text: str, step: _Step, strict: bool) -> bytes:
    try:
        raw = text.encode("latin-1")
    except UnicodeEncodeError as error:
        raise EncodeError("has characters beyond Latin-1", step.names[0]) from error
    limit = step.limit if strict else LIBERAL_LIMIT
    if len(raw) >= limit:
        raise EncodeError(f"{len(raw)} octets, at most {limit - 1}", step.names[0])
    if 0 in raw:
        raise EncodeError("NUL inside", step.names[0])
    return raw


def _octets(numbers: tuple[int, ...], step: _Step) -> bytes:
    try:
        return bytes(numbers)
    except (ValueError, TypeError) as error:
        for name, number in zip(step.names, numbers, strict=True):
            if not isinstance(number, int) or not 0 <= number <= 255:
                raise EncodeError(f"{number!r} is no octet", name) from error
        raise


def _counted(raw: bytes, step: _Step) -> bytes:
    if len(raw) > step.limit:
        why = f"{len(raw)} octets, at most {step.limit} (longer: TLV message_payload)"
        raise EncodeError(why, step.names[0])
    return bytes((len(raw),)) + raw


def _list(items: tuple[Destination | Unsuccess, ...], step: _Step) -> bytes:
    if len(items) > step.limit:
        raise EncodeError(f"{len(items)} items, at most {step.limit}", step.names[0])
    as_text = step._replace(limit=21)
    try:
        parts = [bytes((len(items),))]
        for item in items:
            addr = _text(item.addr, as_text, True) + b"\0"
            if isinstance(item, Unsuccess):
                parts.append(bytes((item.ton, item.npi)) + addr + _UNSUCCESS.pack(item.status))
            elif item.is_list:
                parts.append(b"\2" + addr)
            else:
                parts.append(bytes((1, item.ton, item.npi)) + addr)
    except (ValueError, struct.error) as error:
        raise EncodeError(str(error), step.names[0]) from error
    return b"".join(parts)
