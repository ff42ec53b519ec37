"""MTN and Airtel as they answer, read by our own readers."""

import base64
import hashlib
import hmac
import json
from decimal import Decimal
from typing import Any
from uuid import UUID

from adapters.mobilemoney import airtel, mtn
from adapters.mobilemoney.reading import Said
from simulators.mobilemoney.airtel import Airtel
from simulators.mobilemoney.mtn import Mtn
from simulators.mobilemoney.purse import Purse
from tests.simulators.mobilemoney.merchant import Merchant, basic, call

KEY = str(UUID(int=7))
PAY = "/collection/v1_0/requesttopay"


def headers(purse: Purse, **more: str) -> dict[str, str]:
    subscription = {"ocp_apim_subscription_key": "sim-subscription"}
    _, told = call(
        purse, "POST", "/collection/token/", {}, authorization=basic("user", "key"), **subscription
    )
    return {
        "authorization": f"Bearer {told['access_token']}", "x_target_environment": "sandbox",
        **subscription, **more,
    }  # fmt: skip


def asked(amount: str = "2000") -> dict[str, Any]:
    payer = {"partyIdType": "MSISDN", "partyId": "256772000000"}
    return {
        "amount": amount, "currency": "UGX", "externalId": "947354", "payer": payer,
        "payerMessage": "04123456784", "payeeNote": "tokens",
    }  # fmt: skip


def test_a_request_to_pay_has_one_name_for_ever() -> None:
    merchant = Merchant()
    purse = merchant.purse(Mtn(), payer_s=5.0)
    named = headers(purse, x_reference_id=KEY, x_callback_url="http://hub/mtn")
    assert call(purse, "POST", PAY, asked(), **named) == (202, {})
    assert call(purse, "POST", PAY, asked(), **named)[0] == 409
    assert mtn.read(call(purse, "GET", f"{PAY}/{KEY}", **named)[1]).said is Said.PENDING
    merchant.clock.advance(5.0)
    (notice,) = merchant.notices
    assert (notice.method, notice.url) == ("PUT", "http://hub/mtn")
    for told in (merchant.bodies()[0], call(purse, "GET", f"{PAY}/{KEY}", **named)[1]):
        read = mtn.read(told)
        assert (read.said, read.amount, read.currency) == (Said.PAID, Decimal(2000), "UGX")
        assert read.receipt in purse.book.movements
    assert purse.counts.pushes == 1


def test_a_refusal_of_mtn_is_a_text_or_an_object() -> None:
    for objects in (False, True):
        merchant = Merchant()
        purse = merchant.purse(Mtn(objects=objects, by_put=False), answers="decline")
        named = headers(purse, x_reference_id=KEY, x_callback_url="http://hub/mtn")
        call(purse, "POST", PAY, asked(), **named)
        merchant.clock.advance(0.0)
        read = mtn.read(merchant.bodies()[0])
        assert (read.said, read.reason) == (Said.FAILED, "APPROVAL_REJECTED")
        assert merchant.notices[0].method == "POST"


def test_mtn_refuses_what_is_wrong() -> None:
    purse = Merchant().purse(Mtn())
    named = headers(purse, x_reference_id=KEY)
    assert call(purse, "POST", PAY, asked("1.5"), **named)[0] == 400
    assert call(purse, "POST", PAY, {}, **named)[0] == 400
    assert call(purse, "GET", f"{PAY}/{KEY}", **named)[0] == 404
    assert call(purse, "POST", PAY, asked(), **{**named, "authorization": "Bearer x"})[0] == 401
    assert call(purse, "POST", PAY, asked(), **{**named, "x_target_environment": "y"})[0] == 500
    assert call(purse, "POST", PAY, asked())[0] == 401
    wrong = {"ocp_apim_subscription_key": "sim-subscription"}
    assert call(purse, "POST", "/collection/token/", {}, **wrong)[0] == 401


