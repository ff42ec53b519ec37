"""DRN, PAN and their check digits."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.sts.errors import (
    DrnCharacterError,
    DrnCheckDigitError,
    DrnLengthError,
    PanCheckDigitError,
    PanFormError,
    StsError,
)
from core.sts.meter_id import MeterId, luhn_digit, luhn_valid, meter_pan, parse_drn, parse_pan


@pytest.mark.parametrize("pan", ["600727000000000009", "000001000000000082", "600727111111111153"])
def test_sample_pans_are_accepted(pan: str) -> None:
    assert parse_pan(pan).pan == pan


@pytest.mark.parametrize("drn", ["12345678904", "11111111113", "04123456789"])
def test_a_wrong_check_digit_is_refused(drn: str) -> None:
    with pytest.raises(DrnCheckDigitError) as refusal:
        parse_drn(drn)
    assert refusal.value.code == "drn_check_digit"
    assert refusal.value.evidence == drn


def test_the_demo_meter_is_a_meter() -> None:
    meter = parse_drn("04123456784")
    assert (meter.iin, meter.mfr_code) == ("600727", 4)
    assert meter.pan == "600727041234567843"


def test_a_long_number_has_a_four_digit_manufacturer() -> None:
    meter = parse_pan("000001000000000082")
    assert (meter.drn, meter.iin, meter.mfr_code) == ("0100000000008", "0000", 100)


@pytest.mark.parametrize("drn", ["", "1", "0412345678", "041234567840", "04123456784000"])
def test_other_lengths_are_refused(drn: str) -> None:
    with pytest.raises(DrnLengthError if drn else DrnCharacterError):
        parse_drn(drn)


@pytest.mark.parametrize("drn", ["0412345678A", "04123 45678", "٠٤١٢٣٤٥٦٧٨٤", "-4123456784"])
def test_what_is_no_digit_is_refused(drn: str) -> None:
    with pytest.raises(DrnCharacterError):
        parse_drn(drn)


@pytest.mark.parametrize(
    ("pan", "error"),
    [
        ("60072700000000000", PanFormError),
        ("600727000000000008", PanCheckDigitError),
        ("12345600000000000" + str(luhn_digit("12345600000000000")), PanFormError),
        ("60072711111111113" + str(luhn_digit("60072711111111113")), DrnCheckDigitError),
    ],
)
def test_pans_are_refused_for_their_own_reasons(pan: str, error: type[StsError]) -> None:
    with pytest.raises(error):
        parse_pan(pan)


def test_luhn_of_strange_text_is_false() -> None:
    assert not luhn_valid("")
    assert not luhn_valid("0")
    assert not luhn_valid("12a")


@given(st.text("0123456789", min_size=10, max_size=10), st.integers(0, 16), st.integers(1, 9))
def test_any_single_wrong_digit_is_noticed(serial: str, place: int, shift: int) -> None:
    pan = meter_pan(serial + str(luhn_digit(serial)))
    wrong = str((int(pan[place]) + shift) % 10)
    assert not luhn_valid(pan[:place] + wrong + pan[place + 1 :])


def plain_luhn(digits: str) -> bool:
    """The rule as it is told: from the right, every second digit doubled, its digits added."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (place % 2 + 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


@given(st.text("0123456789", min_size=2, max_size=20))
def test_the_packed_sum_is_the_luhn_sum(digits: str) -> None:
    assert luhn_valid(digits) == plain_luhn(digits)
    assert plain_luhn(digits + str(luhn_digit(digits)))


def plain_parse_pan(pan: str) -> MeterId:
    """Every rule of a PAN in its order, from the PAN alone."""
    if len(pan) != 18 or not (pan.isascii() and pan.isdigit()):
        raise PanFormError("form")
    if not plain_luhn(pan):
        raise PanCheckDigitError("digit")
    for iin in ("600727", "0000"):
        if pan.startswith(iin):
            return MeterId(parse_drn(pan[len(iin) : -1]).drn, pan)
    raise PanFormError("issuer")


def checked(body: str) -> str:
    return body + str(luhn_digit(body))


DRNS = st.integers(0, 10**10 - 1).map(lambda n: checked(f"{n:010d}"))
LONG_DRNS = st.integers(0, 10**12 - 1).map(lambda n: checked(f"{n:012d}"))
PANS = st.one_of(
    st.one_of(DRNS, LONG_DRNS).map(meter_pan),
    st.integers(0, 10**10 - 1).map(lambda n: checked(f"60072704{n:010d}"[:17])),
    st.integers(0, 10**17 - 1).map(lambda n: checked(f"{n:017d}")),
    st.text("0123456789A", max_size=19),
)


def outcome(parse: Callable[[str], MeterId], pan: str) -> MeterId | str:
    try:
        return parse(pan)
    except StsError as refusal:
        return refusal.code


@given(PANS, st.integers(0, 17), st.sampled_from("0123456789"))
def test_a_pan_is_read_as_its_rules_say(pan: str, place: int, digit: str) -> None:
    for text in (pan, pan[:place] + digit + pan[place + 1 :]):
        assert outcome(parse_pan, text) == outcome(plain_parse_pan, text)
