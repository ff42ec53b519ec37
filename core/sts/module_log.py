"""What a security module says of its own work: one entry per token, chained per batch.

The log is the proof against tokens without a cause: it is kept apart from the books and compared
with them. An entry holds a digest in place of the digits, so that the log sells nothing. Where the
log is stored is the caller's.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

GENESIS = bytes(32)  # the hash before the first batch
_SEPARATOR = "\x1f"


@dataclass(frozen=True, slots=True)
class LogEntry:
    """Token number `number` (from 1, without gaps) of the module `module`, made at `at_us`."""

    module: str
    number: int
    at_us: int
    pan: str
    token_class: int
    subclass: int
    tid: int | None
    kcv: str
    digest: str


def token_digest(pan: str, digits: str) -> str:
    """SHA-256 in hex over the meter and the digits: finds a known token in a log."""
    return hashlib.sha256(f"wattbus token 1 {pan} {digits}".encode("ascii")).hexdigest()


def _line(e: LogEntry) -> bytes:
    """Every field, in order (``dataclasses.astuple`` copies deeply: 100 µs an entry)."""
    fields = (
        e.module, e.number, e.at_us, e.pan, e.token_class, e.subclass, e.tid, e.kcv, e.digest,
    )  # fmt: skip
    return _SEPARATOR.join(map(str, fields)).encode()


def seal(previous: bytes, entries: Sequence[LogEntry]) -> bytes:
    """The chain hash (32 bytes) of a batch after the batch with hash `previous` (GENESIS at first).

    Changing, dropping, adding or moving an entry of any batch changes every hash after it.
    """
    digest = hashlib.sha256(previous + len(entries).to_bytes(4, "big"))
    for entry in entries:
        line = _line(entry)
        digest.update(len(line).to_bytes(4, "big") + line)
    return digest.digest()


def first_break(
    batches: Sequence[tuple[Sequence[LogEntry], bytes]], previous: bytes = GENESIS
) -> int | None:
    """The index of the first batch whose hash or numbering does not follow; None when all do."""
    number: int | None = None
    for index, (entries, expected) in enumerate(batches):
        for entry in entries:
            if number is not None and entry.number != number + 1:
                return index
            number = entry.number
        if seal(previous, entries) != expected:
            return index
        previous = expected
    return None
