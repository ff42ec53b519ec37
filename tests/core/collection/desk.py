"""What the tests of collection share: a company with a catalogue, operators, and their acts."""

from datetime import date
from pathlib import Path
from typing import Any

from core.collection.allocation import Rule
from core.collection.late import LateRule
from core.collection.terms import CollectionTerms, Fee, FeeVersion, Recovery
from core.company import Operator
from core.messages import Answer, DecideTokenAct, Outcome, ReceivePayment, RequestMoneyAct
from core.store.invariants import Offence, offences
from tests.hub.machine import Machine, demo_terms, enrol, fresh_sqlite

ROLES = frozenset({"cashier", "collection-supervisor"})
OPERATORS = {
    "grace": Operator(
        ROLES,
        10_000,
        refund_per_day=10**9,
        waive_alone=500,
        waive_per_day=10**6,
        write_off_per_day=10**9,
        credit_note_per_day=10**9,
    ),
    "henry": Operator(frozenset({"collection-approver"})),
    "clerk": Operator(frozenset({"cashier"}), waive_alone=100, waive_per_day=150),
}
LONG_AGO = date(2020, 1, 1)
TERMS = CollectionTerms(
    rules={
        "": Rule(),
        "oldest": Rule(how="oldest-first"),
        "share": Rule(how="pro-rata"),
        "named": Rule(how="named-only"),
        "credit": Rule(how="credit"),
        "all": Rule(debts=True),
    },
    fees={
        "visit": Fee(
            code="visit", label="Visit", item_class="fee",
            versions=(FeeVersion(valid_from=LONG_AGO, amount=11_800, tax_e8=18_000_000),),
        ),
        "cheque": Fee(
            code="cheque", label="Returned cheque", item_class="penalty",
            versions=(FeeVersion(valid_from=LONG_AGO, amount=5_000),),
        ),
        "seal": Fee(
            code="seal", label="Seal", item_class="fee",
            versions=(FeeVersion(valid_from=LONG_AGO, amount=3_000),),
            recovery=Recovery(method="percent_of_tender", value=20_000_000),
        ),
    },
    late={"": (LateRule(valid_from=LONG_AGO, per_day_e8=100_000),)},
    dishonour_fee="cheque",
)  # fmt: skip


def desk(folder: Path, **changes: Any) -> Machine:
    """A household (account 100001) on SQLite, with grace, henry and a clerk behind the desk."""
    return desk_on(fresh_sqlite(folder), **changes)


def desk_on(url: str, **changes: Any) -> Machine:
    """The same on the database of this URL."""
    values = {"operators": OPERATORS, "collection": TERMS, **changes}
    machine = Machine(url, terms=demo_terms(**values))
    assert machine.do(enrol(), "enrol").outcome == Outcome.DONE
    return machine


def act(kind: str, **changes: Any) -> RequestMoneyAct:
    """Grace asks for it, at account 100001."""
    values = {"operator": "grace", "kind": kind, "account": "100001", "reason": "a reason"}
    return RequestMoneyAct(**{**values, "evidence": "letter 7", **changes})


def money(amount: int, way: str = "cash", account: str = "100001", **more: Any) -> ReceivePayment:
    """Money over the counter."""
    return ReceivePayment(account=account, amount=amount, currency="UGX", way=way, **more)


_count = iter(range(10**9))


def done(machine: Machine, message: Any, key: str = "") -> dict[str, Any]:
    """It went well: the answer's data."""
    answer = machine.do(message, key or f"do{next(_count)}")
    assert answer.outcome == Outcome.DONE, answer
    return dict(answer.data)


def refused(machine: Machine, message: Any) -> Answer:
    """It was refused."""
    answer = machine.do(message, f"do{next(_count)}")
    assert answer.outcome == Outcome.REFUSED, answer
    return answer


def agreed(machine: Machine, message: RequestMoneyAct) -> dict[str, Any]:
    """Asked for by grace, approved by henry, both went well."""
    waiting = done(machine, message)
    assert waiting["state"] == "requested", waiting
    return done(machine, yes(waiting["act"]))


def yes(number: int, operator: str = "henry", decision: str = "approve") -> DecideTokenAct:
    """Henry's decision."""
    return DecideTokenAct(operator=operator, act=number, decision=decision, note="seen")


def debt(machine: Machine, amount: int, year: int = 2025, item_class: str = "energy") -> int:
    """An old debt of that year; the item's number."""
    from core.messages import ImportDebts
    from core.messages.collection import OldDebt

    old = OldDebt(account="100001", year=year, amount=amount, item_class=item_class)
    done(machine, ImportDebts(
        operator="grace", source="f", currency="UGX", debts=(old,),
        taken_over_on=f"{year + 1}-01-01",
    ))  # fmt: skip
    ((number,),) = machine.rows("SELECT max(id) FROM open_item")
    return int(number)


def wrongs(machine: Machine) -> list[Offence]:
    """Every invariant of the books that does not hold."""
    with machine.store.reader() as reader:
        return list(offences(reader, machine.store.dialect))


def whole(machine: Machine) -> None:
    """The books are whole and nothing is lost on the way."""
    assert wrongs(machine) == []
    assert machine.unaccounted() == 0
    stuck = machine.rows("SELECT state, error FROM delivery WHERE state IN (1, 2, 3)")
    assert stuck == []


def opens(machine: Machine) -> dict[str, int]:
    """Open amounts by code, those that are closed left out."""
    rows = machine.rows(
        "SELECT code, sum(open) FROM open_item WHERE open > 0 GROUP BY code ORDER BY code"
    )
    return {code: int(amount) for code, amount in rows}


def credit(machine: Machine, number: str = "100001") -> int:
    """The account's credit."""
    ((value,),) = machine.rows("SELECT credit FROM account WHERE number = :n", n=number)
    return int(value)
