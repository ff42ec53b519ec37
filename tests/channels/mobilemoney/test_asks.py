"""The life of an ask in the channel: on disk before it leaves, never twice, told once."""

from pathlib import Path
from typing import Any

import pytest

from adapters.mobilemoney.sending import Answered, Kind
from core.messages import AskBalance
from core.store.tx import TransientStoreError
from hub.channel import NOT_SENT, Failed, Outbound, Overloaded, Sent
from tests.channels.mobilemoney.fakes import (
    AWAY,
    LOST,
    METER,
    PUBLIC,
    Stage,
    ask,
    asked_status,
    c2b,
    outcome,
    pushed,
    said,
    taken,
)

ONE, TWO = ask(1), ask(2)
REF = ONE.reference
HTML = Answered(status=502, body=b"<html>Bad Gateway</html>")


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_an_ask_is_sent_approved_and_reported(stage: Stage) -> None:
    stage.will("ask", taken())
    done = stage.send(ONE)
    (body,) = stage.calls("ask")
    assert (body["Amount"], body["PhoneNumber"], body["PartyB"]) == (500, "254708374149", "600966")
    assert body["AccountReference"] == METER
    assert body["CallBackURL"].startswith(f"{PUBLIC}/wallets/in/notice/{REF}/")
    assert (stage.states(), stage.step_of(REF), outcome(done)) == (["pending"], "taken", None)
    assert outcome(stage.calls_back(Kind.NOTICE, REF, pushed())).status == 200
    paid = stage.told()[-1]
    assert (paid.state, paid.receipt, paid.amount, paid.currency) == (
        "paid", "NLJ7RT61SV", 50_000, "KES",
    )  # fmt: skip
    assert (paid.proof, paid.reference, paid.payer) == ("notice", REF, "+254708374149")
    assert outcome(done) == Sent()
    assert stage.step_of(REF) == "ended"


def test_the_step_is_on_disk_before_the_call_leaves(stage: Stage) -> None:
    stage.ports.pages = []
    stage.send(ONE)
    assert (stage.calls("ask"), stage.step_of(REF)) == ([], None)
    stage.ports.write()
    assert len(stage.calls("ask")) == 1
    assert stage.step_of(REF) == "sending"


@pytest.mark.parametrize("error", [TransientStoreError("away"), Overloaded("full"), ValueError()])
def test_without_its_note_nothing_is_sent_and_it_comes_again(
    stage: Stage, error: Exception
) -> None:
    stage.ports.unwritten = [error] * 2
    stage.send(ONE)
    assert not stage.calls("ask")
    stage.advance(4)
    assert len(stage.ports.unwritten) == 1  # once in again_s, not in a loop
    stage.advance(12)
    assert len(stage.calls("ask")) == 1


REFUSALS: list[tuple[str, Answered, str, str]] = [
    ("limits", said(ResponseCode="2", ResponseDescription="less"), "2", "limit"),
    ("a wrong request", said(400, errorCode="400.002.02", errorMessage="bad"), "400.002.02",
     "rejected"),
    ("HTML with a 403", Answered(status=403, body=b"<html>"), "403", "rejected"),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "code", "reason"), [r[1:] for r in REFUSALS],
                         ids=[r[0] for r in REFUSALS])  # fmt: skip
def test_refused_at_once_is_surely_not_sent(
    stage: Stage, answer: Answered, code: str, reason: str
) -> None:
    stage.will("ask", answer)
    done = stage.send(ONE)
    (report,) = stage.told()
    assert (report.state, report.code, report.reason) == ("not-sent", code, reason)
    assert (outcome(done), stage.step_of(REF)) == (Sent(), "ended")
    stage.advance(3_600)
    assert len(stage.calls("ask")) == 1


