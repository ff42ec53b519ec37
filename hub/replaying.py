"""Replay: the journal's commands decided again on empty books, in the order of their decisions.

Each command is decided as it was then: with its stored instant, chance and ids (``hub.drawn``), by
the handlers and the configuration of today. What the books do not have from commands is taken as
given, at its time: the postings, items and allocations of bill runs, and key changes that were
presumed to be in the meter. The replayed books must be the books (``hub.replaycompare``).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from core.book import Stage
from core.company import Terms
from core.handlers.base import Context, Handler, NotYet
from core.handlers.notices import HANDLERS as NOTICES
from core.handlers.registry import HANDLERS
from core.store.load import load
from core.store.save import changes_of
from core.store.sqlite import SqliteStore
from core.store.states import DONE
from core.store.tx import Reader, StoreError, Tx
from core.store.upgrade import upgrade
from core.sts.errors import ModuleAwayError
from core.vending.checks import horizon
from hub.batch import Work, answer_of, outcome_of
from hub.drawn import Again, RanOutError, read_drawn
from hub.envelope import EnvelopeError, body_of, unseal
from hub.inbox import Delivery
from hub.outbox import WORKER
from hub.prepare import prepare
from hub.pruning import bodies_gone
from hub.replaygiven import Given, keep_given, placed, timed

#: Commands of one transaction of the private books.
CHUNK = 256
#: Rows read of the journal at once.
PAGE = 5_000
#: Decisions told that ended otherwise: where there are more, these are enough to find out why.
MOST = 100
Watch = Callable[[int, int], None]
_BY_NAME: dict[str, Handler] = {handler.name: handler for handler in HANDLERS.values()}
#: Reports of networks find the notices that channels have sent, which no command says.
_OUTSIDE = frozenset(handler.name for handler in NOTICES)


class ReplayError(Exception):
    """The journal cannot be replayed; a sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Otherwise:
    """A decision that came to something else than the first time."""

    message_id: str
    handler: str
    was: str
    now: str


@dataclass(slots=True)
class Replayed:
    """What was replayed; ``commands`` and ``given`` are counts."""

    commands: int = 0
    given: int = 0
    otherwise: list[Otherwise] = field(default_factory=list)


@contextmanager
def private_books(folder: str = "") -> Iterator[SqliteStore]:
    """Empty books of this version's schema, gone afterwards; they need no durability."""
    with TemporaryDirectory(prefix="wattbus-replay-", dir=folder or None) as place:
        path = Path(place) / "replay.db"
        upgrade(f"sqlite:{path}")
        store = SqliteStore(path)
        try:
            with store.reader_on_writer() as books:
                books.rows("PRAGMA synchronous = OFF")
            yield store
        finally:
            store.close()


def replay(
    live: Reader,
    terms: Mapping[str, Terms],
    books: SqliteStore,
    watch: Watch = lambda *_: None,
) -> Replayed:
    """Replay everything that ``live`` (one snapshot) shows as decided, into ``books``.

    ReplayError where the journal does not say how something was decided.
    """
    if gone := bodies_gone(live):
        raise ReplayError(
            f"what messages said up to {gone} was pruned, and decisions since the beginning need "
            "it; a backup from before that is proved where it is restored (docs/retention.md)"
        )
    of = _feed(live, books)
    done = Replayed()
    with books.transaction() as tx:
        keep_given(live, tx, PAGE)
    with books.reader_on_writer() as own:
        brought = _Brought(timed(own, PAGE), placed(own, PAGE), done)
    for page in _pages(books):
        works = [_work(row, terms) for row in _commands(live, page)]
        for at in range(0, len(works), CHUNK):
            chunk = works[at : at + CHUNK]
            _prepare(terms, books, chunk)
            with books.transaction() as tx:
                for work, drawn in chunk:
                    brought.before(tx, drawn)
                    _again(tx, work, drawn, done)
            watch(done.commands, of)
    with books.transaction() as tx:
        brought.rest(tx)
    return done


class _Brought:
    """What no command brought, put among the commands: by its place, or where it has none by its
    time. A bill's posting never comes before the bill."""

    def __init__(self, by_time: Iterator[Given], by_place: Iterator[Given], done: Replayed) -> None:
        self._timed, self._placed, self._done = by_time, by_place, done
        self._next, self._bill = next(by_time, None), next(by_place, None)

    def before(self, tx: Tx, drawn: "_Recorded") -> None:
        """What this decision had before it."""
        self._until(tx, drawn.now_us)
        while self._bill is not None and self._bill.decided < drawn.decided:
            self._put_bill(tx, self._bill)

    def rest(self, tx: Tx) -> None:
        """What came after the last decision."""
        while self._bill is not None:
            self._put_bill(tx, self._bill)
        while self._next is not None:
            self._until(tx, self._next.at + 1)

    def _until(self, tx: Tx, at: int) -> None:
        while self._next is not None and self._next.at < at:
            self._next.put(tx)
            self._done.given += 1
            self._next = next(self._timed, None)

    def _put_bill(self, tx: Tx, bill: Given) -> None:
        self._until(tx, bill.at + 1)
        bill.put(tx)
        self._done.given += 1
        self._bill = next(self._placed, None)


