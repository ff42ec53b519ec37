"""Optional parameters (TLV) of SMPP 3.4 (5.3.2) and 5.0 (4.8.4), as data.

On a PDU a TLV stays what it was on the wire, a tag with its octets: unknown tags, vendor tags and
odd lengths pass unharmed and re-encode to the same bytes. :func:`get` reads by the table,
:func:`make` writes by it.
"""

import struct
from collections.abc import Iterable
from enum import IntEnum
from typing import Literal, NamedTuple

from adapters.smpp.errors import DecodeError, EncodeError
from adapters.smpp.status import Status

_HEAD = struct.Struct(">HH")


class Tlv(NamedTuple):
    """One optional parameter: its tag and the octets of its value."""

    tag: int
    value: bytes


class Tag(IntEnum):
    """Known tags; the names are the standard's."""

    dest_addr_subunit = 0x0005
    dest_network_type = 0x0006
    dest_bearer_type = 0x0007
    dest_telematics_id = 0x0008
    source_addr_subunit = 0x000D
    source_network_type = 0x000E
    source_bearer_type = 0x000F
    source_telematics_id = 0x0010
    qos_time_to_live = 0x0017
    payload_type = 0x0019
    additional_status_info_text = 0x001D
    receipted_message_id = 0x001E
    ms_msg_wait_facilities = 0x0030
    privacy_indicator = 0x0201
    source_subaddress = 0x0202
    dest_subaddress = 0x0203
    user_message_reference = 0x0204
    user_response_code = 0x0205
    source_port = 0x020A
    destination_port = 0x020B
    sar_msg_ref_num = 0x020C
    language_indicator = 0x020D
    sar_total_segments = 0x020E
    sar_segment_seqnum = 0x020F
    sc_interface_version = 0x0210
    callback_num_pres_ind = 0x0302
    callback_num_atag = 0x0303
    number_of_messages = 0x0304
    callback_num = 0x0381
    dpf_result = 0x0420
    set_dpf = 0x0421
    ms_availability_status = 0x0422
    network_error_code = 0x0423
    message_payload = 0x0424
    delivery_failure_reason = 0x0425
    more_messages_to_send = 0x0426
    message_state = 0x0427
    congestion_state = 0x0428
    ussd_service_op = 0x0501
    broadcast_channel_indicator = 0x0600
    broadcast_content_type = 0x0601
    broadcast_content_type_info = 0x0602
    broadcast_message_class = 0x0603
    broadcast_rep_num = 0x0604
    broadcast_frequency_interval = 0x0605
    broadcast_area_identifier = 0x0606
    broadcast_error_status = 0x0607
    broadcast_area_success = 0x0608
    broadcast_end_time = 0x0609
    broadcast_service_group = 0x060A
    billing_identification = 0x060B
    source_network_id = 0x060D
    dest_network_id = 0x060E
    source_node_id = 0x060F
    dest_node_id = 0x0610
    dest_addr_np_resolution = 0x0611
    dest_addr_np_information = 0x0612
    dest_addr_np_country = 0x0613
    display_time = 0x1201
    sms_signal = 0x1203
    ms_validity = 0x1204
    alert_on_message_delivery = 0x130C
    its_reply_type = 0x1380
    its_session_info = 0x1383


class Shape(NamedTuple):
    """How a value reads: ``int`` of ``high`` octets, NUL-ended ``text``, or ``octets``."""

    kind: Literal["int", "text", "octets"]
    low: int  # octets, NUL included
    high: int


