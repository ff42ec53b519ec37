"""What we send to providers that sign, checked by openssl, and what their answers come to."""

import hashlib
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import pytest

from adapters.mobilemoney import alipay, signing
from adapters.mobilemoney.reading import NoticeError, Said
from adapters.mobilemoney.senders import SENDERS
from adapters.mobilemoney.sending import Answered, Ask, Call, Came, Given, Refund, UnfitError
from channels.mobilemoney.provider import provider
from tests.adapters.mobilemoney import openssl

OURS, THEIRS, STRANGER = (openssl.pair(name) for name in ("ours", "theirs", "stranger"))
REFERENCE = "01890f3e-6c00-7abc-8def-0123456789ab"
NUMBER = REFERENCE.replace("-", "")
NOW = datetime(2025, 10, 9, 8, 53, 20, tzinfo=UTC)
SETTINGS = {
    "wechat": {"mch_id": "1230000109", "app_id": "wxd678efh567hg6787", "serial": "5157F09E"},
    "alipay": {"app_id": "2021000116660265", "seller_id": "2088102181234567"},
    "unionpay": {"mer_id": "777290058110048", "cert_id": "68759663125"},
}
NAMES = sorted(SETTINGS)
ASKED = Ask(reference=REFERENCE, payer="8613800000000", amount=Decimal("123.45"), currency="CNY",
            shown="电费 04000000019", at=NOW)  # fmt: skip
WANTED = Refund(reference=REFERENCE, receipt="4200002345202510091234567890", at=NOW,
                amount=Decimal("123.45"), currency="CNY", ask=REFERENCE)  # fmt: skip


def brought(name: str, **secrets: str) -> Given:
    keys = THEIRS.public if name == "alipay" else THEIRS.certificate
    return Given(
        paths=provider(name).data.paths,
        settings=SETTINGS[name],
        secrets={"private_key": OURS.private, "platform_keys": keys, "api_v3_key": "k" * 32}
        | secrets,
        now=NOW,
        nonce="593BEC0C930BF1AFEB40B4A08C8FB242",
        address=lambda kind, reference: f"https://utility.example/{kind}/{reference}",
    )


def form(call: Call) -> dict[str, str]:
    return dict(parse_qsl(call.body.decode(), strict_parsing=True))


def joined(told: dict[str, str], *without: str) -> bytes:
    return "&".join(f"{k}={v}" for k, v in sorted(told.items()) if k not in without).encode()


def signed_by_us(name: str, call: Call) -> bool:
    """As the provider would look at it, by openssl."""
    if name == "wechat":
        header = call.headers["Authorization"]
        scheme, _, rest = header.partition(" ")
        told = dict(re.findall(r'(\w+)="([^"]*)"', rest))
        assert (scheme, told["mchid"]) == ("WECHATPAY2-SHA256-RSA2048", "1230000109")
        text = f"{call.method}\n{call.path}\n{told['timestamp']}\n{told['nonce_str']}\n".encode()
        return openssl.verifies(OURS, text + call.body + b"\n", told["signature"])
    told = form(call)
    if name == "alipay":
        return openssl.verifies(OURS, joined(told, "sign"), told["sign"])
    text = hashlib.sha256(joined(told, "signature")).hexdigest().encode()
    return openssl.verifies(OURS, text, told["signature"])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("what", ["ask", "status", "refund", "refund_status"])
def test_every_request_is_signed_and_carries_no_token(name: str, what: str) -> None:
    sender, given = SENDERS[name], brought(name)
    build: Any = getattr(sender, what)
    call = sender.sign(build(given, WANTED if "refund" in what else ASKED), given)
    assert signed_by_us(name, call)
    assert not call.bearer
    assert sender.token is None
    assert NUMBER in call.path + call.body.decode() + str(form(call) if name != "wechat" else "")


@pytest.mark.parametrize("name", NAMES)
def test_nothing_secret_is_shown_of_what_is_brought(name: str) -> None:
    assert "PRIVATE KEY" not in repr(brought(name))


def test_an_order_names_its_amount_in_the_provider_s_own_way() -> None:
    told = json.loads(SENDERS["wechat"].ask(brought("wechat"), ASKED).body)
    assert (told["amount"], told["out_trade_no"]) == ({"total": 12345, "currency": "CNY"}, NUMBER)
    assert told["notify_url"] == f"https://utility.example/notice/{REFERENCE}"
    content = json.loads(form(SENDERS["alipay"].ask(brought("alipay"), ASKED))["biz_content"])
    assert (content["total_amount"], content["out_trade_no"]) == ("123.45", NUMBER)
    union = form(SENDERS["unionpay"].ask(brought("unionpay"), ASKED))
    assert (union["txnAmt"], union["currencyCode"], union["orderId"]) == ("12345", "156", NUMBER)
    assert (union["txnType"], union["txnSubType"], union["txnTime"]) == (
        "01",
        "07",
        "20251009165320",
    )


