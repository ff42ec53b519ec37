import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.ussd.values import KINDS, Form, Wrong


@pytest.mark.parametrize(
    ("kind", "exponent", "text", "expected"),
    [
        ("meter", 0, "04123456784", "04123456784"),
        ("meter", 0, "0412 3456-784", "04123456784"),
        ("meter", 0, "04123456789", Wrong("wrong.check-digit")),
        ("meter", 0, "0412345678", Wrong("wrong.meter")),
        ("meter", 0, "0412345678x", Wrong("wrong.meter")),
        ("meter", 0, "٠٤١٢٣٤٥٦٧٨٤", Wrong("wrong.meter")),  # digits, but not of a keypad
        ("meter", 0, "", Wrong("wrong.meter")),
        ("amount", 0, "20000", "20000"),
        ("amount", 0, "20,000", "20000"),
        ("amount", 0, "20 000", "20000"),
        ("amount", 0, "2,00,00", Wrong("wrong.amount")),
        ("amount", 0, "20.000", Wrong("wrong.amount")),  # twenty, or twenty thousand?
        ("amount", 0, "20k", Wrong("wrong.amount")),
        ("amount", 0, "-5", Wrong("wrong.amount")),
        ("amount", 0, "000", Wrong("wrong.amount")),
        ("amount", 0, "1" * 13, Wrong("wrong.amount")),
        ("amount", 0, "5.", Wrong("wrong.amount")),
        ("amount", 2, "5.5", "550"),
        ("amount", 2, "1,000.05", "100005"),
        ("amount", 2, "5.505", Wrong("wrong.amount")),
        ("amount", 3, "5.505", "5505"),
        ("digits", 0, "1234", "1234"),
        ("digits", 0, "12", Wrong("wrong.digits")),
        ("digits", 0, "12a4", Wrong("wrong.digits")),
        ("name", 0, "  My   shop ", "My shop"),
        ("name", 0, "x" * 21, Wrong("wrong.name")),
        ("name", 0, "", Wrong("wrong.name")),
        ("receipt", 0, "skl1 a2b3", "SKL1A2B3"),
        ("receipt", 0, "SK-1", Wrong("wrong.receipt")),
        ("pin", 0, "4729", Wrong("wrong.pin")),  # only a proof comes this far
        ("pin", 0, "weak", Wrong("wrong.weak-pin")),
        ("pin", 0, "0a" * 32, "0a" * 32),
    ],
)
def test_what_is_typed(kind: str, exponent: int, text: str, expected: str | Wrong) -> None:
    assert KINDS[kind](text, Form(3, 20, exponent)) == expected


@given(st.sampled_from(sorted(KINDS)), st.text(max_size=30), st.integers(0, 3))
def test_anything_typed_is_a_value_or_a_sentence(kind: str, text: str, exponent: int) -> None:
    value = KINDS[kind](text, Form(3, 20, exponent))
    if isinstance(value, Wrong):
        return
    if kind == "name":
        assert value.isprintable()
    else:
        assert value.isascii()
        assert value.isalnum() if kind in ("receipt", "pin") else value.isdigit()
