"""Providers' own samples, the traps that the facts name, and noise."""

import json
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.mobilemoney import conform
from adapters.mobilemoney.providers import PROVIDERS, read
from adapters.mobilemoney.reading import NoticeError, Payer, Reading, Said

FILE = Path(__file__).parents[2] / "vectors" / "mobile-money.json"
CASES: list[dict[str, Any]] = json.loads(FILE.read_text())["cases"]
SAMPLES = {case["id"]: case["body"] for case in CASES}


def said(provider: str, body: object, hint: str = "") -> Reading:
    return read(provider, json.dumps(body).encode(), hint)


def changed(sample: str, **fields: Any) -> dict[str, Any]:
    return {**SAMPLES[sample], **fields}


@pytest.mark.parametrize("verdict", conform.run(FILE.read_text()), ids=lambda v: v.id)
def test_a_provider_s_own_sample(verdict: conform.Verdict) -> None:
    assert verdict.got == verdict.expected


def test_a_sample_that_says_something_else_fails() -> None:
    for case in CASES:
        for field in case["expect"]:
            wrong = {**case, "expect": {**case["expect"], field: "77"}}
            assert conform.run(json.dumps([wrong]))[0].got, (case["id"], field)


def test_a_validation_is_a_question() -> None:
    found = said("mpesa", SAMPLES["mpesa-c2b-confirm"], "c2b validation callback")
    assert found.said is Said.QUESTION
    assert (found.amount, found.account) == (Decimal("5.00"), "Sample Transaction")


def test_a_masked_and_a_hashed_payer_are_told_apart() -> None:
    masked = said("mpesa", SAMPLES["mpesa-c2b-confirm"])
    hashed = said("mpesa", SAMPLES["mpesa-c2b-numeric"])
    assert (masked.payer, masked.payer_form) == ("2547*****126", Payer.MASKED)
    assert (len(hashed.payer), hashed.payer_form) == (64, Payer.HASHED)
    plain = said("mpesa", changed("mpesa-c2b-confirm", MSISDN=254708374149))
    assert (plain.payer, plain.payer_form) == ("254708374149", Payer.OPEN)


@pytest.mark.parametrize("code", [1032, "1032", "1032.0"])
def test_a_result_code_is_a_number_or_a_text(code: object) -> None:
    body = {"Body": {"stkCallback": {"CheckoutRequestID": "ws_CO_1", "ResultCode": code}}}
    found = said("mpesa", body)
    assert (found.said, found.reason) == (Said.FAILED, "1032")


@pytest.mark.parametrize(
    ("code", "expected"),
    [("2001", Said.FAILED), ("4999", Said.PENDING), ("31337", Said.UNKNOWN), ("x", Said.UNKNOWN)],
)
def test_a_push_s_end_is_a_no_only_where_the_code_is_known(code: str, expected: Said) -> None:
    body = {"Body": {"stkCallback": {"CheckoutRequestID": "ws_CO_1", "ResultCode": code}}}
    assert said("mpesa", body).said is expected


@pytest.mark.parametrize("missing", ["Amount", "MpesaReceiptNumber", "all"])
def test_a_push_that_went_well_without_its_facts_waits_for_our_own_question(missing: str) -> None:
    body = json.loads(json.dumps(SAMPLES["mpesa-stk-ok"]))
    told = body["Body"]["stkCallback"]
    items = told["CallbackMetadata"]["Item"]
    told["CallbackMetadata"]["Item"] = [i for i in items if i["Name"] != missing]
    if missing == "all":
        del told["CallbackMetadata"]
    assert said("mpesa", body).said is Said.UNVERIFIED


