"""Random histories of sales, payments, changes and their undoing: whole books after every batch."""

from collections import Counter
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.changes.kinds import KINDS
from core.messages import Message, MeterLink, PhoneLink
from core.store.tables.machine import DONE
from core.store.upgrade import upgrade
from tests.core.changes import life
from tests.core.changes.life import move, open_period, planned, request, whole
from tests.core.collection.desk import act, done, money, yes
from tests.hub.machine import Machine, buy, enrol, fresh_sqlite
from tests.hub.sales import drn_of
from tests.scratch import in_memory
from tests.servers.postgres import Postgres

ACCOUNTS = ("100001", "100002", "200001")
METERS = ("04123456784", "04123456792", drn_of(77), drn_of(78))
PHONES = ("+256700000001", "+256700000002", "+256700000009")
DECLARED: dict[str, Any] = {
    "remaining_credit": "tariff",
    "exchange_credit": "tariff",
    "debts_follow": "service-point",
    "final_bill": "recovered",
}

#: What may happen, as often as it stands here.
STEPS = ("pay", "sell", "sell", "charge", "spend", "lead", "lead", "lead", "lead", "odd", "agree",
         "bill", "wait")  # fmt: skip
steps = st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 2**16)), min_size=12, max_size=30)


@cache
def _enrolled() -> bytes:
    with TemporaryDirectory() as folder:
        url = fresh_sqlite(Path(folder))
        begun(url).store.close()
        return Path(url.removeprefix("sqlite:")).read_bytes()


def begun(url: str) -> Machine:
    """A household with tokens, one with bills, some money and a security."""
    machine = life.life_on(url, **DECLARED)
    done(machine, enrol(ACCOUNTS[1], METERS[1], PHONES[1], mode="postpaid", tariff="town"))
    done(machine, money(60_000))
    done(machine, act("deposit", deposit="guarantee", amount=8_000))
    open_period(machine)
    return machine


