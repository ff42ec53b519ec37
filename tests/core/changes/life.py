"""What the tests of changes share: a household, who serves it, and the steps of a change."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from core.billing import issue, partitions, periods, runs
from core.billing.runs import Plan
from core.billing.shapes import RunTerms
from core.billing.states import RunMove
from core.changes.terms import ChangeTerms
from core.company import Operator, Terms
from core.messages import Answer, MoveChange, Outcome, RequestChange
from core.store.ids import take
from core.store.invariants import offences
from core.tariffs.load import load_file
from tests.core.collection.desk import OPERATORS as DESK
from tests.core.collection.desk import TERMS as COLLECTION
from tests.core.collection.desk import done, money, refused, yes
from tests.hub.machine import METER, Machine, buy, demo_terms, enrol, fresh_sqlite

__all__ = ["METER", "buy", "done", "money", "refused", "yes"]

ALL = frozenset({
    "customer-service", "collection-supervisor", "vending-supervisor", "meter-technician",
    "cashier",
})  # fmt: skip
OPERATORS = {
    **DESK,
    "sarah": Operator(ALL, 10_000, refund_per_day=10**9),
    "henry": Operator(frozenset({"collection-approver", "vending-approver"}), 10_000),
}
DECLARED = ChangeTerms(
    remaining_credit="last-sales",
    exchange_credit="moved",
    debts_follow="account",
    final_bill="paid",
    deposits="set-off",
)
#: Billed by the month, a part of one by its days; the same prices as by token, tax on top.
TOWN = """
mapping: town
format: tariff
version: 1
effective: 2026-01-01
source: own example
tariff:
  code: town
  title: Town, postpaid
  currency: UGX
  unit: kWh
  mode: postpaid
  versions:
    - valid_from: 2026-01-01
      components:
        - kind: energy
          code: energy
          label: Energy
          structure: graduated
          period: calendar_month
          blocks:
            - {up_to: 15, rate: 250}
            - {rate: 750.9}
          tax_class: standard
          payee: own
          rounding: half_up
          proration: {method: quantity_first, month: calendar, resolution: exact}
        - kind: fixed
          code: service
          label: Service fee
          rate: 3360
          per: calendar_month
          tax_class: standard
          payee: own
          rounding: half_up
          proration: {method: quantity_first, month: calendar, resolution: exact}
        - kind: tax
          code: vat
          label: VAT 18 %
          percent: 18
          basis: lines
          of: [energy, service]
          tax_class: standard
          payee: tax_authority
          rounding: half_up
tests: []
"""
DAY_US = 86_400_000_000
PERIOD = 202611


def life(folder: Path, **declared: Any) -> Machine:
    """A household with a meter, no money yet; what is declared may be changed."""
    return life_on(fresh_sqlite(folder), **declared)


def life_on(url: str, mode: str = "prepaid", **declared: Any) -> Machine:
    """The same on the database of this URL."""
    machine = Machine(url, terms=terms_of(**declared))
    tariff = "town" if mode == "postpaid" else "uganda-domestic"
    assert machine.do(enrol(mode=mode, tariff=tariff), "enrol").outcome == Outcome.DONE
    return machine


def opened(url: str, **declared: Any) -> Machine:
    """A machine over books that are there already."""
    machine = Machine(url, terms=terms_of(**declared))
    machine.time.at_us += 3_600_000_000  # later than what is there, with other draws
    machine.time.drawn += 1_000_000
    return machine


def terms_of(**declared: Any) -> Terms:
    """The company; what is declared may be changed."""
    rules = ChangeTerms(**{**_fields(DECLARED), **declared})
    tariffs = {**demo_terms().tariffs, "town": load_file(TOWN, "town.yaml").tariff}
    return demo_terms(
        operators=dict(OPERATORS), collection=COLLECTION, changes=rules, tariffs=tariffs
    )


def _fields(terms: ChangeTerms) -> dict[str, Any]:
    return {name: getattr(terms, name) for name in terms.__struct_fields__}


#: The tariff of the other mode.
_TARIFFS = {"to-postpaid": "town", "to-prepaid": "uganda-domestic"}


def request(kind: str, account: str = "100001", **more: Any) -> RequestChange:
    """Sarah asks for it."""
    if kind in _TARIFFS:
        more = {"tariff": _TARIFFS[kind], **more}
    return RequestChange(operator="sarah", kind=kind, account=account, reason="asked", **more)


def move(change: int, what: str, **more: Any) -> MoveChange:
    """Sarah moves it on."""
    values = {"evidence": "readout: file 7", "reason": "so it is", **more}
    return MoveChange(operator="sarah", change=change, move=what, **values)


def asked(machine: Machine, kind: str, account: str = "100001", **more: Any) -> int:
    """Put on file; its number."""
    return int(done(machine, request(kind, account, **more))["change"])


def agreed(machine: Machine, change: int, what: str = "settle") -> dict[str, Any]:
    """Asked for by sarah, approved by henry, both went well."""
    waiting = done(machine, move(change, what))
    assert waiting["state"] == "requested", waiting
    return done(machine, yes(waiting["act"]))


def no(machine: Machine, message: Any, words: str = "") -> Answer:
    """Refused, and the operator is told this."""
    answer = refused(machine, message)
    assert words in str(answer.args), answer
    whole(machine)
    return answer


def state(machine: Machine, change: int) -> str:
    return str(machine.rows("SELECT state FROM account_change WHERE id = :id", id=change)[0][0])


def agreement(machine: Machine, number: str = "100001") -> tuple[Any, ...]:
    """(id, mode, state, ended) of an account's newest agreement."""
    return machine.rows(
        "SELECT g.id, g.mode, g.state, CASE WHEN g.to_us IS NULL THEN 0 ELSE 1 END "
        "FROM agreement g JOIN account a ON a.id = g.account_id WHERE a.number = :number "
        "ORDER BY g.id DESC LIMIT 1", number=number,
    )[0]  # fmt: skip


