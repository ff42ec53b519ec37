"""A terminal on the real machine: journal, worker, books. What the wire says is what was booked."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from core.messages import Answer
from hub.channel import Accepted, Arrival
from hub.journal import Entry, Noted
from tests.channels.pos.fakes import METER, Shop, Shopfront
from tests.core.agents import shop
from tests.core.terminals.till import shop_with_terminal
from tests.hub.links.memory_smsc import quiet_log
from tests.hub.machine import Machine

MONEY = 100_000
NONE = "00000000000"
#: The machine's morning, as a terminal in Kampala says it.
SALE: dict[str, Any] = {
    "f3": "500000", "f4": "000002000000", "f49": "800", "f60": "000001",
    "f48": {"meter": METER, "customer": "000000000000", "rest": ""},
}  # fmt: skip
BILL: dict[str, Any] = {
    "f3": "170000", "f4": "000000500000", "f49": "800", "f60": "000001", "f102": "100001",
}  # fmt: skip


@dataclass
class MachinePorts:
    """``hub.channel.Ports`` on a machine whose stages run at every question."""

    machine: Machine
    reactor: Clock = field(default_factory=Clock)
    name: str = "pos1"
    company: Shop = field(default_factory=Shop)
    log: Any = None
    lost: bool = False  # while it is so, no answer comes in time
    book: dict[str, str] = field(default_factory=dict)

    def accept(self, arrival: Arrival) -> "Deferred[Accepted]":
        routes = self.machine.routing.routes("demo", arrival.message)
        heard = self.machine.intake.accept(Entry("demo", self.name, arrival, routes))
        self.machine.settle()
        return heard

    def answer(self, message_id: str, within_s: float) -> "Deferred[Answer | None]":
        return succeed(None if self.lost else self.machine.answer(message_id))

    def pin_key(self) -> bytes | None:
        return None

    def query(self, function: Callable[..., Any], *args: Any) -> "Deferred[Any]":
        with self.machine.store.reader() as reader:
            return succeed(function(reader, self.machine.terms, *args))

    def record(self, key: str, raw: str, party: str = "") -> None:
        self.machine.intake.record(Noted("demo", self.name, key, party, raw))

    def keep(self, key: str, value: str) -> "Deferred[None]":
        self.book[key] = value
        return succeed(None)

    def kept(self, key: str) -> "Deferred[str | None]":
        return succeed(self.book.get(key))

    def file(self, name: str) -> Path:
        return Path(name)

    def now_us(self) -> int:
        return self.machine.time.now_us()


@pytest.fixture
def front(tmp_path: Path) -> Shopfront:
    """A shop with money on its float and a terminal at the counter."""
    ports: Any = MachinePorts(shop_with_terminal(tmp_path, MONEY), log=quiet_log())
    return Shopfront(ports=ports)


def float_of(front: Shopfront) -> int:
    machine: Machine = front.ports.machine  # type: ignore[attr-defined]
    ((balance,),) = machine.rows("SELECT balance FROM agent_float")
    return int(balance)


def whole(front: Shopfront) -> None:
    """The books hold, and every message is accounted for."""
    shop.whole(front.ports.machine)  # type: ignore[attr-defined]


def reversal(stan: int) -> dict[str, Any]:
    said = {"mti": "0200", "stan": f"{stan:06d}", "sent": "1121060000", "acquirer": NONE,
            "forwarder": NONE}  # fmt: skip
    return {"f49": "800", "f90": said}


def test_a_sale_its_repeat_and_its_reversal(front: Shopfront) -> None:
    sold = front.ask("0200", **SALE)
    assert sold.fields[39] == "00", sold
    token = sold.fields[62]["01"]
    assert len(token) == 20
    after = float_of(front)
    assert after < MONEY
    front.stan = 0
    assert front.ask("0201", **SALE).fields[62] == sold.fields[62]
    back = front.ask("0400", **reversal(1), f4="000002000000")
    assert (back.fields[39], back.fields[62]["11"]) == ("21", "kept")
    assert back.fields[62]["01"] == token
    assert float_of(front) == after  # no money goes back
    copy = front.ask("0100", f3="390000")
    assert copy.fields[62]["01"] == token
    whole(front)


def test_a_payment_taken_back_gives_the_float_its_money(front: Shopfront) -> None:
    owed = front.ask("0100", f3="380000", f102="100001")
    assert owed.fields[39] == "00"
    paid = front.ask("0200", **BILL)
    assert (paid.fields[39], len(paid.fields[62]["16"]) > 3) == ("00", True)
    back = front.ask("0420", **reversal(2))
    assert (back.fields[39], back.fields[62]["11"]) == ("00", "reversed")
    assert float_of(front) == MONEY
    front.stan = 2
    again = front.ask("0421", **reversal(2))
    assert again.fields == back.fields
    whole(front)


def test_a_reversal_that_comes_first_bars_the_late_original(front: Shopfront) -> None:
    back = front.ask("0400", **reversal(2))
    assert back.fields[62]["11"] == "barred"
    late = front.ask("0200", **SALE)
    assert late.fields[39] == "94"
    assert float_of(front) == MONEY
    whole(front)


def test_an_answer_that_is_lost_is_asked_for_again(front: Shopfront) -> None:
    front.ports.lost = True  # type: ignore[attr-defined]
    assert front.ask("0200", **SALE).fields[39] == "68"
    front.ports.lost = False  # type: ignore[attr-defined]
    front.stan = 0
    sold = front.ask("0201", **SALE)
    assert (sold.fields[39], len(sold.fields[62]["01"])) == ("00", 20)
    machine: Machine = front.ports.machine  # type: ignore[attr-defined]
    assert machine.rows("SELECT count(*) FROM sale") == [(1,)]
    whole(front)


def test_a_trial_vend_is_what_the_sale_gives(front: Shopfront) -> None:
    trial = front.ask("0100", **{**SALE, "f3": "380000"})
    sold = front.ask("0200", **SALE)
    for tag in ("02", "04", "06", "07"):
        assert trial.fields[62].get(tag) == sold.fields[62].get(tag)
    assert trial.fields[62]["14"].count("*") > 3
    assert front.ask("0100", f3="380000", f4="000099999900", f103=METER).fields[39] == "51"
    assert front.ask("0100", f3="380000", f103="04123456789").fields[39] == "14"
    assert front.ask("0100", f3="380000", f102="999999").fields[39] == "14"
    assert front.ask("0100", f3="380000", f103=METER).fields[62]["13"] == METER


def test_a_day_balances(front: Shopfront) -> None:
    front.ask("0800", f70="001")
    front.ask("0200", **SALE)
    front.ask("0200", **BILL)
    front.ask("0400", **reversal(3))
    theirs = {"f60": "000001", "f76": "0000000002", "f77": "0000000001",
              "f88": "0000000002500000", "f89": "0000000000500000"}  # fmt: skip
    settled = front.ask("0500", **theirs, f49="800")
    assert (settled.fields[39], settled.fields[66]) == ("00", "1"), settled
    off = front.ask("0800", f70="002")
    assert off.fields[39] == "00"
    whole(front)


def test_a_wrong_total_is_uploaded_and_closed(front: Shopfront) -> None:
    front.ask("0200", **SALE)
    wrong = {"f60": "000001", "f76": "0000000002", "f77": "0000000000",
             "f88": "0000000004000000", "f89": "0000000000000000", "f49": "800"}  # fmt: skip
    told = front.ask("0500", **wrong)
    assert (told.fields[39], told.fields[66]) == ("95", "2")
    assert (told.fields[76], told.fields[88]) == ("0000000001", "0000000002000000")
    for stan in (1, 9):
        item = {"f3": "500000", "f4": "000002000000", "f60": "000001", **reversal(stan)}
        assert front.ask("0320", **item).fields[39] == "00"
    ended = front.ask("0520", **wrong)
    assert ended.fields[62]["11"] == "closed"
    assert ended.fields[62]["30"] != "0"
    whole(front)


def test_a_terminal_without_the_line_collects_bills_and_never_tokens(front: Shopfront) -> None:
    collected = front.ask("0220", **BILL, f63={"06": "1001"})
    assert collected.fields[39] == "00"
    assert front.ask("0220", **SALE).fields[39] == "12"
    whole(front)
