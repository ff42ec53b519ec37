"""What Daraja's far end says, read by our own readers, and the money that it really moved."""

import json
from datetime import date
from decimal import Decimal

import pytest
from twisted.internet.defer import Deferred, succeed

from adapters.mobilemoney import mpesa
from adapters.mobilemoney.reading import Said
from simulators.mobilemoney.mpesa import Mpesa
from simulators.mobilemoney.wire import Notice
from tests.simulators.mobilemoney.merchant import (
    Merchant,
    call,
    mpesa_token,
    push,
    signed,
)

PAYER = "254708374149"


def test_a_push_is_approved_told_and_asked_about() -> None:
    merchant = Merchant()
    purse = merchant.purse(Mpesa(), payer_s=5.0, fee_per_mille=10)
    token = mpesa_token(purse)
    status, taken = push(purse, token=token)
    assert (status, mpesa.read(taken).said) == (200, Said.PENDING)
    key = taken["CheckoutRequestID"]
    question = signed(purse, CheckoutRequestID=key)
    path = "/mpesa/stkpushquery/v1/query"
    status, told = call(purse, "POST", path, question, authorization=token)
    assert (status, mpesa.read(told).said) == (500, Said.PENDING)
    assert purse.prompts[PAYER].amount == 50_000
    merchant.clock.advance(5.0)
    (notice,) = merchant.bodies()
    read = mpesa.read(notice)
    assert (read.said, read.key, read.amount) == (Said.PAID, key, Decimal(500))
    assert read.receipt in purse.book.movements
    status, told = call(purse, "POST", path, question, authorization=token)
    assert (status, mpesa.read(told).said) == (200, Said.PAID)
    assert purse.book.holder(PAYER).balance == purse.book.opening - 50_000
    (moved,) = purse.book.of_day(date(2023, 11, 21))
    assert (moved.amount, moved.fee) == (50_000, 500)
    merchant.clock.advance(100.0)
    assert len(merchant.notices) == 1


@pytest.mark.parametrize(
    ("how", "code"),
    [("cancel", 1032), ("pin", 2001), ("poor", 1), ("silent", 1037), ("off", 1037), ("busy", 1001)],
)
def test_every_way_in_which_a_push_moves_nothing(how: str, code: int) -> None:
    merchant = Merchant()
    purse = merchant.purse(Mpesa(), answers="person")
    holder = purse.book.holder(PAYER)
    if how == "poor":
        holder.balance = 49_999
    holder.reachable = how != "off"
    push(purse)
    if how == "busy":
        push(purse)
    elif how in ("cancel", "pin", "poor"):
        purse.typed(f"+{PAYER}", {"cancel": "", "pin": "9999", "poor": "1234"}[how])
    else:
        merchant.clock.advance(60.0)
    read = mpesa.read(merchant.bodies()[0])
    assert (read.said, read.reason) == (Said.FAILED, str(code))
    assert not purse.book.movements


def test_a_pay_in_is_validated_and_confirmed() -> None:
    merchant = Merchant()
    told = json.dumps({"ResultCode": "0", "ThirdPartyTransID": "ours-1"}).encode()
    merchant.answers = lambda _: succeed((200, told))
    purse = merchant.purse(Mpesa(validates=True))
    urls = {"ConfirmationURL": "http://hub/c", "ValidationURL": "http://hub/v"}
    fields = {"ShortCode": "600966", "ResponseType": "Cancelled", **urls}
    path = "/mpesa/c2b/v2/registerurl"
    status, _ = call(purse, "POST", path, fields, authorization=mpesa_token(purse))
    assert status == 200
    paid: list[object] = []
    purse.pay_in(f"+{PAYER}", "O4123456784", 5_000).addCallback(paid.append)
    question, confirmation = merchant.notices
    assert [question.url, confirmation.url] == ["http://hub/v", "http://hub/c"]
    asked = mpesa.read(json.loads(question.body()), "validation")
    read = mpesa.read(json.loads(confirmation.body()))
    assert (asked.said, read.said, read.key) == (Said.QUESTION, Said.PAID, "ours-1")
    assert (read.account, read.payer, asked.receipt) == (
        "O4123456784",
        "2547*****149",
        read.receipt,
    )
    assert purse.book.total() == 5_000


@pytest.mark.parametrize(
    ("answer", "registered", "moves"),
    [
        (b'{"ResultCode": "C2B00012", "ResultDesc": "Rejected"}', "Completed", False),
        (b"<html>", "Completed", True),
        (b"<html>", "Cancelled", False),
        (None, "Completed", True),
        (None, "Cancelled", False),
    ],
)
def test_who_does_not_answer_a_validation_has_registered_what_happens(
    answer: bytes | None, registered: str, moves: bool
) -> None:
    merchant = Merchant()

    def answered(notice: Notice) -> "Deferred[tuple[int, bytes]]":
        if notice.kind == "validation" and answer is None:
            return Deferred()
        return succeed((200, answer or b"{}"))

    merchant.answers = answered
    urls = {"confirmation": "http://hub/c", "validation": "http://hub/v"}
    purse = merchant.purse(Mpesa(validates=True, urls=urls, silent_means=registered))
    purse.pay_in(PAYER, "nonsense", 5_000)
    merchant.clock.advance(8.0)
    assert bool(purse.book.movements) is moves


