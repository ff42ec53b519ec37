"""The security modules' own log, written with the batch: what they made, counted by themselves.

One sealed row per batch, module and writer, chained by hash; it holds digests, never digits. The
count is compared with the token table: a token without a cause shows, and so does one that was
made and lost.
"""

from collections.abc import Mapping

from core.book import Book
from core.company import Terms
from core.store.tx import Reader, Tx
from core.sts.module import IssuedToken, log_entries
from core.sts.module_log import GENESIS, seal

_COLUMNS = ("module", "writer", "batch", "made", "total", "previous", "seal", "digests", "at")


def append(
    tx: Tx, terms: Mapping[str, Terms], writer: str, books: Mapping[str, Book], now: int
) -> None:
    """Seal what the modules made in this batch (links ``made`` of the books that were accepted)."""
    made: dict[str, list[IssuedToken]] = {}
    for company, book in books.items():
        tokens = [token for (name, _), token in book.links.items() if name == "made"]
        if tokens:
            made.setdefault(terms[company].module.name, []).extend(tokens)
    rows = []
    for module, tokens in sorted(made.items()):
        batch, total, previous = _last(tx, module, writer)
        entries = log_entries(module, total, tokens, now)
        rows.append(
            (
                module,
                writer,
                batch + 1,
                len(tokens),
                total + len(tokens),
                previous.hex(),
                seal(previous, entries).hex(),
                " ".join(token.digest for token in tokens),
                now,
            )
        )
    tx.insert("module_log", _COLUMNS, rows)


def _last(reader: Reader, module: str, writer: str) -> tuple[int, int, bytes]:
    rows = reader.rows(
        "SELECT batch, total, seal FROM module_log WHERE module = :module AND writer = :writer "
        "ORDER BY batch DESC LIMIT 1",
        module=module,
        writer=writer,
    )
    return (rows[0][0], rows[0][1], bytes.fromhex(rows[0][2])) if rows else (0, 0, GENESIS)


def made(reader: Reader) -> int:
    """How many tokens the modules say they made."""
    return int(reader.rows("SELECT COALESCE(sum(made), 0) FROM module_log")[0][0])