DOUBTS: list[tuple[str, Any]] = [
    ("no answer", LOST),
    ("HTML in place of one", HTML),
    ("a fault of theirs", said(500, errorCode="500.002.1001", errorMessage="error")),
    ("half an answer", Answered(status=200, body=b'{"ResponseCode": "0", ')),
    ("success without a number", said(ResponseCode="0", ResponseDescription="ok")),
    ("a code that nobody knows", said(ResponseCode="77", ResponseDescription="?")),
]


@pytest.mark.parametrize("answer", [each[1] for each in DOUBTS], ids=[each[0] for each in DOUBTS])
def test_what_may_have_been_sent_is_never_sent_again(stage: Stage, answer: Any) -> None:
    stage.will("ask", answer)
    done = stage.send(ONE)
    assert (stage.states(), stage.step_of(REF)) == (["unknown"], "lost")
    stage.advance(2_000)
    assert len(stage.calls("ask")) == 1
    assert outcome(done) is None
    stage.calls_back(Kind.NOTICE, REF, pushed())
    assert stage.states() == ["unknown", "paid"]
    assert outcome(done) == Sent()


def test_a_stale_token_is_renewed_once_and_the_ask_leaves_once(stage: Stage) -> None:
    stage.will("ask", said(401, errorCode="401.003.01", errorMessage="token"), taken())
    stage.send(ONE)
    assert (len(stage.calls("ask")), stage.client.tokens) == (2, 2)
    assert stage.states() == ["pending"]


def test_a_token_that_is_never_taken_is_told_in_its_time(stage: Stage) -> None:
    stage.will("ask", *[said(401)] * 100)
    done = stage.send(ONE)
    stage.advance(130)
    (report,) = stage.told()
    assert (report.state, report.reason) == ("not-sent", "provider")
    assert outcome(done) == Sent()


def test_an_outage_refuses_nobody_at_once_but_tells(stage: Stage) -> None:
    stage.will("ask", *[AWAY] * 3)
    asked = [stage.send(ask(n)) for n in (1, 2, 3)]
    assert stage.channel.status()["breaker"] == "open"
    assert stage.told() == []
    four = stage.send(ask(4))
    stage.advance(14)
    assert len(stage.calls("ask")) == 3  # nobody calls while it is left alone
    stage.advance(2)
    assert len(stage.calls("ask")) == 4  # one tries whether he is well again
    stage.will("ask", taken(), taken(), taken())
    stage.answers(taken())
    stage.advance(5)
    assert stage.states() == ["pending"] * 4
    assert [outcome(done) for done in (*asked, four)] == [None] * 4


def test_an_outage_that_lasts_ends_the_ask(stage: Stage) -> None:
    stage.will("ask", *[AWAY] * 100)
    done = stage.send(ONE)
    stage.advance(125)
    (report,) = stage.told()
    assert (report.state, report.reason, report.code) == ("not-sent", "provider", "away")
    assert outcome(done) == Sent()


def test_an_ask_that_waited_too_long_in_the_database_never_leaves(stage: Stage) -> None:
    stage.send(ONE, since_us=stage.ports.now_us() - 121_000_000)
    assert (stage.states(), stage.calls("ask")) == (["not-sent"], [])
    assert stage.told()[0].reason == "timeout"


def test_after_its_deadline_nobody_is_asked(stage: Stage) -> None:
    stage.will("ask", *[AWAY] * 30)
    stage.send(ask(1, deadline=stage.ports.now_us() + 40_000_000))
    stage.advance(38)
    assert stage.states() == []
    stage.advance(10)
    assert (stage.states(), stage.told()[0].reason) == (["not-sent"], "provider")


def test_questions_come_in_their_times_and_end_after_a_day(stage: Stage) -> None:
    stage.will("ask", taken())
    done = stage.send(ONE)
    stage.will("status", *[said(500, errorCode="500.001.1001", errorMessage="busy")] * 40)
    at = []
    for second in range(1, 1_802):
        before = len(stage.calls("status"))
        stage.clock.advance(1.0)
        at += [second] * (len(stage.calls("status")) - before)
    while outcome(done) is None:
        stage.clock.advance(60.0)
    assert at == [30, 120, 600, 1_800]
    assert 86_400 <= stage.clock.seconds() <= 90_100
    assert len(stage.calls("status")) == 4 + 24
    assert stage.states() == ["pending", "unknown"]
    assert "wallet.nobody-knows" in stage.ports.log.events()


