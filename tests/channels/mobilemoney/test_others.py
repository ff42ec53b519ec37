"""MTN and Airtel: whose own reference names the request, and whose notices say less."""

from pathlib import Path
from typing import Any

import pytest

from adapters.mobilemoney.sending import Answered, Kind
from hub.channel import Sent
from tests.channels.mobilemoney.fakes import LOST, PAYER, Stage, ask, outcome, said

MTN, AIRTEL = ask(1, "mtn"), ask(1, "airtel")
REF = MTN.reference
ACCEPTED = Answered(status=202)


def mtn(status: str = "SUCCESSFUL", amount: str = "500", **other: Any) -> dict[str, Any]:
    return {
        "financialTransactionId": "23503452", "externalId": REF, "amount": amount,
        "currency": "UGX", "status": status, **other,
    }  # fmt: skip


@pytest.fixture
def yellow(tmp_path: Path) -> Stage:
    return Stage(tmp_path, "mtn")


@pytest.fixture
def red(tmp_path: Path) -> Stage:
    return Stage(tmp_path, "airtel")


def test_mtn_is_asked_by_our_reference(yellow: Stage) -> None:
    yellow.will("ask", ACCEPTED)
    done = yellow.send(MTN)
    (call,) = yellow.client.sent_to("/collection/v1_0/requesttopay")
    assert (call.headers["X-Reference-Id"], call.headers["X-Target-Environment"]) == (
        REF, "sandbox",
    )  # fmt: skip
    (body,) = yellow.calls("ask")
    assert (body["amount"], body["payer"]["partyId"]) == ("500", PAYER.removeprefix("+"))
    found = outcome(yellow.calls_back(Kind.NOTICE, REF, mtn(), method="PUT"))
    assert (found.status, yellow.states(), outcome(done)) == (200, ["pending", "paid"], Sent())


@pytest.mark.parametrize("answer", [Answered(status=409), Answered(status=409, body=b"{}")])
def test_mtn_has_it_already(yellow: Stage, answer: Answered) -> None:
    yellow.will("ask", answer)
    yellow.send(MTN)
    assert yellow.states() == ["pending"]


STATUSES: list[tuple[str, Answered, str, str]] = [
    ("paid", said(**mtn()), "paid", ""),
    ("rejected", said(**mtn("FAILED", reason="APPROVAL_REJECTED")), "failed", "declined"),
    ("as an object", said(**mtn("FAILED", reason={"code": "NOT_ENOUGH_FUNDS"})), "failed",
     "insufficient"),
    ("expired", said(**mtn("FAILED", reason="EXPIRED")), "failed", "timeout"),
    ("no word of ours", said(**mtn("FAILED", reason="SOMETHING_NEW")), "failed", "provider"),
    ("pending", said(**mtn("PENDING")), "pending", ""),
    ("another word", said(**mtn("DREAMING")), "unknown", ""),
    ("HTML", Answered(status=200, body=b"<html>"), "unknown", ""),
    ("a fault", Answered(status=500), "unknown", ""),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "state", "reason"), [each[1:] for each in STATUSES],
                         ids=[each[0] for each in STATUSES])  # fmt: skip
def test_what_a_lost_request_came_to(
    yellow: Stage, answer: Answered, state: str, reason: str
) -> None:
    yellow.will("ask", LOST)
    yellow.send(MTN)
    yellow.will("status", answer, reference=REF)
    yellow.advance(31)
    assert (yellow.states()[-1], yellow.told()[-1].reason) == (state, reason)
    assert len(yellow.calls("ask")) == 1


def test_paid_of_another_amount_is_told_as_they_say_it(yellow: Stage) -> None:
    """Our own question says it: the decision is not the channel's."""
    yellow.will("ask", ACCEPTED)
    yellow.send(MTN)
    yellow.will("status", said(**mtn(amount="400")), reference=REF)
    yellow.advance(31)
    assert (yellow.told()[-1].state, yellow.told()[-1].amount) == ("paid", 400)


def test_what_they_know_nothing_of_is_believed_in_time(yellow: Stage) -> None:
    yellow.will("ask", LOST)
    done = yellow.send(MTN)
    yellow.will("status", *[said(404, code="RESOURCE_NOT_FOUND", message="no")] * 5, reference=REF)
    yellow.advance(598)
    assert yellow.states() == ["unknown"]
    yellow.advance(4)
    assert (yellow.states(), yellow.told()[-1].reason) == (["unknown", "failed"], "provider")
    assert outcome(done) == Sent()


def test_mtn_refuses_at_once(yellow: Stage) -> None:
    yellow.will("ask", said(400, code="PAYER_NOT_FOUND", message="no"))
    yellow.send(MTN)
    assert [(each.state, each.reason) for each in yellow.told()] == [("not-sent", "rejected")]


def airtel(letters: str, **other: Any) -> Answered:
    return said(
        data={"transaction": {"id": REF, "message": "m", "status": letters, **other}},
        status={"code": "200", "message": "m", "result_code": "ESB000010", "success": True},
    )


IN_PROCESS = said(
    data={"transaction": {"id": REF, "status": "Success."}},
    status={
        "response_code": "DP00800001006", "code": "200", "success": True,
        "result_code": "ESB000010", "message": "Success.",
    },
)  # fmt: skip


def test_success_with_a_full_stop_is_not_paid(red: Stage) -> None:
    red.will("ask", IN_PROCESS)
    red.send(AIRTEL)
    (body,) = red.calls("ask")
    assert body["subscriber"]["msisdn"] == PAYER.removeprefix("+256").removeprefix("+")
    assert (body["transaction"]["id"], red.states()) == (REF, ["pending"])


def test_a_callback_of_airtel_makes_us_ask(red: Stage) -> None:
    red.will("ask", IN_PROCESS)
    done = red.send(AIRTEL)
    red.will("status", airtel("TS", airtel_money_id="CI210715.1", amount=500), reference=REF)
    told = {"id": REF, "status_code": "TS", "airtel_money_id": "CI210715.1", "message": "m"}
    found = outcome(red.calls_back(Kind.NOTICE, "", {"transaction": told}))
    red.advance(1)
    paid = red.told()[-1]
    assert (found.status, paid.state, paid.proof) == (200, "paid", "status")
    assert (paid.receipt, paid.amount, paid.currency) == ("CI210715.1", 500, "UGX")
    assert outcome(done) == Sent()


@pytest.mark.parametrize(("letters", "state"), [("TF", "failed"), ("TA", "unknown"),
                                                ("TIP", "pending"), ("TS", "unknown")])  # fmt: skip
def test_letters_of_airtel(red: Stage, letters: str, state: str) -> None:
    """TS without a receipt proves nothing; TA is no failure."""
    red.will("ask", IN_PROCESS)
    red.send(AIRTEL)
    red.will("status", airtel(letters), reference=REF)
    red.advance(31)
    assert red.states()[-1] == state


def test_doubled_at_airtel_means_taken(red: Stage) -> None:
    red.will("ask", said(status={"result_code": "ESB000045", "success": False, "message": "m"}))
    red.send(AIRTEL)
    assert red.states() == ["pending"]
