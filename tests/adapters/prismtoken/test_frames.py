import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.prismtoken import message
from adapters.prismtoken.api import MeterConfigIn, NodeStatus, Token
from adapters.prismtoken.calls import CALLS, Call, GetStatus, IssueCreditToken, Ping
from adapters.prismtoken.errors import DecodeError, EncodeError
from adapters.prismtoken.framing import Framer
from adapters.prismtoken.message import ApiError, ApplicationException, MessageType
from adapters.prismtoken.reader import Reader
from adapters.prismtoken.tables import TEXT, Limits, camel, list_of, table
from adapters.prismtoken.writer import write_struct
from tests.adapters.prismtoken.strategies import structs, values

FILE = Path(__file__).parent.parent.parent / "vectors" / "prismtoken-frames.json"
VECTORS: list[dict[str, Any]] = json.loads(FILE.read_text())["vectors"]
CALL = IssueCreditToken(
    message_id="m1",
    access_token="t1",
    meter_config=MeterConfigIn("04123456784", 11, 2, 201457, 1, 1, 255),
    subclass=0,
    transfer_amount=281.0,
    token_time=17_310_984,
    flags=2,
)


def octets(vector: dict[str, Any]) -> bytes:
    return bytes.fromhex("".join(part for part, _ in vector["parts"]))


def one_frame(data: bytes) -> bytes:
    (frame,) = Framer().feed(data)
    return frame


def read(vector: dict[str, Any]) -> Any:
    head = message.decode_head(one_frame(octets(vector)))
    assert (head.type.name.lower(), head.method, head.sequence) == (
        vector["type"], vector["method"], vector["sequence"],
    )  # fmt: skip
    if head.type is MessageType.EXCEPTION:
        return message.decode_struct(head, ApplicationException)
    kind = CALLS[head.method]
    if head.type is MessageType.CALL:
        return message.decode_struct(head, kind)
    return message.decode_result(head, kind.result)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_a_vector_is_read(vector: dict[str, Any]) -> None:
    assert msgspec.to_builtins(read(vector)) == vector["value"]


@pytest.mark.parametrize(
    "vector", [v for v in VECTORS if v["id"] != "unknown-fields"], ids=lambda vector: vector["id"]
)
def test_a_vector_is_written(vector: dict[str, Any]) -> None:
    value, kind = read(vector), MessageType[vector["type"].upper()]
    if kind is MessageType.REPLY:
        result = CALLS[vector["method"]].result
        wire = message.encode_result(vector["method"], vector["sequence"], value, result)
    else:
        wire = message.encode_struct(kind, vector["method"], vector["sequence"], value)
    assert wire == octets(vector)


# --- properties -----------------------------------------------------------------------------------

any_call = st.sampled_from(sorted(CALLS.values(), key=lambda kind: kind.method)).flatmap(structs)


@settings(max_examples=100, deadline=None)
@given(any_call, st.integers(0, message.LAST_SEQUENCE))
def test_calls_come_back(call: Call, sequence: int) -> None:
    wire = message.encode_struct(MessageType.CALL, call.method, sequence, call)
    head = message.decode_head(one_frame(wire))
    assert head[:3] == (MessageType.CALL, call.method, sequence)
    assert message.decode_struct(head, type(call)) == call


results = st.sampled_from(sorted(CALLS.values(), key=lambda kind: kind.method)).flatmap(
    lambda kind: st.tuples(st.just(kind), st.one_of(values(kind.result), structs(ApiError)))
)


@settings(max_examples=100, deadline=None)
@given(results)
def test_results_come_back(case: tuple[type[Call], Any]) -> None:
    kind, result = case
    head = message.decode_head(
        one_frame(message.encode_result(kind.method, 5, result, kind.result))
    )
    assert message.decode_result(head, kind.result) == result


