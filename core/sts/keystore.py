"""Vending keys at rest: wrapped with AES under a master key, in a JSON file that shows only KCVs.

The key that wraps a vending key is made from the master key and from all that the record says of
it (company, supply group, expiry, test mark, …): a record that somebody edits no longer unwraps,
so a test key cannot be made into another and an expired one cannot be stretched.
Wrapping: AES key wrap with padding (RFC 5649). Facts topics "decoder key generation", "rights".

A record without a wrapped key is of a vending key that lives in a PKCS#11 token, under an
identifier made from the same words: an edited record finds no key there.
"""

import hashlib
import hmac
import json
from datetime import UTC, date, datetime

import msgspec
from Crypto.Cipher import DES
from cryptography.hazmat.primitives.keywrap import (
    InvalidUnwrap,
    aes_key_unwrap_with_padding,
    aes_key_wrap_with_padding,
)

from core.sts.errors import KeyFileError, KeyLengthError
from core.sts.keys import VENDING_KEY_BYTES, Mac, check_algorithms
from core.sts.tid import DAY_MINUTES, KEN_MAX, MINUTE_US, BaseDate, base_date

MASTER_KEY_BYTES = 32
#: The master key: its bytes, or, when it stays in a PKCS#11 token, the HMAC-SHA-256 under it.
Master = bytes | Mac
KEY_FILE_VERSION = 1
# A large installation has some hundred supply groups; a file beyond this is not a key file.
KEYS_MAX = 5_000
KEY_FILE_MAX = 4 << 20

_EPOCH = date(1970, 1, 1)


class KeyRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A vending key and what it may be used for; `kt` is that of the decoder keys that it makes.

    `base` is the year of the base date, `ken` the key expiry number, `expires` the last day (UTC,
    YYYY-MM-DD) of its use if it has one, `kcv` the 3-byte key check value and `wrapped` the wrapped
    key, both in hex; `wrapped` is empty when the key lives in a PKCS#11 token.
    """

    company: str
    sgc: str
    krn: int
    kt: int
    dkga: str
    base: int
    kcv: str
    wrapped: str
    ken: int = KEN_MAX
    expires: str | None = None
    test: bool = False

    @property
    def base_date(self) -> BaseDate:
        """The base date of every TID under this key."""
        return base_date(self.base)

    @property
    def name(self) -> str:
        """For sentences: company, supply group, key revision and type."""
        return f"{self.company} SGC {self.sgc} KRN {self.krn} KT {self.kt}"

    def expires_us(self) -> int | None:
        """The instant (microseconds UTC) from which the key may not be used any more."""
        if self.expires is None:
            return None
        days = (date.fromisoformat(self.expires) - _EPOCH).days + 1
        return days * DAY_MINUTES * MINUTE_US


class KeyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file: its version and its keys."""

    version: int
    keys: tuple[KeyRecord, ...]


def key_check_value(dkga: str, vk: bytes) -> str:
    """Three bytes in hex that identify a key and give nothing of it away.

    DKGA02: of the DES encryption of eight zero bytes. DKGA04: of the HMAC-SHA-256 of eight zero
    bytes under the key.
    """
    if dkga == "02":
        value = DES.new(vk, DES.MODE_ECB).encrypt(bytes(8))  # noqa: S304 - a DES key's usual KCV
        return value[:3].hex().upper()
    return check_value_by(lambda message: hmac.digest(vk, message, "sha256"))


def check_value_by(mac: Mac) -> str:
    """The key check value of a DKGA04 vending key that only its holder can use."""
    return mac(bytes(8))[:3].hex().upper()


def key_id(record: KeyRecord) -> bytes:
    """The identifier (20 bytes) of a vending key in a PKCS#11 token: of all that the record says,
    but for its check value."""
    return hashlib.sha256(_use("wattbus key in token 1 ", record)).digest()[:20]


def _use(purpose: str, record: KeyRecord) -> bytes:
    use = [record.company, record.sgc, record.krn, record.kt, record.dkga, record.base]
    use += [record.ken, record.expires, record.test]
    return (purpose + json.dumps(use, ensure_ascii=True)).encode("ascii")


def _wrapping_key(master: Master, record: KeyRecord) -> bytes:
    text = _use("wattbus vending key 1 ", record)
    if callable(master):
        return master(text)
    if len(master) != MASTER_KEY_BYTES:
        raise KeyLengthError(
            f"The master key has {MASTER_KEY_BYTES} bytes; this one has {len(master)}.",
            where="master_key",
        )
    return hmac.digest(master, text, "sha256")


def wrap_key(master: Master, vk: bytes, use: KeyRecord) -> KeyRecord:
    """`use` with the wrapped key and its check value filled in (its own are not looked at).

    Errors: KeyLengthError, those of `check_record`.
    """
    check_record(use)
    check_algorithms(use.dkga, 7 if use.dkga == "02" else 11, len(vk))
    wrapped = aes_key_wrap_with_padding(_wrapping_key(master, use), vk)
    return msgspec.structs.replace(
        use, kcv=key_check_value(use.dkga, vk), wrapped=wrapped.hex().upper()
    )