def credit(machine: Machine, number: str = "100001") -> int:
    rows = machine.rows("SELECT credit FROM account WHERE number = :number", number=number)
    return int(rows[0][0])


def owed(machine: Machine, number: str = "100001") -> dict[str, int]:
    """Code → what is open, on items and on debts in recovery."""
    found: dict[str, int] = {}
    for code, amount in machine.rows(
        "SELECT i.code, i.open FROM open_item i JOIN account a ON a.id = i.account_id "
        "WHERE a.number = :number AND i.open > 0 UNION ALL SELECT 'debt ' || d.code, "
        "d.outstanding FROM debt d JOIN agreement g ON g.id = d.agreement_id "
        "JOIN account a ON a.id = g.account_id WHERE a.number = :number AND d.outstanding > 0",
        number=number,
    ):
        found[code] = found.get(code, 0) + amount
    return found


def books(machine: Machine, kind: str) -> dict[str, int]:
    """Ledger → sum, of all transactions of a kind."""
    return dict(machine.rows(
        "SELECT p.ledger, sum(p.amount) FROM posting p JOIN ledger_txn t ON t.id = p.txn_id "
        "WHERE t.kind = :kind GROUP BY p.ledger ORDER BY p.ledger", kind=kind,
    ))  # fmt: skip


def balances(machine: Machine) -> dict[tuple[str, int], int]:
    """Every balance of the books that is not nothing."""
    return {
        (ledger, owner): amount
        for ledger, owner, amount in machine.rows(
            "SELECT ledger, owner, sum(amount) FROM posting GROUP BY ledger, owner "
            "HAVING sum(amount) <> 0"
        )
    }


def whole(machine: Machine) -> None:
    """Every invariant holds, and nothing is unaccounted."""
    with machine.store.reader() as reader:
        assert list(offences(reader, machine.store.dialect)) == []
    assert machine.unaccounted() == 0


def sold(machine: Machine, tender: int = 20_000, **more: Any) -> dict[str, Any]:
    """Money over the counter for it, and the sale."""
    done(machine, money(tender))
    return done(machine, buy(tender, another=True, **more))


# --- bills ---------------------------------------------------------------------------------------


def open_period(machine: Machine, period: int = PERIOD) -> None:
    with machine.store.transaction() as tx:
        periods.open_period(tx, "demo", period, machine.time.now_us())


def planned(machine: Machine, rebill: bool = False, agreement: int = 0, upto: str = "") -> int:
    """A run, calculated as far as ``upto`` says (empty: issued)."""
    with machine.store.transaction() as tx:
        run = runs.plan(tx, Plan(
            company="demo", period=PERIOD, currency="UGX", operator="grace",
            kind="rebill" if rebill else "regular", agreement=agreement,
        ), lambda name, count: take(tx, name, count).start, machine.time.now_us())  # fmt: skip
    return go_on(machine, run, upto)


def go_on(machine: Machine, run: int, upto: str = "") -> int:
    """Lead a run on from where it is."""
    with machine.store.transaction() as tx:
        known = runs.run_of(tx, run)
        terms = runs.terms_of(known, machine.terms.tariffs)
    if known.state == "planned":
        with machine.store.transaction() as tx:
            terms = runs.freeze_tariffs(tx, run, machine.terms.tariffs)
        _phase(machine, terms, RunMove.FREEZE)
    if upto == "frozen":
        return run
    _phase(machine, terms, RunMove.CALCULATE)
    with machine.store.transaction() as tx:
        runs.move(tx, run, RunMove.VALIDATE)
        if upto == "calculated":
            return run
        runs.approve(tx, run, "henry", machine.time.now_us())
        issue.set_due(tx, run, "2026-12-15", machine.time.now_us())
    _phase(machine, terms, RunMove.ISSUE)
    return run


def _phase(machine: Machine, terms: RunTerms, phase: RunMove) -> None:
    while True:
        with machine.store.transaction() as tx:
            part = partitions.claim(tx, terms.id, phase)
            if part is None:
                break
            now = machine.time.now_us()

            def draw(name: str, count: int, tx: Any = tx) -> int:
                return take(tx, name, count).start

            if phase is RunMove.FREEZE:
                partitions.freeze(tx, terms, part)
            elif phase is RunMove.CALCULATE:
                partitions.compute(tx, terms, part, draw, now)
            else:
                issue.issue(tx, runs.run_of(tx, terms.id), part, draw, now)
    with machine.store.transaction() as tx:
        runs.move(tx, terms.id, phase)


def operators_of(machine: Machine, **changes: Any) -> None:
    """Other limits for sarah, from here on."""
    known = machine.terms.operators
    assert isinstance(known, dict)
    known["sarah"] = replace(known["sarah"], **changes)
