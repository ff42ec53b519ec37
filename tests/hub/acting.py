"""What the tests of operators' acts share: a company with operators, acts, and a meter to try."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from core.company import Operator, Terms
from core.messages import Answer, DecideTokenAct, Outcome, RequestTokenAct
from core.store.invariants import offences
from hub.proof import EVERYTHING, Proof
from simulators.meter.device import Coding, Meter
from tests.hub.machine import METER, Machine, buy, demo_terms, enrol, fresh_sqlite, pay

ALL = frozenset({"meter-technician", "vending-desk", "vending-supervisor", "vending-approver"})
OPERATORS = {
    "mary": Operator(ALL, free_issue_tenths_per_day=1_000, alone_tenths=200, refund_per_day=10**6),
    "peter": Operator(ALL - {"vending-supervisor"}),
    "desk": Operator(frozenset({"vending-desk"}), acts_per_day=2),
}
EVIDENCE = "readout: file 118"


def acting(folder: Path, **changes: Any) -> Machine:
    """A household with a meter and 100,000 UGX; operators mary, peter and desk; on SQLite."""
    return acting_on(fresh_sqlite(folder), **changes)


def acting_on(url: str, **changes: Any) -> Machine:
    """The same on the database of this URL."""
    terms: Terms = demo_terms(operators=OPERATORS, **changes)
    machine = Machine(url, terms=terms)
    assert machine.do(enrol(), "enrol").outcome == Outcome.DONE
    assert machine.do(pay(100_000), "pay").outcome == Outcome.DONE
    return machine


def ask(kind: str, **changes: Any) -> RequestTokenAct:
    """Mary asks for it, with a reason and evidence."""
    values = {"operator": "mary", "kind": kind, "meter": METER, "reason": "a reason"}
    return RequestTokenAct(**{**values, "evidence": EVIDENCE, **changes})


def decide(act: int, decision: str = "approve", operator: str = "peter") -> DecideTokenAct:
    """Peter decides, and says why."""
    return DecideTokenAct(operator=operator, act=act, decision=decision, note="seen")


def approved(machine: Machine, request: RequestTokenAct, key: str = "act") -> Answer:
    """Asked for by one, approved by the other; both went well."""
    waiting = machine.do(request, key)
    assert (waiting.outcome, waiting.data.get("state")) == (Outcome.DONE, "requested"), waiting
    assert "token" not in waiting.data
    done = machine.do(decide(waiting.data["act"]), f"{key}/approve")
    assert done.outcome == Outcome.DONE, done
    return done


def sold(machine: Machine, tender: int = 20_000, key: str = "sale") -> dict[str, Any]:
    """A sale's answer."""
    answer = machine.do(buy(tender), key)
    assert answer.outcome == Outcome.DONE, answer
    return dict(answer.data)


def meter(drn: str = METER, **state: Any) -> Meter:
    """The meter on the wall, coded as the enrolment says."""
    device = Meter.coded(Coding(drn))
    device.state = replace(device.state, **state)
    return device


def books(machine: Machine, kind: str) -> dict[str, int]:
    """ledger → amount of every transaction of a kind."""
    rows = machine.rows(
        "SELECT p.ledger, sum(p.amount) FROM posting p JOIN ledger_txn t ON t.id = p.txn_id "
        "WHERE t.kind = :kind GROUP BY p.ledger ORDER BY p.ledger",
        kind=kind,
    )
    return dict(rows)


def whole(machine: Machine) -> None:
    """Books balance, credits are the sum of their postings, each token is in the module's log."""
    assert machine.rows("SELECT txn_id FROM posting GROUP BY txn_id HAVING sum(amount) <> 0") == []
    assert (
        machine.rows(
            "SELECT a.number FROM account a WHERE a.credit <> (SELECT -COALESCE(sum(p.amount), 0) "
            "FROM posting p WHERE p.ledger = 'customer-credit' AND p.owner = a.id)"
        )
        == []
    )
    assert machine.rows("SELECT count(*) FROM token") == machine.rows(
        "SELECT COALESCE(sum(made), 0) FROM module_log"
    )
    assert (
        machine.rows(
            "SELECT t.id FROM token t LEFT JOIN token_act a ON a.id = t.cause_id "
            "WHERE t.cause <> 'sale' AND (a.id IS NULL OR a.state NOT IN ('done', 'issued', "
            "'failed'))"
        )
        == []
    )
    assert machine.unaccounted() == 0
    with machine.store.reader() as reader:
        assert list(offences(reader, machine.store.dialect)) == []
    proof = Proof(machine.store.reader, EVERYTHING, {"demo": "Africa/Kampala"})
    for _ in proof.run():
        pass
    assert not proof.findings.listed, proof.findings.listed
