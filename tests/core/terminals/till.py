"""What the tests of terminals' items share: a shop with a terminal, and what it says."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from core.calendars import local_date
from core.messages import (
    Answer,
    BatchTotals,
    CloseTerminalCase,
    CollectOffline,
    RequestTerminalAct,
    ReverseAtTerminal,
    SettleTerminal,
    Slip,
    UploadItem,
)
from core.terminals.slips import day_number
from tests.core.agents.shop import collect, do, done, opened, sell, shop, whole, yes
from tests.hub.machine import Machine

NUMBER = "T0000001"
HOUR_US = 3_600_000_000
ZONE = "Africa/Kampala"


def terminal_act(kind: str, terminal: str = NUMBER, **more: Any) -> RequestTerminalAct:
    """Ruth asks for it."""
    return RequestTerminalAct(
        operator="ruth", kind=kind, reason="a reason", terminal=terminal, **more
    )


def agreed(machine: Machine, message: RequestTerminalAct) -> dict[str, Any]:
    """Asked for by ruth, and approved by sam where two are needed."""
    waiting = done(machine, message)
    return done(machine, yes(waiting["act"])) if waiting["state"] == "requested" else waiting


def registered(machine: Machine, number: str = NUMBER, agent: str = "A1") -> None:
    """The agent has a terminal."""
    agreed(machine, terminal_act("terminal-register", number, agent=agent, name="Counter"))


def shop_with_terminal(folder: Path, money: int = 100_000, **changes: Any) -> Machine:
    """An agent with money and a terminal."""
    machine = shop(folder)
    opened(machine, money=money, **changes)
    registered(machine)
    return machine


def today(machine: Machine, back: int = 0) -> int:
    """The business day."""
    return day_number(local_date(machine.time.at_us, ZONE) - timedelta(back))


def slip(machine: Machine, stan: int, batch: int = 1, **more: Any) -> Slip:
    """The terminal's name for it."""
    values = {"terminal": NUMBER, "day": today(machine), **more}
    return Slip(stan=stan, batch=batch, **values)


def sold(machine: Machine, stan: int, tender: int = 5_000, batch: int = 1, **more: Any) -> Any:
    """A sale at the terminal, as a message."""
    return sell(tender, another=True, slip=slip(machine, stan, batch), **more)


def paid(machine: Machine, stan: int, amount: int = 5_000, batch: int = 1, **more: Any) -> Any:
    """A payment at the terminal, as a message."""
    return collect(amount, slip=slip(machine, stan, batch), **more)


def back(machine: Machine, stan: int, amount: int = 0, **more: Any) -> ReverseAtTerminal:
    """A reversal, as a message."""
    values = {"agent": "A1", "terminal": NUMBER, "day": today(machine), **more}
    return ReverseAtTerminal(stan=stan, amount=amount, currency="UGX", **values)


def totals(debits: int = 0, amount: int = 0, reversals: int = 0, back_: int = 0) -> BatchTotals:
    """A terminal's totals."""
    return BatchTotals(
        debits=debits, debit_amount=amount, debit_reversals=reversals, debit_reversal_amount=back_
    )


def settling(machine: Machine, theirs: BatchTotals, batch: int = 1, **more: Any) -> SettleTerminal:
    """A settlement, as a message."""
    values = {"agent": "A1", "terminal": NUMBER, "day": today(machine), "currency": "UGX", **more}
    return SettleTerminal(batch=batch, totals=theirs, **values)


def upload(machine: Machine, stan: int, amount: int, batch: int = 1, **more: Any) -> UploadItem:
    """An item as the terminal has it."""
    values = {"agent": "A1", "terminal": NUMBER, "day": today(machine), **more}
    return UploadItem(batch=batch, stan=stan, amount=amount, **values)


def offline(
    machine: Machine, stan: int, amount: int, receipt: str = "", **more: Any
) -> CollectOffline:
    """A bill collected without the line."""
    values = {"agent": "A1", "account": "100001", "currency": "UGX", **more}
    named = slip(machine, stan, values.pop("batch", 1), receipt=receipt)
    return CollectOffline(amount=amount, slip=named, **values)


def closing(case: int, **more: Any) -> CloseTerminalCase:
    """Sam has looked at it."""
    return CloseTerminalCase(**{"operator": "sam", "case": case, "reason": "seen", **more})


def item(machine: Machine, stan: int) -> tuple[str, str]:
    """(state, reason) of today's item."""
    (row,) = machine.rows(
        "SELECT state, reason FROM terminal_item WHERE stan = :stan AND day = :day",
        stan=stan, day=today(machine),
    )  # fmt: skip
    return row[0], row[1]


def cases(machine: Machine) -> list[tuple[str, int, str]]:
    """(kind, amount, state) of each case, in their order."""
    rows = machine.rows("SELECT kind, amount, state FROM terminal_case ORDER BY id")
    return [(row[0], row[1], row[2]) for row in rows]


__all__ = [
    "HOUR_US",
    "NUMBER",
    "Answer",
    "agreed",
    "back",
    "cases",
    "closing",
    "do",
    "done",
    "item",
    "offline",
    "paid",
    "registered",
    "settling",
    "shop_with_terminal",
    "slip",
    "sold",
    "terminal_act",
    "today",
    "totals",
    "upload",
    "whole",
]  # fmt: skip
