"""One PDU as plain data for people: names in place of numbers, texts decoded."""

from typing import Any

import msgspec

from adapters.smpp import codec, gsm0338, receipt, segment, status, tlv
from adapters.smpp.errors import SmppError
from adapters.smpp.gsm0338 import Alphabet
from adapters.smpp.pdu import DataSm, Message, Pdu
from adapters.smpp.tlv import Tlv


def inspect(data: bytes, alphabet: Alphabet = "gsm") -> dict[str, Any]:
    """A whole PDU (binary, or its hex text with or without blanks) as a JSON-able dict.

    ``alphabet`` is what data_coding 0 means on this link. Raises SmppError with one clear line.
    """
    frame = _binary(data)
    packet = codec.decode(frame)
    shown: dict[str, Any] = {
        "command": packet.pdu.command,
        "command_id": f"0x{packet.pdu.command_id:08X}",
        "status": status.name(packet.status),
        "sequence": packet.sequence,
        "length": len(frame),
        "fields": _fields(packet.pdu),
        "tlvs": [_tlv(one) for one in packet.pdu.tlvs],
    }
    if isinstance(packet.pdu, Message | DataSm):
        shown.update(_message(packet.pdu, alphabet))
    return shown


def _binary(data: bytes) -> bytes:
    """Hex text to octets; what is no hex text is binary already."""
    compact = b"".join(data.split())
    if compact and len(compact) % 2 == 0 and all(octet in _HEX for octet in compact):
        return bytes.fromhex(compact.decode("ascii"))
    return data


_HEX = frozenset(b"0123456789abcdefABCDEF")


def _fields(pdu: Pdu) -> dict[str, Any]:
    values = msgspec.structs.asdict(pdu)
    del values["tlvs"]
    return {name: _plain(value) for name, value in values.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple):
        return [item._asdict() for item in value]
    return value


def _tlv(one: Tlv) -> dict[str, Any]:
    value = tlv.get((one,), one.tag)
    return {
        "tag": f"0x{one.tag:04X}",
        "name": tlv.name(one.tag),
        "value": value.hex() if isinstance(value, bytes) else value,
    }


def _message(pdu: Message | DataSm, alphabet: Alphabet) -> dict[str, Any]:
    _, data = segment.split_header(pdu)
    shown: dict[str, Any] = {}
    if gsm0338.kind_of(pdu.data_coding) == "binary":
        shown["binary"] = data.hex()
    else:
        shown["text"] = gsm0338.decode(data, pdu.data_coding, alphabet)
    place = segment.place_of(pdu)
    if place is not None:
        shown["part"] = place._asdict()
    told = receipt.parse(pdu)
    if told is not None:
        shown["receipt"] = {
            "id": told.id,
            "state": told.state.value,
            "final": told.state.final,
            "error": told.error,
            "submitted": told.submitted,
            "done": told.done,
        }
    return shown


__all__ = ["SmppError", "inspect"]
