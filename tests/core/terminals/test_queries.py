"""What the edge asks of terminals: shifts with their sums, copies, items, the emergency list."""

from pathlib import Path
from typing import Any

import pytest

from core.messages import ImportDebts
from core.messages.collection import OldDebt
from core.queries.terminals import (
    copy_of,
    emergency_list,
    item_of,
    shifts_of,
    terminal_of,
)
from tests.core.agents.shop import agreed as agent_agreed
from tests.core.agents.shop import ask as ask_agent
from tests.core.agents.shop import collect, opened, sell, whole
from tests.core.terminals import till
from tests.core.terminals.shop import (
    OTHER,
    TERMINAL,
    agreed,
    ask,
    done,
    hired,
    off,
    on,
    placed,
    post,
    refused,
)
from tests.hub.machine import METER, Machine, enrol


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return post(tmp_path, money=200_000)


def asked(machine: Machine, query: Any, *args: Any, **named: Any) -> Any:
    with machine.store.reader() as reader:
        return query(reader, "demo", *args, **named)


def test_a_shift_adds_up_what_was_sold_in_it(machine: Machine) -> None:
    hired(machine)
    hired(machine, "08", digits="9205")
    assert refused(machine, till.sold(machine, 1)).code == "terminal-signed-off"
    done(machine, on())
    at = {"cashier": "07"}
    done(machine, sell(5_000, another=True, slip=till.slip(machine, 2, **at)))
    done(machine, collect(3_000, slip=till.slip(machine, 3, **at)))
    done(machine, collect(4_000, slip=till.slip(machine, 4, **at)))
    done(machine, till.back(machine, 4, 4_000))
    changed = done(machine, on("08", "9205"))["ended"]
    assert changed["totals"] == {
        "sale": {"count": 1, "amount": 5_000, "reversed": 0, "reversed_amount": 0},
        "payment": {"count": 2, "amount": 7_000, "reversed": 1, "reversed_amount": 4_000},
    }
    done(machine, collect(2_000, slip=till.slip(machine, 5, cashier="08")))
    assert done(machine, off())["totals"]["payment"]["amount"] == 2_000
    # what is taken back after the shift is taken back of that shift
    done(machine, till.back(machine, 3, 3_000))
    last, first = asked(machine, shifts_of, terminal=TERMINAL)
    assert first.totals["payment"]["reversed_amount"] == 7_000
    assert last.totals["payment"] == {
        "count": 1, "amount": 2_000, "reversed": 0, "reversed_amount": 0,
    }  # fmt: skip
    whole(machine)


def test_the_terminal_itself_sells_no_more_when_there_are_cashiers(machine: Machine) -> None:
    done(machine, on(""))
    done(machine, till.paid(machine, 1, 3_000))
    hired(machine)
    for number, cashier in enumerate(("", TERMINAL, "07"), 2):
        message = collect(3_000, slip=till.slip(machine, number, cashier=cashier))
        assert refused(machine, message).code == "terminal-signed-off"
    hired(machine, TERMINAL)
    assert refused(machine, on(TERMINAL)).code == "cashier-unknown"
    done(machine, on())
    done(machine, collect(3_000, slip=till.slip(machine, 5, cashier="07")))
    whole(machine)


def test_a_shift_adds_up_what_was_sold_in_the_same_batch(machine: Machine) -> None:
    signed = [on(""), till.sold(machine, 1), till.paid(machine, 2, 3_000), till.back(machine, 2)]
    for number, message in enumerate([*signed, off()]):
        machine.accept(message, f"one{number}", "terminal/1")
    machine.settle()
    answers = machine.rows("SELECT answer FROM request WHERE key LIKE 'one%' ORDER BY key")
    assert '"sale":{"count":1,"amount":5000' in answers[-1][0]
    assert (
        '"payment":{"count":1,"amount":3000,"reversed":1,"reversed_amount":3000' in (answers[-1][0])
    )
    whole(machine)


def test_a_terminal_with_a_sale_under_way_stays_where_it_is(machine: Machine) -> None:
    opened(machine, "A2")
    done(machine, till.sold(machine, 1))
    with machine.store.transaction() as tx:  # as if a module were asked
        tx.run("UPDATE terminal_item SET state = 'waiting'")
    assert refused(machine, ask("bind", agent="A2")).code == "terminal-wrong"
    with machine.store.transaction() as tx:
        tx.run("UPDATE terminal_item SET state = 'booked'")
    assert refused(machine, ask("bind", agent="A2")).code == "terminal-wrong"
    done(machine, till.settling(machine, till.totals(1, 5_000)))
    agreed(machine, ask("bind", agent="A2"))
    # its copies stay with the agent that sold
    assert asked(machine, copy_of, TERMINAL) is None


