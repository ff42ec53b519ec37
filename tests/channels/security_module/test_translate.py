"""Orders as the module's orders, ends as reports, and both as notes that survive a crash."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.prismtoken.check import check
from adapters.prismtoken.codes import TABLE
from adapters.prismtoken.issue import Issue, Step
from adapters.prismtoken.orders import call_of
from channels.security_module.translate import (
    MAX_DETAIL,
    STATES,
    Kept,
    note_of,
    order_of,
    refusal,
    report_of,
    restored,
)
from core.messages import KeyAim
from hub.notebook import MAX_VALUE
from tests.adapters.prismtoken.orders import sections
from tests.channels.security_module.fakes import made_for, order

instants = st.integers(0, 2**62)
kept_issues = st.builds(
    Kept,
    st.builds(
        Issue,
        st.just(order_of(order())),
        st.sampled_from(Step),
        not_before_us=instants,
        sent_us=instants,
        calls=st.integers(0, 10_000),
    ),
    st.booleans(),
    st.text(max_size=40),
    st.text(st.characters(exclude_categories=("Cs",)), max_size=MAX_DETAIL),
)


@settings(max_examples=150, deadline=None)
@given(kept_issues)
def test_a_note_says_what_was_noted(kept: Kept) -> None:
    text = note_of(kept)
    assert restored(kept.issue.order, text) == kept
    assert len(text) <= MAX_VALUE


def test_the_longest_words_of_a_module_fit_into_a_note() -> None:
    kept = Kept(Issue(order_of(order()), Step.REFUSED), True, "c", "\x00" * 100_000)
    text = note_of(kept)
    assert len(text) <= MAX_VALUE
    assert len(restored(kept.issue.order, text).detail) == MAX_DETAIL


def test_without_a_note_nothing_was_begun() -> None:
    assert restored(order_of(order()), None) == Kept(Issue(order_of(order())))


@pytest.mark.parametrize(
    "text",
    ["", "{}", "null", "[1]", "{", '{"step":1}',
     '{"step":"nowhere","sent_us":0,"calls":0,"not_before_us":0}',
     '{"step":"waiting","sent_us":"x","calls":0,"not_before_us":0}'],
)  # fmt: skip
def test_what_is_no_note_is_said(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        restored(order_of(order()), text)


@settings(max_examples=100, deadline=None)
@given(
    number=st.integers(1, 10**9),
    amount=st.integers(0, 18_201_624),
    tid=st.integers(0, (1 << 24) - 1),
    base=st.sampled_from([1993, 2014, 2035]),
    ken=st.integers(0, 255),
)
def test_an_order_of_ours_is_an_order_of_the_module(
    number: int, amount: int, tid: int, base: int, ken: int
) -> None:
    message = order(number, amount=amount, tid=tid, base=base, ken=ken)
    found = order_of(message)
    assert found.token is not None
    assert (found.message_id, found.meter.drn) == (message.reference, message.meter)
    assert (found.token.amount, found.token.tid, found.token.base) == (amount, tid, base)
    assert (found.meter.ken, found.change) == (ken, None)
    call = call_of(found)
    assert call == call_of(
        order_of(msgspec.json.decode(msgspec.json.encode(message), type=type(message)))
    )


def test_a_key_change_goes_with_the_token_or_alone() -> None:
    aim = KeyAim(sgc="201457", krn=2, ti="05")
    both = order_of(order(change=aim, three_tokens=True))
    assert both.change is not None
    assert (both.change.krn, both.three_tokens, both.token is None) == (2, True, False)
    alone = order_of(order(change=aim, tid=-1))
    assert alone.token is None
    assert call_of(alone).method == "issueKeyChangeTokens"


def test_what_was_made_is_told_in_its_order() -> None:
    aim = KeyAim(sgc="201457", krn=2, ti="05")
    message = order(change=aim)
    asked = order_of(message)
    came = [*made_for(message), *reversed(sections(asked))]
    ended = Issue(asked, Step.MADE, result=check(asked, came))
    report = report_of(message, ended)
    assert (report.state, report.code) == ("made", "")
    assert [each.subclass for each in report.tokens] == [3, 4, 8, 9, 0]
    assert [each.tid for each in report.tokens] == [-1] * 4 + [message.tid]
    assert report.tokens[-1].digits == came[0].token_dec


def test_what_is_wrong_is_told_without_its_digits() -> None:
    message = order()
    came = made_for(message, drn="01234567897")
    ended = Issue(order_of(message), Step.WRONG, result=check(order_of(message), came))
    report = report_of(message, ended)
    assert (report.state, report.tokens) == ("wrong", ())
    assert "01234567897" in report.detail
    assert came[0].token_dec not in report.detail


def test_a_refusal_is_told_with_our_code_and_the_module_s_words() -> None:
    message = order()
    ended = Issue(order_of(message), Step.REFUSED, verdict=TABLE["EKeystore.NotFound"])
    report = report_of(message, ended, "no such key")
    assert (report.state, report.code) == ("refused", "module_key_missing")
    assert report.detail == "no such key"
    assert refusal(message, report.code, report.detail) == report


def test_every_end_has_a_name() -> None:
    assert set(STATES) == {step for step in Step if Issue(order_of(order()), step).over}
