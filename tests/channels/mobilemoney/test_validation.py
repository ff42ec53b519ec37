"""May this payment be made? Answered in the provider's codes and his time, or not at all."""

import json
from pathlib import Path
from typing import Any

import pytest

from adapters.mobilemoney.sending import Kind
from core.queries.wallets import Decision, validate
from tests.channels.mobilemoney.fakes import METER, Stage, c2b, outcome

CASES: list[tuple[str, Decision, str]] = [
    ("a meter of ours", Decision(ok=True), "0"),
    ("nobody's reference", Decision(ok=False, reason="account"), "C2B00012"),
    ("too little", Decision(ok=False, reason="amount"), "C2B00013"),
    ("blocked", Decision(ok=False, reason="other"), "C2B00016"),
]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def question(stage: Stage, **other: Any) -> Any:
    return stage.calls_back(Kind.VALIDATION, "", c2b(**other))


@pytest.mark.parametrize(("decision", "code"), [each[1:] for each in CASES],
                         ids=[each[0] for each in CASES])  # fmt: skip
def test_the_decision_is_said_in_their_codes(stage: Stage, decision: Decision, code: str) -> None:
    done = question(stage)
    ((function, wallet, typed, amount), asked) = stage.ports.asked[0]
    assert (function, wallet.name, typed, amount) == (validate, "purse", METER, 50_000)
    asked.callback(decision)
    found = outcome(done)
    assert (found.status, json.loads(found.body)["ResultCode"]) == (200, code)
    assert stage.ports.arrivals == []


def test_after_five_seconds_what_was_registered_decides(stage: Stage) -> None:
    done = question(stage)
    stage.advance(4)
    assert outcome(done) is None
    stage.advance(1)
    assert outcome(done).status == 503
    stage.ports.asked[0][1].callback(Decision(ok=True))  # too late: nothing more is said


def test_a_question_that_fails_is_silence(stage: Stage) -> None:
    done = question(stage)
    stage.ports.asked[0][1].errback(ValueError("the database is away"))
    assert outcome(done).status == 503


def test_only_so_many_are_decided_at_once(stage: Stage) -> None:
    asked = [question(stage) for _ in range(60)]
    assert [outcome(done).status for done in asked[50:]] == [503] * 10
    stage.ports.asked[0][1].callback(Decision(ok=True))
    assert outcome(asked[0]).status == 200
    again = question(stage)
    assert outcome(again) is None


def test_parts_of_a_cent_are_a_wrong_amount(stage: Stage) -> None:
    found = outcome(question(stage, amount="5.001"))
    assert json.loads(found.body)["ResultCode"] == "C2B00013"


def test_what_is_no_question_has_no_answer(stage: Stage) -> None:
    body = {"Body": {"stkCallback": {"CheckoutRequestID": "x", "ResultCode": 1}}}
    assert outcome(stage.calls_back(Kind.VALIDATION, "", body)).status == 404


def test_a_provider_without_questions_has_no_answer(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "mtn")
    body = {"status": "PENDING", "externalId": "x"}
    assert outcome(stage.calls_back(Kind.VALIDATION, "", body)).status == 404
