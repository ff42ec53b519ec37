"""The code of a message: over the octets as they came, under a key that may be in use."""

import pytest

from adapters.iso8583 import mac
from adapters.iso8583.errors import DialectError, EncodeError, KeyFault, MacError
from adapters.iso8583.message import Message
from adapters.iso8583.seal import sealed, verify
from tests.adapters.iso8583.dialects import dialect

KEY, OTHER = bytes(range(16)), bytes(range(1, 17))
SHORT = Message("0200", {3: "380000", 11: "000001"})
LONG = Message("0200", {3: "380000", 102: "04123456789"})
X919 = "mac: {algorithm: x9.19}"


@pytest.mark.parametrize("message", [SHORT, LONG])
@pytest.mark.parametrize(
    "how",
    [
        X919,
        "mac: {algorithm: x9.19, octets: 4, padding: 2}",
        "mac: {algorithm: aes-cmac}",
        "mac: {algorithm: ecb}",
        "mac: {algorithm: sha-256, octets: 32}\nfields: {64: {is: an64}, 128: {is: an64}}",
        "mac: {algorithm: sha-256-key-last, octets: 32, fields: [3, 11, 102]}",
        "header: 5\nmac: {algorithm: x9.19, covers: header}",
    ],
)
def test_a_sealed_message_is_right_under_its_key_only(message: Message, how: str) -> None:
    spoken = dialect(how)
    header = bytes(spoken.codec.layout.header)
    raw = sealed(spoken, Message(message.mti, message.fields, header), KEY)
    assert (128 if 102 in message.fields else 64) in spoken.codec.decode(raw).fields
    assert verify(spoken, raw, [OTHER, KEY]) == KEY
    with pytest.raises(MacError):
        verify(spoken, raw, [OTHER])
    with pytest.raises(MacError):
        verify(spoken, raw, [])
    with pytest.raises(MacError):
        verify(spoken, raw.replace(b"380000", b"380001"), [KEY])


def test_four_octets_of_x99_stand_before_zeros() -> None:
    raw = sealed(dialect("mac: {algorithm: x9.9, octets: 4}"), SHORT, KEY[:8])
    assert raw[-8:] == b"00000000"
    assert raw[-16:-8].decode() == mac.alg1(KEY[:8], raw[:-16])[:4].hex().upper()


def test_the_octets_as_received_count_not_what_they_mean() -> None:
    """A bitmap in small letters means the same, but it is what the peer has sealed."""
    spoken = dialect(X919)
    raw = sealed(spoken, Message("0200", {5: "000000000001", 7: "0102030405"}), KEY)
    small = raw[:4] + raw[4:20].lower() + raw[20:-16]
    assert small != raw[:-16]
    assert verify(spoken, small + mac.alg3(KEY, small).hex().upper().encode(), [KEY]) == KEY
    with pytest.raises(MacError):
        verify(spoken, small + raw[-16:], [KEY])


@pytest.mark.parametrize("cover", ["header", "message"])
def test_the_header_counts_only_where_it_is_agreed(cover: str) -> None:
    spoken = dialect(f"header: 5\nmac: {{algorithm: x9.19, covers: {cover}}}")
    raw = sealed(spoken, Message("0200", {3: "380000"}, b"\x60ABCD"), KEY)
    moved = b"\x60CDAB" + raw[5:]
    if cover == "message":
        assert verify(spoken, moved, [KEY]) == KEY
    else:
        with pytest.raises(MacError):
            verify(spoken, moved, [KEY])


def test_no_code_is_a_wrong_code() -> None:
    spoken = dialect(X919)
    with pytest.raises(MacError, match="missing"):
        verify(spoken, spoken.codec.encode(SHORT), [KEY])
    both = spoken.codec.encode(Message("0200", {64: bytes(8), 102: "1"}))
    with pytest.raises(MacError, match="missing"):
        verify(spoken, both, [KEY])


def test_without_a_word_on_codes_none_is_made() -> None:
    with pytest.raises(DialectError):
        sealed(dialect(), SHORT, KEY)
    with pytest.raises(KeyFault):
        sealed(dialect(X919), SHORT, b"short")
    with pytest.raises(EncodeError):
        sealed(dialect(X919 + "\nfields: {64: {is: ans..20}}"), SHORT, KEY)
