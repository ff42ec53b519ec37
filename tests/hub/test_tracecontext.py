"""Where a message stands in its trace: headers, ids, samples."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.envelope import uuid7
from hub.tracecontext import ARRIVE, DECIDE, Place, begin, decided_under, in_ratio, parse, span_id

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
HEADER = f"00-{TRACE}-{SPAN}-01"
NOW = 1_795_240_800_000_000


def ids(count: int) -> list[str]:
    chance = random.Random(7)
    return [uuid7(NOW + n, chance.randbytes) for n in range(count)]


@pytest.mark.parametrize(
    ("header", "place"),
    [
        (HEADER, Place(TRACE, SPAN, True)),
        (f" {HEADER} ", Place(TRACE, SPAN, True)),
        (f"00-{TRACE}-{SPAN}-00", Place(TRACE, SPAN, False)),
        (f"00-{TRACE}-{SPAN}-03", Place(TRACE, SPAN, True)),
        (f"cc-{TRACE}-{SPAN}-01-later", Place(TRACE, SPAN, True)),  # of a later version
        (f"00-{TRACE}-{SPAN}-01-more", None),
        (f"ff-{TRACE}-{SPAN}-01", None),
        (f"00-{'0' * 32}-{SPAN}-01", None),
        (f"00-{TRACE}-{'0' * 16}-01", None),
        (HEADER.upper(), None),
        (HEADER[:-1], None),
        ("", None),
        ("\0" * 55, None),
    ],
)
def test_headers(header: str, place: Place | None) -> None:
    assert parse(header) == place


@settings(max_examples=50)
@given(st.text(max_size=70))
def test_no_header_breaks_anything(header: str) -> None:
    place = parse(header)
    assert place is None or parse(place.header()) == place


def test_a_trace_has_the_id_of_its_first_message() -> None:
    first = ids(1)[0]
    traceparent, parent = begin(first, 1.0)
    place = parse(traceparent)
    assert place is not None
    assert (place.trace, parent) == (first.replace("-", ""), "")
    caused = parse(decided_under(traceparent, first))
    assert caused == Place(place.trace, span_id(first, DECIDE))


def test_a_callers_trace_goes_on_and_his_word_on_sampling_is_kept() -> None:
    traceparent, parent = begin(ids(1)[0], 0.0, HEADER)
    place = parse(traceparent)
    assert place is not None
    assert (place.trace, parent) == (TRACE, SPAN)
    assert begin(ids(1)[0], 1.0, f"00-{TRACE}-{SPAN}-00") == ("", "")
    assert begin(ids(1)[0], 1.0, "nonsense")[0], "a trace of its own"


def test_a_report_goes_on_under_what_it_is_about() -> None:
    first, later = ids(2)
    traceparent, parent = begin(later, 1.0, correlation=first)
    place = parse(traceparent)
    assert place is not None
    assert (place.trace, parent) == (first.replace("-", ""), span_id(first, ARRIVE))
    assert begin(later, 1.0, correlation="bank/7")[1] == "", "no id of ours: its own trace"


def test_every_process_says_the_same_of_a_trace_and_so_many_are_sampled() -> None:
    traces = [each.replace("-", "") for each in ids(4_000)]
    few = sum(in_ratio(trace, 0.1) for trace in traces)
    assert 300 < few < 500
    assert not any(in_ratio(trace, 0.0) for trace in traces)
    assert all(in_ratio(trace, 1.0) for trace in traces)


def test_what_is_not_sampled_costs_no_byte() -> None:
    assert begin(ids(1)[0], 0.0) == ("", "")
    assert decided_under("", "m") == ""
    assert decided_under(f"00-{TRACE}-{SPAN}-00", "m") == ""
