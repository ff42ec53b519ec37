"""Loading what a sale looks at beside its meter: slices without service, the month's advances."""

from collections.abc import Sequence

from core.book import Book
from core.entities import AgreementPause
from core.store.load_facts import facts_of
from core.store.load_sales import Horizon
from core.store.tx import Reader

_PAUSE = "id company agreement_id why operator reason from_us to_us".split()


def load_pauses(reader: Reader, agreements: Sequence[int], book: Book) -> None:
    """Link (``pauses-of``, agreement) -> ids; their agreements' states are locked already."""
    if not agreements:
        return
    for row in reader.rows(
        f"SELECT {', '.join(_PAUSE)} FROM agreement_pause WHERE agreement_id IN :ids ORDER BY id",
        ids=list(agreements),
    ):
        pause = AgreementPause(**dict(zip(_PAUSE, row, strict=True)))
        book.load(pause.id, pause)
        known = book.links.get(("pauses-of", pause.agreement_id), ())
        book.link("pauses-of", pause.agreement_id, (*known, pause.id))


def load_known(
    reader: Reader, agreements: Sequence[int], horizon: Horizon, book: Book, *, advances: bool
) -> None:
    """What prices sales beside what was sold: (``facts-of``, agreement) -> Facts, where a tariff
    asks for some. And, where somebody asks for one, how many advances the month has seen."""
    if horizon.facts is not None:
        for id_, facts in facts_of(reader, agreements, horizon.facts).items():
            book.link("facts-of", id_, facts)
    if advances:
        _advances(reader, agreements, horizon.month, book)


def _advances(reader: Reader, agreements: Sequence[int], since_us: int | None, book: Book) -> None:
    """Link (``advances-of``, agreement) -> how many it got since an instant."""
    if not agreements or since_us is None:
        return
    for agreement, count in reader.rows(
        "SELECT agreement_id, count(*) FROM advance WHERE agreement_id IN :ids "
        "AND issued_at >= :since GROUP BY agreement_id ORDER BY agreement_id",
        ids=list(agreements),
        since=since_us,
    ):
        book.link("advances-of", agreement, count)
