"""Requests to providers, octet by octet where it matters, and what their answers mean."""

import json
from base64 import b64decode
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.mobilemoney import airtel_send, mpesa_send, mtn_send
from adapters.mobilemoney.mpesa_pull import read_pull
from adapters.mobilemoney.reading import NoticeError, Said
from adapters.mobilemoney.sending import (
    Answered,
    Ask,
    Came,
    Given,
    Kind,
    Refund,
    Result,
    UnfitError,
    Verdict,
    Window,
    read_token,
)

NAIROBI = timezone(timedelta(hours=3))
PATHS = {name: f"/{name}" for name in ("token", "ask", "refund", "payment", "pull", "register")}
GIVEN = Given(
    paths={**PATHS, "status": "/status/{reference}"},
    settings={
        "short_code": "174379", "initiator": "tester", "api_user": "user",
        "target_environment": "sandbox", "country": "UG", "currency": "UGX", "country_code": "256",
    },
    secrets={
        "consumer_key": "key", "consumer_secret": "secret", "passkey": "pass",
        "security_credential": "cred", "api_key": "apikey", "subscription_key": "sub",
        "client_id": "id", "client_secret": "cs",
    },
    now=datetime(2026, 11, 21, 12, 0, 5, tzinfo=NAIROBI),
    nonce="0" * 32,
    address=lambda kind, reference: f"https://me.test/{kind.value}/{reference}",
)  # fmt: skip
ASK = Ask(
    reference="00000000-0000-4000-8000-000000000001", payer="256770000001",
    amount=Decimal("500.00"), currency="UGX", shown="04123456789012",
)  # fmt: skip
REFUND = Refund(reference="r-1", receipt="SKC82PACB8", amount=Decimal(5), currency="KES")


def said(http: int = 200, /, **body: Any) -> Answered:
    return Answered(status=http, body=json.dumps(body).encode())


def test_mpesa_signs_in_by_basic() -> None:
    call = mpesa_send.token(GIVEN)
    assert (call.method, call.path, call.bearer) == ("GET", "/token", False)
    kind, _, value = call.headers["Authorization"].partition(" ")
    assert (kind, b64decode(value)) == ("Basic", b"key:secret")


def test_a_push_of_mpesa() -> None:
    call = mpesa_send.ask(GIVEN, ASK)
    body = json.loads(call.body)
    assert b64decode(body["Password"]) == b"174379pass20261121120005"
    assert (body["Timestamp"], body["Amount"]) == ("20261121120005", 500)
    assert body["AccountReference"] == "041234567890"
    assert body["CallBackURL"] == f"https://me.test/notice/{ASK.reference}"
    assert (body["TransactionType"], body["PartyB"]) == ("CustomerPayBillOnline", "174379")


def test_a_till_is_paid_as_goods() -> None:
    shop = Given(**{**_fields(GIVEN), "settings": {**GIVEN.settings, "till": "5551"}})
    body = json.loads(mpesa_send.ask(shop, ASK).body)
    assert (body["TransactionType"], body["PartyB"]) == ("CustomerBuyGoodsOnline", "5551")


def _fields(of: Given) -> dict[str, Any]:
    return {name: getattr(of, name) for name in of.__slots__}


def test_a_push_without_its_number_has_no_question() -> None:
    assert mpesa_send.status(GIVEN, ASK) is None
    known = Ask(**{**{n: getattr(ASK, n) for n in ASK.__slots__}, "key": "ws_CO_1"})
    call = mpesa_send.status(GIVEN, known)
    assert call is not None
    assert json.loads(call.body)["CheckoutRequestID"] == "ws_CO_1"


def test_a_reversal_is_spelt_as_they_spell_it() -> None:
    body = json.loads(mpesa_send.refund(GIVEN, REFUND).body)
    assert (body["RecieverIdentifierType"], body["Amount"]) == ("11", 5)
    assert body["ResultURL"] == body["QueueTimeOutURL"] == "https://me.test/refund/r-1"


def test_the_list_is_asked_in_their_time() -> None:
    window = Window(since=GIVEN.now - timedelta(hours=48), until=GIVEN.now, offset=7)
    body = json.loads(mpesa_send.pull(GIVEN, window).body)
    assert (body["StartDate"], body["EndDate"]) == ("2026-11-19 12:00:05", "2026-11-21 12:00:05")
    assert body["OffSetValue"] == "7"


def test_addresses_are_registered() -> None:
    body = json.loads(mpesa_send.register(GIVEN).body)
    assert body["ResponseType"] == "Completed"
    assert (body["ConfirmationURL"], body["ValidationURL"]) == (
        "https://me.test/confirmation/", "https://me.test/validation/",
    )  # fmt: skip


