"""Hypothesis makes PDUs from the very field tables: a new field is tested by being written down."""

from typing import Any

from hypothesis import strategies as st

from adapters.smpp import codec, tlv
from adapters.smpp.pdu import (
    COMMANDS,
    RESPONSE,
    Counted,
    CString,
    Destination,
    Octet,
    Pdu,
    Unsuccess,
)

octet = st.integers(0, 255)
LATIN1 = st.characters(min_codepoint=1, max_codepoint=255)


def texts(limit: int) -> st.SearchStrategy[str]:
    """C-octet strings of at most ``limit`` octets with their NUL."""
    return st.text(LATIN1, max_size=limit - 1)


destinations = st.one_of(
    st.builds(Destination, texts(21), octet, octet, st.just(False)),
    st.builds(Destination, texts(21), st.just(0), st.just(0), st.just(True)),
)
failures = st.builds(Unsuccess, octet, octet, texts(21), st.integers(0, 2**32 - 1))
tlvs = st.lists(st.builds(tlv.Tlv, st.integers(0, 0xFFFF), st.binary(max_size=40)), max_size=4).map(
    tuple
)


def _field(kind: type[Pdu], rule: Any) -> st.SearchStrategy[Any]:
    if isinstance(rule, Octet):
        return octet
    if isinstance(rule, CString):
        return texts(rule.limit)
    if isinstance(rule, Counted):
        return st.binary(max_size=rule.limit)
    items = failures if kind.command_id & RESPONSE else destinations
    return st.lists(items, max_size=5).map(tuple)


def pdus(kind: type[Pdu]) -> st.SearchStrategy[Pdu]:
    """All PDUs of one class that may be sent."""
    fields = {name: _field(kind, rule) for name, rule in codec.fields(kind)}
    return st.builds(kind, tlvs=tlvs, **fields)


any_pdu = st.sampled_from(sorted(COMMANDS)).flatmap(lambda command: pdus(COMMANDS[command]))
sequences = st.integers(0, 2**32 - 1)
