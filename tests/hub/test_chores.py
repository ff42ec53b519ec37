"""Chores: one transaction each, in their order; what fails changes nothing and is told."""

from pathlib import Path
from typing import Any

import pytest

from core.store.tx import StoreError, TransientStoreError, Tx
from core.store.upgrade import open_store
from hub.channel import Overloaded
from hub.chores import MAX_WAITING, Chores
from tests.hub.machine import fresh_sqlite


@pytest.fixture
def chores(tmp_path: Path) -> Chores:
    return Chores(open_store(fresh_sqlite(tmp_path)), lambda function, *args: function(*args))


def put(name: str) -> Any:
    def chore(tx: Tx) -> str:
        tx.insert("setting", ("name", "value"), [(name, "1")])
        return name

    return chore


def names(chores: Chores) -> list[str]:
    with chores.store.reader() as reader:
        return [
            row[0]
            for row in reader.rows(
                "SELECT name FROM setting WHERE name <> 'works-from' ORDER BY name"
            )
        ]


def test_chores_are_done_in_their_order_and_told_after_the_commit(chores: Chores) -> None:
    heard: list[Any] = []
    pokes: list[int] = []
    chores.poke = lambda: pokes.append(1)
    for name in "ab":
        chores.do(put(name)).addCallback(lambda got: heard.append((got, names(chores))))
    assert len(pokes) == 2
    assert [chores.step(), chores.step(), chores.step()] == [True, True, False]
    assert heard == [("a", ["a"]), ("b", ["a", "b"])]


def test_a_chore_that_fails_changes_nothing_and_the_next_is_done(chores: Chores) -> None:
    def bad(tx: Tx) -> None:
        put("x")(tx)
        raise LookupError("no such thing")

    heard: list[Any] = []
    chores.do(bad).addErrback(lambda failure: heard.append(failure.value))
    chores.do(put("y")).addCallback(heard.append)
    assert [chores.step(), chores.step()] == [True, True]
    assert isinstance(heard[0], LookupError)
    assert heard[1] == "y"
    assert names(chores) == ["y"]


def test_a_store_in_trouble_is_told_to_both_sides(chores: Chores) -> None:
    def away(_tx: Tx) -> None:
        raise TransientStoreError("gone")

    heard: list[Any] = []
    chores.do(away).addErrback(lambda failure: heard.append(failure.value))
    with pytest.raises(TransientStoreError):
        chores.step()
    assert isinstance(heard[0], StoreError)
    assert "does not answer" in str(heard[0])


def test_too_many_are_refused_at_once(chores: Chores) -> None:
    refused: list[Any] = []
    for number in range(MAX_WAITING):
        chores.do(put(str(number)))
    chores.do(put("one more")).addErrback(lambda failure: refused.append(failure.value))
    assert isinstance(refused[0], Overloaded)
