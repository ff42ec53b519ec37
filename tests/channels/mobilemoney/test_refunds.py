"""A payment is given back once; where nobody knows, nobody tries again."""

from pathlib import Path
from typing import Any

import pytest

from adapters.mobilemoney.sending import Answered, Kind
from hub.channel import Sent
from tests.channels.mobilemoney.fakes import (
    AWAY,
    LOST,
    Stage,
    outcome,
    refund,
    said,
)

ONE = refund()
REF = ONE.reference
TAKEN = said(ConversationID="AG_1", ResponseCode="0", ResponseDescription="ok")


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def result(code: Any = 0, **told: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "ResultType": 0, "ResultCode": code, "ResultDesc": "so", "TransactionID": "SKE52PAWR9",
        "OriginatorConversationID": "x",
    }  # fmt: skip
    if told:
        rows = [{"Key": name, "Value": value} for name, value in told.items()]
        body["ResultParameters"] = {"ResultParameter": rows}
    return {"Result": body}


DONE = result(Amount=500.0, OriginalTransactionID="SKC82PACB8", TransCompletedTime=20261121120200)


def back(stage: Stage, body: Any) -> int:
    return int(outcome(stage.calls_back(Kind.REFUND, REF, body)).status)


def test_a_refund_is_done_when_they_say_so(stage: Stage) -> None:
    stage.will("refund", TAKEN)
    done = stage.send(ONE)
    (body,) = stage.calls("refund")
    assert (body["TransactionID"], body["Amount"]) == ("SKC82PACB8", 500)
    assert (stage.reversals(), outcome(done)) == ([], None)
    assert back(stage, DONE) == 200
    (report,) = stage.reversals()
    assert (report.state, report.refund, report.receipt) == ("reversed", 5, "SKC82PACB8")
    assert (report.reversal_receipt, report.amount) == ("SKE52PAWR9", 50_000)
    assert outcome(done) == Sent()


ENDS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("given back before", result("R000001"), ["reversed"]),
    ("nobody knows the payment", result("R000002"), ["failed"]),
    ("another payment", result(Amount=5.0, OriginalTransactionID="SKC82PACB9"), []),
    ("a code that nobody knows", result(17), []),
    ("the payment stands", result(ReceiptNo="SKC82PACB8", TransactionStatus="Completed",
                                  Amount="500"), []),
    ("the payment says it", result(ReceiptNo="SKC82PACB8", TransactionStatus="Reversed",
                                   Amount="500"), ["reversed"]),
]  # fmt: skip


@pytest.mark.parametrize(("body", "states"), [each[1:] for each in ENDS],
                         ids=[each[0] for each in ENDS])  # fmt: skip
def test_what_a_callback_says_of_it(stage: Stage, body: dict[str, Any], states: list[str]) -> None:
    stage.will("refund", TAKEN)
    done = stage.send(ONE)
    assert back(stage, body) == 200
    assert [each.state for each in stage.reversals()] == states
    assert (outcome(done) == Sent()) is bool(states)


@pytest.mark.parametrize("answer", [LOST, Answered(status=502, body=b"<html>")])
def test_what_may_have_been_given_back_is_asked_about_never_again(
    stage: Stage, answer: Any
) -> None:
    stage.will("refund", answer)
    done = stage.send(ONE)
    assert [each.state for each in stage.reversals()] == ["unknown"]
    stage.will("payment", TAKEN)
    stage.advance(31)
    assert (len(stage.calls("refund")), len(stage.calls("payment"))) == (1, 1)
    back(stage, result(ReceiptNo="SKC82PACB8", TransactionStatus="Reversed", Amount="500"))
    assert [each.state for each in stage.reversals()] == ["unknown", "reversed"]
    assert outcome(done) == Sent()


def test_a_refund_waits_for_a_provider_that_is_away(stage: Stage) -> None:
    stage.will("refund", *[AWAY] * 3, TAKEN)
    stage.send(ONE)
    stage.advance(600)
    assert (len(stage.calls("refund")), stage.reversals()) == (4, [])


def test_after_a_crash_it_is_not_asked_for_again(stage: Stage) -> None:
    stage.send(ONE)
    stage.restart(2)
    stage.send(ONE)
    stage.advance(40)
    assert (stage.calls("refund"), len(stage.calls("payment"))) == ([], 1)


def test_after_a_day_nobody_knows(stage: Stage) -> None:
    stage.will("refund", LOST)
    done = stage.send(ONE)
    stage.will("payment", *[TAKEN] * 40)
    for _ in range(1_500):
        stage.clock.advance(60.0)
    assert [each.state for each in stage.reversals()] == ["unknown"]
    assert (outcome(done), len(stage.calls("payment"))) == (Sent(), 28)


def test_a_refusal_at_once_has_failed(stage: Stage) -> None:
    stage.will("refund", said(400, errorCode="400.002.02", errorMessage="bad"))
    done = stage.send(ONE)
    assert [(each.state, each.code) for each in stage.reversals()] == [("failed", "400.002.02")]
    assert outcome(done) == Sent()


def test_mtn_gives_nothing_back(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "mtn")
    stage.send(refund(provider="mtn"))
    assert [(each.state, each.code) for each in stage.reversals()] == [("failed", "no-refunds")]


def airtel(code: str, success: bool, status: str) -> Answered:
    return said(
        data={"transaction": {"airtel_money_id": "CI8899", "status": status}},
        status={"code": "200", "message": "m", "result_code": code, "success": success},
    )


AIRTEL: list[tuple[str, Answered, str]] = [
    ("done", airtel("ESB000010", True, "SUCCESS"), "reversed"),
    ("insufficient", airtel("ESB000014", False, "Failed"), "failed"),
    ("timeout", airtel("ESB000039", False, ""), "unknown"),
    ("success of what", airtel("ESB000010", True, ""), "unknown"),
]


@pytest.mark.parametrize(("answer", "state"), [each[1:] for each in AIRTEL],
                         ids=[each[0] for each in AIRTEL])  # fmt: skip
def test_airtel_says_it_at_once(tmp_path: Path, answer: Answered, state: str) -> None:
    stage = Stage(tmp_path, "airtel")
    stage.will("refund", answer)
    stage.send(refund(provider="airtel"))
    stage.advance(700)
    assert [each.state for each in stage.reversals()] == [state]
    assert len(stage.calls("refund")) == 1