@settings(max_examples=60, deadline=None)
@given(st.lists(any_call, min_size=1, max_size=3), st.data())
def test_any_split_of_the_stream_gives_the_same_frames(calls: list[Call], data: Any) -> None:
    frames = [message.encode_struct(MessageType.CALL, one.method, 1, one) for one in calls]
    stream = b"".join(frames)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    framer = Framer()
    got = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        got += framer.feed(stream[start:end])
    assert got == [frame[4:] for frame in frames]
    assert (framer.waiting, framer.defect) == (0, None)


def failure(read: Callable[[], Any]) -> DecodeError | None:
    try:
        read()
    except DecodeError as error:
        return error
    return None


def read_as_anything(frame: bytes) -> None:
    """Raises DecodeError or nothing."""
    try:
        head = message.decode_head(frame)
    except DecodeError:
        return
    for kind in (CALLS.get(head.method, Ping), GetStatus):
        for reader, how in ((message.decode_struct, kind), (message.decode_result, kind.result)):
            error = failure(lambda: reader(head, how))  # type: ignore[operator]  # noqa: B023
            assert error is None or (0 <= error.offset <= len(frame) and str(error))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80), st.booleans())
def test_random_octets_raise_only_the_adapters_errors(junk: bytes, headed: bool) -> None:
    Framer().feed(junk)
    head = message.encode(MessageType.REPLY, "getStatus", 1, b"")[4:]
    read_as_anything(head + junk if headed else junk)


_GOOD = message.encode_struct(MessageType.CALL, CALL.method, 7, CALL)[4:]


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(_GOOD) - 1), st.integers(0, 255), st.integers(0, len(_GOOD)))
def test_a_changed_or_cut_frame_raises_only_the_adapters_errors(
    place: int, octet: int, cut: int
) -> None:
    changed = bytearray(_GOOD)
    changed[place] = octet
    read_as_anything(bytes(changed))
    read_as_anything(_GOOD[:cut])


# --- malformed, one by one ------------------------------------------------------------------------


def struct_error(body: str, kind: Any = CALL, limits: Limits | None = None) -> str:
    head = message.decode_head(
        message.encode(MessageType.CALL, "x", 1, bytes.fromhex(body.replace(" ", "")))[4:]
    )
    with pytest.raises(DecodeError) as caught:
        message.decode_struct(head, kind, limits)
    return str(caught.value)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("08 0001 00000000 00", "echo at octet 20: is missing"),
        ("0b 0001 00000000 00", "sleepMs at octet 13: is STRING, not I32"),
        ("08 0001 00000000 08 0001 00000000 00", "sleepMs at octet 20: comes twice"),
        ("08 0001 0000", "sleepMs at octet 16: needs 4 octets, there are 2"),
        ("0b 0002 ffffffff", "echo at octet 16: a text of -1 octets"),
        ("0b 0002 00000002 c328", "echo at octet 20: no UTF-8: invalid continuation byte"),
        ("05 0001", "sleepMs at octet 13: no type has the number 5"),
        ("0f 0063 0800001001", "(field 99) at octet 17: 4097 elements"),
        ("0f 0063 08000000ff", "(field 99) at octet 17: 255 elements in 0 octets"),
        ("0d 0063 000800000001 00", "(field 99) at octet 22: STOP is no type of a value"),
        ("0c 0063" * 20, "nested deeper than 16"),
        ("08 0001 00000000 0b 0002 00000000 00 00", "1 octets after the end"),
    ],
)
def test_a_wrong_body_is_told_with_its_place(body: str, words: str) -> None:
    assert words in struct_error(body, Ping)


def test_the_place_is_told_through_lists_and_structs() -> None:
    node = "0d 0001 0b0b00000001 00000001 6b 00000001 76 0f 0002 0c00000001 0b 0001 00000009"
    head = message.encode(
        MessageType.REPLY, "getStatus", 1, bytes.fromhex("0f0000 0c 00000001" + node)
    )[4:]
    with pytest.raises(DecodeError, match=r"^success\[0\]\.alerts\[0\]\.eCode at octet \d+: needs"):
        message.decode_result(message.decode_head(head), GetStatus.result)


