"""Bundles: what goes in comes out in order, and a bad record hurts only itself."""

import struct

from hypothesis import given, settings
from hypothesis import strategies as st

from hub.bus.bundle import MAX_BYTES, MAX_RECORDS, bundles, of_partition, pack, unpack
from hub.inbox import Delivery
from hub.partitions import every, partition_of

numbers = st.integers(0, 2**62)
words = st.text(max_size=40)
deliveries = st.builds(
    Delivery, numbers, words, words, words, words, numbers, numbers, words, numbers
)


@given(st.lists(deliveries, max_size=20))
def test_what_is_packed_is_unpacked(given_: list[Delivery]) -> None:
    assert unpack(pack(given_)) == given_


@given(st.binary(max_size=200))
def test_any_bytes_raise_nothing(data: bytes) -> None:
    assert isinstance(unpack(data), list)


@given(st.lists(deliveries, min_size=2, max_size=6), st.data())
def test_a_record_that_cannot_be_read_is_left_out_alone(
    given_: list[Delivery], data: st.DataObject
) -> None:
    victim = data.draw(st.integers(0, len(given_) - 1))
    records = [pack([one]) for one in given_]
    records[victim] = struct.pack(">I", 3) + b"\xc1\xc1\xc1"
    assert unpack(b"".join(records)) == [d for i, d in enumerate(given_) if i != victim]


def delivery(seq: int, size: int) -> Delivery:
    return Delivery(seq, f"m{seq}", "h", "o", "k", 0, 0, "x" * size, 0)


@settings(max_examples=30)
@given(st.lists(st.integers(0, 300_000), max_size=12))
def test_bundles_keep_order_and_limits(sizes: list[int]) -> None:
    given_ = [delivery(i, size) for i, size in enumerate(sizes)]
    cut = list(bundles(given_))
    assert [d for bundle in cut for d in bundle] == given_
    for bundle in cut:
        assert len(bundle) <= MAX_RECORDS
        assert len(bundle) == 1 or len(pack(bundle)) <= MAX_BYTES


def test_many_small_ones_are_cut_by_number() -> None:
    cut = list(bundles([delivery(i, 1) for i in range(MAX_RECORDS + 1)]))
    assert [len(bundle) for bundle in cut] == [MAX_RECORDS, 1]


@given(st.lists(deliveries, max_size=20))
def test_what_another_partition_orders_is_left_out_in_order(given_: list[Delivery]) -> None:
    parts = [of_partition(given_, number) for number in every()]
    assert sum(map(len, parts)) == len(given_)
    for number, part in enumerate(parts):
        assert part == [d for d in given_ if partition_of(d.partitionkey) == number]