def _feed(live: Reader, books: SqliteStore) -> int:
    """The order of the decisions, sorted in the private books; how many there are."""
    old = live.rows(
        "SELECT count(*) FROM delivery WHERE target = :worker AND state = :done AND decided = 0 "
        "AND outcome IN :ended",
        worker=WORKER, done=DONE, ended=["done", "refused", "expired"],
    )[0][0]  # fmt: skip
    if old:
        raise ReplayError(
            f"{old} commands were decided by a version that did not keep what replay needs"
        )
    with books.transaction() as tx:
        tx.run("CREATE TABLE replay_feed (decided INTEGER, seq INTEGER, "
               "PRIMARY KEY (decided, seq)) WITHOUT ROWID")  # fmt: skip
        of, after = 0, 0
        while True:
            rows = live.rows(
                "SELECT seq, decided FROM delivery WHERE seq > :after AND decided > 0 "
                "AND NOT (handler IN :outside) ORDER BY seq LIMIT :page",
                after=after, page=PAGE, outside=sorted(_OUTSIDE),
            )  # fmt: skip
            if not rows:
                return of
            of, after = of + len(rows), rows[-1][0]
            tx.insert("replay_feed", ("seq", "decided"), rows)


def _pages(books: SqliteStore) -> Iterator[list[int]]:
    """Deliveries in the order of their decisions; within a batch in that of their arrival."""
    decided = seq = 0
    while True:
        with books.reader_on_writer() as reader:
            rows = reader.rows(
                "SELECT decided, seq FROM replay_feed WHERE (decided, seq) > (:decided, :seq) "
                "ORDER BY decided, seq LIMIT :page",
                decided=decided, seq=seq, page=PAGE,
            )  # fmt: skip
        if not rows:
            return
        decided, seq = rows[-1]
        yield [row[1] for row in rows]


def _commands(live: Reader, seqs: Sequence[int]) -> list[tuple[Any, ...]]:
    found = {
        row[0]: row
        for row in live.rows(
            "SELECT d.seq, d.message_id, d.handler, d.origin, d.partitionkey, d.attempt, "
            "d.outcome, d.drawn, m.envelope, m.recorded, d.decided FROM delivery d "
            "JOIN message m ON m.id = d.message_id WHERE d.seq IN :seqs",
            seqs=list(seqs),
        )
    }
    if len(found) < len(seqs):
        raise ReplayError(f"{len(seqs) - len(found)} commands are not in the journal any more")
    return [found[seq] for seq in seqs]


@dataclass(frozen=True, slots=True)
class _Recorded:
    """How a delivery ended the first time."""

    now_us: int
    outcome: str
    drawn: str
    decided: int


def _work(row: tuple[Any, ...], terms: Mapping[str, Terms]) -> tuple[Work, _Recorded]:
    seq, id_, handler, origin, key, attempt, outcome, drawn, envelope, recorded, place = row
    delivery = Delivery(seq, id_, handler, origin, key, attempt - 1, 0, envelope, recorded)
    try:
        opened = unseal(envelope)
        work = Work(delivery, opened, body_of(opened), _BY_NAME[handler], terms[opened.company])
        return work, _Recorded(read_drawn(drawn).now_us, outcome, drawn, place)
    except (EnvelopeError, KeyError, msgspec.DecodeError) as error:
        raise ReplayError(f"message {id_} cannot be read by this version: {error}") from error


def _prepare(
    terms: Mapping[str, Terms], books: SqliteStore, chunk: Sequence[tuple[Work, _Recorded]]
) -> None:
    """Modules with keys elsewhere are asked before the transaction, as in a batch."""
    reading: Callable[[], AbstractContextManager[Reader]] = books.reader_on_writer
    prepare(terms, reading, [work.delivery for work, _ in chunk])


def _again(tx: Tx, work: Work, then: _Recorded, done: Replayed) -> None:
    """Decide a command again and write what it does to the books."""
    done.commands += 1
    drawn = read_drawn(then.drawn)
    book = load(
        tx, work.terms.code, work.handler.wants(work.message), horizon(work.terms, drawn.now_us)
    )
    stage, delivery = Stage(book), work.delivery
    context = Context(
        work.terms, stage, drawn.draw, Again(drawn).new_id, delivery.message_id, delivery.origin,
        delivery.attempt + 1,
    )  # fmt: skip
    try:
        now = outcome_of(answer_of(work, context))
        stage.accept()
        tx.write(changes_of(book))
    except (ModuleAwayError, StoreError):
        raise
    except (RanOutError, NotYet, LookupError, AssertionError, ValueError) as error:
        now = f"{type(error).__name__}: {error}"
    if now != then.outcome and len(done.otherwise) < MOST:
        done.otherwise.append(Otherwise(delivery.message_id, delivery.handler, then.outcome, now))
