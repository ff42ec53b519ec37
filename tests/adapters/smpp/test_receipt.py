import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.smpp import receipt, tlv
from adapters.smpp.pdu import DataSm, DeliverSm, SubmitSm
from adapters.smpp.receipt import MessageState
from adapters.smpp.tlv import Tag, Tlv

UUID = "8d7a1c2e-94d1-4c4b-9f3e-1c2d3e4f5a6b"
KANNEL = (
    f"id:{UUID} sub:001 dlvrd:001 submit date:2611211939 done date:2611211942"
    " stat:DELIVRD err:000 text:            "
)
JASMIN = f"id:{UUID} submit date:2611211939 done date:2611211942 stat:UNDELIV err:0x1F"
STATE = tlv.make(Tag.message_state, 2)
ID = tlv.make(Tag.receipted_message_id, UUID)


def told(text: str, *tlvs: Tlv, esm_class: int = 4) -> receipt.Receipt | None:
    return receipt.parse(
        DeliverSm(esm_class=esm_class, short_message=text.encode("latin-1"), tlvs=tlvs)
    )


def test_kannel_writes_everything() -> None:
    got = told(KANNEL)
    assert got == receipt.Receipt(
        UUID, MessageState.DELIVERED, "000", "2611211939", "2611211942", ""
    )


def test_jasmin_leaves_out_sub_dlvrd_and_text() -> None:
    got = told(JASMIN)
    assert got is not None
    assert (got.id, got.state, got.error) == (UUID, MessageState.UNDELIVERABLE, "0x1F")


def test_optional_parameters_come_first() -> None:
    got = told("id:other stat:EXPIRED err:7", STATE, ID)
    assert got is not None
    assert (got.id, got.state, got.error) == (UUID, MessageState.DELIVERED, "7")


def test_optional_parameters_alone_are_enough() -> None:
    got = told("", STATE, ID, tlv.make(Tag.network_error_code, b"\x03\x01\x02"), esm_class=0)
    assert got is not None
    assert (got.id, got.state, got.error) == (UUID, MessageState.DELIVERED, "258")
    data = receipt.parse(DataSm(esm_class=4, tlvs=(STATE, Tlv(Tag.receipted_message_id, b"ab"))))
    assert data is not None
    assert data.id == "ab"


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("ID:1 STAT:DELIVRD", MessageState.DELIVERED),
        ("stat:delivered id:1", MessageState.DELIVERED),
        ("id: 1 stat: ACCEPTD", MessageState.ACCEPTED),
        ("id:1 stat:UNDELIVERABLE", MessageState.UNDELIVERABLE),
        ("id:1 stat:REJECTD err:abc", MessageState.REJECTED),
        ("id:1,stat:EXPIRED", MessageState.EXPIRED),
        ("id:1 stat:whatever", MessageState.UNKNOWN),
        ("id:1", MessageState.UNKNOWN),
    ],
)
def test_pairs_in_any_order_case_and_spelling(text: str, state: MessageState) -> None:
    got = told(text)
    assert got is not None
    assert (got.id, got.state) == ("1", state)


def test_the_text_may_hold_colons() -> None:
    got = told("id:1 stat:DELIVRD text:id:2 stat:EXPIRED")
    assert got is not None
    assert (got.id, got.state, got.text) == ("1", MessageState.DELIVERED, "id:2 stat:EXPIRED")


def test_what_is_final() -> None:
    final = {state for state in MessageState if state.final}
    assert {state.value for state in final} == {
        "DELIVRD", "EXPIRED", "DELETED", "UNDELIV", "REJECTD", "SKIPPED",
    }  # fmt: skip
    enroute = told("id:1 stat:ENROUTE", esm_class=0x20)
    assert enroute is not None
    assert enroute.intermediate
    assert [state.code for state in MessageState] == list(range(10))


def test_a_text_from_a_phone_is_no_receipt() -> None:
    assert told("BUY 04123456784 20000", esm_class=0) is None
    assert told(KANNEL, esm_class=0) is None
    assert receipt.parse(SubmitSm(esm_class=4)) is None
    pdu = DeliverSm(short_message=KANNEL.encode())
    assert receipt.parse(pdu, trust_text=True) is not None
    assert receipt.parse(DeliverSm(short_message=b"id:what?"), trust_text=True) is None


@given(st.binary(max_size=80), st.sampled_from([0, 4, 8, 0x20, 0x44]))
def test_any_octets_are_taken(data: bytes, esm_class: int) -> None:
    receipt.parse(DeliverSm(esm_class=esm_class, short_message=data), trust_text=True)


@pytest.mark.parametrize(
    ("response", "told_id", "rule"),
    [
        ("ABC", "abc", "same"),
        ("0012", "12", "same"),
        (UUID, UUID.upper(), "same"),
        ("0", "000", "same"),
        ("FF", "255", "receipt-decimal"),
        ("00ff", "0000000255", "receipt-decimal"),
        ("255", "FF", "receipt-hex"),
        ("255", "000000ff", "auto"),
        ("1a", "26", "auto"),
    ],
)
def test_ids_meet(response: str, told_id: str, rule: receipt.IdRule) -> None:
    assert receipt.normal(response) in receipt.candidates(told_id, rule)


def test_ids_that_are_no_numbers_do_not_fail() -> None:
    assert receipt.candidates(UUID, "receipt-decimal") == []
    assert receipt.candidates("xyz", "receipt-hex") == []
    assert receipt.candidates("²", "auto") == ["²"]
    assert receipt.candidates("10", "auto") == ["10", "a", "16"]
