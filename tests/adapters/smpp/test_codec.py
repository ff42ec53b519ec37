import struct
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.smpp import codec, tlv
from adapters.smpp.errors import DecodeError, EncodeError
from adapters.smpp.pdu import (
    COMMANDS,
    RESPONSE,
    BindTransceiver,
    DeliverSm,
    DeliverSmResp,
    Destination,
    EnquireLink,
    Pdu,
    SubmitMulti,
    SubmitSm,
    SubmitSmResp,
    response_of,
)
from adapters.smpp.status import Status
from tests.adapters.smpp.strategies import any_pdu, pdus, sequences


def frame(command: int, body: bytes, status: int = 0, sequence: int = 7) -> bytes:
    return struct.pack(">IIII", 16 + len(body), command, status, sequence) + body


# What Kannel 1.4.5 sends for "price €5 [ok] @" with a receipt asked for.
KANNEL_SUBMIT = (
    b"\x00" b"\x00\x01" b"12345\x00" b"\x01\x01" b"254700000001\x00"
    b"\x03\x00\x00" b"\x00" b"\x00" b"\x11\x00\x00\x00" b"\x12price \x1be5 \x1b<ok\x1b> \x00"
)  # fmt: skip


def test_a_submit_sm_as_kannel_sends_it() -> None:
    packet = codec.decode(frame(4, KANNEL_SUBMIT))
    assert packet.pdu == SubmitSm(
        source_addr_npi=1,
        source_addr="12345",
        dest_addr_ton=1,
        dest_addr_npi=1,
        destination_addr="254700000001",
        esm_class=3,
        registered_delivery=0x11,
        short_message=b"price \x1be5 \x1b<ok\x1b> \x00",
    )
    assert codec.encode(packet.pdu, 7) == frame(4, KANNEL_SUBMIT)


def test_ussd_in_a_deliver_sm_keeps_its_optional_parameter() -> None:
    """The USSD request on which other codecs fail: data_coding 0x0F and TLV 0x0501 = 1."""
    pdu = DeliverSm(
        source_addr="66977091205",
        destination_addr="66923011121",
        data_coding=0x0F,
        short_message=b"*4006#",
        tlvs=(tlv.make(tlv.Tag.ussd_service_op, 1),),
    )
    raw = codec.encode(pdu, 1)
    assert raw.endswith(b"*4006#" + bytes.fromhex("0501000101"))
    got = codec.decode(raw).pdu
    assert got == pdu
    assert tlv.integer(got.tlvs, tlv.Tag.ussd_service_op) == 1


@pytest.mark.parametrize("kind", COMMANDS.values(), ids=lambda kind: kind.command)
def test_each_command_has_its_own_default(kind: type[Pdu]) -> None:
    raw = codec.encode(kind(), 1)
    assert codec.decode(raw) == (kind(), 1, 0)


def test_the_table_of_commands_is_that_of_the_standard() -> None:
    requests = {kind.command: code for code, kind in COMMANDS.items() if not code & RESPONSE}
    assert requests == {
        "bind_receiver": 1, "bind_transmitter": 2, "query_sm": 3, "submit_sm": 4,
        "deliver_sm": 5, "unbind": 6, "replace_sm": 7, "cancel_sm": 8, "bind_transceiver": 9,
        "outbind": 0x0B, "enquire_link": 0x15, "submit_multi": 0x21,
        "alert_notification": 0x102, "data_sm": 0x103,
    }  # fmt: skip
    unanswered = {kind.command for kind in COMMANDS.values() if response_of(kind) is None}
    assert {name for name in unanswered if not name.endswith("_resp")} == {
        "outbind", "alert_notification", "generic_nack",
    }  # fmt: skip


@given(pdu=any_pdu, sequence=sequences)
@settings(max_examples=200, deadline=None)
def test_what_is_encoded_decodes_to_itself(pdu: Pdu, sequence: int) -> None:
    raw = codec.encode(pdu, sequence)
    assert codec.header(raw).length == len(raw)
    assert codec.decode(raw) == (pdu, sequence, 0)


@given(
    command=st.one_of(st.sampled_from(sorted(COMMANDS)), st.integers(0, 2**32 - 1)),
    body=st.binary(max_size=120),
)
@settings(max_examples=300, deadline=None)
def test_random_bodies_raise_nothing_but_decode_errors(command: int, body: bytes) -> None:
    try:
        packet = codec.decode(frame(command, body))
    except DecodeError as error:
        told = error
    else:
        assert packet.pdu.command_id == command
        return
    assert told.status
    assert 0 <= told.offset <= 16 + len(body)


@given(pdu=pdus(SubmitMulti), cut=st.integers(1, 200))
@settings(max_examples=100, deadline=None)
def test_a_cut_body_raises_nothing_but_decode_errors(pdu: Pdu, cut: int) -> None:
    body = codec.encode(pdu, 7)[16:]
    with suppress(DecodeError):
        codec.decode(frame(0x21, body[: max(len(body) - cut, 0)]))


