"""The channels' notebook: what is waiting is one commit, and nobody goes on before it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.store.tx import TransientStoreError
from core.store.upgrade import Store, open_store
from hub import notebook
from hub.channel import Overloaded
from hub.notebook import MAX_BATCH, MAX_VALUE, Notebook, note_of
from tests.hub.links.memory_smsc import outcome
from tests.hub.machine import fresh_sqlite


class Counting:
    """A store that counts its commits, and fails as it is told."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.commits = 0
        self.trouble: Exception | None = None

    def transaction(self) -> Any:
        if self.trouble is not None:
            raise self.trouble
        self.commits += 1
        return self.store.transaction()


class Book:
    """A notebook whose reactor turns when the test says so."""

    def __init__(self, url: str) -> None:
        self.store = Counting(open_store(url))
        self.turns: list[Callable[[], None]] = []
        self.pokes = 0
        self.notebook = Notebook(self.store, self._turn, poke=self._poke)  # type: ignore[arg-type]

    def _turn(self, function: Any, *args: Any) -> None:
        self.turns.append(lambda: function(*args))

    def _poke(self) -> None:
        self.pokes += 1

    def step(self) -> bool:
        again = self.notebook.step()
        turns, self.turns = self.turns, []
        for turn in turns:
            turn()
        return again

    def read(self, key: str, channel: str = "box") -> str | None:
        with self.store.store.reader() as reader:
            return note_of(reader, channel, key)


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return Book(fresh_sqlite(tmp_path))


def test_what_waits_is_one_commit_and_each_hears_of_it(book: Book) -> None:
    done = [book.notebook.keep("box", f"k{n}", f"v{n}") for n in range(5)]
    assert not any(each.called for each in done)
    assert book.pokes == 5
    assert not book.step()
    assert (all(each.called for each in done), book.store.commits) == (True, 1)
    assert [book.read(f"k{n}") for n in (0, 4, 5)] == ["v0", "v4", None]


def test_nobody_hears_before_the_commit(book: Book) -> None:
    done = book.notebook.keep("box", "k", "v")
    book.notebook.step()
    assert book.read("k") == "v"
    assert not done.called  # on the reactor's turn, not on the store's thread
    book.turns.pop()()
    assert done.called


def test_the_last_one_under_a_key_counts(book: Book) -> None:
    for value in ("first", "second", "third"):
        book.notebook.keep("box", "k", value)
    book.notebook.keep("other", "k", "not mine")
    book.step()
    assert (book.read("k"), book.read("k", "other")) == ("third", "not mine")
    book.notebook.keep("box", "k", "fourth")
    book.step()
    assert book.read("k") == "fourth"
    assert book.store.commits == 2


def test_without_notes_there_is_no_commit(book: Book) -> None:
    assert not book.step()
    assert book.store.commits == 0


def test_a_batch_has_an_end_and_the_rest_is_the_next_one(book: Book) -> None:
    done = [book.notebook.keep("box", f"k{n}", "v") for n in range(MAX_BATCH + 1)]
    assert book.step()
    assert [each.called for each in done[-2:]] == [True, False]
    assert not book.step()
    assert done[-1].called


def test_a_store_that_is_away_fails_all_of_a_batch_and_the_loop_rests(book: Book) -> None:
    done = [book.notebook.keep("box", f"k{n}", "v") for n in range(3)]
    book.store.trouble = TransientStoreError("away")
    with pytest.raises(TransientStoreError):
        book.notebook.step()
    for turn in book.turns:
        turn()
    assert [type(outcome(each)) for each in done] == [TransientStoreError] * 3
    book.turns.clear()
    book.store.trouble = None
    assert not book.step()  # whoever still wants it asks again
    assert book.read("k0") is None


def test_another_trouble_fails_its_batch_and_the_next_goes_on(book: Book) -> None:
    lost = book.notebook.keep("box", "k", "v")
    book.store.trouble = ValueError("odd")
    assert not book.step()
    assert isinstance(outcome(lost), ValueError)
    book.store.trouble = None
    kept = book.notebook.keep("box", "k", "v")
    book.step()
    assert outcome(kept) is None
    assert kept.called


def test_a_note_that_is_too_long_is_refused_at_once(book: Book) -> None:
    assert "16385 characters" in str(outcome(book.notebook.keep("box", "k", "v" * (MAX_VALUE + 1))))
    assert book.notebook.keep("box", "k", "v" * MAX_VALUE).called is False
    book.step()
    assert len(book.read("k") or "") == MAX_VALUE


def test_more_than_it_holds_are_pushed_back(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook, "MAX_WAITING", 3)
    kept = [book.notebook.keep("box", f"k{n}", "v") for n in range(3)]
    assert isinstance(outcome(book.notebook.keep("box", "k3", "v")), Overloaded)
    book.step()
    assert all(each.called for each in kept)
    assert not book.notebook.keep("box", "k3", "v").called


def test_notes_outlive_the_process(tmp_path: Path) -> None:
    url = fresh_sqlite(tmp_path)
    first = Book(url)
    first.notebook.keep("box", "k", "issuing")
    first.step()
    first.store.store.close()
    assert Book(url).read("k") == "issuing"