UNFIT: list[tuple[str, Callable[[], object], str]] = [
    ("parts of a shilling", lambda: mpesa_send.ask(GIVEN, _ask(Decimal("5.50"))), "amount"),
    ("nothing", lambda: mpesa_send.ask(GIVEN, _ask(Decimal(0))), "amount"),
    ("less than nothing", lambda: mtn_send.ask(GIVEN, _ask(Decimal(-1))), "amount"),
    ("no setting", lambda: mtn_send.ask(_bare(GIVEN), ASK), "setting"),
    ("no secret", lambda: airtel_send.token(_bare(GIVEN)), "secret"),
    ("no path", lambda: mpesa_send.ask(_bare(GIVEN, {"short_code": "1"}, {"passkey": "p"}), ASK),
     "path"),
]  # fmt: skip


def _ask(amount: Decimal) -> Ask:
    return Ask(reference="r", payer="1", amount=amount, currency="KES")


def _bare(
    of: Given, settings: Mapping[str, str] | None = None, secrets: Mapping[str, str] | None = None
) -> Given:
    empty = {"settings": settings or {}, "secrets": secrets or {}, "paths": {}}
    return Given(**{**_fields(of), **empty})


@pytest.mark.parametrize(("build", "code"), [each[1:] for each in UNFIT],
                         ids=[each[0] for each in UNFIT])  # fmt: skip
def test_what_cannot_be_asked_for(build: Callable[[], object], code: str) -> None:
    with pytest.raises(UnfitError) as caught:
        build()
    assert caught.value.code == code


def test_mtn_goes_under_our_reference() -> None:
    call = mtn_send.ask(GIVEN, ASK)
    assert call.headers["X-Reference-Id"] == ASK.reference
    assert call.headers["X-Callback-Url"] == f"https://me.test/notice/{ASK.reference}"
    assert call.headers["Ocp-Apim-Subscription-Key"] == "sub"
    assert json.loads(call.body)["amount"] == "500.00"
    assert mtn_send.status(GIVEN, ASK).path == f"/status/{ASK.reference}"


def test_airtel_leaves_the_country_out() -> None:
    call = airtel_send.ask(GIVEN, ASK)
    assert (call.headers["X-Country"], call.headers["X-Currency"]) == ("UG", "UGX")
    assert json.loads(call.body)["subscriber"]["msisdn"] == "770000001"
    assert json.loads(airtel_send.refund(GIVEN, REFUND).body) == {
        "transaction": {"airtel_money_id": "SKC82PACB8"}
    }


Read = Callable[[Answered], Result]
ANSWERS: list[tuple[str, Read, Answered, Came]] = [
    ("mpesa took it", mpesa_send.read_ask,
     said(ResponseCode="0", CheckoutRequestID="x"), Came.TAKEN),
    ("mpesa code as a number", mpesa_send.read_ask,
     said(ResponseCode=0, CheckoutRequestID="x"), Came.TAKEN),
    ("mpesa stale in a 404", mpesa_send.read_ask,
     said(404, errorCode="404.001.03", errorMessage="x"), Came.STALE),
    ("mpesa stale", mpesa_send.read_ask, said(401), Came.STALE),
    ("mpesa full", mpesa_send.read_ask, said(429), Came.BUSY),
    ("mpesa wrong", mpesa_send.read_ask,
     said(400, errorCode="400.002.02", errorMessage="x"), Came.REFUSED),
    ("mpesa fault", mpesa_send.read_ask,
     said(500, errorCode="500.002.1001", errorMessage="x"), Came.LOST),
    ("mpesa 408 in HTML", mpesa_send.read_ask, Answered(status=408, body=b"<"), Came.LOST),
    ("mpesa question refused", mpesa_send.read_status,
     said(400, errorCode="400.002.02", errorMessage="x"), Came.ENDED),
    ("mpesa question stale", mpesa_send.read_status,
     said(404, errorCode="404.001.03", errorMessage="x"), Came.STALE),
    ("mpesa reversal taken", mpesa_send.read_taken,
     said(ResponseCode="0", ConversationID="x"), Came.TAKEN),
    ("mpesa reversal in doubt", mpesa_send.read_taken, said(ResponseCode="88"), Came.LOST),
    ("mtn took it", mtn_send.read_ask, Answered(status=202), Came.TAKEN),
    ("mtn has it", mtn_send.read_ask, Answered(status=409), Came.TAKEN),
    ("mtn fault", mtn_send.read_ask, said(500, code="INTERNAL_PROCESSING_ERROR"), Came.LOST),
    ("mtn 200 of something", mtn_send.read_ask, said(200, status="PENDING"), Came.LOST),
    ("mtn knows nothing", mtn_send.read_status, said(404), Came.ABSENT),
    ("mtn status fault", mtn_send.read_status, said(503), Came.LOST),
    ("airtel in process", airtel_send.read_ask,
     said(status={"response_code": "DP00800001006", "success": True}), Came.TAKEN),
    ("airtel refused", airtel_send.read_ask,
     said(status={"response_code": "DP00800001007", "success": False}), Came.REFUSED),
    ("airtel doubled", airtel_send.read_ask,
     said(status={"result_code": "ESB000045", "success": False}), Came.TAKEN),
    ("airtel timeout", airtel_send.read_ask,
     said(status={"result_code": "ESB000039", "success": False}), Came.LOST),
    ("airtel nothing", airtel_send.read_ask, said(), Came.LOST),
]  # fmt: skip


