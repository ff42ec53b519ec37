"""What the tests of terminals share: an agent's terminals, its cashiers, and who is at them."""

from pathlib import Path
from typing import Any

from core.messages import (
    Answer,
    Outcome,
    ReportTerminal,
    RequestTerminalAct,
    SignOffCashier,
    SignOnCashier,
)
from hub.pins import proof
from tests.core.agents.shop import do, done, no, opened, shop, yes
from tests.hub.machine import Machine

TERMINAL, OTHER = "T0000001", "T0000002"
KEY = bytes(32)
DAY = 20_261_122
MINUTE_US = 60_000_000


def pin(digits: str, cashier: str = "07", agent: str = "A1") -> str:
    """The proof of a PIN by the tests' key."""
    return proof(KEY, "demo", agent, cashier, digits)


def post(folder: Path, money: int = 0) -> Machine:
    """A household, an agent A1 with money and one terminal, nobody at it."""
    machine = shop(folder)
    opened(machine, money=money)
    placed(machine)
    return machine


def ask(kind: str, terminal: str = TERMINAL, **changes: Any) -> RequestTerminalAct:
    """Ruth asks for an act with a terminal."""
    values = {"operator": "ruth", "reason": "a reason", **changes}
    return RequestTerminalAct(kind=f"terminal-{kind}", terminal=terminal, **values)


def ask_of(kind: str, cashier: str = "07", **changes: Any) -> RequestTerminalAct:
    """Ruth asks for an act with a cashier."""
    values = {"operator": "ruth", "reason": "a reason", "agent": "A1", **changes}
    return RequestTerminalAct(kind=f"cashier-{kind}", cashier=cashier, **values)


def agreed(machine: Machine, command: RequestTerminalAct) -> dict[str, Any]:
    """Asked for by ruth, approved by sam."""
    waiting = done(machine, command)
    assert waiting["state"] == "requested", waiting
    return done(machine, yes(waiting["act"]))


def placed(machine: Machine, number: str = TERMINAL, agent: str = "A1", **more: Any) -> None:
    """A terminal of an agent."""
    agreed(machine, ask("register", number, agent=agent, name=f"Desk {number[-1]}", **more))


def hired(machine: Machine, code: str = "07", agent: str = "A1", digits: str = "4711") -> None:
    """A cashier with a PIN."""
    proved = pin(digits, code, agent)
    agreed(machine, ask_of("add", code, agent=agent, name=f"Clerk {code}", pin_proof=proved))


def on(cashier: str = "07", digits: str = "4711", **changes: Any) -> SignOnCashier:
    """A cashier signs on; empty: the terminal itself."""
    values = {"agent": "A1", "terminal": TERMINAL, "day": DAY, **changes}
    proved = pin(digits, cashier, str(values["agent"])) if cashier else ""
    return SignOnCashier(cashier=cashier, pin_proof=proved, **values)


def off(terminal: str = TERMINAL, agent: str = "A1") -> SignOffCashier:
    """Whoever is at it signs off."""
    return SignOffCashier(agent=agent, terminal=terminal, day=DAY)


def report(terminal: str = TERMINAL, **more: Any) -> ReportTerminal:
    """What the terminal says of itself."""
    return ReportTerminal(terminal=terminal, **more)


def refused(machine: Machine, message: Any) -> Answer:
    """The refusal, with its arguments."""
    answer = do(machine, message)
    assert answer.outcome is Outcome.REFUSED, answer
    return answer


def at(machine: Machine, terminal: str = TERMINAL) -> tuple[str, str, bool]:
    """(state, who is at it, whether a shift is open)."""
    ((state, cashier, shift),) = machine.rows(
        "SELECT state, cashier, shift_id FROM terminal WHERE number = :number", number=terminal
    )
    return state, cashier, bool(shift)


__all__ = ["do", "done", "no", "opened", "yes"]
