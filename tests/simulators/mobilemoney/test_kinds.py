"""Each misbehaviour does what its name says, and the money is the same as without it."""

import json
from collections import Counter
from typing import Any

import pytest

from adapters.mobilemoney import airtel, mpesa, mtn
from adapters.mobilemoney.reading import NoticeError, Said
from simulators.mobilemoney.airtel import Airtel
from simulators.mobilemoney.kinds import KINDS
from simulators.mobilemoney.mpesa import Mpesa
from simulators.mobilemoney.mtn import Mtn
from simulators.mobilemoney.wire import Call
from tests.simulators.mobilemoney.merchant import Merchant, call, mpesa_token, now, push, signed
from tests.simulators.mobilemoney.test_others import (
    KEY,
    PAY,
    airtel_headers,
    asked,
    headers,
    payment,
)

PAYER = "25470837{:04d}"
QUERY = "/mpesa/stkpushquery/v1/query"


def pushed(kind: str, count: int = 4, **options: Any) -> tuple[Merchant, Any]:
    merchant = Merchant()
    purse = merchant.purse(Mpesa(), kind, **{"every": 2, **options})
    for number in range(count):
        push(purse, phone=PAYER.format(number))
        merchant.clock.advance(0.0)
    return merchant, purse


@pytest.mark.parametrize(
    ("kind", "came", "later"),
    [("friendly", 4, 4), ("lost-notice", 2, 2), ("doubled-notice", 6, 6), ("late-notice", 2, 4)],
)
def test_notices_that_do_not_come_as_they_should(kind: str, came: int, later: int) -> None:
    merchant, purse = pushed(kind)
    assert len(merchant.notices) == came
    merchant.clock.advance(15.0)
    assert len(merchant.notices) == later
    assert purse.book.total() == 4 * 50_000


def test_notices_that_lie_or_lack_something() -> None:
    merchant, purse = pushed("altered-notice")
    amounts = [int(mpesa.read(body).amount or 0) for body in merchant.bodies()]
    assert amounts == [500, 5_000, 500, 5_000]
    assert purse.book.total() == 4 * 50_000
    merchant, _ = pushed("missing-field")
    told = [mpesa.read(body).said for body in merchant.bodies()]
    assert told == [Said.PAID, Said.UNVERIFIED] * 2
    merchant, _ = pushed("integer-codes")
    assert [mpesa.read(body).said for body in merchant.bodies()] == [Said.PAID] * 4
    codes = [body["Body"]["stkCallback"]["ResultCode"] for body in merchant.bodies()]
    assert codes == [0, "0", 0, "0"]


def test_a_stranger_forges_a_receipt_that_nobody_gave() -> None:
    merchant, purse = pushed("forging-stranger")
    receipts = [mpesa.read(body).receipt for body in merchant.bodies()]
    assert sum(each.startswith("FORGED") for each in receipts) == 2
    assert len(receipts) == 6
    assert len(purse.book.movements) == 4


def test_a_storm_is_the_same_for_the_same_seed() -> None:
    found = []
    for _ in range(2):
        merchant, purse = pushed("stormy", 200, seed=7)
        merchant.clock.advance(15.0)
        about = Counter(notice.about for notice in merchant.notices)
        doubled = sum(count == 2 for count in about.values())
        altered = sum(mpesa.read(body).amount == 5_000 for body in merchant.bodies())
        found.append((purse.counts.lost, doubled, altered))
        assert purse.book.total() == 200 * 50_000
    assert found[0] == found[1]
    assert min(found[0]) > 0


def test_a_token_is_forgotten_in_its_time() -> None:
    purse = Merchant().purse(Mpesa(), "stale-token", every=3)
    token = mpesa_token(purse)
    assert [push(purse, token=token)[0] for _ in range(3)] == [200, 200, 401]