@pytest.mark.parametrize(("read", "answer", "came"), [each[1:] for each in ANSWERS],
                         ids=[each[0] for each in ANSWERS])  # fmt: skip
def test_what_an_answer_means(read: Read, answer: Answered, came: Came) -> None:
    assert read(answer).came is came


def test_a_question_that_is_refused_says_nothing_of_the_payment() -> None:
    found = mpesa_send.read_status(said(400, errorCode="400.002.02", errorMessage="x"))
    assert found.reading is not None
    assert found.reading.said is Said.UNKNOWN


@given(status=st.integers(200, 599), body=st.binary(max_size=80))
def test_no_answer_is_ever_taken_for_paid(status: int, body: bytes) -> None:
    answered = Answered(status=status, body=body)
    for read in (mpesa_send.read_ask, mpesa_send.read_status, mpesa_send.read_taken,
                 mtn_send.read_ask, mtn_send.read_status, airtel_send.read_ask,
                 airtel_send.read_status, airtel_send.read_refund):  # fmt: skip
        found = read(answered)
        assert found.reading is None or found.reading.said not in (Said.PAID, Said.REVERSED)


TOKENS = [
    ({"access_token": "t", "expires_in": "3599"}, 3_599),
    ({"access_token": "t", "expires_in": 60}, 60),
    ({"access_token": "t"}, 3_600),
    ({"access_token": "t", "expires_in": 10**9}, 86_400),
]


@pytest.mark.parametrize(("body", "seconds"), TOKENS)
def test_how_long_a_token_is_good(body: dict[str, Any], seconds: int) -> None:
    found = read_token(said(200, **body))
    assert (found.value, found.seconds) == ("t", seconds)
    assert "'t'" not in repr(found)


@pytest.mark.parametrize("answer", [
    said(400), said(200), said(200, access_token="a\nb"),
    said(200, access_token="a", expires_in="x"),
    Answered(status=200, body=b"<html>"),
])  # fmt: skip
def test_what_is_no_token(answer: Answered) -> None:
    with pytest.raises(NoticeError):
        read_token(answer)


def test_validations_are_answered_in_their_codes() -> None:
    codes = {each: json.loads(mpesa_send.answer(each).body)["ResultCode"] for each in Verdict}
    assert codes == {
        Verdict.ACCEPT: "0", Verdict.PAYER: "C2B00011", Verdict.REFERENCE: "C2B00012",
        Verdict.AMOUNT: "C2B00013", Verdict.OTHER: "C2B00016",
    }  # fmt: skip
    with_ours = json.loads(mpesa_send.answer(Verdict.ACCEPT, "T-1").body)
    assert with_ours["ThirdPartyTransID"] == "T-1"


ROW = {
    "transactionId": "RKL51ZDR4F", "trxDate": "2026-11-21 12:00:00", "msisdn": "2547 ***** 126",
    "billreference": "041", "amount": "5.00",
}  # fmt: skip


@pytest.mark.parametrize("rows", [[ROW], [[ROW]], [[[ROW]]], ROW])
def test_a_list_of_one_in_any_form(rows: Any) -> None:
    (found,) = read_pull(said(Response=rows)).readings
    assert (found.receipt, found.amount, found.account) == ("RKL51ZDR4F", Decimal("5.00"), "041")
    assert found.at == datetime(2026, 11, 21, 12, 0, tzinfo=NAIROBI)


@pytest.mark.parametrize(("change", "readable"), [
    ({"trxDate": "2026-11-21T09:00:00Z"}, True), ({"trxDate": "yesterday"}, True),
    ({"trxDate": 20261121120000}, True), ({"amount": None}, False), ({"amount": "-5"}, False),
    ({"transactionId": None}, False), ({"transactionId": "?"}, False),
])  # fmt: skip
def test_rows_that_cannot_be_read_are_kept(change: dict[str, Any], readable: bool) -> None:
    page = read_pull(said(Response=[ROW, {**ROW, **change}]))
    assert (len(page.readings), len(page.unread)) == ((2, 0) if readable else (1, 1))
    assert page.more


@pytest.mark.parametrize("answer", [said(500), said(200, x=1), Answered(status=200, body=b"<")])
def test_what_is_no_list(answer: Answered) -> None:
    with pytest.raises(NoticeError):
        read_pull(answer)


def test_an_empty_list_is_its_end() -> None:
    assert not read_pull(said(Response=[[]])).more
    assert Kind.NOTICE.value == "notice"