HEAD = b"\0\0\112345\0\1\1254700000001\0"
LONG = b"\0\0\1" + b"1" * 70 + b"\0"
MALFORMED = [
    ("no body", 4, b"", "service_type", Status.ESME_RINVSERTYP),
    ("source without NUL", 4, b"\0\0\1" b"12345", "source_addr", Status.ESME_RINVSRCADR),
    ("source of 70 octets", 4, LONG, "source_addr", Status.ESME_RINVSRCADR),
    ("destination missing", 4, HEAD[:11], "destination_addr", Status.ESME_RINVDSTADR),
    ("npi missing", 4, b"\0\0", "source_addr_npi", Status.ESME_RINVSRCTON),
    ("sm_length too big", 4, HEAD + b"\0\0\0\0\0\0\0\0\0\x20abc", "short_message",
     Status.ESME_RINVMSGLEN),
    ("sm_length missing", 4, HEAD + b"\0\0\0\0\0\0\0\0\0", "short_message", Status.ESME_RINVMSGLEN),
    ("TLV cut in its head", 4, HEAD + b"\0\0\0\0\0\0\0\0\0\0\x04\x27\0", "optional parameter",
     Status.ESME_RINVOPTPARSTREAM),
    ("TLV longer than the PDU", 4, HEAD + b"\0\0\0\0\0\0\0\0\0\0\x04\x27\0\x09\2", "message_state",
     Status.ESME_RINVOPTPARSTREAM),
    ("unknown command", 0x12345, b"", "command_id", Status.ESME_RINVCMDID),
    ("system_id without NUL", 9, b"hub", "system_id", Status.ESME_RINVSYSID),
    ("dest_flag 3", 0x21, b"\0\0\1" b"1\0" b"\1\3", "destinations", Status.ESME_RINVDESTFLAG),
    ("a destination cut", 0x21, b"\0\0\1" b"1\0" b"\2\1\1\1" b"1\0", "destinations",
     Status.ESME_RINVNUMDESTS),
]  # fmt: skip


@pytest.mark.parametrize(
    ("command", "body", "field", "status"),
    [row[1:] for row in MALFORMED],
    ids=[r[0] for r in MALFORMED],
)
def test_malformed_names_field_and_status(
    command: int, body: bytes, field: str, status: Status
) -> None:
    with pytest.raises(DecodeError) as caught:
        codec.decode(frame(command, body))
    assert (caught.value.field, caught.value.status) == (field, status)


@pytest.mark.parametrize("raw", [b"", b"\0\0\0\x08", struct.pack(">IIII", 17, 0x15, 0, 1)])
def test_a_frame_of_another_length_than_it_says(raw: bytes) -> None:
    with pytest.raises(DecodeError) as caught:
        codec.decode(raw)
    assert caught.value.status == Status.ESME_RINVCMDLEN


def test_peers_may_be_liberal() -> None:
    """Longer addresses and ids than the standard's, unknown TLVs, a response without its NUL."""
    raw = frame(4, b"\0\0\1" + b"1" * 25 + b"\0\0\0\0" + bytes(10) + bytes.fromhex("1500000201ff"))
    pdu = codec.decode(raw).pdu
    assert isinstance(pdu, SubmitSm)
    assert pdu.source_addr == "1" * 25
    assert pdu.tlvs == (tlv.Tlv(0x1500, b"\1\xff"),)
    assert codec.decode(frame(0x80000004, b"abc")).pdu == SubmitSmResp(message_id="abc")
    assert codec.decode(frame(0x80000004, b"", status=0x58)) == (SubmitSmResp(), 7, 0x58)
    assert codec.decode(
        frame(0x80000004, b"x\0" + bytes.fromhex("0428000132"))
    ).pdu == SubmitSmResp(message_id="x", tlvs=(tlv.make(tlv.Tag.congestion_state, 50),))


def test_we_are_strict_in_what_we_send() -> None:
    assert codec.encode(DeliverSmResp(), 1)[16:] == b"\0"
    assert codec.encode(SubmitSmResp(message_id="x"), 1, Status.ESME_RTHROTTLED)[16:] == b""
    long_login = BindTransceiver(system_id="hub", password="longer than 8")
    with pytest.raises(EncodeError, match="password: 13 octets, at most 8"):
        codec.encode(long_login, 1)
    assert b"longer than 8\0" in codec.encode(long_login, 1, strict=False)
    for wrong, field in [
        (SubmitSm(source_addr="1" * 21), "source_addr"),
        (SubmitSm(source_addr="12\x003"), "source_addr"),
        (SubmitSm(destination_addr="Ω"), "destination_addr"),
        (SubmitSm(short_message=b"x" * 255), "short_message"),
        (SubmitSm(data_coding=256), "data_coding"),
        (SubmitSm(esm_class=-1), "esm_class"),
        (SubmitMulti(destinations=(Destination("1"),) * 256), "destinations"),
        (SubmitMulti(destinations=(Destination("1", ton=300),)), "destinations"),
        (SubmitSm(tlvs=(tlv.Tlv(0x10000, b""),)), "optional parameter"),
    ]:
        with pytest.raises(EncodeError) as caught:
            codec.encode(wrong, 1)
        assert caught.value.field == field
    with pytest.raises(EncodeError):
        codec.encode(EnquireLink(), 2**32)