@pytest.mark.parametrize("name", ["wechat", "unionpay"])
@pytest.mark.parametrize("amount", ["0", "-1", "0.001", "1.005"])
def test_a_fraction_of_a_fen_is_never_sent(name: str, amount: str) -> None:
    with pytest.raises(UnfitError):
        SENDERS[name].ask(brought(name), replace(ASKED, amount=Decimal(amount)))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("key", ["", "nonsense", THEIRS.public])
def test_without_our_key_nothing_is_sent(name: str, key: str) -> None:
    sender, given = SENDERS[name], brought(name, private_key=key)
    with pytest.raises(UnfitError):
        sender.sign(sender.ask(given, ASKED), given)


def test_a_question_of_unionpay_names_the_time_that_was_noted_or_the_reference_s_own() -> None:
    sender, given = SENDERS["unionpay"], brought("unionpay")
    later = replace(given, now=NOW + timedelta(minutes=30))
    asked = form(sender.ask(given, ASKED))
    call = sender.status(later, ASKED)
    assert call is not None
    assert form(call)["txnTime"] == asked["txnTime"]
    own = replace(ASKED, at=None)
    call = sender.status(later, own)
    assert call is not None
    assert form(call)["txnTime"] == form(sender.ask(given, own))["txnTime"] == "20230701101816"
    with pytest.raises(UnfitError):
        sender.status(later, replace(own, reference="7f3f0ae4-0b1e-4b8e-9d8e-0123456789ab"))


def answered(name: str, told: dict[str, Any], *, by: openssl.Pair = THEIRS, status: int = 200,
             node: str = "alipay_trade_query_response") -> Answered:  # fmt: skip
    """An answer as the provider signs it, by openssl."""
    if name == "wechat":
        body = json.dumps(told).encode()
        stamp = str(int(NOW.timestamp()))
        text = f"{stamp}\nABC\n".encode() + body + b"\n"
        headers = {
            "wechatpay-serial": by.serial,
            "wechatpay-timestamp": stamp,
            "wechatpay-nonce": "ABC",
            "wechatpay-signature": openssl.sign(by, text),
        }
        return Answered(status=status, body=body, headers=headers)
    if name == "alipay":
        inner = json.dumps(told, ensure_ascii=False)
        signature = openssl.sign(by, inner.encode())
        return Answered(status=status, body=f'{{"{node}": {inner},"sign":"{signature}"}}'.encode())
    fields = {"signMethod": "01", "merId": "777290058110048", "signPubKeyCert": by.certificate}
    fields |= told
    text = hashlib.sha256(joined(fields)).hexdigest().encode()
    fields["signature"] = openssl.sign(by, text)
    return Answered(status=status, body="&".join(f"{k}={v}" for k, v in fields.items()).encode())


CODES: dict[str, dict[str, Any]] = {
    "wechat": {"code_url": "weixin://wxpay/bizpayurl?pr=1"},
    "alipay": {"code": "10000", "out_trade_no": NUMBER, "qr_code": "https://qr.example/1"},
    "unionpay": {"respCode": "00", "orderId": NUMBER, "qrCode": "https://qr.example/1"},
}


@pytest.mark.parametrize("name", NAMES)
def test_the_answer_brings_what_the_payer_scans(name: str) -> None:
    sender, given = SENDERS[name], brought(name)
    result = sender.read_ask(sender.open_answer(answered(name, CODES[name]), given))
    assert result.came is Came.TAKEN
    assert result.shown in CODES[name].values()


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_that_somebody_else_signed_or_nobody_is_not_believed(name: str) -> None:
    sender, given = SENDERS[name], brought(name)
    good = answered(name, CODES[name])
    bare = {
        "wechat": replace(good, headers={}),
        "alipay": replace(good, body=re.sub(rb',"sign":"[^"]*"', b"", good.body)),
        "unionpay": replace(good, body=re.sub(rb"&signature=.*", b"", good.body, flags=re.S)),
    }[name]
    for wrong in (answered(name, CODES[name], by=STRANGER), bare,
                  replace(good, body=good.body.replace(b"1", b"2"))):  # fmt: skip
        with pytest.raises(NoticeError):
            sender.open_answer(wrong, given)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_after_an_error_of_theirs_nobody_knows(name: str, status: int) -> None:
    sender, given = SENDERS[name], brought(name)
    came = Answered(status=status, body=b"<html>Bad Gateway</html>")
    assert sender.read_ask(sender.open_answer(came, given)).came is Came.LOST
    assert sender.read_status(sender.open_answer(came, given)).came is Came.LOST
    assert sender.read_refund is not None
    assert sender.read_refund(sender.open_answer(came, given)).came is Came.LOST