def test_a_bool_is_0_or_1_and_a_map_has_no_key_twice() -> None:
    assert "a bool of 2" in struct_error("0c 0003 02 0015 02", IssueCreditToken)
    twice = "0d0001 0b0b00000002 000000016b 00000000 000000016b 00000000"
    assert "info[1] at octet 31: a key comes twice" in struct_error(twice, NodeStatus)
    wrong = "0d0001 0b0800000001 000000016b 00000000"
    assert "info at octet 17: elements of type 8, not STRING" in struct_error(wrong, NodeStatus)


def test_an_empty_container_may_have_any_element_type() -> None:
    reader = Reader(bytes.fromhex("0300000000"))
    assert reader.value(list_of(TEXT)) == ()


def test_long_texts_are_refused_before_they_are_read() -> None:
    assert "a text of 9 octets" in struct_error("0b 0002 00000009", Ping, Limits(string=8))
    with pytest.raises(EncodeError, match=r"^echo: has 65537 octets; at most 65536$"):
        write_struct(Ping(0, "x" * 65_537))


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ("00000004 70696e67 01 00000001 00", "version 0x00000004 is not strict binary 1"),
        ("80020001 00000000 00000001 00", "version 0x80020001"),
        ("80010009 00000000 00000001 00", "no message has the type 9"),
        ("80010001 00000007 70", "message at octet 8: needs 7 octets"),
    ],
)
def test_a_wrong_header_is_told(head: str, words: str) -> None:
    with pytest.raises(DecodeError, match=words):
        message.decode_head(bytes.fromhex(head.replace(" ", "")))


def test_a_result_has_either_success_or_an_exception() -> None:
    for body in ("00", "0b0000 00000000 0c0001 0b0001 00000000 0b0002 00000000 00 00"):
        frame = message.encode(MessageType.REPLY, "ping", 1, bytes.fromhex(body))[4:]
        with pytest.raises(DecodeError, match="either success or"):
            message.decode_result(message.decode_head(frame), TEXT)


@pytest.mark.parametrize("length", ["00000000", "0000000c", "ffffffff", "00040001", "48545450"])
def test_a_length_that_no_message_has_ends_the_stream(length: str) -> None:
    framer = Framer()
    assert framer.feed(bytes.fromhex(length) + bytes(20)) == []
    assert framer.defect is not None
    assert "is not within 13 to 262144" in framer.defect
    assert framer.feed(octets(VECTORS[0])) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"subclass": 40_000}, "subclass: does not fit I16"),
        ({"subclass": True}, "subclass: is an integer"),
        ({"subclass": None}, "subclass: is required"),
        ({"transfer_amount": 281}, "transferAmount: is a float"),
        ({"message_id": "\ud800"}, "messageId: has a lone surrogate"),
        ({"message_id": 5}, "messageId: is a text"),
        ({"meter_config": CALL}, "meterConfig: a IssueCreditToken is not the struct"),
    ],
)
def test_what_does_not_fit_its_table_is_not_written(change: dict[str, Any], words: str) -> None:
    with pytest.raises(EncodeError, match=words):
        write_struct(msgspec.structs.replace(CALL, **change))


def test_containers_are_checked_before_they_are_written() -> None:
    with pytest.raises(EncodeError, match="alerts: is a tuple"):
        write_struct(NodeStatus({}, []))  # type: ignore[arg-type]
    with pytest.raises(EncodeError, match="info: is a dict"):
        write_struct(NodeStatus((), ()))  # type: ignore[arg-type]
    with pytest.raises(EncodeError, match="info: has 4097 elements"):
        write_struct(NodeStatus({str(n): "" for n in range(4097)}, ()))


def test_secrets_stay_out_of_what_is_printed() -> None:
    assert "t1" not in repr(CALL)
    assert "access_token=…" in repr(CALL)
    names = {row.attribute for row in table(Token)}
    assert Token.secret <= names


def test_names_of_the_api() -> None:
    assert [camel(name) for name in ("token_dec", "allow_3_kct", "to_vk_kcv", "doe")] == [
        "tokenDec", "allow3Kct", "toVkKcv", "doe",
    ]  # fmt: skip
