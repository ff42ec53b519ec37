from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.prismtoken.calls import FetchTokenResult, IssueCreditToken
from adapters.prismtoken.codes import TABLE, UNANSWERED, Verdict
from adapters.prismtoken.errors import NotAllowedError
from adapters.prismtoken.events import Lost, Outcome, Refused, Returned
from adapters.prismtoken.issue import (
    ENDS,
    SECOND_US,
    Issue,
    Move,
    Policy,
    Step,
    next_call,
    restarted,
    settled,
)
from adapters.prismtoken.issue import TABLE as MOVES
from tests.adapters.prismtoken.orders import CREDIT, token

POLICY = Policy(settle=30.0, remembered=600.0, again=5.0)
NEW = Issue(CREDIT)
GOOD: Any = (token(CREDIT),)
WRONG: Any = (token(CREDIT, drn="04123456792"),)


def returned(tokens: Any) -> Outcome:
    return Returned(None, None, tokens, 0.1)  # type: ignore[arg-type]


def refused(error_id: str) -> Outcome:
    verdict: Verdict = TABLE[error_id]
    return Refused(None, None, error_id, "", verdict)  # type: ignore[arg-type]


LOST: Outcome = Lost(None, None, "gone", UNANSWERED)  # type: ignore[arg-type]


def sent(issue: Issue, at_s: float = 0.0) -> Issue:
    return next_call(issue, int(at_s * SECOND_US))[0]


def after(issue: Issue, outcome: Outcome, at_s: float = 0.0) -> Issue:
    return settled(issue, outcome, int(at_s * SECOND_US), POLICY)


def test_a_token_is_made() -> None:
    issuing, call = next_call(NEW, 7)
    assert isinstance(call, IssueCreditToken)
    assert (issuing.step, issuing.calls, issuing.sent_us) == (Step.ISSUING, 1, 7)
    made = after(issuing, returned(GOOD))
    assert made.step is Step.MADE
    assert made.over
    assert made.result is not None
    assert made.result.token == token(CREDIT)


def test_a_lost_answer_is_asked_for_and_found() -> None:
    doubtful = after(sent(NEW), LOST, 10)
    assert doubtful.step is Step.DOUBTFUL
    assert doubtful.not_before_us == 40 * SECOND_US
    asking, call = next_call(doubtful, 40 * SECOND_US)
    assert isinstance(call, FetchTokenResult)
    assert call.req_message_id == CREDIT.message_id
    made = after(asking, returned(GOOD), 41)
    assert (made.step, made.calls) == (Step.MADE, 1)


def test_never_made_while_it_still_would_know_opens_the_way_back() -> None:
    waiting = after(sent(after(sent(NEW), LOST, 10), 40), refused("ECacheMiss"), 600)
    assert waiting.step is Step.WAITING
    again, call = next_call(waiting, 0)
    assert call == next_call(NEW, 0)[1]
    assert again.calls == 2


def test_never_made_told_too_late_is_for_people() -> None:
    asking = sent(after(sent(NEW), LOST, 10), 40)
    undecided = after(asking, refused("ECacheMiss"), 600.1)
    assert undecided.step is Step.UNDECIDED
    assert undecided.over


def test_a_question_without_an_answer_is_asked_again() -> None:
    issue = after(sent(NEW), LOST, 10)
    for outcome in (LOST, refused("ESm"), refused("EAuthentication.Permission")):
        issue = after(sent(issue, 40), outcome, 50)
        assert issue.step is Step.DOUBTFUL
        assert issue.not_before_us == 55 * SECOND_US
    assert issue.calls == 1


@pytest.mark.parametrize(
    ("outcome", "step"),
    [
        (refused("EParamRange"), Step.REFUSED),
        (refused("ESm"), Step.WAITING),
        (returned(WRONG), Step.WRONG),
        (returned(()), Step.WRONG),
    ],
)
def test_other_outcomes(outcome: Outcome, step: Step) -> None:
    assert after(sent(NEW), outcome).step is step


def test_what_came_back_to_the_question_is_compared_too() -> None:
    found = after(sent(after(sent(NEW), LOST)), returned(WRONG))
    assert found.step is Step.WRONG
    assert found.result is not None
    assert found.result.wrong[0].field == "drn"


def test_a_crash_leaves_doubt_only_where_a_call_was_out() -> None:
    assert restarted(NEW, 5, POLICY) == NEW
    crashed = restarted(sent(NEW, 1), 100 * SECOND_US, POLICY)
    assert (crashed.step, crashed.not_before_us) == (Step.DOUBTFUL, 130 * SECOND_US)
    # The time that we were down counts: its "never made" may come too late.
    assert after(sent(crashed, 700), refused("ECacheMiss"), 700).step is Step.UNDECIDED
    asking = sent(crashed)
    assert restarted(asking, 0, POLICY).step is Step.DOUBTFUL
    for end in ENDS:
        assert restarted(replace(NEW, step=end), 0, POLICY).step is end


def test_nothing_is_sent_or_settled_where_the_table_has_no_row() -> None:
    for step in Step:
        issue = replace(NEW, step=step)
        if step not in (Step.WAITING, Step.DOUBTFUL):
            with pytest.raises(NotAllowedError):
                next_call(issue, 0)
        if step not in (Step.ISSUING, Step.ASKING):
            with pytest.raises(NotAllowedError):
                after(issue, LOST)


def test_ends_have_no_row() -> None:
    assert {step for step, _ in MOVES} == set(Step) - ENDS
    assert set(Move) == {move for _, move in MOVES}


outcomes = st.sampled_from(
    [LOST, returned(GOOD), returned(WRONG), *(refused(each) for each in sorted(TABLE))]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(outcomes, st.booleans()), max_size=12))
def test_an_order_is_never_issued_twice_without_a_clear_no_in_between(story: list[Any]) -> None:
    """Whatever comes, in whatever order, crashes too."""
    issue, surely_not = NEW, True
    for outcome, crash in story:
        if issue.over:
            break
        was = issue.step
        issue, call = next_call(issue, 0)
        if isinstance(call, IssueCreditToken):
            assert surely_not
        issue = restarted(issue, 1, POLICY) if crash else after(issue, outcome, 1)
        if was is Step.WAITING:
            surely_not = issue.step is Step.WAITING
        elif issue.step is Step.WAITING:
            surely_not = outcome == refused("ECacheMiss")