ENDS: list[tuple[str, dict[str, Any], Came, Said | None]] = [
    ("wechat", {"out_trade_no": NUMBER, "trade_state": "NOTPAY"}, Came.ABSENT, None),
    ("wechat", {"out_trade_no": NUMBER, "trade_state": "PAYERROR"}, Came.ABSENT, None),
    ("wechat", {"out_trade_no": NUMBER, "trade_state": "CLOSED"}, Came.ENDED, Said.FAILED),
    ("wechat", {"out_trade_no": NUMBER, "trade_state": "NEW"}, Came.ENDED, Said.UNKNOWN),
    ("wechat", {"code": "ORDER_NOT_EXIST", "message": ""}, Came.ABSENT, None),
    ("wechat", {"code": "FREQUENCY_LIMITED", "message": ""}, Came.BUSY, None),
    ("wechat", {"code": "SYSTEM_ERROR", "message": ""}, Came.LOST, None),
    ("alipay", {"code": "40004", "sub_code": "ACQ.TRADE_NOT_EXIST"}, Came.ABSENT, None),
    ("alipay", {"code": "40004", "sub_code": "ACQ.SYSTEM_ERROR"}, Came.LOST, None),
    ("alipay", {"code": "20000", "sub_code": "isp.unknow-error"}, Came.LOST, None),
    ("alipay", {"code": "10000", "out_trade_no": NUMBER, "trade_no": "20251009",
                "trade_status": "WAIT_BUYER_PAY"}, Came.ABSENT, None),
    ("alipay", {"code": "10000", "out_trade_no": NUMBER, "trade_no": "20251009",
                "trade_status": "TRADE_CLOSED"}, Came.ENDED, Said.FAILED),
    ("alipay", {"code": "10000", "out_trade_no": NUMBER, "trade_no": "20251009",
                "send_pay_date": "2025-10-09 16:53:20", "trade_status": "TRADE_CLOSED"},
     Came.ENDED, Said.REVERSED),
    ("unionpay", {"respCode": "34"}, Came.ABSENT, None),
    ("unionpay", {"respCode": "06"}, Came.BUSY, None),
    ("unionpay", {"respCode": "11"}, Came.LOST, None),
    ("unionpay", {"respCode": "00", "origRespCode": "05", "orderId": NUMBER},
     Came.ENDED, Said.PENDING),
    ("unionpay", {"respCode": "00", "origRespCode": "64", "orderId": NUMBER}, Came.ABSENT, None),
    ("unionpay", {"respCode": "00", "origRespCode": "A6", "orderId": NUMBER, "txnAmt": "12345",
                  "queryId": "5425100916", "currencyCode": "156"}, Came.ENDED, Said.PAID),
]  # fmt: skip


@pytest.mark.parametrize(("name", "told", "came", "said"), ENDS)
def test_what_a_question_comes_to(
    name: str, told: dict[str, Any], came: Came, said: Said | None
) -> None:
    sender, given = SENDERS[name], brought(name)
    result = sender.read_status(sender.open_answer(answered(name, told), given))
    assert (result.came, result.reading.said if result.reading else None) == (came, said)


