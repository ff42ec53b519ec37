"""EA07, EA11 and the check sum against published samples."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.sts.crc import token_crc
from core.sts.errors import KeyLengthError, TablesFormError
from core.sts.misty1 import _S7, _S9, Misty1
from core.sts.sta import SAMPLE_TABLES, Sta, Tables, load_tables

BLOCKS = st.integers(0, (1 << 64) - 1)

RFC_KEY = bytes.fromhex("00112233445566778899AABBCCDDEEFF")


@pytest.mark.parametrize(
    ("clear", "secret"),
    [(0x0123456789ABCDEF, 0x8B1DA5F56AB3D07C), (0xFEDCBA9876543210, 0x04B68240B13BE95D)],
)
def test_misty1_gives_the_values_of_rfc_2994(clear: int, secret: int) -> None:
    assert Misty1(RFC_KEY).encrypt(clear) == secret
    assert Misty1(RFC_KEY).decrypt(secret) == clear


def test_sta_gives_the_worked_sample() -> None:
    sta = Sta(bytes.fromhex("0ABC12DEF3456789"), SAMPLE_TABLES)
    assert sta.encrypt(0x0B19EB230100C207) == 0xC45ED1619406DF95
    assert sta.decrypt(0xC45ED1619406DF95) == 0x0B19EB230100C207


def plain_sta(block: int, key: int, tables: Tables) -> int:
    """The algorithm as the standard tells it, nibble by nibble and bit by bit."""
    mask = (1 << 64) - 1
    key ^= mask
    key = (key >> 12 | key << 52) & mask
    for _ in range(16):
        substituted = 0
        for place in range(16):
            table = tables.t2 if key >> 4 * place + 3 & 1 else tables.t1
            substituted |= table[block >> 4 * place & 15] << 4 * place
        block = sum((substituted >> bit & 1) << tables.p[bit] for bit in range(64))
        key = (key << 1 | key >> 63) & mask
    return block


@st.composite
def tables(draw: st.DrawFn) -> Tables:
    nibbles = st.permutations(range(16))
    places = st.permutations(range(64))
    return Tables(tuple(draw(nibbles)), tuple(draw(nibbles)), tuple(draw(places)))


@settings(max_examples=40, deadline=None)
@given(BLOCKS, BLOCKS, tables())
def test_the_look_ups_are_the_algorithm_for_any_tables(block: int, key: int, t: Tables) -> None:
    sta = Sta(key.to_bytes(8, "big"), t)
    assert sta.encrypt(block) == plain_sta(block, key, t)
    assert sta.decrypt(sta.encrypt(block)) == block


def plain_fi(word: int, key: int) -> int:
    """FI of RFC 2994, step by step."""
    d9, d7 = word >> 7, word & 0x7F
    d9 = _S9[d9] ^ d7
    d7 = _S7[d7] ^ d9 & 0x7F
    d7, d9 = d7 ^ key >> 9, d9 ^ key & 0x1FF
    return d7 << 9 | _S9[d9] ^ d7


def plain_fo(word: int, i: int, k: list[int], kp: list[int]) -> int:
    t0, t1 = word >> 16, word & 0xFFFF
    t0 = plain_fi(t0 ^ k[i], kp[(i + 5) % 8]) ^ t1
    t1 = plain_fi(t1 ^ k[(i + 2) % 8], kp[(i + 1) % 8]) ^ t0
    t0 = plain_fi(t0 ^ k[(i + 7) % 8], kp[(i + 3) % 8]) ^ t1
    return (t1 ^ k[(i + 4) % 8]) << 16 | t0


def plain_fl(word: int, i: int, k: list[int], kp: list[int]) -> int:
    left, right = word >> 16, word & 0xFFFF
    half = i // 2
    if i % 2 == 0:
        and_key, or_key = k[half], kp[(half + 6) % 8]
    else:
        and_key, or_key = kp[(half + 2) % 8], k[(half + 4) % 8]
    right ^= left & and_key
    return (left ^ (right | or_key)) << 16 | right


def plain_misty1(block: int, key: bytes) -> int:
    """The algorithm as the RFC tells it: FO and FL on halves, a round at a time."""
    k = [int.from_bytes(key[i : i + 2], "big") for i in range(0, 16, 2)]
    kp = [plain_fi(k[i], k[(i + 1) % 8]) for i in range(8)]
    d0, d1 = block >> 32, block & 0xFFFFFFFF
    for i in range(0, 8, 2):
        d0, d1 = plain_fl(d0, i, k, kp), plain_fl(d1, i + 1, k, kp)
        d1 ^= plain_fo(d0, i, k, kp)
        d0 ^= plain_fo(d1, i + 1, k, kp)
    d0, d1 = plain_fl(d0, 8, k, kp), plain_fl(d1, 9, k, kp)
    return d1 << 32 | d0


@given(BLOCKS, st.binary(min_size=16, max_size=16))
def test_the_rounds_written_out_are_the_rounds_of_the_rfc(block: int, key: bytes) -> None:
    assert Misty1(key).encrypt(block) == plain_misty1(block, key)


@given(BLOCKS, st.binary(min_size=16, max_size=16))
def test_misty1_decrypts_what_it_encrypts(block: int, key: bytes) -> None:
    misty = Misty1(key)
    assert misty.decrypt(misty.encrypt(block)) == block
    assert misty.encrypt(misty.decrypt(block)) == block


@pytest.mark.parametrize("size", [0, 7, 9, 16])
def test_keys_of_another_length_are_refused(size: int) -> None:
    with pytest.raises(KeyLengthError):
        Sta(bytes(size), SAMPLE_TABLES)
    with pytest.raises(KeyLengthError):
        Misty1(bytes(size + 1))


def test_the_check_sum_of_the_samples() -> None:
    assert token_crc(0x00004A2D900FF2) == 0x0FFA
    assert token_crc(0x000B19EB230100) == 0xC207
    assert token_crc(0x4051E136E920, currency=True) == 0xB624


# --- the tables' file ---------------------------------------------------------------------------

T1 = " ".join(map(str, SAMPLE_TABLES.t1))
T2 = ", ".join(map(str, SAMPLE_TABLES.t2))
P = " ".join(map(str, SAMPLE_TABLES.p))


@pytest.mark.parametrize(
    "text",
    [
        f"T1 = {T1}\nT2 = {T2}  # inverse (not in general)\nP = {P[:80]}\n   {P[80:]}\n",
        f"substitution_1 {T1}; first\nsubstitution_2 {T2}; second\npermutation\n{P}",
        f"[sts]\nt1 = [{T2}]\nt2 = [{T2}]\np = [{P.replace(' ', ', ')}]".replace(T2, T1, 1),
        f'{{"T1": [{T1.replace(" ", ",")}], "T2": [{T2}], "P": [{P.replace(" ", ",")}]}}',
    ],
)
def test_tables_are_read_from_plain_text_toml_and_json(text: str) -> None:
    assert load_tables(text) == SAMPLE_TABLES


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", ""),
        (f"T1 = {T1}\nT2 = {T2}", ""),
        (f"T1 = {T1}\nT1 = {T1}\nT2 = {T2}\nP = {P}", "T1"),
        (f"T1 = 1 2 3\nT2 = {T2}\nP = {P}", "T1"),
        (f"T1 = {T1}\nT2 = {T2.replace('13', '12')}\nP = {P}", "T2"),
        (f"T1 = {T1}\nT2 = {T2}\nP = {P} 64", "P"),
        (f"T1 = {T1}\nT2 = {T2}\nP = -{P}", "P"),
        (f"12 T1 = {T1}\nT2 = {T2}\nP = {P}", "file"),
        (f"T1 = {T1}\nT2 = {T2}\nP = {P}\nkey = 12", "file"),
        (f"T1 = {T1} @", "file"),
        ("1" * 70_000, "file"),
    ],
)
def test_a_file_of_another_form_is_refused(text: str, where: str) -> None:
    with pytest.raises(TablesFormError) as refusal:
        load_tables(text)
    assert refusal.value.where == where