def test_the_answer_to_a_push_is_no_payment_and_the_answer_to_a_question_may_be_one() -> None:
    taken = {"CheckoutRequestID": "ws_CO_1", "ResponseCode": "0", "ResponseDescription": "Success"}
    assert said("mpesa", taken).said is Said.PENDING
    assert said("mpesa", {**taken, "ResultCode": "0"}).said is Said.PAID
    assert said("mpesa", {**taken, "ResultCode": "1032"}).said is Said.FAILED
    assert said("mpesa", {**taken, "ResponseCode": "7"}).said is Said.UNKNOWN


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("400.002.02", Said.FAILED),
        ("404.001.03", Said.FAILED),
        ("500.001.1001", Said.PENDING),
        ("500.003.02", Said.UNKNOWN),
    ],
)
def test_an_error_is_a_no_only_where_the_request_was_wrong(code: str, expected: Said) -> None:
    assert said("mpesa", {"requestId": "1-2", "errorCode": code}).said is expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("Completed", Said.PAID),
        ("Declined", Said.FAILED),
        ("Pending", Said.PENDING),
        ("Reversed", Said.REVERSED),
        ("Sleeping", Said.UNKNOWN),
    ],
)
def test_a_status_query_has_the_transaction_s_own_status(status: str, expected: Said) -> None:
    body = json.loads(json.dumps(SAMPLES["mpesa-status"]))
    rows = body["Result"]["ResultParameters"]["ResultParameter"]
    next(row for row in rows if row["Key"] == "TransactionStatus")["Value"] = status
    assert said("mpesa", body).said is expected


def test_a_reversal_that_was_refused_and_a_question_that_failed_are_not_the_same() -> None:
    result = {"ResultCode": "R000001", "ResultDesc": "reversed", "TransactionID": "X"}
    assert said("mpesa", {"Result": result}).said is Said.FAILED
    assert said("mpesa", {"Result": {**result, "ResultCode": 26}}).said is Said.UNKNOWN


@pytest.mark.parametrize(
    ("field", "value", "path"),
    [
        ("TransID", "", "TransID"),
        ("TransID", None, "TransID"),
        ("TransID", "A' OR 1=1", "TransID"),
        ("TransAmount", "0.00", "TransAmount"),
        ("TransAmount", "-5", "TransAmount"),
        ("TransAmount", "1e3", "TransAmount"),
        ("TransAmount", "5,00", "TransAmount"),
        ("TransAmount", True, "TransAmount"),
        ("TransAmount", "9" * 14, "TransAmount"),
        ("TransTime", "20231321121325", "TransTime"),
        ("TransTime", "yesterday", "TransTime"),
        ("BusinessShortCode", "", "BusinessShortCode"),
        ("BillRefNumber", "1" * 161, "BillRefNumber"),
        ("BillRefNumber", ["1"], "BillRefNumber"),
    ],
)
def test_what_cannot_be_booked_names_its_field(field: str, value: object, path: str) -> None:
    with pytest.raises(NoticeError) as caught:
        said("mpesa", changed("mpesa-c2b-confirm", **{field: value}))
    assert caught.value.path == path


@pytest.mark.parametrize(
    "data",
    [b"", b"<html><body>502 Bad Gateway</body></html>", b"[]", b"12", b'{"a": NaN}', b"\xff\xfe",
     b"[" * 100_000, b'{"a": "' + b"x" * 70_000 + b'"}'],
    ids=["empty", "html", "list", "number", "nan", "not-utf8", "deep", "large"],
)  # fmt: skip
@pytest.mark.parametrize("provider", sorted(PROVIDERS))
def test_what_is_no_object_is_refused(provider: str, data: bytes) -> None:
    with pytest.raises(NoticeError):
        read(provider, data)


def test_a_provider_that_nobody_knows_is_named() -> None:
    with pytest.raises(NoticeError, match="no provider bank"):
        read("bank", b"{}")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("SUCCESSFUL", Said.PAID),
        ("PENDING", Said.PENDING),
        ("REJECTED", Said.FAILED),
        ("TIMEOUT", Said.FAILED),
        ("DREAMING", Said.UNKNOWN),
    ],
)
def test_a_request_to_pay_has_its_status(status: str, expected: Said) -> None:
    assert said("mtn", changed("momo-ok", status=status)).said is expected