REFUNDS: list[tuple[str, dict[str, Any], Came, Said | None]] = [
    ("wechat", {"out_refund_no": NUMBER, "refund_id": "50000001", "transaction_id": "42000001",
                "status": "PROCESSING", "amount": {"refund": 12345}}, Came.TAKEN, None),
    ("wechat", {"out_refund_no": NUMBER, "refund_id": "50000001", "transaction_id": "42000001",
                "status": "SUCCESS", "amount": {"refund": 12345}}, Came.ENDED, Said.REVERSED),
    ("wechat", {"out_refund_no": NUMBER, "refund_id": "50000001", "transaction_id": "42000001",
                "status": "ABNORMAL", "amount": {"refund": 12345}}, Came.TAKEN, None),
    ("wechat", {"code": "NOT_ENOUGH", "message": ""}, Came.REFUSED, None),
    ("wechat", {"code": "SYSTEM_ERROR", "message": ""}, Came.LOST, None),
    ("alipay", {"code": "10000", "fund_change": "Y", "trade_no": "2025", "refund_fee": "123.45"},
     Came.ENDED, Said.REVERSED),
    ("alipay", {"code": "10000", "fund_change": "N", "trade_no": "2025", "refund_fee": "123.45"},
     Came.LOST, None),
    ("alipay", {"code": "40004", "sub_code": "ACQ.SELLER_BALANCE_NOT_ENOUGH"}, Came.REFUSED, None),
    ("alipay", {"code": "40004", "sub_code": "ACQ.SYSTEM_ERROR"}, Came.LOST, None),
    ("unionpay", {"respCode": "00", "queryId": "5425100917", "orderId": NUMBER, "txnType": "04"},
     Came.TAKEN, None),
    ("unionpay", {"respCode": "05", "orderId": NUMBER}, Came.TAKEN, None),
    ("unionpay", {"respCode": "36", "orderId": NUMBER}, Came.REFUSED, None),
    ("unionpay", {"respCode": "12", "orderId": NUMBER}, Came.LOST, None),
]  # fmt: skip


@pytest.mark.parametrize(("name", "told", "came", "said"), REFUNDS)
def test_what_a_refund_comes_to(
    name: str, told: dict[str, Any], came: Came, said: Said | None
) -> None:
    sender, given = SENDERS[name], brought(name)
    assert sender.read_refund is not None
    result = sender.read_refund(sender.open_answer(answered(name, told), given))
    assert (result.came, result.reading.said if result.reading else None) == (came, said)


def test_a_refund_is_known_by_its_own_number() -> None:
    wechat = SENDERS["wechat"]
    assert wechat.read_refund_status is not None
    told = {"out_refund_no": NUMBER, "refund_id": "50000001", "transaction_id": "42000001",
            "status": "SUCCESS", "amount": {"refund": 12345}}  # fmt: skip
    result = wechat.read_refund_status(answered("wechat", told))
    assert result.reading is not None
    assert (result.reading.said, result.reading.key) == (Said.REVERSED, REFERENCE)
    union = SENDERS["unionpay"]
    assert union.read_refund_status is not None
    told = {"respCode": "00", "origRespCode": "00", "txnType": "04", "orderId": NUMBER,
            "queryId": "5425100917", "txnAmt": "12345", "currencyCode": "156"}  # fmt: skip
    found = union.open_answer(answered("unionpay", told), brought("unionpay"))
    result = union.read_refund_status(found)
    assert result.reading is not None
    assert (result.reading.said, result.reading.key) == (Said.REVERSED, REFERENCE)
    ali = SENDERS["alipay"]
    assert ali.read_refund_status is not None
    done = {"refund_status": "REFUND_SUCCESS", "trade_no": "2025", "out_request_no": NUMBER,
            "refund_amount": "123.45"}  # fmt: skip
    for more, came in (({}, Came.ABSENT), (done, Came.ENDED)):
        found = ali.open_answer(answered("alipay", {"code": "10000", **more}), brought("alipay"))
        assert ali.read_refund_status(found).came is came


def test_alipay_must_be_told_success_and_signs_with_one_key() -> None:
    assert SENDERS["alipay"].reply().body == "success"
    keys = signing.public_keys((THEIRS.public + STRANGER.certificate).encode())
    with pytest.raises(NoticeError):
        alipay.open_answer(answered("alipay", CODES["alipay"]).body, keys)


def test_a_form_of_theirs_may_have_an_equals_sign_and_an_ampersand_in_braces() -> None:
    told = {**CODES["unionpay"], "reserved": "{a=1&b={c=2&d=3}}", "signature2": "A=="}
    found = SENDERS["unionpay"].open_answer(answered("unionpay", told), brought("unionpay"))
    assert json.loads(found.body)["reserved"] == "{a=1&b={c=2&d=3}}"


@pytest.mark.parametrize(
    "body", [b"", b"x", b"=1", b"a=1&a=2", b"<html>", b"{}", b"\xff=1", b"a=" + b"x" * 70_000]
)
def test_what_is_no_answer_of_unionpay_is_said(body: bytes) -> None:
    with pytest.raises(NoticeError):
        SENDERS["unionpay"].open_answer(Answered(status=200, body=body), brought("unionpay"))
