"""The coding of units and of currency."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.sts.amounts import (
    CURRENCY_MAX,
    UNITS_MAX,
    coin_1e5,
    coins_floor,
    currency_floor,
    decode_currency,
    decode_units,
    encodable_ceil,
    encodable_floor,
    encode_currency,
    encode_units,
)
from core.sts.errors import AmountNegativeError, AmountOverflowError, FieldRangeError
from core.tariffs.encoding import sts_encodable

UNITS = st.integers(0, UNITS_MAX)
MONEY = st.integers(-CURRENCY_MAX, CURRENCY_MAX) | st.integers(-(10**12), 10**12)


@pytest.mark.parametrize(
    ("tenths", "field"),
    [
        (0, 0x0000),
        (1, 0x0001),
        (16_383, 0x3FFF),
        (16_384, 0x4000),
        (20_000, 0x416A),
        (180_223, 0x8000),
        (180_224, 0x8000),
        (1_818_623, 0xC000),
        (1_818_624, 0xC000),
        (18_201_624, 0xFFFF),
    ],
)
def test_units_are_rounded_up(tenths: int, field: int) -> None:
    assert encode_units(tenths) == field


@pytest.mark.parametrize(
    ("amount", "s_and_e", "field"),
    [
        (1, 0, 0x60AA),
        (16_383, 1, 0x78E3),
        (16_384, 1, 0x78E4),
        (180_224, 1, 0xBF4A),
        (18_202_624, 2, 0x3FFF),
        (18_204_442_624, 3, 0x0000),
        (182_044_444_442_624, 4, 0x0000),
        (-1, 8, 0x60A9),
        (-180_224, 9, 0xBF49),
        (-182_044_444_442_624, 0xB, 0xFFFF),
        (16_384 * int("1" * 17), 5, 0x8000),
        (16_384 * int("1" * 26), 7, 0xC000),
        (0, 0, 0),
    ],
)
def test_currency_is_rounded_in_the_customers_favour(amount: int, s_and_e: int, field: int) -> None:
    assert encode_currency(amount * 100_000) == (s_and_e, field)


def test_what_is_too_much_or_less_than_nothing_is_refused() -> None:
    with pytest.raises(AmountOverflowError):
        encode_units(UNITS_MAX + 1)
    with pytest.raises(AmountNegativeError):
        encode_units(-1)
    with pytest.raises(AmountNegativeError):
        encodable_floor(-1)
    for amount in (CURRENCY_MAX + 1, -CURRENCY_MAX - 1):
        with pytest.raises(AmountOverflowError):
            encode_currency(amount)
    with pytest.raises(FieldRangeError):
        decode_units(0x10000)
    with pytest.raises(FieldRangeError):
        decode_currency(16, 0)


def test_the_floor_stops_at_what_one_token_carries() -> None:
    assert encodable_floor(UNITS_MAX * 7) == UNITS_MAX
    assert encodable_floor(180_223) == 180_214


def test_every_field_decodes_to_an_amount_that_encodes_to_it() -> None:
    last = -1
    for field in range(0x10000):
        tenths = decode_units(field)
        assert tenths > last, "the coding is strictly monotone"
        assert encode_units(tenths) == field
        assert encodable_floor(tenths) == tenths
        last = tenths


@given(UNITS)
def test_floor_and_ceiling_enclose_the_amount(tenths: int) -> None:
    low, high = encodable_floor(tenths), encodable_ceil(tenths)
    assert low <= tenths <= high
    assert encodable_floor(low) == low
    assert encodable_ceil(high) == high
    assert encode_units(high) - encode_units(low) == (low != tenths)


@given(UNITS, UNITS)
def test_more_is_never_coded_as_less(one: int, other: int) -> None:
    assert (one <= other) <= (encode_units(one) <= encode_units(other))
    assert (one <= other) <= (encodable_floor(one) <= encodable_floor(other))


@given(MONEY)
def test_currency_never_costs_the_customer(amount: int) -> None:
    decoded = decode_currency(*encode_currency(amount))
    assert decoded >= amount
    assert encode_currency(decoded) == encode_currency(amount)


@given(st.integers(0, 2 * UNITS_MAX))
def test_the_tariff_engine_sells_what_a_token_carries(tenths: int) -> None:
    assert sts_encodable(tenths) == encodable_floor(tenths)


@pytest.mark.parametrize(
    ("amount", "carried"),
    [
        (0, 0),
        (16_383, 16_383),  # up to here exactly
        (16_393, 16_384),
        (1_000_000, 999_924),
        (64_565_000, 64_562_624),
        (2_000_000_000, 1_999_442_624),
    ],
)
def test_the_floor_of_currency(amount: int, carried: int) -> None:
    assert currency_floor(amount) == carried
    with pytest.raises(AmountNegativeError):
        currency_floor(-amount - 1)


@given(st.integers(0, CURRENCY_MAX) | st.integers(0, 10**12))
def test_what_is_not_above_an_amount_is_carried_exactly(amount: int) -> None:
    carried = currency_floor(amount)
    coded = encode_currency(carried)
    assert decode_currency(*coded) == carried <= amount
    above = decode_currency(*encode_currency(carried + 1)) if carried < CURRENCY_MAX else amount + 1
    assert above > amount


@given(st.integers(0, 10**11), st.sampled_from((0, 2, 3)))
def test_a_sale_of_coins_charges_less_than_a_coin_above_its_token(tenths: int, places: int) -> None:
    sold, coin = coins_floor(tenths, places), coin_1e5(places)
    assert sold % 10 == 0
    assert sold <= tenths
    assert coins_floor(sold, places) == sold
    carried = currency_floor(sold // 10 * coin)
    assert carried == currency_floor(tenths // 10 * coin)
    assert 0 <= sold // 10 * coin - carried < coin
