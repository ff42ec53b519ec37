"""Decoder key generation, and what it refuses."""

import pytest
from msgspec.structs import replace

from core.sts.errors import (
    AlgorithmPairError,
    AlgorithmUnknownError,
    AlgorithmWithdrawnError,
    FieldRangeError,
    KeyLengthError,
    KeyTypeUnsupportedError,
    PanCheckDigitError,
    StsError,
)
from core.sts.keys import KeyIdentity, control_block, derive, kdf_message, pan_block
from core.sts.keystore import DEMO_VK02, DEMO_VK04
from tests.core.sts.samples import PAN, reg1

PLAIN = KeyIdentity(PAN, 2, "123456", "01", 1)


def test_dkga02_gives_the_worked_sample() -> None:
    assert derive("02", DEMO_VK02, PLAIN, 7).hex() == "e653341f9d5bf36f"


def test_dkga04_gives_the_worked_samples() -> None:
    assert derive("04", DEMO_VK04, reg1(), 7).hex() == "87f3ecbb2e46b48f"
    assert derive("04", DEMO_VK04, reg1(), 11).hex() == "929bd3a415c9420a05ec5ee9f3ce91c3"
    assert len(kdf_message(reg1(), 11)) == 49


def test_the_blocks_of_dkga02() -> None:
    assert pan_block("600727123456789030", 2).hex() == "0072712345678903"
    assert pan_block("000001000000000082", 2).hex() == "0000100000000008"
    assert pan_block("600727123456789030", 3).hex() == "0072700000000000"
    assert control_block(PLAIN).hex().upper() == "2123456011FFFFFF"


def test_the_authenticated_message_is_labels_and_contexts() -> None:
    for ti, krn, pan in (("01", 1, PAN), ("07", 1, PAN), ("07", 9, "600727111111111153")):
        identity = replace(reg1(ti, krn), pan=pan)
        fields = [b"\x0204\x0214\x0211\x02" + ti.encode(), b"\x06201457\x012\x01%d" % krn]
        packed = b"\x04" + fields[0] + b"\x00\x04" + fields[1] + b"\x12" + pan.encode()
        assert kdf_message(identity, 11) == packed + bytes((0, 0, 0, 128))


def test_a_common_key_is_the_same_for_every_meter_of_a_group() -> None:
    one = replace(PLAIN, kt=3)
    other = replace(one, pan="600727111111111153")
    assert derive("02", DEMO_VK02, one, 7) == derive("02", DEMO_VK02, other, 7)


@pytest.mark.parametrize(
    ("dkga", "vk", "ea", "error", "word"),
    [
        ("01", bytes(8), 7, AlgorithmWithdrawnError, "legacy"),
        ("03", bytes(16), 7, AlgorithmWithdrawnError, "withdrawn"),
        ("05", bytes(20), 7, AlgorithmUnknownError, "DKGA05"),
        ("02", bytes(8), 11, AlgorithmPairError, "needs DKGA04"),
        ("04", bytes(20), 9, AlgorithmWithdrawnError, "EA09"),
        ("04", bytes(20), 8, AlgorithmUnknownError, "EA08"),
        ("02", bytes(20), 7, KeyLengthError, "8 bytes"),
        ("04", bytes(16), 11, KeyLengthError, "20 bytes"),
    ],
)
def test_algorithms_that_do_not_fit_are_refused_with_the_reason(
    dkga: str, vk: bytes, ea: int, error: type[StsError], word: str
) -> None:
    with pytest.raises(error, match=word):
        derive(dkga, vk, reg1(), ea)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"pan": PAN[:-1] + "8"}, PanCheckDigitError),
        ({"sgc": "12345"}, FieldRangeError),
        ({"sgc": "12345a"}, FieldRangeError),
        ({"ti": "1"}, FieldRangeError),
        ({"krn": 0}, FieldRangeError),
        ({"krn": 10}, FieldRangeError),
        ({"kt": 4}, FieldRangeError),
        ({"kt": 0}, KeyTypeUnsupportedError),
        ({"kt": 3}, KeyTypeUnsupportedError),
        ({"base": None}, FieldRangeError),
    ],
)
def test_an_identity_that_is_not_one_is_refused(
    change: dict[str, object], error: type[StsError]
) -> None:
    with pytest.raises(error):
        derive("04", DEMO_VK04, replace(reg1(), **change), 11)