def test_the_last_of_a_terminal_is_printed_again(machine: Machine) -> None:
    assert asked(machine, copy_of, TERMINAL) is None
    sold = done(machine, till.sold(machine, 1))
    again = asked(machine, copy_of, TERMINAL)
    assert (again.kind, again.data["token"], again.data["receipt"]) == (
        "sale", sold["token"], sold["receipt"],
    )  # fmt: skip
    assert again.data["lines"] == sold["lines"]
    paid = done(machine, till.paid(machine, 2, 3_000))
    again = asked(machine, copy_of, TERMINAL)
    assert (again.kind, again.data["payment"], again.data["amount"], again.data["account"]) == (
        "payment", paid["payment"], 3_000, "100001",
    )  # fmt: skip
    done(machine, till.back(machine, 2, 3_000))
    assert asked(machine, copy_of, TERMINAL).data["receipt"] == sold["receipt"]


def test_by_receipt_or_meter_what_its_agent_sold(machine: Machine) -> None:
    opened(machine, "A2", money=50_000)
    placed(machine, OTHER, "A2")
    sold = done(machine, till.sold(machine, 1))
    paid = done(machine, till.paid(machine, 2, 3_000))
    found = asked(machine, copy_of, TERMINAL, receipt=sold["receipt"])
    assert found == asked(machine, copy_of, TERMINAL, meter=METER)
    assert found.data["token"] == sold["token"]
    assert asked(machine, copy_of, TERMINAL, receipt=paid["payment"]).kind == "payment"
    for number in (OTHER, "T9"):  # another agent's, and none
        assert asked(machine, copy_of, number, receipt=sold["receipt"]) is None
        assert asked(machine, copy_of, number, receipt=paid["payment"]) is None
        assert asked(machine, copy_of, number, meter=METER) is None
    assert asked(machine, copy_of, TERMINAL, receipt="DP-9") is None
    done(machine, till.back(machine, 2))
    assert asked(machine, copy_of, TERMINAL, receipt=paid["payment"]) is None


def test_what_became_of_an_item(machine: Machine) -> None:
    day = till.today(machine)
    assert asked(machine, item_of, TERMINAL, day, 1) is None
    sold = done(machine, till.sold(machine, 1))
    found = asked(machine, item_of, TERMINAL, day, 1)
    assert (found.kind, found.state, found.amount, found.about) == (
        "sale", "booked", 5_000, sold["receipt"],
    )  # fmt: skip
    assert asked(machine, item_of, OTHER, day, 1) is None


def owed(machine: Machine, account: str = "100001") -> None:
    """An old debt."""
    old = OldDebt(account=account, year=2025, amount=7_000, item_class="energy")
    done(machine, ImportDebts(
        operator="grace", source="f", currency="UGX", debts=(old,), taken_over_on="2026-01-01",
    ))  # fmt: skip


def billed(machine: Machine) -> None:
    """As if those were bills."""
    with machine.store.transaction() as tx:
        tx.run("UPDATE open_item SET kind = 'bill'")


def test_the_list_of_what_may_be_collected_without_the_line(machine: Machine) -> None:
    assert asked(machine, emergency_list, "A1", 10) == []
    owed(machine)
    assert asked(machine, emergency_list, "A1", 10) == []  # no bill
    billed(machine)
    (bill,) = asked(machine, emergency_list, "A1", 10)
    assert (bill.account, bill.due) == ("100001", 7_000)
    assert "*" in bill.name
    assert asked(machine, emergency_list, "A1", 0) == []
    assert asked(machine, emergency_list, "A9", 10) == []


def test_the_list_is_of_the_agents_scope(machine: Machine) -> None:
    done(machine, enrol("100002", "04123456792", "+256700000002"))
    owed(machine)
    owed(machine, "100002")
    billed(machine)
    with machine.store.transaction() as tx:
        tx.run("UPDATE meter SET sgc = '123456' WHERE drn = '04123456792'")
    assert len(asked(machine, emergency_list, "A1", 10)) == 2
    agent_agreed(machine, ask_agent("alter", supply_groups=("123456",)))
    assert [bill.account for bill in asked(machine, emergency_list, "A1", 10)] == ["100002"]
    agent_agreed(machine, ask_agent("alter", services=("electricity",)))
    assert asked(machine, emergency_list, "A1", 10) == []
    agent_agreed(machine, ask_agent("alter", services=("bills",)))
    done(machine, ask_agent("block"))
    assert asked(machine, emergency_list, "A1", 10) == []
    assert asked(machine, terminal_of, TERMINAL).agent_state == "blocked"
