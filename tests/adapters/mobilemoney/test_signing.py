"""Signatures, against openssl and against what a provider has published."""

import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.mobilemoney import signing
from adapters.mobilemoney.signing import ForgedError
from tests.adapters.mobilemoney import openssl

VECTORS = json.loads(
    (Path(__file__).parents[2] / "vectors" / "mobile-money-wattbus.json").read_text()
)
OURS = openssl.pair("ours")
TEXT = 'POST\n/v3/pay\n1554208460\nA\n{"description":"电费"}\n'.encode()


@pytest.mark.parametrize("case", VECTORS["signatures"], ids=lambda each: each["id"])
def test_a_published_signature_fits_and_no_other_text_does(case: dict[str, str]) -> None:
    key = signing.public_keys(case["key"].encode())[""]
    text = case["text"].encode()
    signing.check(key, text, case["signature"], "sign")
    for wrong in (text[:-1], text + b"\n", text.replace(b"100", b"101")):
        with pytest.raises(ForgedError):
            signing.check(key, wrong, case["signature"], "sign")


def test_openssl_verifies_what_we_sign_and_we_what_it_signs() -> None:
    signature = signing.sign(signing.private_key(OURS.private.encode()), TEXT)
    assert openssl.verifies(OURS, TEXT, signature)
    assert signature == openssl.sign(OURS, TEXT)  # PKCS #1 v1.5 has no salt
    key = signing.public_keys(OURS.certificate.encode())[OURS.serial]
    signing.check(key, TEXT, openssl.sign(OURS, TEXT), "sign")


@pytest.mark.parametrize("signature", ["", "x", "Zm9v", "====", "é", "A" * 344])
def test_what_is_no_signature_is_a_forgery_and_no_crash(signature: str) -> None:
    key = signing.public_keys(OURS.public.encode())[""]
    with pytest.raises(ForgedError) as caught:
        signing.check(key, TEXT, signature, "sign")
    assert caught.value.path == "sign"


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(TEXT) - 1), st.integers(1, 255))
def test_a_byte_changed_is_a_forgery(at: int, by: int) -> None:
    signature = signing.sign(signing.private_key(OURS.private.encode()), TEXT)
    changed = TEXT[:at] + bytes([TEXT[at] ^ by]) + TEXT[at + 1 :]
    with pytest.raises(ForgedError):
        signing.check(signing.public_keys(OURS.public.encode())[""], changed, signature, "sign")


def test_a_file_holds_several_keys_of_theirs_while_they_change() -> None:
    other = openssl.pair("other")
    found = signing.public_keys(
        (OURS.certificate + "\nBag Attributes\n" + other.certificate + OURS.public).encode()
    )
    assert set(found) == {OURS.serial, other.serial, ""}


@pytest.mark.parametrize(
    ("pem", "why"),
    [
        ("", "neither a public key nor a certificate"),
        (OURS.private, "neither a public key nor a certificate"),
        (OURS.public * 2, "two keys under"),
        (openssl.pair("short", 1024).public, "2048"),
    ],
    ids=["nothing", "private", "twice", "short"],
)
def test_what_is_no_key_of_theirs_is_said(pem: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        signing.public_keys(pem.encode())


def test_what_is_no_key_of_ours_is_said(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(OURS.private)
    command = ("openssl", "pkcs8", "-topk8", "-in", str(file), "-passout", "pass:secret")
    locked = subprocess.run(command, capture_output=True, check=True).stdout
    with pytest.raises(ValueError, match="encrypted"):
        signing.private_key(locked)
    with pytest.raises(ValueError, match="2048"):
        signing.private_key(openssl.pair("short", 1024).private.encode())
    with pytest.raises(ValueError):
        signing.private_key(OURS.public.encode())


@pytest.mark.parametrize("seconds", [0, 299, -299, 300, -300])
def test_five_minutes_are_fresh(seconds: int) -> None:
    signing.check_fresh(str(1_760_000_000 + seconds), 1_760_000_000, "t")


@pytest.mark.parametrize("stamp", ["1759999699", "1760000301", "", "-1", "1e9", "٣", "9" * 40])
def test_what_is_older_or_no_time_was_sent_again(stamp: str) -> None:
    with pytest.raises(ForgedError):
        signing.check_fresh(stamp, 1_760_000_000, "t")


def test_fields_are_joined_sorted_without_the_empty_ones() -> None:
    told = {"b": "2", "a": "x=1&y", "sign": "s", "C": "3", "empty": ""}
    assert signing.joined(told, "sign") == "C=3&a=x=1&y&b=2"


def test_a_sealed_box_opens_with_its_key_alone() -> None:
    key, nonce = b"k" * 32, "0123456789ab"
    box = signing.seal(key, nonce, b"{}", "transaction")
    assert signing.unseal(key, nonce, box, "transaction") == b"{}"
    for wrong in (
        (b"l" * 32, nonce, box, "transaction"),
        (key, "0123456789ac", box, "transaction"),
        (key, nonce, box, "refund"),
        (key, nonce, "A" + box[1:], "transaction"),
        (key, nonce, "", "transaction"),
        (b"short", nonce, box, "transaction"),
    ):
        with pytest.raises(ForgedError):
            signing.unseal(*wrong)
