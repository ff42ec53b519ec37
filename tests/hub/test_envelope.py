"""The envelope: CloudEvents 1.0, written once, read as written; ids that sort by time."""

import json
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.messages.base import all_types, hashed_fields
from core.messages.examples import EXAMPLES
from hub.envelope import (
    Envelope,
    EnvelopeError,
    body_bytes,
    body_of,
    from_rfc3339,
    payload_hash,
    rfc3339,
    seal,
    type_name,
    unseal,
    uuid7,
)
from tests.hub.machine import MORNING_US, buy, pay

#: required context attributes: CloudEvents 1.0, "Context Attributes"
REQUIRED = {"id", "source", "specversion", "type"}


def envelope(**changes: Any) -> Envelope:
    message = buy()
    values: dict[str, Any] = {
        "id": uuid7(MORNING_US, bytes),
        "source": "/wattbus/channel/sms",
        "type": type_name(message),
        "time": rfc3339(MORNING_US),
        "recordedtime": rfc3339(MORNING_US),
        "partitionkey": "demo/100001",
        "correlationid": "c",
        "company": "demo",
        "data": body_bytes(message),
    }
    return Envelope(**{**values, **changes})


def test_the_required_attributes_of_cloudevents_are_there() -> None:
    written = json.loads(seal(envelope()))
    assert set(written) >= REQUIRED
    assert all(isinstance(written[name], str) and written[name] for name in REQUIRED)
    assert written["specversion"] == "1.0"
    assert written.get("datacontenttype", "application/json") == "application/json"
    assert written["data"]["meter"] == buy().meter
    assert all(name.isalnum() and name.islower() for name in written), "names of CloudEvents"


def test_what_was_not_set_is_not_written() -> None:
    assert set(json.loads(seal(envelope()))) == {
        *REQUIRED, "time", "recordedtime", "partitionkey", "correlationid", "company", "data",
    }  # fmt: skip


texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)


@settings(max_examples=150)
@given(
    st.fixed_dictionaries(
        {
            name: texts
            for name in Envelope.__struct_fields__
            if name not in ("data", "testindicator")
        }
    ),
    st.booleans(),
    st.sampled_from(sorted(EXAMPLES)),
)
def test_what_is_written_is_read_the_same(fields: dict[str, str], test: bool, of: str) -> None:
    data = body_bytes(EXAMPLES[of])
    made = Envelope(**{**fields, "type": of}, testindicator=test, data=data)
    text = seal(made)
    read = unseal(text)
    assert read == made
    assert seal(read) == text, "the bytes are written once: replayed as they were"
    assert body_of(read) == EXAMPLES[of]


@settings(max_examples=150)
@given(st.one_of(st.binary(max_size=60), st.text(max_size=60)))
def test_no_bytes_raise_anything_else(data: bytes | str) -> None:
    with pytest.raises(EnvelopeError):
        unseal(data)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"type": "wattbus.vending.CreditVend.v9"}, "is not known to this version"),
        ({"data": msgspec.Raw(b"{}")}, "CreditVend.v1: "),
        ({"data": msgspec.Raw(b'{"meter": 4}')}, "meter"),
    ],
)
def test_a_body_that_cannot_be_read_says_why(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(EnvelopeError, match=says):
        body_of(envelope(**changes))


def test_another_specversion_is_refused() -> None:
    with pytest.raises(EnvelopeError, match="not an envelope"):
        unseal(seal(envelope()).replace('"1.0"', '"2.0"'))


# --- hashes ---------------------------------------------------------------------------------------


def test_the_hash_covers_the_declared_fields_and_no_others() -> None:
    assert payload_hash(buy()) == payload_hash(buy(another=True))
    assert payload_hash(buy()) != payload_hash(buy(20_001))
    assert payload_hash(pay(1)) != payload_hash(pay(2))


@pytest.mark.parametrize("entry", all_types(), ids=lambda entry: entry.name)
def test_the_hash_carries_version_and_type(entry: Any) -> None:
    head = hashed_fields(EXAMPLES[entry.name])[:2]
    assert head == [entry.hash_version, entry.name]


# --- ids and instants -----------------------------------------------------------------------------


@dataclass
class Chance:
    """Random bytes that count."""

    n: int = 0

    def __call__(self, count: int) -> bytes:
        self.n += 1
        return self.n.to_bytes(count, "big")


instants = st.integers(0, 2**48 * 1_000 - 1)


@settings(max_examples=200)
@given(instants, st.binary(min_size=8, max_size=8))
def test_an_id_is_a_uuid_of_version_7(at: int, chance: bytes) -> None:
    import uuid

    made = uuid.UUID(uuid7(at, lambda _count: chance))
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == at // 1_000
    assert str(made) == uuid7(at, lambda _count: chance)


@settings(max_examples=200)
@given(instants, instants)
def test_ids_sort_by_their_milliseconds(one: int, other: int) -> None:
    first, second = sorted((one, other))
    ids = [uuid7(first, lambda n: b"\xff" * n), uuid7(second, bytes)]
    if second // 1_000 > first // 1_000:
        assert ids == sorted(ids)


def test_ids_of_one_instant_differ() -> None:
    chance = Chance()
    assert len({uuid7(MORNING_US, chance) for _ in range(10_000)}) == 10_000


@settings(max_examples=200)
@given(st.integers(0, 4_000_000_000_000_000))
def test_instants_are_read_as_written(at: int) -> None:
    assert from_rfc3339(rfc3339(at)) == at


def test_an_offset_is_understood() -> None:
    assert rfc3339(MORNING_US) == "2026-11-21T06:00:00.000000Z"
    assert from_rfc3339("2026-11-21T09:00:00+03:00") == MORNING_US