_PAYLOAD_MAX = 65_535  # the length field has 16 bits
_INT2 = "dest_telematics_id user_message_reference source_port destination_port sar_msg_ref_num"
_SHAPES: dict[int, Shape] = {
    **{Tag[n]: Shape("int", 2, 2) for n in (*_INT2.split(), "sms_signal", "broadcast_rep_num")},
    **{Tag[n]: Shape("int", 4, 4) for n in ("qos_time_to_live", "broadcast_error_status")},
    Tag.additional_status_info_text: Shape("text", 1, 256),
    Tag.receipted_message_id: Shape("text", 1, 65),
    Tag.broadcast_end_time: Shape("text", 1, 17),
    Tag.source_network_id: Shape("text", 1, 66),
    Tag.dest_network_id: Shape("text", 1, 66),
    Tag.source_subaddress: Shape("octets", 2, 23),
    Tag.dest_subaddress: Shape("octets", 2, 23),
    Tag.callback_num_atag: Shape("octets", 0, 65),
    Tag.callback_num: Shape("octets", 4, 19),
    Tag.network_error_code: Shape("octets", 3, 3),
    Tag.message_payload: Shape("octets", 0, _PAYLOAD_MAX),
    Tag.broadcast_content_type: Shape("octets", 3, 3),
    Tag.broadcast_content_type_info: Shape("octets", 0, 255),
    Tag.broadcast_frequency_interval: Shape("octets", 3, 3),
    Tag.broadcast_area_identifier: Shape("octets", 1, 100),
    Tag.broadcast_service_group: Shape("octets", 1, 255),
    Tag.billing_identification: Shape("octets", 1, 1024),
    Tag.source_node_id: Shape("octets", 6, 6),
    Tag.dest_node_id: Shape("octets", 6, 6),
    Tag.dest_addr_np_information: Shape("octets", 10, 10),
    Tag.dest_addr_np_country: Shape("octets", 1, 5),
    Tag.ms_validity: Shape("octets", 1, 4),  # one octet in 3.4, four in 5.0
    Tag.alert_on_message_delivery: Shape("octets", 0, 1),  # empty in 3.4, one octet in 5.0
    Tag.its_session_info: Shape("octets", 2, 2),
}
_OCTET = Shape("int", 1, 1)
_ANY = Shape("octets", 0, _PAYLOAD_MAX)


def shape(tag: int) -> Shape:
    """The table's row of a tag: one octet if nothing else is said, any octets if unknown."""
    found = _SHAPES.get(tag)
    if found is not None:
        return found
    return _OCTET if tag in Tag._value2member_map_ else _ANY


def name(tag: int) -> str:
    """The standard's name of a tag, or its number in hex."""
    return Tag(tag).name if tag in Tag._value2member_map_ else f"0x{tag:04X}"


def make(tag: int, value: int | str | bytes) -> Tlv:
    """A TLV of ours, strict: raises :class:`EncodeError` if the value does not fit the table.

    Octets are taken as they are for any kind (checked for length), so that a copy can be made.
    """
    rule = shape(tag)
    if isinstance(value, int):
        if not 0 <= value < 1 << 8 * rule.high or rule.kind != "int":
            raise EncodeError(f"{value} is not a number of {rule.high} octets", name(tag))
        return Tlv(tag, value.to_bytes(rule.high, "big"))
    raw = value.encode("latin-1", "replace") + b"\0" if isinstance(value, str) else bytes(value)
    if not rule.low <= len(raw) <= rule.high:
        raise EncodeError(f"{len(raw)} octets, allowed {rule.low} to {rule.high}", name(tag))
    return Tlv(tag, raw)


def raw(tlvs: Iterable[Tlv], tag: int) -> bytes | None:
    """The octets of the first TLV with this tag, None without one."""
    for have, value in tlvs:
        if have == tag:
            return value
    return None


def integer(tlvs: Iterable[Tlv], tag: int) -> int | None:
    """The first TLV with this tag as a number, whatever its length (peers vary)."""
    value = raw(tlvs, tag)
    return None if value is None else int.from_bytes(value, "big")


def text(tlvs: Iterable[Tlv], tag: int) -> str | None:
    """The first TLV with this tag as text; the NUL that should end it may be missing."""
    value = raw(tlvs, tag)
    return None if value is None else value.partition(b"\0")[0].decode("latin-1")


def get(tlvs: Iterable[Tlv], tag: int) -> int | str | bytes | None:
    """The first TLV with this tag, read by the table."""
    kind = shape(tag).kind
    if kind == "int":
        return integer(tlvs, tag)
    return text(tlvs, tag) if kind == "text" else raw(tlvs, tag)


def decode(data: bytes, offset: int) -> tuple[Tlv, ...]:
    """All TLVs from ``offset`` to the end; a cut one raises with ESME_RINVOPTPARSTREAM."""
    found = []
    end = len(data)
    while offset < end:
        if end - offset < 4:
            raise DecodeError(
                f"{end - offset} octets cannot hold a tag and a length",
                "optional parameter",
                offset,
                Status.ESME_RINVOPTPARSTREAM,
            )
        tag, length = _HEAD.unpack_from(data, offset)
        start = offset + 4
        offset = start + length
        if offset > end:
            raise DecodeError(
                f"claims {length} octets, {end - start} are left",
                name(tag),
                start,
                Status.ESME_RINVOPTPARSTREAM,
            )
        found.append(Tlv(tag, data[start:offset]))
    return tuple(found)


def encode(tlvs: Iterable[Tlv]) -> bytes:
    """The wire form, in the order given."""
    try:
        return b"".join([_HEAD.pack(tag, len(value)) + value for tag, value in tlvs])
    except struct.error as error:
        raise EncodeError("tag or length does not fit 16 bits", "optional parameter") from error
