"""Seats by a clock of the test's own: who takes, keeps, loses and gives back what, and when."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.store.tx import TransientStoreError
from hub import seats as module
from hub.fence import KEEPER, Seated
from hub.groups import Group
from hub.seatbook import LEASE_US, NameTakenError, SeatRow, View
from hub.seats import DECLINE_S, LOOK_S, RENEW_S, Seats

LEASE_S = LEASE_US / 1e6


@dataclass
class Row:
    node: str = ""
    epoch: int = 0
    until: float = 0.0


@dataclass
class Shared:
    """The database of the nodes of a test, and its clock."""

    now: float = 100.0
    rows: dict[str, Row] = field(default_factory=dict)
    locks: dict[tuple[str, str], int] = field(default_factory=dict)  # -> session
    nodes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    sessions: int = 0
    away: bool = False

    def end(self, session: int) -> None:
        self.locks = {key: by for key, by in self.locks.items() if by != session}


@dataclass
class FakeBook:
    """A node's own view of it, with a session that can break."""

    shared: Shared
    name: str
    roles: tuple[str, ...]
    seats: tuple[str, ...]
    current: int = 0
    broken: bool = True
    rung: int = 0

    def _reach(self) -> None:
        if self.shared.away:
            self.broken = True
            raise TransientStoreError("away")

    def session(self) -> int:
        self._reach()
        alive = self.current and not self.broken
        if not alive:
            self.shared.sessions += 1
            self.current, self.broken = self.shared.sessions, False
        return self.current

    def reader(self) -> Any:
        return None

    def lock(self, kind: str, name: str) -> bool:
        self._reach()
        return self.shared.locks.setdefault((kind, name), self.current) == self.current

    def unlock(self, kind: str, name: str) -> None:
        if self.shared.locks.get((kind, name)) == self.current:
            del self.shared.locks[kind, name]

    def enter(self) -> None:
        if not self.lock("node", self.name):
            raise NameTakenError(self.name)
        self.shared.nodes[self.name] = self.roles
        for seat in self.seats:
            self.shared.rows.setdefault(seat, Row())

    def beat(self, held: Mapping[str, int]) -> set[str]:
        self._reach()
        ours = set()
        for seat, epoch in held.items():
            row = self.shared.rows[seat]
            if (row.node, row.epoch) == (self.name, epoch):
                row.until = self.shared.now + LEASE_S
                ours.add(seat)
        return ours

    def look(self) -> View:
        self._reach()
        found = []
        for name in sorted(self.seats):
            row, by = self.shared.rows[name], self.shared.locks.get(("seat", name), 0)
            over = not row.node or row.until <= self.shared.now
            found.append(SeatRow(name, row.node, row.epoch, over, by))
        live = {n: r for n, r in self.shared.nodes.items() if ("node", n) in self.shared.locks}
        return View(tuple(found), live)

    def take(self, seat: SeatRow) -> int:
        row = self.shared.rows[seat.name]
        if row.epoch != seat.epoch or not self.lock("seat", seat.name):
            return 0
        row.node, row.epoch, row.until = self.name, row.epoch + 1, self.shared.now + LEASE_S
        return row.epoch

    def evict(self, process: int) -> None:
        self.shared.end(process)

    def release(self, name: str, epoch: int) -> None:
        self._reach()
        row = self.shared.rows[name]
        if (row.node, row.epoch) == (self.name, epoch):
            row.node, row.until = "", 0.0
        self.unlock("seat", name)

    def leave(self) -> None:
        self.shared.nodes.pop(self.name)
        self.shared.end(self.current)

    def ring(self) -> None:
        self.rung += 1

    def drop(self) -> None:
        self.shared.end(self.current)
        self.broken = True


GROUPS = {
    "smsc": Group("smsc", ("sms", "ussd"), ("smsc",)),
    "mm": Group("mm", ("mm",), ()),
    "pos": Group("pos", ("pos",), (), ("b",)),
}


class Town:
    """Nodes of one installation, stepped by hand."""

    def __init__(self, **groups: Group) -> None:
        self.shared = Shared()
        self.groups = groups or {"smsc": GROUPS["smsc"]}
        self.changes: list[str] = []

    def node(self, name: str, *roles: str) -> Seats:
        names = (*self.groups, KEEPER)
        book = FakeBook(self.shared, name, roles or ("channels", "workers"), names)
        made = Seats(book, name, book.roles, self.groups, clock=lambda: self.shared.now)
        made.changed = lambda: self.changes.append(name)
        made.step()
        return made

    def dies(self, seats: Seats) -> None:
        """The server sees its socket close."""
        seats.book.drop()

    def later(self, seconds: float, *nodes: Seats) -> None:
        """Time passes; these are stepped, the others are frozen."""
        until = self.shared.now + seconds
        while self.shared.now < until:
            self.shared.now += LOOK_S / 2
            for node in nodes:
                node.step()