def test_a_payment_goes_back_once_and_says_so() -> None:
    merchant = Merchant()
    purse = merchant.purse(Mpesa())
    push(purse)
    merchant.clock.advance(0.0)
    (receipt,) = purse.book.movements
    asked = {
        "Initiator": "us", "SecurityCredential": "x", "CommandID": "TransactionReversal",
        "TransactionID": receipt, "Amount": "500", "ReceiverParty": "600966",
        "RecieverIdentifierType": "11", "ResultURL": "http://hub/r",
    }  # fmt: skip
    for expected in (Said.REVERSED, Said.FAILED):
        call(purse, "POST", "/mpesa/reversal/v1/request", asked, authorization=mpesa_token(purse))
        assert mpesa.read(merchant.bodies()[-1]).said is expected
    for wrong in ({"TransactionID": "NONE"}, {"Amount": "1"}):
        call(
            purse, "POST", "/mpesa/reversal/v1/request", {**asked, **wrong},
            authorization=mpesa_token(purse),
        )  # fmt: skip
    codes = [each["Result"]["ResultCode"] for each in merchant.bodies()[1:]]
    assert codes == [0, "R000001", "R000002", "R000002"]
    assert (purse.book.total(), purse.book.holder(PAYER).balance) == (0, purse.book.opening)


def test_a_status_question_is_answered_by_a_result() -> None:
    merchant = Merchant()
    purse = merchant.purse(Mpesa())
    push(purse)
    merchant.clock.advance(0.0)
    (receipt,) = purse.book.movements
    for named in (receipt, "NONE"):
        asked = {"TransactionID": named, "ResultURL": "http://hub/s", "SecurityCredential": "x"}
        call(
            purse, "POST", "/mpesa/transactionstatus/v1/query", asked,
            authorization=mpesa_token(purse),
        )  # fmt: skip
    known, unknown = (mpesa.read(each) for each in merchant.bodies()[1:])
    assert (known.said, known.receipt, known.amount) == (Said.PAID, receipt, Decimal(500))
    assert unknown.said is Said.UNKNOWN


def test_the_pull_lists_what_was_paid() -> None:
    merchant = Merchant()
    purse = merchant.purse(Mpesa(masked=False))
    purse.pay_in(PAYER, "04123456784", 5_000)
    path, token = "/pulltransactions/v1/query", mpesa_token(purse)
    window = {"ShortCode": "600966", "OffSetValue": "0", "StartDate": "2023-11-20 00:00:00"}
    _, told = call(
        purse, "POST", path, {**window, "EndDate": "2023-11-22 00:00:00"}, authorization=token
    )
    ((row,),) = told["Response"]
    assert (row["billreference"], row["amount"], row["msisdn"]) == ("04123456784", "50.00", PAYER)
    _, told = call(
        purse, "POST", path, {**window, "EndDate": "2023-11-21 00:00:00"}, authorization=token
    )
    assert (told["ResponseCode"], told["Response"]) == ("1001", [[]])


def test_wrong_requests_are_refused_and_ask_nobody() -> None:
    purse = Merchant().purse(Mpesa())
    token = mpesa_token(purse)
    assert push(purse, token="Bearer other")[0] == 401
    newer = mpesa_token(purse)
    assert push(purse, token=token)[1]["errorCode"] == "401.003.01"  # a new token kills the old
    assert push(purse, amount=0, token=newer)[0] == 400
    assert push(purse, phone="nobody", token=newer)[0] == 400
    path = "/mpesa/stkpush/v1/processrequest"
    assert call(purse, "POST", path, {}, authorization=newer)[0] == 400
    forged = signed(purse, Password="AAAA", CheckoutRequestID="x")
    query = "/mpesa/stkpushquery/v1/query"
    assert call(purse, "POST", query, forged, authorization=newer)[0] == 400
    unknown = signed(purse, CheckoutRequestID="ws_CO_0")
    assert call(purse, "POST", query, unknown, authorization=newer)[0] == 500
    assert call(purse, "GET", "/nothing", authorization=newer)[0] == 404
    assert purse.counts.pushes == 0


def test_the_same_receipt_is_never_given_twice() -> None:
    dialect = Mpesa()
    made = {dialect.receipt(number, 1_700_558_005.0) for number in range(5_000)}
    assert len(made) == 5_000
    assert {len(each) for each in made} == {10}


def test_a_paid_push_is_told_as_a_payment_too_where_those_are_told() -> None:
    merchant = Merchant()
    urls = {"confirmation": "http://hub/c", "validation": "http://hub/v"}
    purse = merchant.purse(Mpesa(urls=urls))
    push(purse)
    merchant.clock.advance(0.0)
    first, second = (mpesa.read(body) for body in merchant.bodies())
    assert first.receipt == second.receipt
    assert (second.account, second.amount) == ("04123456784", Decimal(500))
    assert len(purse.book.movements) == 1
