"""Vending keys at rest."""

import json

import msgspec
import pytest

from core.sts.errors import AlgorithmWithdrawnError, KeyFileError, KeyLengthError, StsError
from core.sts.keystore import (
    DEMO_VK02,
    DEMO_VK04,
    KeyFile,
    KeyRecord,
    demo_keys,
    dump_key_file,
    load_key_file,
    unwrap_key,
    wrap_key,
)
from tests.core.sts.samples import COMPANY, MASTER

USE = KeyRecord(COMPANY, "201457", 1, 2, "04", 2014, "", "")


def test_a_key_goes_in_and_comes_out() -> None:
    file = load_key_file(dump_key_file(demo_keys(MASTER, COMPANY)))
    assert [unwrap_key(MASTER, record) for record in file.keys] == [DEMO_VK04, DEMO_VK02, DEMO_VK02]
    assert all(record.test for record in file.keys)


def test_the_file_shows_check_values_and_never_a_key() -> None:
    text = dump_key_file(demo_keys(MASTER, COMPANY)).upper()
    assert DEMO_VK02.hex().upper() not in text
    assert '"KCV": "0F353D"' in text


@pytest.mark.parametrize(
    "change",
    [
        {"test": True},
        {"ken": 170},
        {"expires": "2030-01-01"},
        {"company": "other"},
        {"sgc": "201458"},
        {"krn": 2},
        {"kt": 1},
        {"base": 2035},
        {"kcv": "000000"},
        {"wrapped": "00" * 32},
        {"wrapped": "zz"},
    ],
)
def test_an_edited_record_does_not_unwrap(change: dict[str, object]) -> None:
    record = wrap_key(MASTER, DEMO_VK04, USE)
    assert unwrap_key(MASTER, record) == DEMO_VK04
    with pytest.raises(KeyFileError, match="SGC"):
        unwrap_key(MASTER, msgspec.structs.replace(record, **change))


def test_another_master_key_does_not_unwrap() -> None:
    record = wrap_key(MASTER, DEMO_VK04, USE)
    with pytest.raises(KeyFileError, match="master key"):
        unwrap_key(bytes(32), record)
    with pytest.raises(KeyLengthError, match="32 bytes"):
        unwrap_key(bytes(16), record)


@pytest.mark.parametrize(
    ("change", "vk", "error"),
    [
        ({}, DEMO_VK02, KeyLengthError),
        ({"dkga": "02"}, DEMO_VK04, KeyLengthError),
        ({"dkga": "01"}, DEMO_VK02, AlgorithmWithdrawnError),
        ({"company": ""}, DEMO_VK04, KeyFileError),
        ({"sgc": "2014"}, DEMO_VK04, KeyFileError),
        ({"krn": 0}, DEMO_VK04, KeyFileError),
        ({"kt": 0}, DEMO_VK04, KeyFileError),
        ({"base": 2000}, DEMO_VK04, KeyFileError),
        ({"ken": 256}, DEMO_VK04, KeyFileError),
        ({"expires": "soon"}, DEMO_VK04, KeyFileError),
        ({"expires": "2030-1-1"}, DEMO_VK04, KeyFileError),
    ],
)
def test_a_record_of_the_wrong_form_is_not_wrapped(
    change: dict[str, object], vk: bytes, error: type[StsError]
) -> None:
    with pytest.raises(error):
        wrap_key(MASTER, vk, msgspec.structs.replace(USE, **change))


def text_with(**change: object) -> str:
    plain = json.loads(dump_key_file(demo_keys(MASTER, COMPANY)))
    plain["keys"][0].update(change)
    return json.dumps(plain)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no key file"),
        ("[]", "no key file"),
        (b"\xff\xfe", "no key file"),
        ('{"version": 1}', "keys"),
        ('{"version": 2, "keys": []}', "version 2"),
        (text_with(secret="x"), "secret"),
        (text_with(krn="1"), "krn"),
        (text_with(base=1970), "base"),
        (" " * (5 << 20), "4 MiB"),
    ],
)
def test_a_file_of_the_wrong_form_says_where(text: str | bytes, says: str) -> None:
    with pytest.raises(KeyFileError, match=says):
        load_key_file(text)


def test_a_key_stands_once_in_a_file() -> None:
    record = wrap_key(MASTER, DEMO_VK04, USE)
    with pytest.raises(KeyFileError, match="twice"):
        load_key_file(dump_key_file(KeyFile(1, (record, record))))


def test_the_last_day_of_a_key_is_whole() -> None:
    record = msgspec.structs.replace(USE, expires="1970-01-02")
    assert record.expires_us() == 2 * 86_400_000_000
