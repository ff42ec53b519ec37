"""Keys that travel in components: each person brings one, and no one has the key.

The key is the exclusive-or of its two or three components; each is as long as the key and has a
check value of its own, made as that of the key (`core.sts.keystore.key_check_value`). A component
is never evidence and in no sentence; its check value may be in any.
"""

import hmac
import re
from collections.abc import Sequence

from core.sts.errors import KeyComponentError
from core.sts.keystore import key_check_value

#: Two people at least; with more than three letters nobody gains anything.
COMPONENTS = (2, 3)
_KCV = re.compile(r"[0-9A-F]{6}", re.ASCII)


def check_value(text: str, of: str) -> str:
    """Six hex digits, as a letter prints them. Error: KeyComponentError."""
    value = "".join(text.split()).upper()
    if not _KCV.fullmatch(value):
        raise KeyComponentError(f"The check value of {of} has six hex digits.", where=of)
    return value


def component(text: str, kcv: str, dkga: str, length: int, of: str) -> bytes:
    """A component (hex digits, blanks anywhere) of `length` bytes, after a look at its check value.

    `of` names it in sentences. Error: KeyComponentError.
    """
    wanted = check_value(kcv, of)
    try:
        value = bytes.fromhex("".join(text.split()))
    except ValueError:
        value = b""  # the error would repeat what was typed
    if len(value) != length:
        raise KeyComponentError(f"{_first(of)} has {length * 2} hex digits.", where=of)
    found = key_check_value(dkga, value)
    if not hmac.compare_digest(found, wanted):
        raise KeyComponentError(
            f"{_first(of)} gives the check value {found}, not {wanted}: a slip in its digits, or "
            "another letter's. Nothing was written.",
            where=of,
            evidence=found,
        )
    return value


def combined(components: Sequence[bytes], kcv: str, dkga: str, of: str) -> bytes:
    """The key that components make; `kcv` is the one of its letter. Error: KeyComponentError."""
    key = bytes(len(components[0]))
    for each in components:
        key = bytes(a ^ b for a, b in zip(key, each, strict=True))
    if not any(key):
        raise KeyComponentError(
            f"The components of {of} undo each other: one was given twice.", where=of
        )
    found = key_check_value(dkga, key)
    if found != kcv:
        raise KeyComponentError(
            f"The components make a key with the check value {found}, not {kcv} as {of} has: one "
            "of them belongs to another key. Nothing was written.",
            where=of,
            evidence=found,
        )
    return key


def _first(of: str) -> str:
    return of[0].upper() + of[1:]