@pytest.fixture
def town() -> Town:
    return Town()


def test_one_takes_what_is_free_at_once_and_the_other_stands_by(town: Town) -> None:
    a, b = town.node("a"), town.node("b")
    assert (a.epoch("smsc"), b.epoch("smsc")) == (1, 0)
    town.later(60, a, b)
    assert (a.held(), b.held().get("smsc")) == ({"smsc": 1, KEEPER: 1}, None)
    assert a.may("sms")
    assert a.may("ussd")
    assert not b.may("sms")
    assert b.may("control-demo"), "what has no seat is everybody's"


def test_a_dead_holder_s_seat_moves_within_two_looks(town: Town) -> None:
    a, b = town.node("a"), town.node("b")
    town.later(10, a, b)
    town.dies(a)
    town.later(2 * LOOK_S + LOOK_S / 2, b)
    assert b.epoch("smsc") == 2


def test_a_holder_whose_connection_broke_has_its_seat_again_first(town: Town) -> None:
    a, b = town.node("a"), town.node("b")
    town.later(10, a, b)
    town.dies(a)
    town.later(LOOK_S, a, b)
    town.later(10, a, b)
    assert (a.epoch("smsc"), b.epoch("smsc")) == (1, 0)


def test_a_frozen_holder_is_put_out_and_does_nothing_when_it_wakes(town: Town) -> None:
    a, b = town.node("a"), town.node("b")
    town.later(3, a, b)
    town.later(LEASE_S + RENEW_S + 3 * LOOK_S, b)
    assert a.epoch("smsc") == 0, "its own clock has run on"
    assert not a.may("sms")
    assert b.epoch("smsc") == 2
    town.changes.clear()
    a.book.broken = True  # type: ignore[attr-defined] # its session was ended
    a.step()
    assert a.held() == {}
    assert town.changes == ["a"]
    town.later(10, a, b)
    assert (a.held(), b.epoch("smsc")) == ({}, 2)


def test_nobody_is_put_out_while_his_time_runs(town: Town) -> None:
    a, b = town.node("a"), town.node("b")
    town.later(3, a, b)
    town.later(LEASE_S - RENEW_S - LOOK_S, b)
    a.step()
    assert (a.epoch("smsc"), b.epoch("smsc")) == (1, 0)


def test_database_away_and_nobody_took_it(town: Town) -> None:
    a = town.node("a")
    town.later(3, a)
    town.shared.away = True
    with pytest.raises(TransientStoreError):
        town.later(LEASE_S + RENEW_S, a)
    town.shared.now += 60
    assert a.epoch("smsc") == 0, "nothing leaves meanwhile"
    assert a.held()["smsc"] == 1, "but nothing is closed"
    town.shared.away = False
    town.shared.locks.clear()  # the server was started again
    town.later(LOOK_S, a)
    assert a.epoch("smsc") == 1


def test_an_ordered_end_gives_back_at_once(town: Town) -> None:
    a, b = town.node("a"), town.node("b")
    town.later(3, a, b)
    a.leave()
    town.later(LOOK_S, b)
    assert b.epoch("smsc") == 2
    assert list(town.shared.nodes) == ["b"]


