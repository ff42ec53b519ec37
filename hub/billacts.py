"""What people do about bill runs, beside running them: a table of acts, each in one transaction.

The verb does them itself, or has them done by the hub where only the hub may write (SQLite).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from core.billing import categories, issue, periods, reverse, runs
from core.billing.outsort import OutsortRule
from core.billing.periods import Reported
from core.billing.shapes import REGULAR, BillingError, Draw, DueDays
from core.billing.states import BillMove
from core.calendars import local_date
from core.store.tx import Tx
from core.vending.act_kinds import Role
from hub import audit
from hub.billinputs import INPUT_ACTS
from hub.billkeys import once
from hub.billphases import Books, best_size

#: Rows of usage of one act: some hundred bytes each, so a request is well below a line of the
#: control socket, and nobody waits for more than some milliseconds.
USAGE_ROWS = 500


class OfPeriod(msgspec.Struct, frozen=True):
    """A period, YYYYMM."""

    period: int


class Usage(msgspec.Struct, frozen=True):
    """What was used in a period."""

    period: int
    rows: tuple[Reported, ...]


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """A run to plan. ``size`` 0: what suits; ``agreement`` 0: all."""

    period: int
    kind: str = REGULAR
    due_days: DueDays = 14
    size: int = 0
    rules: tuple[OutsortRule, ...] = ()
    agreement: int = 0


class OfRun(msgspec.Struct, frozen=True):
    """A run by its number."""

    run: int


class Decided(msgspec.Struct, frozen=True):
    """What becomes of a held bill."""

    run: int
    bill: int
    what: Literal["approve", "withdraw"]


class OfBill(msgspec.Struct, frozen=True):
    """A bill by its number."""

    bill: int


@dataclass(frozen=True, slots=True)
class Work:
    """The transaction of an act. ``who`` decides; ``actor`` is what goes on record of him, in the
    chain of ``writer``."""

    tx: Tx
    draw: Draw
    books: Books
    who: str
    actor: str
    writer: str

    @property
    def now_us(self) -> int:
        """Now."""
        return self.books.now_us()

    def record(self, act: str, **detail: Any) -> None:
        """A row of the audit trail, in the transaction of what it tells."""
        subject = f"bill/{detail['bill']}" if detail.get("bill") else f"run/{detail.get('run', 0)}"
        row = audit.Act(self.actor, act, subject, {**detail, "company": self.books.company})
        audit.append(self.tx, self.writer, [row], self.now_us)


def _own(work: Work, table: str, number: int) -> None:
    """The run or bill is the company's own: what may be done is said for each company."""
    rows = work.tx.rows(f"SELECT company FROM {table} WHERE id = :id", id=number)
    if not rows or rows[0][0] != work.books.company:
        raise BillingError(f"there is no {table.removeprefix('bill_')} {number}")


def _open(work: Work, of: OfPeriod) -> dict[str, Any]:
    books = work.books
    periods.open_period(work.tx, books.company, of.period, work.now_us)
    categories.evaluate(work.tx, books.company, of.period, books.tariffs, books.zone)
    work.record("bill-period-open", period=of.period)
    return {"period": of.period, "state": "open"}


def _close(work: Work, of: OfPeriod) -> dict[str, Any]:
    periods.close_period(work.tx, work.books.company, of.period, work.now_us)
    work.record("bill-period-close", period=of.period)
    return {"period": of.period, "state": "closed"}


def _usage(work: Work, used: Usage) -> dict[str, Any]:
    rows = periods.record_usage(
        work.tx, work.books.company, used.period, used.rows, work.draw, work.now_us
    )
    work.record("bill-usage", period=used.period, rows=rows)
    return {"period": used.period, "rows": rows}


def _plan(work: Work, wanted: Planned) -> dict[str, Any]:
    books = work.books
    size = wanted.size or best_size(books.url, wanted.kind)
    plan = runs.Plan(
        company=books.company, period=wanted.period, currency=books.currency, operator=work.who,
        kind=wanted.kind, due_days=wanted.due_days, size=size, rules=wanted.rules,
        agreement=wanted.agreement,
    )  # fmt: skip
    made = runs.plan(work.tx, plan, work.draw, work.now_us)
    work.record("bill-run-plan", run=made, period=wanted.period)
    return {"run": made, "state": "planned"}


def _approve(work: Work, of: OfRun) -> dict[str, Any]:
    _own(work, "bill_run", of.run)
    runs.approve(work.tx, of.run, work.who, work.now_us)
    work.record("bill-run-approve", run=of.run)
    return {"run": of.run}


def _decide(work: Work, of: Decided) -> dict[str, Any]:
    _own(work, "bill", of.bill)
    runs.need_other(work.tx, of.run, of.bill, work.who)
    work.record(f"bill-{of.what}", run=of.run, bill=of.bill)
    state = issue.decide(work.tx, of.bill, BillMove(of.what))
    return {"bill": of.bill, "state": state.value}


def _abandon(work: Work, of: OfRun) -> dict[str, Any]:
    _own(work, "bill_run", of.run)
    runs.abandon(work.tx, of.run)
    work.record("bill-run-abandon", run=of.run)
    return {"run": of.run}


def _reverse(work: Work, of: OfBill) -> dict[str, Any]:
    _own(work, "bill", of.bill)
    runs.need_other(work.tx, 0, of.bill, work.who)
    work.record("bill-reverse", bill=of.bill)
    today = local_date(work.now_us, work.books.zone).isoformat()
    reverse.reverse_one(work.tx, of.bill, work.draw, work.now_us, today)
    return {"bill": of.bill, "state": "reversed"}


@dataclass(frozen=True, slots=True)
class BillAct:
    """An act: what it is told, the role it needs (None: whoever may run the verb), what it does."""

    told: type[msgspec.Struct]
    role: Role | None
    do: Callable[[Work, Any], dict[str, Any]]


def perform(name: str, told: Any, work: Work, key: str = "") -> dict[str, Any]:
    """Do an act, under a key once; facts of what came of it. BillingError, WrongMoveError."""
    at = work.books.company, key, work.now_us
    return once(work.tx, at, [name, work.who, told], lambda: ACTS[name].do(work, told))


ACTS: Mapping[str, BillAct] = {
    "open": BillAct(OfPeriod, None, _open),
    "close": BillAct(OfPeriod, None, _close),
    "usage": BillAct(Usage, None, _usage),
    "plan": BillAct(Planned, Role.COLLECTOR, _plan),
    "approve": BillAct(OfRun, Role.COLLECTION_APPROVER, _approve),
    "decide": BillAct(Decided, Role.COLLECTION_APPROVER, _decide),
    "abandon": BillAct(OfRun, None, _abandon),
    "reverse": BillAct(OfBill, Role.COLLECTION_APPROVER, _reverse),
    **{name: BillAct(*parts) for name, parts in INPUT_ACTS.items()},
}
