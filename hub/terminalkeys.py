"""Master keys of terminals (TMK) at rest: a JSON file, each key wrapped, shown by check values.

``{"version": 1, "keys": [{"terminal": "T0000001", "cipher": "des", "kcv": "8CA64D", "wrapped":
"…"}]}``; terminal ``*`` is every other one of the link, as switches have it. Wrapping: AES key wrap
with padding (RFC 5649) under a key made of the company's master key and of the record's own words,
so that an edited record no longer unwraps. Test companies may have ``plain`` hex in its place.
"""

import hmac
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from cryptography.hazmat.primitives.keywrap import (
    InvalidUnwrap,
    aes_key_unwrap_with_padding,
    aes_key_wrap_with_padding,
)

from adapters.iso8583.keys import check_value, check_value_aes
from hub.files import UnreadableError, private

VERSION = 1
MASTER_BYTES = 32
#: Any utility has fewer terminals; a file beyond this is none of ours.
MOST_KEYS = 100_000
_LENGTHS = {"des": (16, 24), "aes": (16, 32)}


class TerminalKeyError(ValueError):
    """The file of keys, or one key in it, is not what it should be; never with a key in it."""


class TerminalKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One key: ``kcv`` 3 octets, and either ``wrapped`` or (test companies) ``plain``; hex."""

    terminal: Annotated[str, msgspec.Meta(min_length=1, max_length=16)]
    cipher: Literal["des", "aes"]
    kcv: str
    wrapped: str = ""
    plain: str = ""


class TerminalKeyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file."""

    version: Literal[1]
    keys: tuple[TerminalKey, ...]


def kcv_of(cipher: str, key: bytes) -> str:
    """The check value in hex."""
    return (check_value_aes(key) if cipher == "aes" else check_value(key)).hex().upper()


def wrap(master: bytes, company: str, terminal: str, cipher: Literal["des", "aes"],
         key: bytes) -> TerminalKey:  # fmt: skip
    """The record of a key. TerminalKeyError: its length is wrong."""
    _check_length(terminal, cipher, key)
    wrapped = aes_key_wrap_with_padding(_wrapping(master, company, terminal, cipher), key)
    return TerminalKey(terminal, cipher, kcv_of(cipher, key), wrapped.hex().upper())


def unwrap(master: bytes | None, company: str, record: TerminalKey, *, test: bool) -> bytes:
    """The key of a record. TerminalKeyError says which terminal's, and why not."""
    try:
        if record.wrapped and master is not None:
            wrapping = _wrapping(master, company, record.terminal, record.cipher)
            key = aes_key_unwrap_with_padding(wrapping, bytes.fromhex(record.wrapped))
        elif record.plain and test:
            key = bytes.fromhex(record.plain)
        else:
            why = "is plain: only test companies may" if record.plain else "needs the master key"
            raise TerminalKeyError(f"the key of terminal {record.terminal} {why}")
    except (InvalidUnwrap, ValueError) as error:
        if isinstance(error, TerminalKeyError):
            raise
        raise TerminalKeyError(f"the key of terminal {record.terminal} does not unwrap") from None
    _check_length(record.terminal, record.cipher, key)
    if not hmac.compare_digest(kcv_of(record.cipher, key), record.kcv.upper()):
        raise TerminalKeyError(f"the key of terminal {record.terminal} has another check value")
    return key


def read(path: Path, master: bytes | None, company: str, *, test: bool) -> Mapping[str, bytes]:
    """Terminal → master key. TerminalKeyError: what is wrong with the file."""
    try:
        file = msgspec.json.decode(path.read_bytes(), type=TerminalKeyFile)
    except (OSError, msgspec.DecodeError) as error:
        raise TerminalKeyError(f"{path}: {error}") from None
    if len(file.keys) > MOST_KEYS:
        raise TerminalKeyError(f"{path}: more than {MOST_KEYS} keys")
    names = [record.terminal for record in file.keys]
    if len(set(names)) != len(names):
        raise TerminalKeyError(f"{path}: a terminal has two keys")
    return {each.terminal: unwrap(master, company, each, test=test) for each in file.keys}


def read_master(path: Path, *, test: bool = False) -> bytes:
    """The master key of a file: 64 hex digits. TerminalKeyError, also where others can read it;
    ``test``: a test company's, which nobody needs to hide."""
    try:
        if not test:
            private(path)
    except UnreadableError as error:
        raise TerminalKeyError(str(error)) from None
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as error:
        raise TerminalKeyError(f"{path}: no hex digits ({type(error).__name__})") from None
    if len(key) != MASTER_BYTES:
        raise TerminalKeyError(f"{path}: {MASTER_BYTES * 2} hex digits are needed")
    return key


def _check_length(terminal: str, cipher: str, key: bytes) -> None:
    if len(key) not in _LENGTHS[cipher]:
        raise TerminalKeyError(f"the key of terminal {terminal}: {len(key)} octets fit no {cipher}")


def _wrapping(master: bytes, company: str, terminal: str, cipher: str) -> bytes:
    use = json.dumps([company, terminal, cipher], ensure_ascii=True)
    return hmac.digest(master, f"wattbus terminal key 1 {use}".encode("ascii"), "sha256")
