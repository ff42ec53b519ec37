"""What the tests of pay-ins share: a company with a wallet, a household, and money that comes."""

from itertools import count
from pathlib import Path
from typing import Any

import msgspec

from core.collection.terms import Blocking, PurchaseRule
from core.messages import Answer, Outcome, ReceivePayIn, SweepHeld
from core.wallets.terms import ReferenceRule, Wallet, WalletTerms
from tests.core.agents.shop import OPERATORS, RULES
from tests.core.collection.desk import TERMS
from tests.hub.machine import Machine, demo_terms, enrol, fresh_sqlite

REFERENCES = (
    ReferenceRule(names="meter", pattern="[0-9]{11}|[0-9]{13}", strip=("METER", "M")),
    ReferenceRule(names="meter", pattern="[0-9]{10}", strip=("METER", "M"), pad=11),
    ReferenceRule(names="account", pattern="[0-9]{6}", strip=("ACC",)),
    ReferenceRule(names="bill", pattern="(INV|BILL)[0-9]{1,12}", strip=("INV", "BILL")),
    ReferenceRule(names="order", pattern="ORD[0-9]{1,12}", strip=("ORD",)),
    ReferenceRule(names="agent", pattern="A[0-9]{1,4}"),
)
WALLETS = WalletTerms(
    wallets={
        "mpesa": Wallet(
            name="mpesa", channel="mpesa", provider="mpesa", label="M-PESA", currency="UGX",
            large=1_000_000,
        )
    },
    references=REFERENCES,
    smallest=500,
    copies_per_hour=3,
)  # fmt: skip
METER = "04123456784"
PAYER = "256770000009"
_receipts = count(1)


def purse_terms(**changes: Any) -> Any:
    """The company's terms."""
    values = {
        "operators": OPERATORS, "collection": TERMS, "agents": RULES, "wallets": WALLETS, **changes
    }  # fmt: skip
    return demo_terms(**values)


def purse(folder: Path, **changes: Any) -> Machine:
    """A household (account 100001, a meter, a phone) of a company that takes M-PESA."""
    return purse_on(fresh_sqlite(folder), **changes)


def purse_on(url: str, **changes: Any) -> Machine:
    """The same on the database of this URL."""
    machine = Machine(url, terms=purse_terms(**changes))
    assert machine.do(enrol(), "enrol").outcome is Outcome.DONE
    return machine


def wallets(**changes: Any) -> WalletTerms:
    """The wallets with something else."""
    return msgspec.structs.replace(WALLETS, **changes)


def pay_in(amount: int, typed: str = METER, receipt: str = "", **more: Any) -> ReceivePayIn:
    """Money that came by itself."""
    values: dict[str, Any] = {"wallet": "mpesa", "currency": "UGX", "proof": "notice"}
    receipt = receipt or f"R{next(_receipts):09d}"
    return ReceivePayIn(**{**values, "receipt": receipt, "amount": amount, "typed": typed, **more})


_keys = count()


def do(machine: Machine, message: Any, key: str = "") -> Answer:
    """The answer."""
    return machine.do(message, key or f"purse{next(_keys)}")


def done(machine: Machine, message: Any, key: str = "") -> dict[str, Any]:
    """It went well: the answer's data."""
    answer = do(machine, message, key)
    assert answer.outcome is Outcome.DONE, answer
    return dict(answer.data)


def balance(machine: Machine, ledger: str) -> int:
    """What is on a ledger; money that we hold is above 0, what we owe below."""
    ((found,),) = machine.rows(
        "SELECT COALESCE(sum(amount), 0) FROM posting WHERE ledger = :ledger", ledger=ledger
    )
    return int(found)


def held(machine: Machine) -> list[tuple[Any, ...]]:
    """(reason, state, what is left, target) of all that was held."""
    return machine.rows("SELECT reason, state, rest, target FROM held_money ORDER BY id")


def sweep(machine: Machine, after_s: float = 0) -> list[dict[str, Any]]:
    """Let so much time pass; the clock comes to what is due then."""
    machine.time.at_us += int(after_s * 1_000_000)
    due = machine.rows(
        "SELECT id, next_at FROM held_money WHERE state IN ('held', 'overdue', 'waits') "
        "AND next_at <= :now ORDER BY id",
        now=machine.time.at_us,
    )
    return [done(machine, SweepHeld(held=id_, at=at)) for id_, at in due]


def told(machine: Machine) -> list[tuple[str, str]]:
    """(template, phone) of every notice."""
    return machine.rows("SELECT template, recipient FROM notice ORDER BY id")


def block_rules() -> Any:
    """Old debts of energy stand against sales above 1,000."""
    rule = PurchaseRule(of="energy", block=Blocking(above=1_000, overdue_days=0))
    return msgspec.structs.replace(TERMS, purchases={"energy": rule})
