"""The proof of the modules' own counters: readings of a span, read by their key."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from core.store.tx import Reader
from core.sts.proof import Findings
from core.sts.proof_counter import Counted, Reading, compared
from hub.proof_read import Span

#: Readings of a page; a module has one a minute.
PAGE = 2_000
_READING = "SELECT at, counted, logged FROM module_count WHERE module = :module"

Open = Callable[[], AbstractContextManager[Reader]]


def modules(reader: Reader) -> Iterator[str]:
    """Every module that was counted, each found by one look at the key."""
    name = ""
    while rows := reader.rows(
        "SELECT module FROM module_count WHERE module > :name ORDER BY module LIMIT 1", name=name
    ):
        name = rows[0][0]
        yield name


def counters(reading: Open, span: Span, findings: Findings) -> list[Counted]:
    """Compare every module's readings of a span; what it made and nobody logged is found."""
    with reading() as reader:
        found = [(name, _before(reader, name, span.since)) for name in modules(reader)]
    compared_ = [
        compared(name, before, _readings(reading, name, span), findings) for name, before in found
    ]
    return [each for each in compared_ if each is not None]


def _before(reader: Reader, module: str, since: int) -> Reading | None:
    rows = reader.rows(
        f"{_READING} AND at < :since ORDER BY at DESC LIMIT 1", module=module, since=since
    )
    return Reading(*rows[0]) if rows else None


def _readings(reading: Open, module: str, span: Span) -> Iterator[Reading]:
    since = span.since
    while True:
        with reading() as reader:
            rows = reader.rows(
                f"{_READING} AND at >= :since AND at < :until ORDER BY at LIMIT :page",
                module=module,
                since=since,
                until=span.until,
                page=PAGE,
            )
        yield from (Reading(*row) for row in rows)
        if len(rows) < PAGE:
            return
        since = int(rows[-1][0]) + 1
