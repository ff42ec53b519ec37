"""What providers that sign say: every labelled message, and messages that somebody changed."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.mobilemoney import conform
from adapters.mobilemoney.providers import read
from adapters.mobilemoney.reading import NoticeError, Said
from adapters.mobilemoney.senders import SENDERS
from adapters.mobilemoney.sending import Given

FILE = Path(__file__).parents[2] / "vectors" / "mobile-money-wattbus.json"
ROOT: dict[str, Any] = json.loads(FILE.read_text())
CASES: dict[str, dict[str, Any]] = {case["id"]: case for case in ROOT["cases"]}
PAID = ("wechat-notice-paid", "alipay-notice-paid", "unionpay-notice-paid")


@pytest.mark.parametrize("verdict", conform.run(FILE.read_text()), ids=lambda each: each.id)
def test_a_labelled_message(verdict: conform.Verdict) -> None:
    assert verdict.got == verdict.expected


def test_what_is_expected_otherwise_fails() -> None:
    for case in ROOT["cases"]:
        for field in case["expect"]:
            wrong = {**case, "expect": {**case["expect"], field: "77"}}
            text = json.dumps({"merchants": ROOT["merchants"], "cases": [wrong]})
            assert conform.run(text)[0].got, (case["id"], field)


@pytest.mark.parametrize("provider", ["wechat", "alipay", "unionpay"])
def test_without_the_merchant_s_keys_nobody_is_believed(provider: str) -> None:
    cases = [c for c in ROOT["cases"] if c["provider"] == provider and "headers" in c]
    believed = [v for v in conform.run(json.dumps(cases)) if "paid" in v.got and "'paid'" in v.got]
    assert cases
    assert believed == []


@pytest.mark.parametrize("headers", ["x", None, 7, []])
def test_a_case_with_something_else_for_headers_is_refused(headers: object) -> None:
    case = {"id": "x", "provider": "wechat", "headers": headers, "body": {}, "expect": {"state": 1}}
    assert "refused" in conform.run(json.dumps([case]))[0].got


def opened(case: dict[str, Any], body: bytes, headers: dict[str, str], now: int) -> bytes:
    merchant = ROOT["merchants"][case["provider"]]
    brought = Given(
        paths={},
        settings=merchant["settings"],
        secrets=merchant["secrets"],
        now=datetime.fromtimestamp(now, UTC),
        nonce="",
        address=lambda kind, reference: f"{kind}/{reference}",
    )
    small = {name.lower(): value for name, value in headers.items()}
    return SENDERS[case["provider"]].open_notice(body, small, brought)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(PAID), st.data())
def test_a_notice_changed_in_any_byte_says_the_same_or_nothing(name: str, data: Any) -> None:
    case = CASES[name]
    body = case["body"].encode()
    at, by = data.draw(st.integers(0, len(body) - 1)), data.draw(st.integers(1, 255))
    changed = body[:at] + bytes([body[at] ^ by]) + body[at + 1 :]
    try:
        plain = opened(case, changed, case["headers"], case["now"])
    except NoticeError:
        return
    # %2B and %2b are the same octet: what was signed is what is read
    assert plain == opened(case, body, case["headers"], case["now"])


@pytest.mark.parametrize("header", sorted(CASES["wechat-notice-paid"]["headers"]))
@pytest.mark.parametrize("value", ["", "0", "é", "1759999999999999"])
def test_a_header_that_is_missing_or_another_one_s_is_a_forgery(header: str, value: str) -> None:
    case = CASES["wechat-notice-paid"]
    with pytest.raises(NoticeError):
        opened(case, case["body"].encode(), {**case["headers"], header: value}, case["now"])


def test_their_bare_key_has_the_number_of_our_settings_alone() -> None:
    """A platform key without a certificate: its number is agreed on, not read."""
    case = CASES["wechat-notice-paid"]
    merchant = ROOT["merchants"]["wechat"]
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = x509.load_pem_x509_certificate(merchant["secrets"]["platform_keys"].encode())
    bare = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    headers = {n.lower(): v for n, v in case["headers"].items()}
    headers["wechatpay-serial"] = "PUB_KEY_ID_0114"

    def given_with(**more: str) -> Given:
        return Given(
            paths={},
            settings={**merchant["settings"], **more},
            secrets={**merchant["secrets"], "platform_keys": bare},
            now=datetime.fromtimestamp(case["now"], UTC),
            nonce="",
            address=lambda kind, reference: f"{kind}/{reference}",
        )

    sender, body = SENDERS["wechat"], case["body"].encode()
    plain = sender.open_notice(body, headers, given_with(platform_key_id="PUB_KEY_ID_0114"))
    assert read("wechat", plain).said is Said.PAID
    for more in ({}, {"platform_key_id": "PUB_KEY_ID_0115"}):
        with pytest.raises(NoticeError):
            sender.open_notice(body, headers, given_with(**more))
    with pytest.raises(NoticeError):
        sender.open_notice(body, {**headers, "wechatpay-serial": ""}, given_with())