def test_a_status_that_says_failed_ends_it(stage: Stage) -> None:
    stage.will("ask", taken())
    stage.send(ONE)
    stage.will("status", asked_status("1032"))
    stage.advance(31)
    report = stage.told()[-1]
    assert (report.state, report.reason, report.code) == ("failed", "declined", "1032")


def test_paid_without_a_receipt_is_found_in_the_list(stage: Stage) -> None:
    stage.will("ask", taken())
    done = stage.send(ONE)
    stage.will("status", asked_status("0"))
    stage.client.will[stage.path("pull")] = [
        said(Response=[[_row("NLJ7RT61SV"), _row("OTHER00001", typed="X1")]]), said(Response=[[]]),
    ]  # fmt: skip
    stage.advance(62)
    assert stage.states() == ["pending", "paid"]
    paid = stage.told()[-1]
    assert (paid.receipt, paid.proof, paid.amount) == ("NLJ7RT61SV", "pull", 50_000)
    assert outcome(done) == Sent()
    assert [each.receipt for each in stage.pay_ins()] == ["OTHER00001"]


def _row(receipt: str, typed: str = METER, **other: Any) -> dict[str, Any]:
    return {
        "transactionId": receipt, "trxDate": "2026-11-21T12:00:30+03:00", "msisdn": 254708374149,
        "billreference": typed, "amount": "500.00", **other,
    }  # fmt: skip


def test_a_lost_push_is_found_in_the_list(stage: Stage) -> None:
    stage.advance(1)
    stage.will("ask", LOST)
    done = stage.send(ONE)
    stage.client.will[stage.path("pull")] = [
        said(Response=[_row("NLJ7RT61SV")]), said(Response=[]),
    ]  # fmt: skip
    stage.advance(95)
    assert stage.states() == ["unknown", "paid"]
    assert (stage.calls("status"), stage.pay_ins(), outcome(done)) == ([], [], Sent())


def test_its_confirmation_belongs_to_the_push(stage: Stage) -> None:
    stage.will("ask", taken())
    done = stage.send(ONE)
    found = outcome(stage.calls_back(Kind.CONFIRMATION, "", c2b("NLJ7RT61SV")))
    assert (found.status, stage.states(), stage.pay_ins()) == (200, ["pending", "paid"], [])
    assert outcome(done) == Sent()
    stage.calls_back(Kind.NOTICE, REF, pushed())  # and its own notice is a repeat
    assert (stage.states(), stage.ports.repeats) == (
        ["pending", "paid"], [f"{REF}/paid/NLJ7RT61SV/50000"],
    )  # fmt: skip


def test_of_two_that_fit_it_is_money_by_itself(stage: Stage) -> None:
    stage.will("ask", taken("a"), taken("b"))
    stage.send(ONE), stage.send(TWO)
    stage.calls_back(Kind.CONFIRMATION, "", c2b("NLJ7RT61SV"))
    assert (stage.states(), len(stage.pay_ins())) == (["pending", "pending"], 1)


def test_a_callback_may_come_before_our_own_answer(stage: Stage) -> None:
    done = stage.send(ONE)
    assert len(stage.client.out) == 1
    stage.calls_back(Kind.NOTICE, REF, pushed())
    assert (stage.states(), outcome(done)) == (["paid"], Sent())
    stage.answers(taken())
    assert (stage.states(), stage.step_of(REF)) == (["paid"], "ended")


