import json

import pytest
from hypothesis import given

from adapters.smpp import codec, tlv
from adapters.smpp.errors import SmppError
from adapters.smpp.inspect import inspect
from adapters.smpp.pdu import DeliverSm, Destination, Pdu, SubmitMulti, SubmitSmResp
from adapters.smpp.tlv import Tag
from tests.adapters.smpp.strategies import any_pdu


def test_a_receipt_for_people() -> None:
    pdu = DeliverSm(
        source_addr="254700000001",
        esm_class=4,
        short_message=b"id:7 stat:DELIVRD err:000",
        tlvs=(tlv.make(Tag.message_state, 2), tlv.Tlv(0x1500, b"\xff")),
    )
    shown = inspect(codec.encode(pdu, 9))
    assert shown["command"] == "deliver_sm"
    assert (shown["status"], shown["sequence"]) == ("ESME_ROK", 9)
    assert shown["fields"]["source_addr"] == "254700000001"
    assert shown["tlvs"] == [
        {"tag": "0x0427", "name": "message_state", "value": 2},
        {"tag": "0x1500", "name": "0x1500", "value": "ff"},
    ]
    assert shown["receipt"]["state"] == "DELIVRD"


def test_a_part_of_a_long_text_and_hex_as_input() -> None:
    pdu = DeliverSm(esm_class=0x40, data_coding=8, short_message=bytes.fromhex("0500030102010416"))
    text = codec.encode(pdu, 1).hex(" ").upper() + "\n"
    shown = inspect(text.encode())
    assert shown["text"] == "Ж"
    assert shown["part"] == {"reference": 1, "total": 2, "number": 1}


def test_binary_and_lists() -> None:
    assert inspect(codec.encode(DeliverSm(data_coding=4, short_message=b"\1"), 1))["binary"] == "01"
    multi = inspect(codec.encode(SubmitMulti(destinations=(Destination("1"),)), 1))
    assert multi["fields"]["destinations"][0]["addr"] == "1"
    assert inspect(codec.encode(SubmitSmResp(), 1, 0x58))["status"] == "ESME_RTHROTTLED"


@given(any_pdu)
def test_every_pdu_is_json(pdu: Pdu) -> None:
    json.dumps(inspect(codec.encode(pdu, 1)))


@pytest.mark.parametrize("raw", [b"", b"\0\0\0\x10", b"garbage that is no PDU at all", b"00000010"])
def test_what_is_no_pdu_is_one_clear_line(raw: bytes) -> None:
    with pytest.raises(SmppError) as caught:
        inspect(raw)
    assert "\n" not in str(caught.value)
    assert "octet" in str(caught.value)
