import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.smpp import gsm0338
from adapters.smpp.gsm0338 import NotInAlphabetError

# 3GPP TS 23.038, 6.2.1 and 6.2.1.1: code points spot-checked against the published tables.
TABLE = [
    ("@", "00"), ("£", "01"), ("$", "02"), ("é", "05"), ("Ç", "09"), ("\n", "0a"), ("Å", "0e"),
    ("Δ", "10"), ("_", "11"), ("Φ", "12"), ("Ξ", "1a"), ("É", "1f"), (" ", "20"), ("¤", "24"),
    ("0", "30"), ("¡", "40"), ("A", "41"), ("Z", "5a"), ("Ä", "5b"), ("§", "5f"), ("¿", "60"),
    ("a", "61"), ("à", "7f"), ("\f", "1b0a"), ("^", "1b14"), ("{", "1b28"), ("}", "1b29"),
    ("\\", "1b2f"), ("[", "1b3c"), ("~", "1b3d"), ("]", "1b3e"), ("|", "1b40"), ("€", "1b65"),
]  # fmt: skip


@pytest.mark.parametrize(("char", "code"), TABLE)
def test_the_alphabet(char: str, code: str) -> None:
    assert gsm0338.gsm_encode(char).hex() == code
    assert gsm0338.gsm_decode(bytes.fromhex(code)) == char


def test_all_codes_but_the_escape_are_one_character() -> None:
    chars = [gsm0338.gsm_decode(bytes((code,))) for code in range(128) if code != 0x1B]
    assert len(set(chars)) == 127
    assert all(gsm0338.gsm_encode(char) for char in chars)


def test_a_text_as_kannel_sends_it() -> None:
    assert gsm0338.gsm_encode("price €5 [ok] @") == b"price \x1be5 \x1b<ok\x1b> \x00"


def test_septets_are_counted_not_characters() -> None:
    assert gsm0338.septets("price") == 5
    assert gsm0338.septets("€[]") == 6
    assert gsm0338.septets("`") is None
    assert gsm0338.septets("Ж") is None


@pytest.mark.parametrize(
    ("octets", "text"),
    [(b"\x1b\x41", "A"), (b"a\x1b", "a "), (b"\x1b\x1be", " e"), (b"\x80\xff", "��")],
    ids=["unknown escape", "escape at the end", "escaped escape", "no septets"],
)
def test_odd_octets_show_something(octets: bytes, text: str) -> None:
    assert gsm0338.gsm_decode(octets) == text


@given(st.text(st.sampled_from([char for char, _ in TABLE])))
def test_gsm_text_survives(text: str) -> None:
    assert gsm0338.encode(text, "gsm") == (0, gsm0338.gsm_encode(text))
    assert gsm0338.decode(gsm0338.gsm_encode(text), 0, "gsm") == text


@given(st.text(st.sampled_from([char for char, _ in TABLE] + ["e", "o", "7"])))
def test_a_text_is_encoded_as_its_characters_one_by_one(text: str) -> None:
    assert gsm0338.gsm_encode(text) == b"".join(map(gsm0338.gsm_encode, text))


@given(st.binary())
def test_octets_without_escapes_are_read_one_by_one(data: bytes) -> None:
    data = data.replace(b"\x1b", b"")
    assert gsm0338.gsm_decode(data) == "".join(gsm0338.gsm_decode(bytes((o,))) for o in data)


@given(st.text(st.characters(max_codepoint=0x2FF)))
def test_the_first_character_that_the_alphabet_lacks_is_named(text: str) -> None:
    lacking = [char for char in text if gsm0338.septets(char) is None]
    if not lacking:
        assert gsm0338.septets(text) is not None
        return
    with pytest.raises(NotInAlphabetError) as caught:
        gsm0338.gsm_encode(text)
    assert caught.value.char == lacking[0]


@given(st.text(), st.sampled_from(["gsm", "latin1", "ascii"]))
def test_every_text_survives_in_some_coding(text: str, alphabet: gsm0338.Alphabet) -> None:
    text = text.encode("utf-8", "replace").decode()  # no lone surrogates
    if text[:1] == "\ufeff":
        text = ""  # a byte order mark is not text
    coding, data = gsm0338.encode(text, alphabet)
    assert gsm0338.decode(data, coding, alphabet) == text


@given(st.binary(), st.integers(0, 255), st.sampled_from(["gsm", "latin1", "ascii"]))
def test_any_octets_read_as_something(data: bytes, coding: int, alphabet: gsm0338.Alphabet) -> None:
    assert isinstance(gsm0338.decode(data, coding, alphabet), str)


def test_the_default_alphabet_is_the_links_own() -> None:
    assert gsm0338.encode("@é", "gsm") == (0, b"\x00\x05")
    assert gsm0338.encode("@é", "latin1") == (0, b"@\xe9")
    assert gsm0338.encode("@é", "ascii") == (8, "@é".encode("utf-16-be"))
    assert gsm0338.encode("Жук", "gsm") == (8, "Жук".encode("utf-16-be"))
    with pytest.raises(NotInAlphabetError) as caught:
        gsm0338.encode_default("abcЖ", "latin1")
    assert caught.value.char == "Ж"
    with pytest.raises(NotInAlphabetError):
        gsm0338.encode_default("`", "gsm")


def test_ucs2_is_utf16_and_a_byte_order_mark_is_dropped() -> None:
    assert gsm0338.ucs2_encode("🔌") == bytes.fromhex("d83ddd0c")
    assert gsm0338.ucs2_decode(b"\xfe\xff\x04\x16") == "Ж"
    assert gsm0338.ucs2_decode(b"\xff\xfe\x16\x04") == "Ж"
    assert gsm0338.ucs2_decode(b"\x04\x16\x04") == "Ж�"
    assert gsm0338.ucs2_encode("a\ud800") == "a�".encode("utf-16-be")


@pytest.mark.parametrize(
    ("coding", "kind"),
    [
        (0, "default"), (1, "other"), (2, "binary"), (3, "other"), (4, "binary"), (8, "ucs2"),
        (0x0F, "default"), (0x10, "default"), (0x14, "binary"), (0x18, "ucs2"), (0x1C, "default"),
        (0xC0, "default"), (0xD0, "default"), (0xE0, "ucs2"), (0xF0, "default"), (0xF4, "binary"),
    ],
)  # fmt: skip
def test_what_a_data_coding_says(coding: int, kind: str) -> None:
    assert gsm0338.kind_of(coding) == kind