def unwrap_key(master: Master, record: KeyRecord) -> bytes:
    """The vending key. Error: KeyFileError when it does not unwrap or has another check value."""
    if not record.wrapped:
        raise KeyFileError(
            f"The key of {record.name} is not in the file: it is in a PKCS#11 token.",
            where=record.name,
        )
    wrapping = _wrapping_key(master, record)
    try:
        vk = aes_key_unwrap_with_padding(wrapping, bytes.fromhex(record.wrapped))
    except (InvalidUnwrap, ValueError) as error:
        raise KeyFileError(
            f"The key of {record.name} does not unwrap: another master key, or the record was "
            "changed after the key was put in.",
            where=record.name,
        ) from error
    if len(vk) != VENDING_KEY_BYTES[record.dkga] or key_check_value(record.dkga, vk) != record.kcv:
        raise KeyFileError(
            f"The key of {record.name} is not the one of its check value.", where=record.name
        )
    return vk


def check_record(record: KeyRecord) -> None:
    """The form of what a record says.

    Errors: KeyFileError (names the field), AlgorithmWithdrawnError, AlgorithmUnknownError.
    """
    checks = {
        "company": record.company != "",
        "sgc": len(record.sgc) == 6 and record.sgc.isascii() and record.sgc.isdigit(),
        "krn": 1 <= record.krn <= 9,
        "kt": 1 <= record.kt <= 3,
        "base": record.base in tuple(BaseDate),
        "ken": 0 <= record.ken <= KEN_MAX,
        "expires": record.expires is None or _is_date(record.expires),
    }
    for field, holds in checks.items():
        if not holds:
            raise KeyFileError(
                f"{field} of the key of {record.name} is not acceptable.",
                where=field,
                evidence=str(getattr(record, field)),
            )
    check_algorithms(record.dkga, 7)


def _is_date(text: str) -> bool:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).strftime("%Y-%m-%d") == text
    except ValueError:
        return False


def load_key_file(text: str | bytes) -> KeyFile:
    """The keys of a file, still wrapped. Error: KeyFileError with the place in the file."""
    if len(text) > KEY_FILE_MAX:
        raise KeyFileError("A key file has less than 4 MiB.", where="file")
    try:
        file = msgspec.json.decode(text, type=KeyFile)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise KeyFileError(f"This is no key file: {error}", where="file") from error
    if file.version != KEY_FILE_VERSION:
        raise KeyFileError(f"Key files of version {file.version} are not known.", where="version")
    if len(file.keys) > KEYS_MAX:
        raise KeyFileError(f"A key file has at most {KEYS_MAX} keys.", where="keys")
    seen: set[tuple[str, str, int, int]] = set()
    for record in file.keys:
        check_record(record)
        if slot(record) in seen:
            raise KeyFileError(f"The key of {record.name} is there twice.", where=record.name)
        seen.add(slot(record))
    return file


def slot(record: KeyRecord) -> tuple[str, str, int, int]:
    """What tells one key of a file from another."""
    return record.company, record.sgc, record.krn, record.kt


def replaced(file: KeyFile, record: KeyRecord) -> KeyFile:
    """The key file with a record in the place of the one of the same key, or behind all others."""
    same = [slot(each) == slot(record) for each in file.keys]
    keys = [record if here else each for here, each in zip(same, file.keys, strict=True)]
    return KeyFile(file.version, tuple(keys if any(same) else [*keys, record]))


def dump_key_file(file: KeyFile) -> str:
    """The file's text, one field per line, ending in a newline."""
    return msgspec.json.format(msgspec.json.encode(file), indent=2).decode() + "\n"


# --- keys that everybody knows ------------------------------------------------------------------

# Printed in public compliance samples: they protect nothing, which is what a demo needs.
DEMO_VK04 = bytes.fromhex("ABABABABABABABAB949494949494949401234567")
DEMO_VK02 = bytes.fromhex("ABABABABABABABAB")
DEMO_SGC04 = "201457"
DEMO_SGC02 = "123456"
DEMO_SGC93 = "123400"


def demo_keys(master: bytes, company: str) -> KeyFile:
    """The test keys of a company that is marked as test: DKGA04 under supply group 201457, DKGA02
    under 123456, and DKGA02 of before 2024 under 123400; all unique keys, revision 1, the base date
    of the last is 1993 and of the others 2014."""
    uses = [
        (KeyRecord(company, DEMO_SGC04, 1, 2, "04", 2014, "", "", test=True), DEMO_VK04),
        (KeyRecord(company, DEMO_SGC02, 1, 2, "02", 2014, "", "", test=True), DEMO_VK02),
        (KeyRecord(company, DEMO_SGC93, 1, 2, "02", 1993, "", "", test=True), DEMO_VK02),
    ]
    return KeyFile(KEY_FILE_VERSION, tuple(wrap_key(master, vk, use) for use, vk in uses))
