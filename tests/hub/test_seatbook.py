"""Nodes and seats in a real database: locks that end with their session, epochs that fence."""

from collections.abc import Iterator
from time import monotonic

import pytest

from core.store import pg
from core.store.upgrade import Store, open_store, upgrade
from hub import seatbook
from hub.cluster import cluster, nodes_alive
from hub.fence import KEEPER
from hub.groups import Group
from hub.notebook import Notebook, note_of
from hub.seatbook import NameTakenError, NodeFacts, SeatBook
from hub.seats import Seats
from tests.servers.postgres import Postgres

pytestmark = pytest.mark.slow
GROUPS = {"smsc": Group("smsc", ("sms",), ("smsc",))}
#: However busy the machine is, the server has seen a socket close by then.
PATIENCE_S = 60.0


@pytest.fixture
def url(postgres: Postgres) -> Iterator[str]:
    made = postgres.prepared("seats", upgrade)
    yield made
    postgres.drop(made)


def node(url: str, name: str, pid: int = 1) -> Seats:
    facts = NodeFacts(name, f"host-{name}", pid, ("channels", "workers"), "1.0")
    book = SeatBook(url, facts, (*GROUPS, KEEPER))
    return Seats(book, name, facts.roles, GROUPS)


def until_held(*seats: Seats) -> None:
    """Step until the first holds the seat."""
    until = monotonic() + PATIENCE_S
    while not seats[0].epoch("smsc"):
        assert monotonic() < until
        for each in seats:
            each.step()


def test_a_seat_moves_when_its_holder_s_session_ends_and_the_old_one_is_fenced(url: str) -> None:
    a, b = node(url, "a"), node(url, "b")
    a.step()
    b.step()
    assert a.epoch("smsc") == 1
    store = open_store(url)
    with store.transaction() as tx:
        assert a.moved(tx, {"sms", "control-demo"}) == frozenset()
        assert b.moved(tx, {"sms", "control-demo"}) == {"sms"}
        assert a.ours(tx, "sms")
        assert not b.ours(tx, "sms")
    a.book.drop()  # what kill -9 does to it
    until_held(b)
    assert b.epoch("smsc") == 2
    with store.transaction() as tx:
        assert a.moved(tx, {"sms"}) == {"sms"}, (
            "it does not know it yet, and its writes are dropped"
        )
    a.step()
    assert a.held() == {}
    for each in (a, b):
        each.leave()
    store.close()


def test_a_frozen_holder_is_put_out(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seatbook, "LEASE_US", 200_000)
    a, b = node(url, "a"), node(url, "b")
    a.step()
    until_held(b)  # a is not stepped: its session stands, its time does not
    assert b.epoch("smsc") == 2
    until = monotonic() + PATIENCE_S
    while a.held():
        assert monotonic() < until
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(seatbook, "LEASE_US", 60_000_000)
            b.step()
            try:
                a.step()
            except pg.TransientStoreError:
                continue  # its session was ended
    b.leave()
    a.leave()


def test_a_batch_that_is_under_way_is_waited_for(url: str) -> None:
    """Who has locked its seat's row writes before the seat moves, or not at all."""
    a, b = node(url, "a"), node(url, "b")
    a.step()
    b.step()
    store = open_store(url)
    with store.transaction() as tx:
        assert not a.moved(tx, {"sms"})
        a.book.drop()
        view = b.book.look()
        b.book._tx().run("SET lock_timeout = 100")  # type: ignore[attr-defined]
        assert b.book.take(view.seats[0]) == 0
        assert a.ours(tx, "sms")
    until_held(b)
    b.leave()
    a.leave()
    store.close()


def test_a_batch_that_waits_for_something_else_does_not_cost_the_seat(url: str) -> None:
    a = node(url, "a")
    a.step()
    store = open_store(url)
    book = a.book
    with store.transaction() as tx:
        assert not a.moved(tx, {"sms"})
        book._tx().run("SET lock_timeout = 100")  # type: ignore[attr-defined]
        assert book.beat(a.held()) == {"smsc", KEEPER}
    a.leave()
    store.close()


def test_who_writes_while_his_seat_is_being_taken_waits_and_finds_it_moved(url: str) -> None:
    a = node(url, "a")
    a.step()
    takes, writes = open_store(url), open_store(url)
    with takes.transaction() as taking, writes.transaction() as tx:
        words = {"node": "b", "lease": 1, "name": "smsc", "epoch": 1}
        assert taking.rows(seatbook._TAKE, **words) == [(2,)]
        tx.run("SET LOCAL lock_timeout = 100")
        tx.run("SAVEPOINT here")
        with pytest.raises(pg.TransientStoreError, match="lock timeout"):
            a.moved(tx, {"sms"})
        tx.run("ROLLBACK TO here")
        taking.run("COMMIT")
        assert a.moved(tx, {"sms"}) == {"sms"}
    a.leave()
    takes.close()
    writes.close()


def test_a_seat_that_another_took_meanwhile_is_not_taken(url: str) -> None:
    a, b, c = (node(url, name) for name in "abc")
    for each in (a, b, c):
        each.step()
    a.leave()
    seen = next(row for row in b.book.look().seats if row.name == "smsc")
    assert c.book.take(seen) == 2
    c.book.unlock("seat", "smsc")
    assert b.book.take(seen) == 0, "it is another one now"
    b.leave()
    c.leave()


def test_a_namesake_is_told_who_runs(url: str) -> None:
    a, second = node(url, "a", 4711), node(url, "a", 4712)
    a.step()
    with pytest.raises(
        NameTakenError, match=r"name a runs: process 4711 on host host-a since 2\d{3}-"
    ):
        second.step()
    second.leave()
    with open_store(url).reader() as reader:
        assert [row.pid for row in cluster(reader, 0).nodes] == [4711]
    a.leave()
    second.step()
    second.leave()


def kept(store: Store, seats: Seats) -> str:
    """What a channel of this node hears of a note of its node's name."""
    book = Notebook(store, lambda call, *args: call(*args), fence=seats)
    heard: list[str] = []
    done = book.keep("sms", "k", seats.node)
    done.addCallbacks(lambda _: heard.append("kept"), lambda f: heard.append(str(f.value)))
    book.step()
    return heard[0]


def test_notes_are_kept_by_who_holds_the_seat_alone(url: str) -> None:
    a, b = node(url, "a"), node(url, "b")
    a.step()
    b.step()
    store = open_store(url)
    assert kept(store, a) == "kept"
    assert kept(store, b) == "the seat of sms is another node's"
    with store.reader() as reader:
        assert note_of(reader, "sms", "k") == "a"
    for each in (a, b):
        each.leave()
    store.close()


def test_the_cluster_is_seen_from_the_database(url: str) -> None:
    store = open_store(url)
    with store.reader() as reader:
        assert nodes_alive(reader) == 1, "none is listed: it is who asks"
        a, b = node(url, "a", 1), node(url, "b", 2)
        a.step()
        b.step()
        seen = cluster(reader, 0)
        assert [(n.name, n.host, n.pid, n.roles, n.alive) for n in seen.nodes] == [
            ("a", "host-a", 1, ("channels", "workers"), True),
            ("b", "host-b", 2, ("channels", "workers"), True),
        ]
        assert {s.seat: (s.node, s.epoch) for s in seen.seats} == {
            "smsc": ("a", 1),
            KEEPER: ("a", 1),
        }
        assert nodes_alive(reader) == 2
        a.leave()
        b.leave()
        assert cluster(reader, 0).nodes == []
        assert {s.node for s in cluster(reader, 0).seats} == {""}
    store.close()
