"""A sealed batch of a module's log as it is stored, and its entries as text.

The row says all that its seal covers, so the chain is proved from the log alone, without the books
that it is compared with.
"""

from collections.abc import Iterable

import msgspec

from core.sts.module_log import LogEntry

_NONE = "-"


class LogRow(msgspec.Struct, frozen=True, gc=False):
    """One batch; ``previous`` and ``seal`` in hex, ``digests`` and ``entries`` blank-separated."""

    module: str
    writer: str
    batch: int
    made: int
    total: int
    previous: str
    seal: str
    digests: str
    entries: str
    at_us: int


def packed(entries: Iterable[LogEntry]) -> str:
    """What the digests leave out: meter PAN, class, subclass, TID (``-``: none), KCV; dotted."""
    return " ".join(
        f"{e.pan}.{e.token_class}.{e.subclass}.{_NONE if e.tid is None else e.tid}.{e.kcv}"
        for e in entries
    )


def unpacked(row: LogRow) -> list[LogEntry]:
    """The entries of a row. Raises ValueError when its two lists do not fit, or a part is none."""
    first = row.total - row.made + 1
    return [
        _entry(row, first + place, text, digest)
        for place, (text, digest) in enumerate(
            zip(row.entries.split(), row.digests.split(), strict=True)
        )
    ]


def _entry(row: LogRow, number: int, text: str, digest: str) -> LogEntry:
    pan, token_class, subclass, tid, kcv = text.split(".")
    return LogEntry(
        module=row.module,
        number=number,
        at_us=row.at_us,
        pan=pan,
        token_class=int(token_class),
        subclass=int(subclass),
        tid=None if tid == _NONE else int(tid),
        kcv=kcv,
        digest=digest,
    )
