"""Codes and keys: published values are in the vectors; here is what must not work."""

import pytest

from adapters.iso8583 import keys, mac
from adapters.iso8583.errors import KeyFault, MacError

DOUBLE = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
TRIPLE = DOUBLE + bytes.fromhex("89ABCDEF01234567")
BDK, KSN = DOUBLE, bytes.fromhex("FFFF9876543210E00001")


def test_triple_des_is_its_own_inverse_for_every_length() -> None:
    for key in (DOUBLE[:8], DOUBLE, TRIPLE, DOUBLE[:8] * 2):
        assert mac.undes(key, mac.des(key, bytes(range(16)))) == bytes(range(16))


def test_a_key_check_value_is_of_the_published_key() -> None:
    assert keys.check_value(DOUBLE[:8]).hex().upper() == "D5D44F"
    assert keys.check_value(DOUBLE).hex().upper() == "08D7B4"


def test_padding_of_both_methods() -> None:
    assert mac.padded(b"12345678", 1) == b"12345678"
    assert mac.padded(b"12345678", 2) == b"12345678\x80" + bytes(7)
    assert mac.padded(b"", 1) == bytes(8)


def test_the_code_of_terminals_is_eight_characters() -> None:
    code = mac.compute("ecb", DOUBLE, b"0200" + bytes(20))
    assert len(code) == 8
    assert set(code) <= set(b"0123456789ABCDEF")


def test_sha_knows_both_orders() -> None:
    assert mac.compute("sha-256", b"a", b"b") == mac.compute("sha-256-key-last", b"b", b"a")


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [("x9.9", DOUBLE), ("x9.19", DOUBLE[:8]), ("aes-cmac", b"short"), ("ecb", b""), ("md5", b"")],
)
def test_a_key_that_does_not_fit_is_refused(algorithm: str, key: bytes) -> None:
    with pytest.raises(KeyFault):
        mac.compute(algorithm, key, b"data")


@pytest.mark.parametrize("given", [b"", b"\x01", b"\x01\x02\x04", b"\x01\x02\x03\x00"])
def test_a_code_is_equal_or_wrong(given: bytes) -> None:
    mac.check(b"\x01\x02\x03", b"\x01\x02\x03", "64", 0)
    with pytest.raises(MacError):
        mac.check(given, b"\x01\x02\x03", "64", 0)


def test_a_session_key_comes_under_the_master_key() -> None:
    session = bytes(range(16))
    wrapped, told = keys.wrap(DOUBLE, session)
    assert keys.unwrap(DOUBLE, wrapped, told) == session
    for wrong in (b"", told[:2], bytes(3), told + b"\0"):
        with pytest.raises(KeyFault):
            keys.unwrap(DOUBLE, wrapped, wrong)
    with pytest.raises(KeyFault):
        keys.unwrap(DOUBLE, wrapped[:-1], told)


def test_the_old_key_is_taken_until_the_new_one_was_used() -> None:
    ring = keys.SessionKeys(b"old").renewed(b"new")
    assert ring.taken() == (b"new", b"old")
    assert ring.used(b"old").taken() == (b"new", b"old")
    assert ring.used(b"new").taken() == (b"new",)
    assert "old" not in repr(ring)


def test_components_make_a_key_only_together() -> None:
    assert keys.combine([b"\x0f\xf0", b"\xff\xff"]) == b"\xf0\x0f"
    for parts in ([], [b"one"], [b"one", b"four"]):
        with pytest.raises(KeyFault):
            keys.combine(parts)


def test_counters_that_no_device_uses_are_refused() -> None:
    ipek = keys.initial_key(BDK, KSN)
    for counter in (0, 0x1FFFFF, 0x0007FF):
        ksn = (int.from_bytes(KSN, "big") & ~0x1FFFFF | counter).to_bytes(10, "big")
        with pytest.raises(KeyFault):
            keys.transaction_key(ipek, ksn)
    with pytest.raises(KeyFault):
        keys.transaction_key(ipek[:8], KSN)
    with pytest.raises(KeyFault):
        keys.initial_key(BDK, KSN[1:])


def test_an_initial_key_does_not_depend_on_the_counter() -> None:
    other = KSN[:-1] + b"\x08"
    assert keys.initial_key(BDK, KSN) == keys.initial_key(BDK, other)
    ipek = keys.initial_key(BDK, KSN)
    uses = {keys.variant(keys.transaction_key(ipek, KSN), use) for use in keys.VARIANTS}
    assert len(uses) == 3


def test_aes_keys_have_a_check_value_of_their_own() -> None:
    assert len(keys.check_value_aes(bytes(16))) == 3