def test_a_second_of_the_name_is_refused_and_the_first_goes_on(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    a = town.node("a")
    monkeypatch.setattr(
        module.time, "sleep", lambda s: setattr(town.shared, "now", town.shared.now + s)
    )
    book = FakeBook(town.shared, "a", ("channels",), ("smsc", KEEPER))
    second = Seats(book, "a", book.roles, town.groups, clock=lambda: town.shared.now)
    with pytest.raises(NameTakenError):
        second.begin()
    town.later(2, a)
    assert a.epoch("smsc") == 1


def test_a_node_started_again_has_its_own_seats_at_once(town: Town) -> None:
    a, b = town.node("a"), town.node("b")
    town.later(3, a, b)
    town.dies(a)
    heir = town.node("a")
    assert heir.epoch("smsc") == 2
    town.later(3, heir, b)
    assert b.epoch("smsc") == 0


def test_a_name_lost_while_the_database_was_away_is_the_end_of_its_seats(town: Town) -> None:
    a = town.node("a")
    town.dies(a)
    heir = town.node("a")
    with pytest.raises(NameTakenError):
        a.step()
    assert a.held() == {}
    assert heir.epoch("smsc") == 2


def test_pins_and_roles_are_obeyed() -> None:
    town = Town(**GROUPS)
    a, w = town.node("a"), town.node("w", "workers")
    town.later(10, a, w)
    assert "pos" not in a.held(), "pinned to b"
    town.dies(a)
    town.later(20, w)
    assert set(w.held()) == {KEEPER}, "without the role only what is everybody's"
    b = town.node("b")
    town.later(5, b, w)
    assert set(b.held()) == {"smsc", "mm", "pos"}


def test_seats_that_become_free_are_spread() -> None:
    six = {name: Group(name, (name,), ()) for name in "uvwxyz"}
    town = Town(**six)
    a = town.node("a")
    town.later(3, a)
    b, c = town.node("b"), town.node("c")
    assert len(a.held()) == 7
    town.later(3, a, b, c)
    a.leave()
    town.later(3, b, c)
    assert sorted([len(b.held()), len(c.held())])[0] >= 3


def test_a_seat_that_cannot_be_opened_here_is_left_to_others(town: Town) -> None:
    a = town.node("a")
    a.decline("smsc")
    town.later(LOOK_S, a)
    assert "smsc" not in a.held()
    b = town.node("b")
    town.later(1, a, b)
    assert b.epoch("smsc") == 2
    town.dies(b)
    town.later(DECLINE_S, a)
    assert a.epoch("smsc") == 3


def test_what_was_taken_or_lost_is_told_though_the_connection_breaks_right_after(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    town = Town(one=Group("one", ("one",), ()), two=Group("two", ("two",), ()))
    a = town.node("a")
    for row in ("one", "two"):
        town.shared.rows[row] = Row("c", 7, town.shared.now + 60)

    def breaks(*_: object) -> int:
        raise TransientStoreError("away")

    town.changes.clear()
    monkeypatch.setattr(a.book, "unlock", breaks)
    with pytest.raises(TransientStoreError):
        town.later(RENEW_S, a)
    assert (town.changes, a.held()) == (["a"], {KEEPER: 1}), "both are lost, and it is told"

    b, town.shared.rows["one"] = town.node("b"), Row()
    town.changes.clear()
    take = b.book.take
    monkeypatch.setattr(b.book, "take", lambda seat: take(seat) if seat.name == "one" else breaks())
    town.shared.rows["two"] = Row()
    town.shared.locks = {at: by for at, by in town.shared.locks.items() if at[0] == "node"}
    with pytest.raises(TransientStoreError):
        town.later(3, b)
    assert (town.changes, b.epoch("one")) == (["b"], 1), "one is taken, and it is told"


def test_who_waits_long_for_seats_of_the_frozen_keeps_his_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each taking waits for a batch of the last holder's, up to the limit to locks."""
    town = Town(**{name: Group(name, (name,), ()) for name in "uvwxyz"})
    a = town.node("a")
    held = set(a.held())
    for name in "uvw":
        town.shared.rows[name] = Row()
        a._forget(name)
        town.shared.locks.pop(("seat", name))

    def waits(_seat: SeatRow) -> int:
        town.shared.now += 3.0
        assert {name for name in held - {*"uvw"} if not a.epoch(name)} == set()
        return 0

    monkeypatch.setattr(a.book, "take", waits)
    town.later(4, a)
    assert a.epoch("x") == 1


class Counted:
    """A stage that counts its steps."""

    steps = 0

    def step(self) -> bool:
        self.steps += 1
        return True


def test_a_seated_stage_runs_where_its_seat_is_and_begins_anew(town: Town) -> None:
    a, b = town.node("a"), town.node("b")
    stage, begun = Counted(), []
    seated = Seated(stage, KEEPER, b, lambda: begun.append(1))
    assert not seated.step()
    town.dies(a)
    town.later(3, b)
    assert seated.step()
    assert seated.step()
    assert (stage.steps, begun) == (2, [1])


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["step", "freeze", "cut"])), max_size=60
    )
)
def test_never_two_that_may(story: list[tuple[str, str]]) -> None:
    """Whoever is frozen or cut off when: of no seat two nodes think that they hold it now, unless
    the one that is wrong has a session that is over, and then the database tells it apart."""
    town = Town()
    nodes = {name: town.node(name) for name in "abc"}
    for name, what in story:
        town.shared.now += LOOK_S
        if what == "cut":
            town.dies(nodes[name])
        for each, node in nodes.items():
            if each != name or what == "step":
                node.step()
        row = town.shared.rows["smsc"]
        believe = [n for n, seats in nodes.items() if seats.epoch("smsc")]
        right = [n for n in believe if (row.node, row.epoch) == (n, nodes[n].epoch("smsc"))]
        wrong = set(believe) - set(right)
        assert len(right) <= 1
        assert all(nodes[n].book.broken for n in wrong)  # type: ignore[attr-defined]
