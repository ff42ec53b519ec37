"""What a provider sends, by cases: stored first, answered quickly, believed only when proved."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.mobilemoney.sending import Kind
from core.store.tx import TransientStoreError
from hub.channel import HttpRequest, KeyReused, Overloaded, Sent
from tests.channels.mobilemoney.fakes import (
    METER,
    PATH,
    Stage,
    ask,
    asked_status,
    c2b,
    outcome,
    pushed,
    said,
    taken,
)

ONE = ask(1)
REF = ONE.reference


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def status_of(stage: Stage, body: Any, **other: Any) -> int:
    kind, reference = other.pop("kind", Kind.NOTICE), other.pop("reference", REF)
    return int(outcome(stage.calls_back(kind, reference, body, **other)).status)


TURNED_AWAY: list[tuple[str, dict[str, Any], int]] = [
    ("another network", {"peer": "198.51.100.1"}, 403),
    ("no address at all", {"peer": "unix"}, 403),
    ("a guessed tag", {"path": f"{PATH}/notice/{REF}/{'0' * 32}"}, 404),
    ("no tag", {"path": f"{PATH}/notice/{REF}"}, 404),
    ("another kind under a tag", {"path": f"{PATH}/nonsense/{REF}/{'0' * 32}"}, 404),
    ("a tag that is no ASCII", {"path": f"{PATH}/notice/{REF}/\udcff"}, 404),
    ("GET", {"method": "GET"}, 405),
]


@pytest.mark.parametrize(("other", "status"), [each[1:] for each in TURNED_AWAY],
                         ids=[each[0] for each in TURNED_AWAY])  # fmt: skip
def test_strangers_are_turned_away_and_change_nothing(
    stage: Stage, other: dict[str, Any], status: int
) -> None:
    stage.will("ask", taken())
    stage.send(ONE)
    assert status_of(stage, pushed(), **other) == status
    assert (stage.states(), stage.ports.notes) == (["pending"], [])


def test_the_tag_of_one_request_opens_no_other(stage: Stage) -> None:
    stage.will("ask", taken())
    stage.send(ONE)
    mine = stage.calls("ask")[0]["CallBackURL"]
    other = mine.replace(REF, ask(2).reference)
    path = other.removeprefix("https://pay.example.test")
    assert status_of(stage, pushed(), path=path) == 404


MALFORMED: list[tuple[str, Any, int]] = [
    ("HTML", b"<html>no</html>", 400),
    ("nothing", b"", 400),
    ("half", b'{"Body": {"stkCallback"', 400),
    ("a list", [], 400),
    ("no fields", {}, 400),
    ("no receipt and no time", {"TransID": "", "TransAmount": "1"}, 400),
    ("a negative amount", c2b(amount="-5"), 400),
    ("too large", b" " * 40_000, 413),
]  # fmt: skip


@pytest.mark.parametrize(("body", "status"), [each[1:] for each in MALFORMED],
                         ids=[each[0] for each in MALFORMED])  # fmt: skip
@pytest.mark.parametrize("kind", [Kind.NOTICE, Kind.CONFIRMATION])
def test_the_unreadable_is_kept_as_evidence(
    stage: Stage, body: Any, status: int, kind: Kind
) -> None:
    reference = REF if kind is Kind.NOTICE else ""
    assert status_of(stage, body, kind=kind, reference=reference) == status
    assert len(stage.ports.notes) == 1
    assert "malformed" in stage.ports.notes[0][0]
    assert stage.ports.arrivals == []


UNPROVED: list[tuple[str, Any]] = [
    ("another amount", pushed(amount=5_000)),
    ("a part of it", pushed(amount="499.99")),
    ("no receipt", pushed(receipt="")),
    ("no amount", pushed(amount="")),
]


@pytest.mark.parametrize("body", [each[1] for each in UNPROVED], ids=[each[0] for each in UNPROVED])
def test_what_is_not_as_asked_is_asked_about_at_once(stage: Stage, body: Any) -> None:
    stage.will("ask", taken())
    done = stage.send(ONE)
    stage.will("status", asked_status("1032"))
    assert status_of(stage, body) == 200
    stage.advance(1)
    assert (stage.states(), len(stage.calls("status"))) == (["pending", "failed"], 1)
    assert outcome(done) == Sent()
    assert json.loads(stage.ports.notes[0][1])["why"] == "unproved"


def test_an_altered_amount_never_counts(stage: Stage) -> None:
    """The provider says that the request was paid: its amount is that of the request."""
    stage.will("ask", taken())
    stage.send(ONE)
    stage.will("status", asked_status("0"))
    status_of(stage, pushed(amount=5_000))
    stage.advance(1)
    paid = stage.told()[-1]
    assert (paid.state, paid.amount, paid.proof) == ("paid", 50_000, "status")


def test_a_large_amount_is_asked_about(tmp_path: Path) -> None:
    stage = Stage(tmp_path, large=50_000)
    stage.will("ask", taken())
    stage.send(ONE)
    stage.will("status", asked_status("0"))
    status_of(stage, pushed())
    stage.advance(1)
    paid = stage.told()[-1]
    assert (paid.state, paid.receipt, paid.proof) == ("paid", "NLJ7RT61SV", "status")


def test_however_many_come_one_request_is_asked_about_now_and_then(stage: Stage) -> None:
    stage.will("ask", taken())
    stage.send(ONE)
    stage.will("status", *[said(500, errorCode="500.001.1001", errorMessage="busy")] * 50)
    for _ in range(20):
        assert status_of(stage, pushed(amount=1)) == 200
        stage.advance(1)
    assert len(stage.calls("status")) <= 5


def test_the_same_notice_twice_counts_once(stage: Stage) -> None:
    stage.will("ask", taken())
    stage.send(ONE)
    assert [status_of(stage, pushed()) for _ in range(3)] == [200] * 3
    assert stage.states() == ["pending", "paid"]


def test_paid_once_more_is_told(stage: Stage) -> None:
    stage.will("ask", taken())
    stage.send(ONE)
    status_of(stage, pushed())
    status_of(stage, pushed(receipt="NLJ7RT61SW"))
    assert [each.receipt for each in stage.told()] == ["", "NLJ7RT61SV", "NLJ7RT61SW"]


def test_a_late_approval_is_told_after_the_failure(stage: Stage) -> None:
    stage.will("ask", taken())
    stage.send(ONE)
    status_of(stage, pushed(1032))
    assert stage.states() == ["pending", "failed"]
    stage.restart(5_000)
    assert status_of(stage, pushed()) == 200
    assert stage.states()[-1] == "paid"


def test_a_late_approval_that_is_not_proved_is_asked_about(stage: Stage) -> None:
    stage.will("ask", taken())
    stage.send(ONE)
    status_of(stage, pushed(1032))
    stage.restart(5_000)
    stage.will("status", asked_status("0"))
    status_of(stage, pushed(amount=1))
    stage.advance(1)
    assert stage.told()[-1].state == "paid"
    assert stage.told()[-1].amount == 50_000


def test_a_failure_after_the_end_changes_nothing(stage: Stage) -> None:
    stage.will("ask", taken())
    stage.send(ONE)
    status_of(stage, pushed())
    assert status_of(stage, pushed(1032)) == 200
    assert stage.states() == ["pending", "paid"]


@pytest.mark.parametrize("code", [1032, "1032", 1032.0])
def test_codes_are_numbers_or_texts(stage: Stage, code: Any) -> None:
    stage.will("ask", taken())
    stage.send(ONE)
    status_of(stage, pushed(code))
    assert (stage.states()[-1], stage.told()[-1].reason) == ("failed", "declined")


def test_nobodys_notice_is_kept(stage: Stage) -> None:
    assert status_of(stage, pushed(), reference=ask(7).reference) == 200
    assert (stage.told(), len(stage.ports.notes)) == ([], 1)


def test_a_note_of_another_kind_is_no_request(stage: Stage) -> None:
    stage.ports.notebook["large-pay-ins"] = "{}"
    assert status_of(stage, pushed(), reference="large-pay-ins") == 200
    assert stage.told() == []


# --- money that comes by itself -----------------------------------------------------------------


def test_a_confirmation_is_told_before_it_is_answered(stage: Stage) -> None:
    stage.ports.held = []
    done = stage.calls_back(Kind.CONFIRMATION, "", c2b())
    assert outcome(done) is None
    stage.ports.commit()
    found = outcome(done)
    assert (found.status, json.loads(found.body)["ResultCode"]) == (200, "0")
    (paid,) = stage.pay_ins()
    assert (paid.receipt, paid.amount, paid.currency, paid.typed) == (
        "RKL51ZDR4F", 50_000, "KES", METER,
    )  # fmt: skip
    assert (paid.payer, paid.payer_form, paid.proof) == ("2547*****149", "masked", "notice")
    assert paid.at == 1_795_251_660_000_000


@pytest.mark.parametrize("error", [Overloaded("full"), TransientStoreError("away")])
def test_a_full_hub_says_come_again_and_nothing_is_lost(stage: Stage, error: Exception) -> None:
    stage.ports.trouble = [error]
    found = outcome(stage.calls_back(Kind.CONFIRMATION, "", c2b()))
    assert (found.status, found.headers["Retry-After"]) == (503, "5")
    assert status_of(stage, c2b(), kind=Kind.CONFIRMATION, reference="") == 200
    assert len(stage.pay_ins()) == 1


def test_another_amount_under_a_known_receipt_is_told_of_once(stage: Stage) -> None:
    for amount in ("500.00", "600.00", "500"):
        assert status_of(stage, c2b(amount=amount), kind=Kind.CONFIRMATION, reference="") == 200
    assert [each.amount for each in stage.pay_ins()] == [50_000]
    assert stage.ports.log.events().count("wallet.altered") == 1


def test_parts_of_a_cent_are_evidence(stage: Stage) -> None:
    assert status_of(stage, c2b(amount="5.001"), kind=Kind.CONFIRMATION, reference="") == 200
    assert (stage.pay_ins(), len(stage.ports.notes)) == ([], 1)


def result(receipt: str = "RKL51ZDR4F", amount: str = "500", status: str = "Completed") -> Any:
    told = {"ReceiptNo": receipt, "TransactionStatus": status, "Amount": amount}
    return {"Result": {
        "ResultType": 0, "ResultCode": 0, "ResultDesc": "ok", "OriginatorConversationID": "x",
        "ResultParameters": {
            "ResultParameter": [{"Key": name, "Value": value} for name, value in told.items()]
        },
    }}  # fmt: skip


@pytest.fixture
def large(tmp_path: Path) -> Stage:
    return Stage(tmp_path, large=50_000)


TAKEN = said(ConversationID="AG_1", ResponseCode="0", ResponseDescription="ok")


def test_large_money_is_booked_when_our_question_says_so(large: Stage) -> None:
    large.will("payment", TAKEN)
    assert status_of(large, c2b(), kind=Kind.CONFIRMATION, reference="") == 200
    (body,) = large.calls("payment")
    assert (body["TransactionID"], large.pay_ins()) == ("RKL51ZDR4F", [])
    assert status_of(large, result(), kind=Kind.PAYMENT, reference="RKL51ZDR4F") == 200
    (paid,) = large.pay_ins()
    assert (paid.amount, paid.proof, paid.typed) == (50_000, "status", METER)
    assert large.ports.notebook["large-pay-ins"] == "{}"


def test_large_money_is_what_the_provider_says_it_is(large: Stage) -> None:
    large.will("payment", TAKEN)
    status_of(large, c2b(amount="5000"), kind=Kind.CONFIRMATION, reference="")
    status_of(large, result(), kind=Kind.PAYMENT, reference="RKL51ZDR4F")
    assert [each.amount for each in large.pay_ins()] == [50_000]


def test_large_money_that_went_back_is_not_booked(large: Stage) -> None:
    large.will("payment", TAKEN)
    status_of(large, c2b(), kind=Kind.CONFIRMATION, reference="")
    status_of(large, result(status="Reversed"), kind=Kind.PAYMENT, reference="RKL51ZDR4F")
    assert (large.pay_ins(), large.channel.status()["large"]) == ([], 0)


def test_another_receipt_proves_nothing(large: Stage) -> None:
    large.will("payment", TAKEN)
    status_of(large, c2b(), kind=Kind.CONFIRMATION, reference="")
    status_of(large, result("RKL51ZDR4X"), kind=Kind.PAYMENT, reference="RKL51ZDR4F")
    status_of(large, result("RKL51ZDR4X"), kind=Kind.PAYMENT, reference="RKL51ZDR4X")
    assert (large.pay_ins(), large.channel.status()["large"]) == ([], 1)


def test_large_money_is_asked_about_after_a_restart(large: Stage) -> None:
    status_of(large, c2b(), kind=Kind.CONFIRMATION, reference="")
    large.restart(100)
    large.will("payment", TAKEN)
    large.advance(2)
    assert len(large.calls("payment")) == 1
    status_of(large, result(), kind=Kind.PAYMENT, reference="RKL51ZDR4F")
    assert len(large.pay_ins()) == 1


def test_what_was_asked_about_is_known_before_more_is(large: Stage) -> None:
    status_of(large, c2b(), kind=Kind.CONFIRMATION, reference="")
    large.ports.unread = [TransientStoreError("away")] * 3
    large.restart(5)
    more = c2b("RKL51ZDR4G")
    assert status_of(large, more, kind=Kind.CONFIRMATION, reference="") == 503
    assert status_of(large, more, kind=Kind.CONFIRMATION, reference="") == 200
    assert set(json.loads(large.ports.notebook["large-pay-ins"])) == {"RKL51ZDR4F", "RKL51ZDR4G"}


def test_large_money_that_cannot_be_noted_is_sent_again(large: Stage) -> None:
    large.ports.unwritten = [TransientStoreError("away")]
    assert status_of(large, c2b(), kind=Kind.CONFIRMATION, reference="") == 503
    assert large.calls("payment") == []
    large.will("payment", TAKEN)
    assert status_of(large, c2b(), kind=Kind.CONFIRMATION, reference="") == 200
    assert len(large.calls("payment")) == 1


def test_only_so_many_large_ones_are_asked_about(large: Stage) -> None:
    """The others are told to come again: none is forgotten."""
    large.will("payment", *[TAKEN] * 300)
    answers = [
        status_of(large, c2b(f"RKL51ZDR{n:03d}"), kind=Kind.CONFIRMATION, reference="")
        for n in range(220)
    ]
    assert (answers, large.channel.status()["large"]) == ([200] * 200 + [503] * 20, 200)
    large.restart(1)
    large.advance(2)
    assert large.channel.status()["large"] == 200


def test_a_day_of_questions_leaves_it_to_the_statement(large: Stage) -> None:
    large.will("payment", *[TAKEN] * 60)
    status_of(large, c2b(), kind=Kind.CONFIRMATION, reference="")
    for _ in range(1_500):
        large.clock.advance(60.0)
    assert (large.pay_ins(), large.channel.status()["large"]) == ([], 0)
    assert "wallet.unproved" in large.ports.log.events()


# --- whatever comes -----------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner),
    max_leaves=12,
)
NAMES = st.sampled_from(
    ["Body", "stkCallback", "ResultCode", "CheckoutRequestID", "Result", "TransID", "TransTime",
     "TransAmount", "errorCode", "ResponseCode", "CallbackMetadata", "Item", "status",
     "transaction", "status_code", "id", "financialTransactionId", "amount", "reason"]
)  # fmt: skip
WILD = st.dictionaries(NAMES, st.recursive(JSON, lambda i: st.dictionaries(NAMES, i), max_leaves=8))


@pytest.mark.parametrize("provider", ["mpesa", "mtn", "airtel"])
@settings(max_examples=15, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(body=st.binary(max_size=200) | WILD.map(lambda found: json.dumps(found).encode()),
       kind=st.sampled_from(list(Kind)))  # fmt: skip
def test_whatever_comes_is_answered_and_proves_nothing(
    tmp_path: Path, provider: str, body: bytes, kind: Kind
) -> None:
    stage = Stage(tmp_path, provider)
    stage.ports.notebook.clear()
    found = outcome(stage.calls_back(kind, REF, body))
    assert found is not None
    assert found.status in (200, 400, 404, 413)
    assert not [each for each in stage.told() if each.state == "paid"]
    assert not [line for line in stage.ports.log.lines if line[1] == "wallet.callback"]


@settings(max_examples=15, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(path=st.text(max_size=80), peer=st.text(max_size=30))
def test_whatever_address_is_tried_is_turned_away(tmp_path: Path, path: str, peer: str) -> None:
    stage = Stage(tmp_path)
    for prefix in ("", f"{PATH}/", f"{PATH}/notice/"):
        sent = HttpRequest("POST", prefix + path, {}, {}, b"{}", "192.0.2.7")
        assert outcome(stage.request(sent)).status == 404
    assert outcome(stage.request(HttpRequest("POST", path, {}, {}, b"", peer))).status in (403, 404)


def test_the_journal_that_has_other_content_is_told_of_and_answered(stage: Stage) -> None:
    stage.ports.trouble = [KeyReused("x")]
    assert status_of(stage, c2b(), kind=Kind.CONFIRMATION, reference="") == 200
