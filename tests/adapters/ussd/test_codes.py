import pytest

from adapters.ussd.codes import is_service_code, split_dialled

CODES = ("*123#", "*384#", "*384*1#")


@pytest.mark.parametrize(
    ("dialled", "expected"),
    [
        ("*123#", ("*123#", ())),
        ("*123*1*2#", ("*123#", ("1", "2"))),
        ("*384*1#", ("*384*1#", ())),
        ("*384*1*2#", ("*384*1#", ("2",))),
        ("*384*2#", ("*384#", ("2",))),
        ("123", ("*123#", ())),  # a gateway that strips the signs
        (" *123# ", ("*123#", ())),
        ("*1234#", None),  # not *123# with something behind it
        ("*12#", None),
        ("", None),
        ("*123*" + "1" * 200 + "#", None),
    ],
)
def test_what_was_dialled(dialled: str, expected: object) -> None:
    assert split_dialled(dialled, CODES) == expected


@pytest.mark.parametrize(
    ("text", "yes"),
    [("*123#", True), ("*384*1#", True), ("#100#", True), ("123", False), ("*#", False)],
)
def test_the_form_of_a_service_code(text: str, yes: bool) -> None:
    assert is_service_code(text) is yes
