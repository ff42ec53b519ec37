import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.smpp import status, tlv
from adapters.smpp.errors import DecodeError, EncodeError
from adapters.smpp.status import Status, Verdict
from adapters.smpp.tlv import Tag, Tlv
from tests.adapters.smpp.strategies import tlvs

TAGS = sorted(Tag)


def value_of(tag: int) -> st.SearchStrategy[int | str | bytes]:
    rule = tlv.shape(tag)
    if rule.kind == "int":
        return st.integers(0, 256**rule.high - 1)
    if rule.kind == "text":
        latin1 = st.characters(min_codepoint=1, max_codepoint=255)
        return st.text(latin1, max_size=rule.high - 1)
    return st.binary(min_size=rule.low, max_size=min(rule.high, 300))


@given(st.sampled_from(TAGS), st.data())
def test_each_known_parameter_reads_as_it_was_made(tag: int, data: st.DataObject) -> None:
    value = data.draw(value_of(tag))
    made = tlv.make(tag, value)
    (read,) = tlv.decode(tlv.encode((made,)), 0)
    assert tlv.get((read,), tag) == value


@given(tlvs)
def test_any_parameters_pass_unharmed(some: tuple[Tlv, ...]) -> None:
    raw = b"head" + tlv.encode(some)
    assert tlv.decode(raw, 4) == some


@given(st.binary(max_size=40))
def test_random_octets_raise_nothing_but_decode_errors(raw: bytes) -> None:
    try:
        found = tlv.decode(raw, 0)
    except DecodeError as error:
        told = error.status
    else:
        told = Status.ESME_RINVOPTPARSTREAM
        assert tlv.encode(found) == raw
    assert told == Status.ESME_RINVOPTPARSTREAM


def test_wire_forms() -> None:
    assert tlv.encode((tlv.make(Tag.ussd_service_op, 1),)).hex() == "0501000101"
    assert tlv.encode((tlv.make(Tag.its_session_info, b"\x07\x02"),)).hex() == "138300020702"
    assert tlv.encode((tlv.make(Tag.receipted_message_id, "ab"),)).hex() == "001e0003616200"
    assert tlv.encode((tlv.make(Tag.user_message_reference, 258),)).hex() == "020400020102"
    assert tlv.encode((tlv.make(Tag.qos_time_to_live, 1),)).hex() == "0017000400000001"
    assert tlv.encode((tlv.make(Tag.alert_on_message_delivery, b""),)).hex() == "130c0000"


def test_odd_lengths_of_peers_are_read() -> None:
    assert tlv.integer((Tlv(Tag.message_state, b"\0\2"),), Tag.message_state) == 2
    assert tlv.text((Tlv(Tag.receipted_message_id, b"abc"),), Tag.receipted_message_id) == "abc"
    assert tlv.integer((), Tag.message_state) is None
    assert tlv.text((), Tag.receipted_message_id) is None
    assert tlv.get((Tlv(0x1500, b"\1"),), 0x1500) == b"\1"


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        (Tag.message_state, 256),
        (Tag.message_state, -1),
        (Tag.receipted_message_id, "x" * 65),
        (Tag.its_session_info, b"\1"),
        (Tag.network_error_code, 3),
        (0x10000, b""),
    ],
)
def test_ours_must_fit_the_table(tag: int, value: int | str | bytes) -> None:
    with pytest.raises(EncodeError):
        tlv.encode((tlv.make(tag, value),))


def test_names() -> None:
    assert tlv.name(0x0501) == "ussd_service_op"
    assert tlv.name(0x1500) == "0x1500"
    assert status.name(0x58) == "ESME_RTHROTTLED"
    assert status.name(0x400) == "0x00000400"


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        (0x00, Verdict.DONE), (0x58, Verdict.THROTTLED), (0x14, Verdict.THROTTLED),
        (0x08, Verdict.RETRY), (0x64, Verdict.RETRY), (0xFE, Verdict.RETRY),
        (0x45, Verdict.DOUBTFUL), (0x400, Verdict.DOUBTFUL),
        (0x0A, Verdict.REFUSED), (0x0B, Verdict.REFUSED), (0x01, Verdict.REFUSED),
        (0x43, Verdict.REFUSED), (0x48, Verdict.REFUSED), (0x51, Verdict.REFUSED),
        (0x61, Verdict.REFUSED), (0x62, Verdict.REFUSED), (0x65, Verdict.REFUSED),
        (0x66, Verdict.REFUSED),
    ],
)  # fmt: skip
def test_what_a_status_asks_for(code: int, verdict: Verdict) -> None:
    assert status.verdict(code) is verdict
    assert status.verdict(code, {code: Verdict.RETRY}) is Verdict.RETRY