@pytest.mark.parametrize(("kind", "status"), [("html", 502), ("silent", 0), ("slow", 0)])
def test_a_push_whose_answer_is_lost_was_taken(kind: str, status: int) -> None:
    merchant = Merchant()
    purse = merchant.purse(Mpesa(), kind, every=1)
    fields = signed(
        purse, Amount=500, PhoneNumber="254708374149", CallBackURL="http://hub/push",
        AccountReference="04123456784", TransactionDesc="tokens",
    )  # fmt: skip
    token = mpesa_token(purse)
    answer = purse.handle(
        Call("POST", "/mpesa/stkpush/v1/processrequest", {}, {"authorization": token},
             json.dumps(fields).encode())
    )  # fmt: skip
    found = now(answer)
    assert (found.status if found else 0) == status
    merchant.clock.advance(15.0)
    assert purse.book.total() == 50_000
    assert mpesa.read(merchant.bodies()[0]).said is Said.PAID
    if kind == "slow":
        assert answer.called


def test_a_notice_overtakes_the_answer() -> None:
    merchant, purse = pushed("callback-before-answer", 1, every=1, answers="person")
    assert mpesa.read(merchant.bodies()[0]).said is Said.PAID
    assert purse.prompts == {}


def test_an_outage_asks_nobody_and_ends() -> None:
    merchant = Merchant()
    purse = merchant.purse(Mpesa(), "outage", every=2, down=60.0)
    token = mpesa_token(purse)
    codes = [push(purse, token=token)[0] for _ in range(3)]
    assert codes == [200, 502, 503]
    merchant.clock.advance(61.0)
    assert push(purse, token=token)[0] == 200
    merchant.clock.advance(0.0)
    assert purse.book.total() == 2 * 50_000


@pytest.mark.parametrize(("kind", "reason"), [("busy-payer", "1001"), ("wrong-pin", "2001")])
def test_a_payer_who_is_not_able(kind: str, reason: str) -> None:
    merchant, purse = pushed(kind)
    told = [mpesa.read(body).reason for body in merchant.bodies()]
    assert told == ["", reason] * 2
    assert purse.book.total() == 2 * 50_000


def test_a_late_approval_contradicts_what_was_told() -> None:
    merchant, purse = pushed("late-approval", 1, every=1)
    key = merchant.bodies()[0]["Body"]["stkCallback"]["CheckoutRequestID"]
    question = signed(purse, CheckoutRequestID=key)
    token = mpesa_token(purse)
    told = call(purse, "POST", QUERY, question, authorization=token)[1]
    assert mpesa.read(told).said is Said.FAILED
    merchant.clock.advance(15.0)
    assert [mpesa.read(body).said for body in merchant.bodies()] == [Said.FAILED, Said.PAID]
    assert purse.book.total() == 50_000


def test_others_are_altered_cut_and_retyped_too() -> None:
    for kind, expected in (
        ("altered-notice", Said.PAID), ("missing-field", Said.UNVERIFIED),
        ("integer-codes", Said.PAID),
    ):  # fmt: skip
        merchant = Merchant()
        purse = merchant.purse(Mtn(), kind, every=1)
        named = headers(purse, x_reference_id=KEY, x_callback_url="http://hub/mtn")
        call(purse, "POST", PAY, asked(), **named)
        merchant.clock.advance(0.0)
        read = mtn.read(merchant.bodies()[0])
        assert read.said is expected
        assert (read.amount == 20_000) is (kind == "altered-notice")
        merchant = Merchant()
        purse = merchant.purse(Airtel(callback="http://hub/a"), kind, every=1)
        call(purse, "POST", "/merchant/v1/payments/", payment(), **airtel_headers(purse))
        merchant.clock.advance(0.0)
        assert airtel.read(merchant.bodies()[0]).said is Said.UNVERIFIED


def test_the_names_are_those_of_the_help() -> None:
    from simulators.mobilemoney.command import run

    assert run.__doc__ is not None
    words = run.__doc__.replace(",", " ").replace(";", " ").replace(".", " ").split()
    assert [name for name in KINDS if name not in words] == []


def test_nonsense_is_no_notice() -> None:
    with pytest.raises(NoticeError):
        mpesa.read({})
