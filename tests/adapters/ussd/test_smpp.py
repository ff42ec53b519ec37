import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.ussd.smpp import (
    PROFILES,
    EndBy,
    Event,
    Kind,
    Marks,
    Op,
    Profile,
    UssdError,
    marks,
    read,
    session_key,
)

PLAIN, BIT, BARE = PROFILES["plain"], PROFILES["bit"], PROFILES["sessionless"]


@pytest.mark.parametrize(
    ("profile", "op", "info", "text", "expected"),
    [
        # a sample from the field: op 1, no session TLV
        (PLAIN, 1, None, "*4006#", Event(Kind.BEGIN, "*4006#", None)),
        (PLAIN, 0, b"\x07\x00", "*123#", Event(Kind.BEGIN, "*123#", 7)),
        (PLAIN, 18, b"\x07\x02", "1", Event(Kind.INPUT, "1", 7)),
        (BIT, 18, b"\x07\x04", "1", Event(Kind.INPUT, "1", 7, hop=2)),
        (BIT, 18, b"\x07\x05", "1", Event(Kind.END, "1", 7, hop=2)),
        (PLAIN, 17, b"\x07\x00", "", Event(Kind.END, "", 7)),
        (PLAIN, 19, b"\x07\x00", "", Event(Kind.END, "", 7)),
        (PLAIN, 32, b"\x07\x00", "", Event(Kind.ABORT, "", 7)),
        (PLAIN, 255, None, "", Event(Kind.ABORT, "", None)),
        (BARE, None, None, "*123#", Event(Kind.BEGIN, "*123#", None)),
        (BARE, None, None, "1", Event(Kind.INPUT, "1", None)),
    ],
)
def test_what_the_network_says(
    profile: Profile, op: int | None, info: bytes | None, text: str, expected: Event
) -> None:
    assert read(profile, op, info, text) == expected


@pytest.mark.parametrize(
    ("profile", "info", "closes", "expected"),
    [
        (PLAIN, b"\x07\x04", False, Marks(2, b"\x07\x04")),
        (PLAIN, b"\x07\x04", True, Marks(17, b"\x07\x04")),
        (PLAIN, None, True, Marks(17, None)),
        (BIT, b"\x07\x04", False, Marks(2, b"\x07\x04")),
        (BIT, b"\x07\x04", True, Marks(2, b"\x07\x05")),
        (BIT, None, True, Marks(17, None)),  # no place for the bit: the operation must say it
        (BARE, b"\x07\x04", False, Marks(2, None)),
        (Profile("x", end_by=EndBy.BOTH), b"\x07\x04", True, Marks(17, b"\x07\x05")),
    ],
)
def test_what_a_screen_carries(
    profile: Profile, info: bytes | None, closes: bool, expected: Marks
) -> None:
    assert marks(profile, info, closes) == expected


def test_the_session_octet_is_never_a_key_alone() -> None:
    assert session_key(PLAIN, "mno", "256700000001", 7) == "mno/256700000001/7"
    assert session_key(PLAIN, "mno", "256700000001", None) == "mno/256700000001/-"
    assert session_key(BARE, "mno", "256700000001", 7) == "mno/256700000001/-"


@given(
    st.sampled_from(sorted(PROFILES)),
    st.none() | st.integers(0, 255),
    st.none() | st.binary(max_size=4),
    st.text(max_size=10),
)
def test_anything_is_an_event_or_our_own_error(
    name: str, op: int | None, info: bytes | None, text: str
) -> None:
    try:
        event = read(PROFILES[name], op, info, text)
    except UssdError:
        assert op in (Op.USSR_REQUEST, Op.USSN_REQUEST, *range(4, 16), *range(20, 32)) or (
            info is not None and len(info) != 2
        )
    else:
        assert event.text == text


@given(st.sampled_from(sorted(PROFILES)), st.binary(min_size=2, max_size=2), st.booleans())
def test_a_network_understands_its_own_profile(name: str, info: bytes, closes: bool) -> None:
    """Echoing keeps the session octet and the dialog; exactly one sign says the end."""
    profile = PROFILES[name]
    sent = marks(profile, info, closes)
    assert (
        sent.op == Op.PSSR_RESPONSE or bool(sent.session_info and sent.session_info[1] & 1)
    ) == (closes)
    if sent.session_info is not None:
        assert sent.session_info[0] == info[0]
        assert sent.session_info[1] >> 1 == info[1] >> 1
