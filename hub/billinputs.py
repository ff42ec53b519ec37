"""What people state that bills are made of, and the changes that two of them agree on.

A table of acts, each in one transaction: what an act is told, the role it needs, what it does.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, Protocol

import msgspec

from core.billing import changes, estimates
from core.billing.commons import CommonTotal, state_commons
from core.billing.facts import NoAgreementError, Stated, state_facts
from core.billing.needs import needs_of
from core.billing.periods import Reported
from core.billing.shapes import BillingError, Draw, DueDays
from core.store.tx import Tx
from core.tariffs.compiling import CompiledTariff
from core.vending.act_kinds import Role

#: Rows of one act: some hundred bytes each, so that nobody waits for more than milliseconds.
ROWS = 500


class _Books(Protocol):
    company: str
    zone: str
    currency: str
    tariffs: Mapping[str, CompiledTariff]


class Work(Protocol):
    """The transaction of an act; ``who`` does it."""

    tx: Tx
    draw: Draw
    books: Any
    who: str

    @property
    def now_us(self) -> int:
        """Now."""

    def record(self, act: str, **detail: Any) -> None:
        """A row of the audit trail, in the transaction of what it tells."""


class FromFile(msgspec.Struct, frozen=True, kw_only=True):
    """Where rows come from: the file, its digest, and the line of each row."""

    file: str
    digest: str
    lines: tuple[int, ...]


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Facts to state."""

    at: FromFile
    rows: tuple[Stated, ...]


class Commons(msgspec.Struct, frozen=True, kw_only=True):
    """Totals of what is common in a period."""

    period: int
    at: FromFile
    rows: tuple[CommonTotal, ...]


class CatchUp(msgspec.Struct, frozen=True, kw_only=True):
    """Real readings over days that were estimated."""

    period: int
    method: Literal["last", "distribute"]
    at: FromFile
    rows: tuple[Reported, ...]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """More or less of a bill's quantities; ``by``: register → milli-units."""

    bill: int
    by: dict[str, int]
    reason: str
    evidence: str


class ChangeDecided(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a change that was asked for."""

    change: int
    refuse: bool = False
    due_days: DueDays = 14


def _facts(work: Work, told: Facts) -> dict[str, Any]:
    try:
        count = state_facts(
            work.tx, work.books.company, told.rows, (work.draw, work.now_us), work.who
        )
    except NoAgreementError as error:
        places = zip(told.at.lines, told.rows, strict=True)
        line = next(line for line, each in places if each.agreement == error.agreement)
        raise BillingError(f"{told.at.file}: line {line}: {error}") from error
    work.record("bill-facts", rows=count, digest=told.at.digest, lines=_span(told.at))
    return {"facts": count}


def _commons(work: Work, told: Commons) -> dict[str, Any]:
    means = (work.draw, work.now_us, work.who)
    count = state_commons(work.tx, work.books.company, told.period, told.rows, means)
    work.record("bill-commons", rows=count, digest=told.at.digest, period=told.period)
    return {"commons": count}


def _catch_up(work: Work, told: CatchUp) -> dict[str, Any]:
    rebill: set[int] = set()
    for line, reading in zip(told.at.lines, told.rows, strict=True):
        try:
            caught = estimates.catch_up(
                work.tx, told.period, reading, told.method, _peaks(work, reading.agreement)
            )
            estimates.record(work.tx, work.books.company, caught, work.draw, work.now_us)
        except BillingError as error:
            raise BillingError(f"{told.at.file}: line {line}: {error}") from error
        rebill.update(caught.periods)
    work.record(
        "bill-catch-up", rows=len(told.rows), digest=told.at.digest, period=told.period,
        method=told.method,
    )  # fmt: skip
    return {"period": told.period, "rows": len(told.rows), "rebill": sorted(rebill)}


def _span(at: FromFile) -> str:
    return f"{at.lines[0]}-{at.lines[-1]}" if at.lines else ""


def _peaks(work: Work, agreement: int) -> frozenset[str]:
    rows = work.tx.rows("SELECT tariff FROM agreement WHERE id = :id", id=agreement)
    tariff = work.books.tariffs.get(rows[0][0]) if rows else None
    return needs_of(tariff.tariff).peaks if tariff else frozenset()


def _change(work: Work, told: Change) -> dict[str, Any]:
    try:
        wanted = changes.Wanted(
            bill=told.bill, by=told.by, reason=told.reason, evidence=told.evidence,
            operator=work.who,
        )  # fmt: skip
    except ValueError as error:
        raise BillingError(str(error)) from error
    number = changes.ask(work.tx, work.books.company, wanted, work.draw, work.now_us)
    work.record(
        "bill-change-ask", bill=told.bill, change=number, by=told.by, reason=told.reason,
        evidence=told.evidence,
    )  # fmt: skip
    return {"change": number, "state": changes.ASKED}


def _decide(work: Work, told: ChangeDecided) -> dict[str, Any]:
    books: _Books = work.books
    if told.refuse:
        changes.refuse(work.tx, books.company, told.change, work.who, work.now_us)
        work.record("bill-change-refuse", change=told.change)
        return {"change": told.change, "state": changes.REFUSED}
    approval = changes.Approval(
        company=books.company, currency=books.currency, zone=books.zone, tariffs=books.tariffs,
        approver=work.who, due_days=told.due_days,
    )  # fmt: skip
    change, issued = changes.approve(work.tx, told.change, approval, work.draw, work.now_us)
    work.record("bill-change-approve", bill=change.bill, change=told.change, rebill=change.run)
    return {"change": told.change, "state": change.state, "run": change.run, "issued": issued}


#: Name → what it is told, the role it needs, what it does.
INPUT_ACTS: Final[
    Mapping[str, tuple[type[msgspec.Struct], Role, Callable[[Any, Any], dict[str, Any]]]]
] = {
    "facts": (Facts, Role.COLLECTOR, _facts),
    "commons": (Commons, Role.COLLECTOR, _commons),
    "catch-up": (CatchUp, Role.COLLECTOR, _catch_up),
    "change": (Change, Role.COLLECTOR, _change),
    "change-decide": (ChangeDecided, Role.COLLECTION_APPROVER, _decide),
}
