"""Money whose end nobody knows yet stands in one list, by age, with who must act."""

from pathlib import Path

from core.queries.unknown import UnknownMoney, unknown_money, unknown_sums
from hub import metrics
from hub.metrics import Node
from hub.verbs.unknown import WHO, told, who
from tests.core.wallets.payer import asked, done, paid, purse, says, vend
from tests.hub.machine import Machine, buy, fresh_sqlite
from tests.hub.remote import RemoteMachine

SECOND_US = 1_000_000


def listed(machine: Machine, at_us: int, **only: str) -> list[UnknownMoney]:
    with machine.store.reader() as reader:
        return unknown_money(reader, at_us, **only)


def test_a_payment_that_the_provider_knows_nothing_of(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    doubtful = asked(machine)
    done(machine, says(doubtful, "unknown", reason="provider", code="500"))
    open_still = asked(machine, vend(30_000, payer="+256770000001"))
    now = machine.time.at_us
    (found,) = listed(machine, now + 10 * SECOND_US)
    assert (found.kind, found.number, found.amount) == ("collection", "W-000001", 20_000)
    assert (found.where, found.state, found.people) == ("airtel", "unknown", False)
    assert who(found) == WHO["collection"][0]
    late = listed(machine, now + 4_000 * SECOND_US)
    assert [(each.number, each.people) for each in late] == [
        ("W-000001", True), ("W-000002", True),
    ]  # fmt: skip
    assert who(late[0]) == WHO["collection"][1]
    assert listed(machine, now, company="other") == []
    done(machine, paid(doubtful))
    done(machine, says(open_still, "failed", reason="payer", wallet="mtn"))
    assert listed(machine, now + 4_000 * SECOND_US) == []
    machine.store.close()


def test_a_sale_that_waits_for_its_module(tmp_path: Path) -> None:
    machine = RemoteMachine(fresh_sqlite(tmp_path))
    machine.open_account()
    machine.accept(buy(), "b1")
    machine.settle()
    (order,) = machine.box.orders
    at = machine.time.at_us + 90 * SECOND_US
    (found,) = listed(machine, at)
    assert (found.kind, found.state, found.amount, found.currency) == (
        "sale", "ordered", 20_000, "UGX",
    )  # fmt: skip
    assert 85 <= found.age_s <= 90
    assert found.message_id == order.reference
    with machine.store.reader() as reader:
        sums = unknown_sums(reader, at)
        page = metrics.render(reader, Node(), at)
    assert told(sums).startswith("not known yet: demo: 1 of kind sale, 20,000 UGX, the oldest ")
    assert 'wattbus_unknown_money{company="demo",currency="UGX",kind="sale"} 20000.0' in page
    machine.report(order, "doubtful")
    assert not listed(machine, at)[0].people
    machine.report(order, "undecided")
    (found,) = listed(machine, at)
    assert (found.state, found.people) == ("undecided", True)
    assert "two people" in who(found)
    machine.report(order, "made", tokens=machine.made(order))
    assert listed(machine, at) == []
    assert machine.unaccounted() == 0
    machine.store.close()
