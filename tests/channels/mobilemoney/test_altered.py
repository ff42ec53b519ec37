"""Notices that somebody has altered or made up, by cases: what finds them."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from adapters.mobilemoney.sending import Kind
from hub.channel import Sent
from tests.channels.mobilemoney.fakes import (
    METER,
    Stage,
    ask,
    asked_status,
    c2b,
    outcome,
    pushed,
    refund,
    said,
    taken,
)

ONE = ask(1)
REF = ONE.reference


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def listed(receipt: str = "RKL51ZDR4F", amount: str = "500.00") -> Any:
    """A page of the list of payments."""
    row = {
        "transactionId": receipt, "amount": amount, "billreference": METER,
        "trxDate": "2026-11-21T12:01:00+03:00", "msisdn": "254708374149",
    }  # fmt: skip
    return said(Response=[[row]])


def confirmed(stage: Stage, **other: Any) -> int:
    return int(outcome(stage.calls_back(Kind.CONFIRMATION, "", c2b(**other))).status)


def test_the_list_finds_an_altered_amount_that_was_booked(stage: Stage) -> None:
    """The decision makes a case of the second one; the same list again says nothing new."""
    assert confirmed(stage, amount="900.00") == 200
    end = said(Response=[[]])
    stage.client.will[stage.path("pull")] = [listed(), end, listed(), end]
    stage.advance(7_300)
    told = [(each.proof, each.amount) for each in stage.pay_ins()]
    assert told == [("notice", 90_000), ("pull", 50_000)]


def noticed(stage: Stage, body: Any, reference: str = REF) -> int:
    return int(outcome(stage.calls_back(Kind.NOTICE, reference, body)).status)


def test_a_notice_of_another_push_at_this_address_proves_nothing(stage: Stage) -> None:
    """Nor is its receipt taken for the one that our own question leaves out."""
    stage.will("ask", taken("ws_CO_2"))
    stage.send(ONE)
    stage.will("status", asked_status("0"))
    assert noticed(stage, pushed()) == 200
    stage.advance(1)
    assert (stage.states(), len(stage.calls("status"))) == (["pending"], 1)


@pytest.mark.parametrize("code", [1037, 1019, 1025])
def test_a_failure_that_is_not_sure_is_asked_about(stage: Stage, code: int) -> None:
    stage.will("ask", taken())
    done = stage.send(ONE)
    stage.will("status", said(500, errorCode="500.001.1001", errorMessage="busy"), asked_status())
    noticed(stage, pushed(code))
    stage.advance(1)
    assert (stage.states(), outcome(done)) == (["pending"], None)
    noticed(stage, pushed())
    assert (stage.states(), outcome(done)) == (["pending", "paid"], Sent())


def test_a_failure_that_cannot_be_asked_about_is_believed(stage: Stage) -> None:
    stage.will("ask", said(500, nonsense="x"))
    stage.send(ONE)
    noticed(stage, pushed(1037))
    assert stage.states()[-1] == "failed"


def test_a_failure_at_the_address_of_all_is_asked_about(tmp_path: Path) -> None:
    """Airtel's one address is known to all that work there: no word of it ends a request."""
    stage = Stage(tmp_path, "airtel")
    stage.will("ask", said(status={"success": True, "response_code": "DP00800001006"}))
    stage.send(ask(1, "airtel"))
    body = {"transaction": {"id": REF, "status_code": "TF", "message": "no"}}
    assert noticed(stage, body, "") == 200
    stage.advance(1)
    assert "failed" not in stage.states()
    assert len(stage.client.sent_to(stage.path("status", REF))) == 1


def test_a_refund_does_not_fail_by_a_word_at_the_address_of_all(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "airtel")
    stage.send(refund(5, "airtel"))
    body = {"transaction": {"id": refund(5).reference, "status_code": "TF", "message": "no"}}
    assert noticed(stage, body, "") == 200
    assert stage.reversals() == []


# --- an approval that comes when all was over ---------------------------------------------------


def over(stage: Stage) -> None:
    """Declined; then a word that it was paid, which needs a question."""
    stage.will("ask", taken())
    stage.send(ONE)
    noticed(stage, pushed(1032))
    assert noticed(stage, pushed(amount=1)) == 200


def test_what_is_asked_about_again_is_asked_after_a_restart(stage: Stage) -> None:
    over(stage)
    stage.restart(30)
    assert len(stage.calls("status")) == 1
    stage.client.will[stage.path("pull")] = [listed("NLJ7RT61SV"), said(Response=[[]])]
    stage.answers(asked_status("0"))
    stage.advance(100)
    (paid,) = [each for each in stage.told() if each.state == "paid"]
    assert (paid.receipt, paid.amount, paid.proof) == ("NLJ7RT61SV", 50_000, "pull")
    assert stage.ports.notebook["asked-again"] == "{}"


def test_what_cannot_be_noted_is_said_again(stage: Stage) -> None:
    stage.will("ask", taken())
    stage.send(ONE)
    noticed(stage, pushed(1032))
    stage.ports.pages = []
    late = stage.calls_back(Kind.NOTICE, REF, pushed(amount=1))
    assert outcome(late) is None
    stage.ports.write()
    assert outcome(late).status == 200


def test_no_room_to_ask_again_is_said_so(tmp_path: Path) -> None:
    stage = Stage(tmp_path, waiting=1)
    stage.will("ask", taken())
    stage.send(ONE)
    noticed(stage, pushed(1032))
    stage.will("ask", taken("ws_CO_2"))
    stage.send(ask(2))
    assert noticed(stage, pushed(amount=1)) == 503
    assert "wallet.late" in stage.ports.log.events()


# --- a payment that was asked about before it was made ------------------------------------------


def validated(stage: Stage, **other: Any) -> None:
    stage.calls_back(Kind.VALIDATION, "", c2b(**other))
    _, done = stage.ports.asked.pop()
    done.callback(SimpleNamespace(ok=True, reason=""))


def payment(amount: str) -> Any:
    told = {"ReceiptNo": "RKL51ZDR4F", "TransactionStatus": "Completed", "Amount": amount}
    rows = [{"Key": name, "Value": value} for name, value in told.items()]
    return {"Result": {"ResultCode": 0, "ResultParameters": {"ResultParameter": rows}}}


def test_a_confirmation_as_validated_is_believed(stage: Stage) -> None:
    validated(stage)
    assert confirmed(stage) == 200
    assert [each.proof for each in stage.pay_ins()] == ["notice"]


def test_a_confirmation_of_another_amount_is_asked_about(stage: Stage) -> None:
    validated(stage)
    assert confirmed(stage, amount="900.00") == 200
    assert (stage.pay_ins(), len(stage.calls("payment"))) == ([], 1)
    stage.calls_back(Kind.PAYMENT, "RKL51ZDR4F", payment("500"))
    (paid,) = stage.pay_ins()
    assert (paid.amount, paid.proof, paid.typed) == (50_000, "status", METER)


def test_a_confirmation_for_another_meter_is_for_people(stage: Stage) -> None:
    validated(stage)
    assert confirmed(stage, typed="04999999999") == 200
    stage.calls_back(Kind.PAYMENT, "RKL51ZDR4F", payment("500"))
    (paid,) = stage.pay_ins()
    assert paid.typed == f"{METER} | 04999999999"


def test_a_text_that_no_database_takes_is_money_all_the_same(stage: Stage) -> None:
    assert confirmed(stage, typed="04\x00\ud8001") == 200
    (paid,) = stage.pay_ins()
    assert paid.typed == "04\ufffd\ufffd1"