def test_a_reason_is_a_text_or_an_object() -> None:
    told = {"code": "PAYER_LIMIT_REACHED", "message": "limit"}
    assert said("mtn", changed("momo-failed", reason=told)).reason == "PAYER_LIMIT_REACHED"


def test_a_payment_without_the_provider_s_number_waits_for_our_own_question() -> None:
    body = {k: v for k, v in SAMPLES["momo-ok"].items() if k != "financialTransactionId"}
    assert said("mtn", body).said is Said.UNVERIFIED


@pytest.mark.parametrize("field", ["amount", "currency"])
def test_a_payment_of_nothing_or_in_nothing_is_refused(field: str) -> None:
    with pytest.raises(NoticeError) as caught:
        said("mtn", changed("momo-ok", **{field: ""}))
    assert caught.value.path == field


def test_an_error_in_place_of_a_status_says_nothing_about_the_payment() -> None:
    found = said("mtn", {"code": "RESOURCE_NOT_FOUND", "message": "not found"})
    assert (found.said, found.reason) == (Said.UNKNOWN, "RESOURCE_NOT_FOUND")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"status": "TS", "airtel_money_id": "MP210603.1234.L06941"}, Said.PAID),
        ({"status": "TS"}, Said.UNVERIFIED),
        ({"status": "TIP"}, Said.PENDING),
        ({"status": "TE"}, Said.FAILED),
    ],
)
def test_airtel_paid_needs_their_number(fields: dict[str, str], expected: Said) -> None:
    body = {"data": {"transaction": {"id": "1", **fields}}, "status": {"success": True}}
    assert said("airtel", body).said is expected


@pytest.mark.parametrize(
    ("letters", "expected"), [("TS", Said.UNVERIFIED), ("TF", Said.FAILED), ("TA", Said.UNKNOWN)]
)
def test_a_callback_of_airtel_never_makes_a_payment(letters: str, expected: Said) -> None:
    told = {"id": "1", "message": "Paid", "status_code": letters, "airtel_money_id": "MP21.1.L1"}
    found = said("airtel", {"transaction": told})
    assert (found.said, found.receipt, found.amount) == (expected, "MP21.1.L1", None)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("DP00800001006", Said.PENDING),
        ("DP00800001002", Said.FAILED),
        ("DP00800001000", Said.UNKNOWN),
        ("DP00800001024", Said.UNKNOWN),
    ],
)
def test_an_answer_of_airtel_is_never_a_payment(code: str, expected: Said) -> None:
    body = {"data": {"transaction": {"id": "1", "status": "Success."}},
            "status": {"response_code": code, "success": True}}  # fmt: skip
    assert said("airtel", body, "payment request response").said is expected


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda each: (
        st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=8), each, max_size=3)
    ),
    max_leaves=6,
)


def _paths(of: object, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    pairs = of.items() if isinstance(of, dict) else enumerate(of) if isinstance(of, list) else ()
    return [path for key, each in pairs for path in [(*at, key), *_paths(each, (*at, key))]]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_changed_message_is_read_or_refused_and_never_paid_without_its_facts(
    data: st.DataObject,
) -> None:
    case = data.draw(st.sampled_from(CASES))
    body = json.loads(json.dumps(case["body"]))
    *way, last = data.draw(st.sampled_from(_paths(body)))
    holder = body
    for key in way:
        holder = holder[key]
    holder[last] = data.draw(_JSON)
    try:
        found = said(case["provider"], body, case["kind"])
    except NoticeError:
        return
    if found.said is Said.PAID:
        assert found.receipt
        assert found.amount is None or found.amount > 0


@settings(deadline=None)
@given(st.sampled_from(sorted(PROVIDERS)), st.binary(max_size=200))
def test_noise_is_refused(provider: str, noise: bytes) -> None:
    with suppress(NoticeError):
        assert read(provider, noise).said is not Said.PAID
