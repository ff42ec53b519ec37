from contextlib import suppress
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.ussd import africastalking as at
from adapters.ussd.africastalking import Callback, Delta, FormError, Names, SessionEnd, Step

HOP = {
    "sessionId": ["ATUid_1"],
    "serviceCode": ["*123#"],
    "phoneNumber": ["+256700000001"],
    "networkCode": ["63902"],
    "text": ["1*2"],
}
END = {
    "date": ["2026-11-21 19:00:00"],
    "sessionId": ["ATUid_1"],
    "serviceCode": ["*123#"],
    "networkCode": ["63902"],
    "phoneNumber": ["+256700000001"],
    "status": ["Incomplete"],
    "durationInMillis": ["12000"],
    "hopsCount": ["3"],
    "input": ["1*2"],
    "errorMessage": ["user timed out"],
}


def test_a_hop() -> None:
    assert at.read(HOP) == Callback("ATUid_1", "*123#", "+256700000001", "63902", "1*2")


def test_the_end_of_a_session() -> None:
    assert at.read(END) == SessionEnd("ATUid_1", "+256700000001", "Incomplete", "user timed out")


def test_an_aggregator_with_other_names_and_no_network() -> None:
    names = Names(session_id="SESSION_ID", service_code="DEST", msisdn="ORIG", network_code="")
    fields = {"SESSION_ID": ["7"], "DEST": ["123"], "ORIG": ["256700000001"], "text": [""]}
    assert at.read(fields, names) == Callback("7", "123", "256700000001", "", "")


@pytest.mark.parametrize("field", sorted(HOP))
def test_a_missing_field_is_named(field: str) -> None:
    with pytest.raises(FormError, match=f"^The field {field} is missing.$"):
        at.read({name: values for name, values in HOP.items() if name != field})


@pytest.mark.parametrize("field", sorted(HOP))
def test_a_doubled_field_is_named(field: str) -> None:
    with pytest.raises(FormError, match=f"^The field {field} is given 2 times.$"):
        at.read({**HOP, field: HOP[field] * 2})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sessionId", ""),
        ("sessionId", "a b"),
        ("sessionId", "x" * 129),
        ("serviceCode", "star"),
        ("phoneNumber", "+25670000000x"),
        ("phoneNumber", "12345"),
        ("networkCode", "6" * 17),
    ],
)
def test_a_misshapen_field_is_named_and_its_value_not_repeated(field: str, value: str) -> None:
    with pytest.raises(FormError) as caught:
        at.read({**HOP, field: [value]})
    assert caught.value.field == field
    assert not value or value not in str(caught.value)


def test_an_unescaped_plus_in_a_query_is_still_a_plus() -> None:
    hop = at.read({**HOP, "phoneNumber": [" 256700000001"]})
    assert hop.msisdn == "+256700000001"


def test_a_form_round() -> None:
    body = urlencode({name: values[0] for name, values in HOP.items()}).encode()
    assert at.parse_form(body) == HOP
    assert at.parse_form(b"") == {}


@pytest.mark.parametrize(
    "body",
    [b"\xff\xfe", b"text=%ff", b"no equals sign", b"a=1&" * 50 + b"a=1", b"a=" + b"1" * 20_000],
)
def test_what_is_no_form(body: bytes) -> None:
    with pytest.raises(FormError):
        at.parse_form(body)


@given(st.binary(max_size=300))
@settings(max_examples=150)
def test_random_bytes_raise_only_our_own_error(body: bytes) -> None:
    with suppress(FormError):
        at.read(at.parse_form(body))


@pytest.mark.parametrize(
    ("known", "text", "expected"),
    [
        (None, "", Delta(Step.FIRST)),
        (None, "1*2", Delta(Step.FIRST, ("1", "2"))),
        ("", "", Delta(Step.SAME)),
        ("", "1", Delta(Step.NEXT, ("1",))),
        ("", "1*2", Delta(Step.NEXT, ("1*2",))),  # one answer with a star typed in it
        ("1", "1*2", Delta(Step.NEXT, ("2",))),
        ("1", "1*", Delta(Step.NEXT, ("",))),
        ("1*2", "1*2*5*6", Delta(Step.NEXT, ("5*6",))),
        ("1*2", "1*2", Delta(Step.SAME)),
        ("1*2", "1", Delta(Step.OTHER)),
        ("1*2", "", Delta(Step.OTHER)),
        ("1", "12", Delta(Step.OTHER)),  # not "1" and then something
        ("1*2", "1*3*1", Delta(Step.OTHER)),
    ],
)
def test_what_is_new(known: str | None, text: str, expected: Delta) -> None:
    assert at.delta(None if known is None else at.seen(known), text) == expected


@given(st.lists(st.text("0123456789*# abc", max_size=6), min_size=1, max_size=8))
@settings(max_examples=100)
def test_answers_come_back_one_by_one_whatever_is_typed(answers: list[str]) -> None:
    """Even stars and empty answers: the history is compared, never taken apart."""
    history, known = "", at.seen("")
    for answer in answers:
        text = f"{history}*{answer}" if history else answer
        new = at.delta(known, text)
        # an empty answer to the first screen cannot be told from a repeat; it changes nothing
        assert new == (Delta(Step.NEXT, (answer,)) if text else Delta(Step.SAME))
        history, known = text, at.seen(text)


def test_the_fingerprint_does_not_hold_the_history() -> None:
    assert "4711" not in repr(at.seen("1*4711"))


@given(st.text(max_size=200), st.booleans())
@settings(max_examples=50)
def test_a_reply_round(text: str, closes: bool) -> None:
    reply = at.Reply(text, closes)
    assert at.read_reply(at.write_reply(reply)) == reply


@pytest.mark.parametrize("body", ["", "OK", "con hello", "CONhello", "ENDE gut"])
def test_a_reply_with_neither_word(body: str) -> None:
    with pytest.raises(at.ReplyError):
        at.read_reply(body)