def test_mtn_gives_back_once() -> None:
    merchant = Merchant()
    purse = merchant.purse(Mtn())
    named = headers(purse, x_reference_id=KEY)
    call(purse, "POST", PAY, asked(), **named)
    merchant.clock.advance(0.0)
    path, found = "/disbursement/v1_0/refund", []
    for number in (8, 9):
        key = str(UUID(int=number))
        fields = {"amount": "2000", "currency": "UGX", "referenceIdToRefund": KEY}
        assert call(purse, "POST", path, fields, **{**named, "x_reference_id": key})[0] == 202
        assert call(purse, "POST", path, fields, **{**named, "x_reference_id": key})[0] == 409
        found.append(call(purse, "GET", f"{path}/{key}", **named)[1]["status"])
    assert (found, purse.book.total()) == (["SUCCESSFUL", "FAILED"], 0)


def airtel_headers(purse: Purse) -> dict[str, str]:
    fields = {"client_id": "client", "client_secret": "secret", "grant_type": "client_credentials"}
    status, told = call(purse, "POST", "/auth/oauth2/token", fields)
    assert status == 200
    country = {"x_country": "UG", "x_currency": "UGX"}
    return {"authorization": f"Bearer {told['access_token']}", **country}


def payment(amount: Any = 2000, number: str = "752000000") -> dict[str, Any]:
    return {
        "reference": "04123456784",
        "subscriber": {"country": "UG", "currency": "UGX", "msisdn": number},
        "transaction": {"amount": amount, "country": "UG", "currency": "UGX", "id": KEY},
    }  # fmt: skip


def test_airtel_says_success_and_means_in_process() -> None:
    merchant = Merchant()
    purse = merchant.purse(Airtel(callback="http://hub/a", secret="s3cret"), payer_s=5.0)
    named = airtel_headers(purse)
    _, taken = call(purse, "POST", "/merchant/v1/payments/", payment(), **named)
    assert airtel.read(taken, "request").said is Said.PENDING
    _, told = call(purse, "GET", f"/standard/v1/payments/{KEY}", **named)
    assert airtel.read(told).said is Said.PENDING
    merchant.clock.advance(5.0)
    (notice,) = merchant.bodies()
    assert airtel.read(notice).said is Said.UNVERIFIED
    body = json.dumps(notice["transaction"], separators=(",", ":")).encode()
    made = hmac.new(b"s3cret", body, hashlib.sha256).digest()
    assert notice["hash"] == base64.b64encode(made).decode()
    _, told = call(purse, "GET", f"/standard/v1/payments/{KEY}", **named)
    read = airtel.read(told)
    assert (read.said, read.receipt in purse.book.movements) == (Said.PAID, True)
    again = call(purse, "POST", "/merchant/v1/payments/", payment(), **named)[1]
    assert again["status"]["result_code"] == "ESB000045"
    refund = {"transaction": {"airtel_money_id": read.receipt}}
    for good in (True, False):
        _, told = call(purse, "POST", "/standard/v1/payments/refund", refund, **named)
        assert told["status"]["success"] is good
    assert purse.book.total() == 0


def test_airtel_refuses_what_is_wrong() -> None:
    merchant = Merchant()
    purse = merchant.purse(Airtel(callback="http://hub/a"), answers="decline")
    named = airtel_headers(purse)
    for wrong in (payment(0), payment("x"), payment(number="256752000000"), {}):
        _, told = call(purse, "POST", "/merchant/v1/payments/", wrong, **named)
        assert told["status"]["success"] is False
    assert call(purse, "POST", "/merchant/v1/payments/", payment())[0] == 401
    assert call(purse, "GET", "/elsewhere", **named)[0] == 404
    other = {**named, "x_country": "KE"}
    assert call(purse, "POST", "/merchant/v1/payments/", payment(), **other)[0] == 400
    assert call(purse, "POST", "/auth/oauth2/token", {})[0] == 401
    _, told = call(purse, "GET", f"/standard/v1/payments/{KEY}", **named)
    assert told["status"]["success"] is False
    call(purse, "POST", "/merchant/v2/payments/", payment(), **named)
    merchant.clock.advance(0.0)
    assert airtel.read(merchant.bodies()[0]).said is Said.FAILED
    _, told = call(purse, "GET", f"/standard/v1/payments/{KEY}", **named)
    assert airtel.read(told).said is Said.FAILED
