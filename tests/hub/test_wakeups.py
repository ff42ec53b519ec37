"""Bells between processes: who is woken, and what is found without one."""

import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.store.upgrade import open_store, upgrade
from hub.partitions import NEW as PARTITIONS
from hub.wakeups import WORK, Listener, concerns, notify
from tests.servers.postgres import Postgres

NUMBERS = st.sets(st.integers(0, PARTITIONS - 1))


class Bell:
    """Stands in for a transaction: what was rung."""

    said = ""

    def ring(self, bell: str, payload: str = "") -> None:
        assert bell == WORK
        self.said = payload


@given(NUMBERS, NUMBERS)
def test_a_bell_wakes_who_holds_one_of_its_partitions(rung: set[int], held: set[int]) -> None:
    bell = Bell()
    notify(bell, WORK, rung)  # type: ignore[arg-type]
    assert concerns(bell.said, held.__contains__) is (not rung or bool(rung & held))


@pytest.fixture
def url(postgres: Postgres) -> Iterator[str]:
    made = postgres.prepared("wakeups", upgrade)
    yield made
    postgres.drop(made)


@pytest.mark.slow
def test_what_was_rung_is_heard_after_the_commit_and_never_after_a_rollback(url: str) -> None:
    heard: list[str] = []
    arrived = threading.Event()

    def hear(said: str) -> None:
        heard.append(said)
        arrived.set()

    listener = Listener(url, WORK, hear)
    listener.start()
    store = open_store(url)
    for _ in range(100):  # until it listens: what is rung before that nobody hears
        with store.transaction() as tx:
            notify(tx, WORK)
        if arrived.wait(0.1):
            break
    heard.clear()
    with suppress(ZeroDivisionError), store.transaction() as tx:
        notify(tx, WORK, [1])
        raise ZeroDivisionError
    with store.transaction() as tx:
        notify(tx, WORK, [0, 4])
        notify(tx, WORK, [4, 0])
    arrived.clear()
    with store.transaction() as tx:
        notify(tx, WORK, [5])
    for _ in range(100):
        if "20" in heard:
            break
        arrived.wait(0.05)
        arrived.clear()
    listener.stop()
    store.close()
    assert [said for said in heard if said] == ["11", "20"]
