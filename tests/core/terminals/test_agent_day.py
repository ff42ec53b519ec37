"""An agent's day with the batches of its terminals: what they say beside what we have."""

from pathlib import Path

from core.calendars import local_date, start_of_day
from core.queries.agent_days import AgentDay, BatchSum, day_of
from core.queries.terminal_items import batches_of_agent
from tests.core.agents.shop import opened
from tests.core.terminals.till import (
    HOUR_US,
    NUMBER,
    ZONE,
    back,
    done,
    paid,
    registered,
    settling,
    shop_with_terminal,
    sold,
    totals,
    whole,
)
from tests.hub.machine import Machine

DAY_US = 24 * HOUR_US


def span(machine: Machine) -> tuple[int, int]:
    """Today."""
    first = start_of_day(local_date(machine.time.at_us, ZONE), ZONE)
    return first, first + DAY_US


def batches(machine: Machine, agent: str = "A1") -> list[BatchSum]:
    with machine.store.reader() as reader:
        return batches_of_agent(reader, "demo", agent, span(machine))


def day(machine: Machine) -> AgentDay:
    now, each = machine.time.at_us, batches(machine)
    with machine.store.reader() as reader:
        return day_of(reader, "demo", "A1", span(machine), now, 24, each)


def test_what_is_sold_and_collected_is_in_batches(tmp_path: Path) -> None:
    machine = shop_with_terminal(tmp_path)
    assert batches(machine) == []
    done(machine, sold(machine, 1))
    done(machine, paid(machine, 2, 3_000))
    done(machine, paid(machine, 3, 700))
    done(machine, back(machine, 3))
    (batch,) = batches(machine)
    assert (batch.terminal, batch.number, batch.state) == (NUMBER, 1, "open")
    assert (batch.ours, batch.theirs) == (8_000, None)
    found = day(machine)
    assert (found.sold + found.collected, found.in_batches) == (8_000, 8_000)
    assert [look for look in found.looks if look.kind.startswith("batch")] == []
    done(machine, settling(machine, totals(3, 8_700, 1, 700)))
    (batch,) = batches(machine)
    assert (batch.state, batch.ours, batch.theirs) == ("closed", 8_000, 8_000)
    done(machine, sold(machine, 4))  # late: a case, and in no settlement
    assert batches(machine)[0].ours == 8_000
    whole(machine)


def test_what_a_terminal_says_otherwise_is_looked_at(tmp_path: Path) -> None:
    machine = shop_with_terminal(tmp_path)
    done(machine, sold(machine, 1))
    done(machine, settling(machine, totals(1, 4_000)))
    (look,) = (each for each in day(machine).looks if each.kind.startswith("batch"))
    assert (look.kind, look.about, look.amount) == ("batch-differs", f"{NUMBER}/1", -1_000)


def test_what_nobody_settled_is_of_today_too(tmp_path: Path) -> None:
    machine = shop_with_terminal(tmp_path)
    done(machine, sold(machine, 1))
    done(machine, sold(machine, 2, batch=2))
    done(machine, settling(machine, totals(1, 5_000), 2))
    machine.time.at_us += DAY_US
    (batch,) = batches(machine)
    assert (batch.number, batch.state) == (1, "open")
    found = day(machine)
    assert [look.kind for look in found.looks if look.kind.startswith("batch")] == ["batch-open"]
    assert found.in_batches == 0
    opened(machine, "A2", money=9_000)
    registered(machine, "T0000002", "A2")
    assert batches(machine, "A2") == []