def test_what_was_sent_before_a_crash_is_asked_about(stage: Stage) -> None:
    stage.send(ONE)  # its answer never comes: killed
    stage.restart(3)
    done = stage.send(ONE, since_us=stage.ports.now_us())
    stage.advance(200)
    assert stage.calls("ask") == []
    stage.calls_back(Kind.NOTICE, REF, pushed())
    assert (stage.states(), outcome(done)) == (["paid"], Sent())


def test_after_a_restart_the_questions_go_on(stage: Stage) -> None:
    stage.will("ask", taken())
    stage.send(ONE)
    stage.restart(1_000)
    stage.will("status", asked_status("1037"))
    stage.send(ONE)
    stage.advance(2)  # 30 s, 2 and 10 minutes are one question
    assert (len(stage.calls("status")), stage.states()[-1]) == (1, "failed")
    assert stage.told()[-1].reason == "unreachable"


def test_a_refusal_that_was_not_told_is_told_after_the_crash(stage: Stage) -> None:
    stage.ports.trouble = [TransientStoreError("away")] * 3
    stage.will("ask", said(ResponseCode="1", ResponseDescription="poor"))
    stage.send(ONE)
    assert (stage.told(), stage.step_of(REF)) == ([], "refused")
    stage.ports.trouble.clear()
    stage.restart()
    done = stage.send(ONE)
    assert [(each.state, each.reason) for each in stage.told()] == [("not-sent", "insufficient")]
    assert (stage.calls("ask"), outcome(done)) == ([], Sent())


def test_the_end_is_told_until_it_is_journaled(stage: Stage) -> None:
    stage.will("ask", taken())
    done = stage.send(ONE)
    stage.ports.trouble = [Overloaded("full")]
    assert outcome(stage.calls_back(Kind.NOTICE, REF, pushed())).status == 503
    assert (stage.states(), outcome(done)) == (["pending"], None)
    assert outcome(stage.calls_back(Kind.NOTICE, REF, pushed())).status == 200
    assert (stage.states(), outcome(done)) == (["pending", "paid"], Sent())


def test_a_stop_gives_back_what_rests(stage: Stage) -> None:
    stage.will("ask", taken())
    done = stage.send(ONE)
    left = stage.channel.stop()
    assert outcome(done) == Failed("the channel is being stopped", True, NOT_SENT)
    assert (left.called, stage.channel.capacity(), stage.client.closed) == (True, 0, True)


def test_a_stop_waits_for_the_call_that_is_out(stage: Stage) -> None:
    done = stage.send(ONE)
    left = stage.channel.stop()
    assert not left.called
    stage.answers(taken())
    assert left.called
    assert outcome(done).error_class == NOT_SENT
    assert stage.step_of(REF) == "taken"


def test_what_is_over_is_not_begun_again(stage: Stage) -> None:
    stage.will("ask", taken())
    stage.send(ONE)
    stage.calls_back(Kind.NOTICE, REF, pushed())
    assert outcome(stage.send(ONE)) == Sent()
    assert len(stage.calls("ask")) == 1


def test_what_is_none_of_ours_is_refused(stage: Stage) -> None:
    other = Outbound("0" * 32, AskBalance(phone="+254700000000"), 1, "")
    assert not outcome(stage.channel.send(other)).retry
    assert not outcome(stage.send(ask(1, wallet="other"))).retry
    stage.ports.notebook[REF] = "{nonsense"
    assert not outcome(stage.send(ONE)).retry
    stage.ports.unread = [TransientStoreError("away")]
    assert outcome(stage.send(TWO)).error_class == NOT_SENT


def test_what_the_provider_cannot_be_asked_for_is_refused(stage: Stage) -> None:
    stage.send(ask(1, amount=50_050))
    (report,) = stage.told()
    assert (report.state, report.code, report.reason) == ("not-sent", "amount", "rejected")


def test_capacity_is_what_may_wait(tmp_path: Path) -> None:
    stage = Stage(tmp_path, waiting=2)
    stage.send(ONE)
    assert stage.channel.capacity() == 1
    stage.send(TWO)
    assert stage.channel.capacity() == 0