class History:
    """The two households and a third customer; several messages come in one batch."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.count = 0
        self.waiting: list[Message] = []

    def pick(self, sql: str, place: int) -> Any:
        rows = self.machine.rows(sql)
        return rows[place % len(rows)][0] if rows else place

    def pay(self, n: int) -> None:
        way, how = ("cheque", "cash", "cash")[n % 3], ("", "all")[n % 2]
        self.waiting.append(money(n * 7 % 40_000 + 1, way, ACCOUNTS[n % 3], rule=how))

    def sell(self, n: int) -> None:
        """With money for it, on whatever meter, by whatever phone."""
        tender = 4_000 + n % 26_000
        self.waiting.append(money(tender, "cash", ACCOUNTS[n % 3], rule="credit"))
        drn, phone = METERS[n // 3 % 4], PHONES[n % 3]
        self.waiting.append(buy(tender, drn, phone, another=True, holder_confirmed=True))

    def charge(self, n: int) -> None:
        self.waiting.append(act("fee", account=ACCOUNTS[n % 3], fee=("visit", "seal")[n % 2]))

    def spend(self, n: int) -> None:
        amount = n % 9_000 + 1
        self.waiting.append(
            act("deposit", account=ACCOUNTS[n % 3], deposit="equipment", amount=amount)
        )

    def change(self, n: int) -> None:
        """A change of any kind; some do not fit what is there."""
        kind, account = sorted(KINDS)[n % 7], ACCOUNTS[n // 7 % 3]
        to, meter = ACCOUNTS[n // 21 % 3], METERS[2 + n // 21 % 2]
        phones = (PhoneLink(msisdn=PHONES[n // 21 % 3]),)
        mode = ("prepaid", "uganda-domestic") if n // 63 % 3 else ("postpaid", "town")
        who = {"customer": f"C{to}", "name": "Akello", "phones": phones}
        vacant = self.machine.rows(
            "SELECT p.number FROM service_point p WHERE NOT EXISTS (SELECT 1 FROM agreement g "
            "WHERE g.service_point_id = p.id AND g.to_us IS NULL) ORDER BY p.id"
        )
        if vacant and n % 2:
            kind = "move-in"
        more: dict[str, Any] = {}
        if kind in ("move-in", "take-over"):
            more = {"mode": mode[0], "tariff": mode[1], **who}
            point = vacant[0][0] if vacant else f"S10000{1 + n % 2}"
            more |= {"point": point} if kind == "move-in" else {"to_account": to}
        if kind == "holder":
            more = who
        if kind == "meter-exchange":
            more = {"meter": MeterLink(drn=meter, sgc="201457")}
        own = self.machine.rows(
            "SELECT g.id FROM agreement g JOIN account a ON a.id = g.account_id "
            "WHERE a.number = :number AND g.to_us IS NULL ORDER BY g.id", number=account,
        )  # fmt: skip
        if own and kind not in ("move-in", "holder"):
            more["agreement"] = own[n % len(own)][0]
        self.waiting.append(request(kind, account, **more))

    def odd(self, n: int) -> None:
        """A move that may come at the wrong time, twice, or of a change that is over."""
        number = self.pick("SELECT id FROM account_change ORDER BY id", n)
        what = ("read", "settle", "switch", "confirm", "undo")[n // 11 % 5]
        self.waiting.append(move(number, what, remaining_tenths=n % 9))

    def agree(self, n: int) -> None:
        number = self.pick("SELECT id FROM token_act WHERE state = 'requested' ORDER BY id", n)
        self.waiting.append(yes(number))

    def lead(self, n: int) -> None:
        """A change from its request on, as operators would lead it; now and then it is undone.

        It goes as far as it can; others that were open go on, too.
        """
        self.change(n)
        for number in range(5):
            self.batch()
            rows = self.machine.rows(
                "SELECT id, state FROM account_change WHERE open = 1 ORDER BY id"
            )
            for change, state in rows:
                self._next(change, state, undo=n // 500 % 15 == number)

    def _next(self, change: int, state: str, *, undo: bool) -> None:
        what = {"read": "settle", "settled": "switch", "switched": "confirm"}.get(state, "read")
        if undo and state != "switched":
            what = "undo"
        if what == "read":
            usage = {"usage": {"units": change * 1_000}, "opening": {"units": 0}}
            self.waiting.append(move(change, "read", remaining_tenths=change % 40, **usage))
            self.waiting.append(move(change, "read", **usage))
            self.bill(0)
            self.bill(1)
            return
        self.waiting.append(move(change, what))
        self.batch()
        for (act_id,) in self.machine.rows("SELECT id FROM token_act WHERE state = 'requested'"):
            self.waiting.append(yes(act_id))

    def bill(self, n: int) -> None:
        """A run of the month, or corrections, with what is on file."""
        self.batch()
        if self.machine.rows("SELECT 1 FROM agreement WHERE mode = 'postpaid'"):
            planned(self.machine, rebill=bool(n % 2))
            whole(self.machine)

    def wait(self, n: int) -> None:
        self.batch()
        self.machine.time.at_us += n % 5 * life.DAY_US

    def batch(self) -> None:
        """All that waits in one batch: each is answered, none is a fault, the books are whole."""
        for message in self.waiting:
            self.count += 1
            self.machine.accept(message, f"m{self.count}")
        self.waiting.clear()
        self.machine.settle()
        left = self.machine.rows(
            "SELECT handler, error FROM delivery WHERE state <> :done AND handler NOT LIKE 'ch%'",
            done=DONE,
        )
        assert left == []
        whole(self.machine)


def lived(machine: Machine, taken: list[tuple[str, int]]) -> Counter[tuple[str, str]]:
    """Play it; which changes came how far."""
    history = History(machine)
    for name, n in taken:
        getattr(history, name)(n)
        if len(history.waiting) > 4:
            history.batch()
    history.batch()
    rows = machine.rows("SELECT kind, state FROM account_change")
    machine.store.close()
    return Counter(rows)


def on_sqlite(taken: list[tuple[str, int]]) -> Counter[tuple[str, str]]:
    with TemporaryDirectory(dir=in_memory()) as folder:
        path = Path(folder) / "books.db"
        path.write_bytes(_enrolled())
        return lived(life.opened(f"sqlite:{path}", **DECLARED), taken)


def by_chance(seed: int) -> list[tuple[str, int]]:
    chance = Random(seed)
    return [(chance.choice(STEPS), chance.randrange(2**16)) for _ in range(24)]


@settings(max_examples=8, deadline=None)
@given(steps)
def test_the_books_are_whole_whatever_happens(taken: list[tuple[str, int]]) -> None:
    on_sqlite(taken)


def test_histories_come_to_every_kind_of_change() -> None:
    """Of some fixed histories: each kind was confirmed, and some were undone."""
    seen: Counter[tuple[str, str]] = Counter()
    for seed in (20, 21, 23, 28, 31):
        seen += on_sqlite(by_chance(seed))
    assert {kind for kind, state in seen if state == "confirmed"} == set(KINDS)
    assert sum(count for (_, state), count in seen.items() if state == "undone") > 2


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 104))
def test_the_same_on_postgresql(postgres: Postgres, seed: int) -> None:
    url = postgres.prepared("changes", upgrade)
    lived(begun(url), by_chance(seed))
    postgres.drop(url)
