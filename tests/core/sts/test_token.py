"""Tokens: layouts, digits as people type them, and the way there and back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.sts.amounts import decode_units
from core.sts.errors import (
    FieldRangeError,
    KeyNeededError,
    StsError,
    TablesMissingError,
    TokenCharacterError,
    TokenClassError,
    TokenCrcError,
    TokenGroupingError,
    TokenLengthError,
    TokenRangeError,
    TokenSubclassError,
)
from core.sts.layouts import BODY_BITS, layout, pack, unpack
from core.sts.token import (
    TokenData,
    block_of,
    cipher_for,
    clear_block,
    credit,
    currency_credit,
    decode,
    digits_of,
    encode,
    extended_set,
    extract_class,
    flag_set,
    grouped,
    insert_class,
    management,
    meter_test,
    parse,
    seal,
)
from tests.core.sts.samples import cipher

DIGITS = "58625789986991357486"  # 0.1 kWh of 2014-03-01 13:00 under register 1, EA11


def test_the_worked_sample() -> None:
    data = credit(0, 85_740, 5, 1)
    assert f"{clear_block(data):016X}" == "05014EEC00013188"
    assert encode(data, cipher(11)) == DIGITS
    assert decode(DIGITS, cipher(11)).data == data


@pytest.mark.parametrize(
    "typed",
    [
        DIGITS,
        "5862 5789 9869 9135 7486",
        "5862-5789-9869-9135-7486",
        "  5862 - 5789 9869  9135-7486\n",
        "58625 78998 69913 57486",
        "5862578998 6991357486",
        "5862\u00a05789\u00a09869\u00a09135\u00a07486",
        "5862\u20135789\u20139869\u20139135\u20137486",
    ],
)
def test_tokens_are_read_as_people_type_them(typed: str) -> None:
    assert parse(typed) == DIGITS
    assert parse(grouped(DIGITS)) == DIGITS


@pytest.mark.parametrize(
    ("typed", "error", "says"),
    [
        ("", TokenLengthError, "has 0"),
        (DIGITS[:-1], TokenLengthError, "has 19"),
        (DIGITS + "1", TokenLengthError, "has 21"),
        ("5" * 500, TokenLengthError, "500 characters"),
        ("5862 5789 9869 9135 748O", TokenCharacterError, "'O' at place 24"),
        ("٥٨٦٢٥٧٨٩٩٨٦٩٩١٣٥٧٤٨٦", TokenCharacterError, "place 1"),
        ("5862.5789.9869.9135.7486", TokenCharacterError, "'.'"),
        ("586 25789 9869 9135 7486", TokenGroupingError, "equal groups"),
        ("5862--5789-9869-9135-7486", TokenGroupingError, "equal groups"),
        ("-58625789986991357486", TokenGroupingError, "equal groups"),
        ("73786976294838206464", TokenRangeError, "66 bits"),
        ("99999999999999999999", TokenRangeError, "beginning"),
    ],
)
def test_each_slip_has_its_own_error_and_none_repeats_the_token(
    typed: str, error: type[StsError], says: str
) -> None:
    with pytest.raises(error) as refusal:
        parse(typed)
    assert says in str(refusal.value)
    assert typed[:12] == "" or typed[:12] not in str(refusal.value) + refusal.value.evidence


def test_a_token_without_its_key() -> None:
    with pytest.raises(KeyNeededError):
        decode(DIGITS, None)
    with pytest.raises(KeyNeededError):
        encode(credit(0, 85_740, 5, 1), None)
    with pytest.raises(TablesMissingError):
        cipher_for(7, bytes(8))


def test_reserved_classes_and_subclasses_are_refused() -> None:
    key = cipher(11)
    with pytest.raises(TokenClassError):
        decode(digits_of(insert_class(0, 3)), key)
    for token_class, subclass in ((0, 8), (1, 3)):
        block = block_of(token_class, subclass, 0)
        with pytest.raises(TokenSubclassError):
            decode(digits_of(seal(block, token_class, key)), key)
    with pytest.raises(TokenSubclassError):
        layout(2, 9, 7)  # EA07 has no fourth section
    with pytest.raises(TokenClassError):
        layout(3, 0)


@pytest.mark.parametrize(
    "make",
    [
        lambda: credit(4, 1, 1, 1),
        lambda: currency_credit(3, 1, 1),
        lambda: flag_set(1, 1, 1, 2),
        lambda: clear_block(credit(0, 1 << 24, 1, 1)),
        lambda: clear_block(credit(0, 1, 16, 1)),
        lambda: clear_block(extended_set(1, 1, 64, 0)),
        lambda: clear_block(meter_test(0, 1, 256)),
        lambda: clear_block(TokenData(0, 0, {"rnd": 1, "tid": 1})),
        lambda: clear_block(TokenData(0, 0, {"rnd": 1, "tid": 1, "amount": 1, "more": 1})),
    ],
)
def test_fields_that_do_not_fit_are_refused(make) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(FieldRangeError):
        make()


def test_a_currency_token_does_not_pass_for_units() -> None:
    data = currency_credit(4, 85_740, 100_000)
    body = pack(data.fields, layout(0, 4))
    assert clear_block(data) != block_of(0, 0, body)
    plain_crc = clear_block(data) & ~0xFFFF | block_of(1, 4, body) & 0xFFFF
    with pytest.raises(TokenCrcError):
        decode(digits_of(seal(plain_crc, 0, cipher(11))), cipher(11))


TIDS = st.integers(0, (1 << 24) - 1)
NIBBLES = st.integers(0, 15)
DATA = st.one_of(
    st.builds(credit, st.integers(0, 3), TIDS, NIBBLES, st.integers(0, 18_201_624)),
    st.builds(currency_credit, st.integers(4, 7), TIDS, st.integers(-(10**30), 10**30)),
    st.builds(meter_test, st.sampled_from([0, 2, 11, 15]), st.integers(0, (1 << 36) - 1)),
    st.builds(
        meter_test,
        st.sampled_from([1, 6, 10]),
        st.integers(0, (1 << 28) - 1),
        st.integers(0, 0xFFFF),
    ),
    st.builds(
        management,
        st.sampled_from([0, 1, 2, 5, 6, 7, 11, 15]),
        TIDS,
        NIBBLES,
        st.integers(0, 0xFFFF),
    ),
    st.builds(extended_set, TIDS, NIBBLES, st.integers(0, 63), st.integers(0, 1023)),
    st.builds(flag_set, TIDS, NIBBLES, st.integers(0, 511), st.integers(0, 1)),
)


@given(DATA, st.sampled_from([7, 11]))
def test_what_is_put_in_comes_out(data: TokenData, ea: int) -> None:
    digits = encode(data, cipher(ea))
    assert len(digits) == 20
    assert decode(digits, cipher(ea)).data == data


@settings(derandomize=True)  # one random pair in 65,536 fits by the nature of a 16-bit check sum
@given(DATA, st.sampled_from([7, 11]), st.integers(0, 19), st.integers(1, 9))
def test_any_single_wrong_digit_is_refused(
    data: TokenData, ea: int, place: int, shift: int
) -> None:
    digits = encode(data, cipher(ea))
    wrong = str((int(digits[place]) + shift) % 10)
    with pytest.raises(StsError):
        decode(digits[:place] + wrong + digits[place + 1 :], cipher(ea))


@given(st.integers(0, (1 << 64) - 1), st.integers(0, 3))
def test_the_class_goes_in_and_comes_out(block: int, token_class: int) -> None:
    number = insert_class(block, token_class)
    assert 0 <= number < 1 << 66
    assert extract_class(number) == (token_class, block)


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        digits = parse(text)
    except StsError:
        return
    assert len(digits) == 20


def test_every_layout_fills_the_body() -> None:
    for token_class in range(3):
        for subclass in range(16):
            for ea in (7, 11):
                try:
                    form = layout(token_class, subclass, ea)
                except TokenSubclassError:
                    continue
                assert sum(bits for _, bits in form) == BODY_BITS
                full = (1 << BODY_BITS) - 1
                assert pack(unpack(full, form), form) == full


def test_amounts_are_rounded_up_on_the_way() -> None:
    assert decode_units(credit(0, 1, 1, 180_223).fields["amount"]) == 180_224
