"""A company that gives units on credit, and one household: what tests of purchases share."""

from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from core.collection.terms import (
    AdvanceTerms,
    Blocking,
    CollectionTerms,
    Fee,
    FeeVersion,
    PurchaseRule,
    Taking,
)
from core.company import Operator
from core.messages import Answer, AskAdvance, GiveAdvance, Outcome, Recipient
from tests.core.collection.desk import OPERATORS, TERMS
from tests.hub.machine import METER, PHONE, Machine, demo_terms, enrol, fresh_sqlite, pay

TO = (Recipient(way="sms", address=PHONE),)
SUPERVISOR = {"mary": Operator(frozenset({"vending-supervisor"}))}
ADVANCE_FEE = Fee(
    code="advance-fee", label="Units on credit", item_class="fee",
    versions=(FeeVersion(valid_from=date(2020, 1, 1), amount=118, tax_e8=18_000_000),),
)  # fmt: skip
CREDIT = AdvanceTerms(limit=5_000, per_month=2, fee="advance-fee")


def rule(of: str, take: Taking | None = None, block: Blocking | None = None) -> PurchaseRule:
    return PurchaseRule(of=of, take=take, block=block)


def taking(method: str = "all", value: int = 0, **more: Any) -> Taking:
    values = {"priority": 10, "cap_per_sale": 0, "overdue_days": 0, "taxed": False, **more}
    return Taking(method=method, value=value, **values)


def collection(*rules: PurchaseRule, advances: AdvanceTerms | None = CREDIT) -> CollectionTerms:
    fees = {**TERMS.fees, ADVANCE_FEE.code: ADVANCE_FEE}
    return msgspec.structs.replace(
        TERMS, fees=fees, advances=advances, purchases={each.of: each for each in rules}
    )


def household(folder: Path, *rules: PurchaseRule, **changes: Any) -> Machine:
    """An account with 50,000 to spend, on SQLite."""
    values = {"operators": {**OPERATORS, **SUPERVISOR}, "collection": collection(*rules)}
    machine = Machine(fresh_sqlite(folder), terms=demo_terms(**{**values, **changes}))
    return opened(machine)


def opened(machine: Machine) -> Machine:
    assert machine.do(enrol(), "enrol").outcome == Outcome.DONE
    assert machine.do(pay(50_000), "first-money").outcome == Outcome.DONE
    return machine


def ask(machine: Machine, key: str, **changes: Any) -> Answer:
    return machine.do(AskAdvance(**{"phone": PHONE, "meter": METER, "reply": TO, **changes}), key)


def give(machine: Machine, key: str, **changes: Any) -> Answer:
    values = {"operator": "mary", "meter": METER, "reason": "night call", **changes}
    return machine.do(GiveAdvance(**values), key)


def got(answer: Answer) -> dict[str, Any]:
    assert answer.outcome == Outcome.DONE, answer
    return dict(answer.data)


def no(answer: Answer) -> str:
    assert answer.outcome == Outcome.REFUSED, answer
    return answer.code


def books(machine: Machine, kind: str) -> dict[str, int]:
    """What the transactions of a kind posted, by ledger."""
    rows = machine.rows(
        "SELECT p.ledger, sum(p.amount) FROM posting p JOIN ledger_txn t ON t.id = p.txn_id "
        "WHERE t.kind = :kind GROUP BY p.ledger",
        kind=kind,
    )
    return {ledger: int(amount) for ledger, amount in rows}
