"""The security modules' own log, written with the batch: what they made, counted by themselves.

One sealed row per batch, module and writer, chained by hash; it holds digests, never digits. The
count is compared with the token table: a token without a cause shows, and so does one that was
made and lost.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from core.book import Book
from core.company import Terms
from core.store.tx import Insert, Reader
from core.sts.log_row import packed
from core.sts.module import IssuedToken, log_entries
from core.sts.module_log import GENESIS, seal

_COLUMNS = ("module", "writer", "batch", "made", "total", "previous", "seal", "digests", "at",
            "entries")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a module's log as one writer left it."""

    batch: int
    total: int
    seal: bytes


#: The heads of a writer's logs by module, as of his last commit: nobody else writes to them.
Heads = dict[str, Head]


def made_in(terms: Mapping[str, Terms], books: Mapping[str, Book]) -> dict[str, list[IssuedToken]]:
    """What the modules made in a batch: links of the books that were accepted, ``made`` by the
    company's own module, ``made-by`` another one (its name leads the link's key)."""
    made: dict[str, list[IssuedToken]] = {}
    for company, book in books.items():
        for (name, key), token in book.links.items():
            if name == "made":
                made.setdefault(terms[company].module.name, []).append(token)
            elif name == "made-by":
                made.setdefault(key[0], []).append(token)
    return made


def sealed(writer: str, made: Mapping[str, list[IssuedToken]], heads: Heads, now: int) -> Insert:
    """Seal what was made, one row a module, on top of ``heads``; these move on."""
    rows = []
    for module, tokens in sorted(made.items()):
        head = heads[module]
        batch, total, previous = head.batch, head.total, head.seal
        entries = log_entries(module, total, tokens, now)
        heads[module] = Head(batch + 1, total + len(tokens), seal(previous, entries))
        rows.append(
            (
                module,
                writer,
                batch + 1,
                len(tokens),
                total + len(tokens),
                previous.hex(),
                heads[module].seal.hex(),
                " ".join(token.digest for token in tokens),
                now,
                packed(entries),
            )
        )
    return Insert("module_log", _COLUMNS, rows)


def head_of(reader: Reader, module: str, writer: str) -> Head:
    """The end of a log as it is stored; where nothing was made yet, its beginning."""
    rows = reader.rows(
        "SELECT batch, total, seal FROM module_log WHERE module = :module AND writer = :writer "
        "ORDER BY batch DESC LIMIT 1",
        module=module,
        writer=writer,
    )
    return Head(rows[0][0], rows[0][1], bytes.fromhex(rows[0][2])) if rows else Head(0, 0, GENESIS)


def made(reader: Reader) -> int:
    """How many tokens the modules say they made."""
    return int(reader.rows("SELECT COALESCE(sum(made), 0) FROM module_log")[0][0])
