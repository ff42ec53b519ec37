"""What the tests of statements, payouts, refunds and cases share."""

from datetime import date
from itertools import count
from typing import Any

from core.messages import SettleWallet, StatementLine, TakeStatement
from tests.core.wallets.purse import done
from tests.hub.machine import MORNING_US, Machine

DAY = 20261121
#: The same, and its zone.
TODAY = date(2026, 11, 21), "Africa/Kampala"
_refs = count(1)


def line(receipt: str, amount: int, **more: Any) -> StatementLine:
    """A line of the day's statement."""
    return StatementLine(receipt=receipt, amount=amount, **{"at": MORNING_US, **more})


def statement(*lines: StatementLine, **more: Any) -> TakeStatement:
    """A page; the only one, unless more is said."""
    values: dict[str, Any] = {"wallet": "mpesa", "day": DAY, "currency": "UGX"}
    return TakeStatement(**{**values, "lines": lines, **more})


def payout(amount: int, **more: Any) -> SettleWallet:
    """The bank has the provider's money."""
    values: dict[str, Any] = {"wallet": "mpesa", "currency": "UGX", "until": DAY}
    reference = f"BANK{next(_refs)}"
    return SettleWallet(**{**values, "amount": amount, "reference": reference, **more})


def outcomes(machine: Machine) -> list[tuple[Any, ...]]:
    """(receipt, outcome, the provider's amount, ours) of every line."""
    return machine.rows(
        "SELECT receipt, outcome, amount, ours FROM wallet_statement_line ORDER BY receipt"
    )


def cases(machine: Machine) -> list[tuple[Any, ...]]:
    """(kind, state, amount) of every case."""
    return machine.rows("SELECT kind, state, amount FROM wallet_case ORDER BY id")


def states(machine: Machine) -> dict[str, str]:
    """receipt -> state of every payment."""
    return dict(machine.rows("SELECT receipt, state FROM wallet_payment ORDER BY id"))


def took(machine: Machine, *lines: StatementLine, **more: Any) -> dict[str, Any]:
    """A page is taken, and all that follows from it."""
    data = done(machine, statement(*lines, **more))
    machine.settle()
    return data
