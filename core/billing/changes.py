"""More or less of an issued bill's quantities: one person asks with reason and evidence, another
approves; then there is a new version of the usage, and a run that bills it again.

asked → approved | refused. What was asked is about the bill as it stood: if the bill is not the
live one any more, or newer usage came, it cannot be approved and is asked for again.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import msgspec

from core.billing import issue, partitions, periods, runs
from core.billing.periods import Reported
from core.billing.runs import Plan
from core.billing.shapes import REBILL, BillingError, Draw
from core.billing.states import RunMove
from core.calendars import local_date
from core.store.tx import Reader, Tx
from core.tariffs.compiling import CompiledTariff

ASKED, APPROVED, REFUSED = "asked", "approved", "refused"
_COLUMNS = (
    "id", "company", "bill_id", "agreement_id", "period", "changes", "reason", "evidence", "state",
    "asked_by", "decided_by", "usage_id", "run_id", "asked_at", "decided_at",
)  # fmt: skip
_MOST_TEXT = 500


class Change(msgspec.Struct, frozen=True):
    """A row of ``usage_change``; ``changes`` is JSON: register → milli-units more (less)."""

    id: int
    company: str
    bill: int
    agreement: int
    period: int
    changes: str
    reason: str
    evidence: str
    state: str
    asked_by: str
    decided_by: str
    usage: int
    run: int
    asked_at: int
    decided_at: int


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody asks for."""

    bill: int
    by: dict[str, int]
    reason: str
    evidence: str
    operator: str

    def __post_init__(self) -> None:
        if not self.by or not any(self.by.values()):
            raise ValueError("say of which register, and how much more or less")
        for word in self.reason, self.evidence:
            if not 0 < len(word.strip()) <= _MOST_TEXT:
                raise ValueError(f"a reason and evidence are needed, {_MOST_TEXT} characters each")


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """Who approves, and how the new bill is made."""

    company: str
    currency: str
    zone: str
    tariffs: Mapping[str, CompiledTariff]
    approver: str
    due_days: int = 14


class _Billed(msgspec.Struct, frozen=True):
    """The live bill and the usage that it is made of."""

    agreement: int
    period: int
    usage: int
    first: date
    last: date
    registers: dict[str, int]
    estimated: bool


def ask(tx: Tx, company: str, wanted: Wanted, draw: Draw, now_us: int) -> int:
    """Write down what is asked; its number. BillingError when it cannot be, or is asked already."""
    billed = _billed(tx, company, wanted.bill)
    periods.need_open(tx, company, billed.period)
    _changed(billed, wanted.by)
    number = draw("usage_change", 1)
    text = msgspec.json.encode(wanted.by, order="sorted").decode()
    made = tx.insert("usage_change", _COLUMNS, [(
        number, company, wanted.bill, billed.agreement, billed.period, text, wanted.reason,
        wanted.evidence, ASKED, wanted.operator, "", 0, 0, now_us, 0,
    )], "ON CONFLICT DO NOTHING RETURNING id")  # fmt: skip
    if not made:
        raise BillingError(
            f"a change of bill {wanted.bill} is asked for already: decide that first"
        )
    return number


def approve(tx: Tx, number: int, terms: Approval, draw: Draw, now_us: int) -> tuple[Change, int]:
    """Approve: the usage's next version, a run that bills it, the old bill reversed and the new one
    issued, all in this transaction; (the change, how many bills went out: 0 when it is held).

    BillingError when it is the same person, or the bill is not as it was.
    """
    change = _decidable(tx, terms.company, number, terms.approver)
    billed = _billed(tx, change.company, change.bill)
    registers = _changed(billed, msgspec.json.decode(change.changes, type=dict[str, int]))
    reported = Reported(
        agreement=billed.agreement, first=billed.first, last=billed.last, registers=registers,
        source=f"change {number}", estimated=billed.estimated,
    )  # fmt: skip
    periods.record_usage(tx, change.company, change.period, [reported], draw, now_us)
    ((usage,),) = tx.rows(
        "SELECT id FROM bill_usage WHERE agreement_id = :id AND period = :period "
        "ORDER BY version DESC LIMIT 1", id=billed.agreement, period=change.period,
    )  # fmt: skip
    run = runs.plan(tx, Plan(
        company=change.company, period=change.period, currency=terms.currency,
        operator=change.asked_by, kind=REBILL, due_days=terms.due_days,
        agreement=billed.agreement,
    ), draw, now_us)  # fmt: skip
    _decided(tx, number, (APPROVED, terms.approver, now_us), usage, run)
    return change_of(tx, change.company, number), _rebill(tx, run, terms, draw, now_us)


def _rebill(tx: Tx, run: int, terms: Approval, draw: Draw, now_us: int) -> int:
    """A run of one bill, from its plan to its end: the second person has approved it all."""
    frozen = runs.freeze_tariffs(tx, run, terms.tariffs, terms.zone)
    partitions.freeze(tx, frozen, _part(tx, run, RunMove.FREEZE))
    runs.move(tx, run, RunMove.FREEZE)
    partitions.compute(tx, frozen, _part(tx, run, RunMove.CALCULATE), draw, now_us)
    for move in RunMove.CALCULATE, RunMove.VALIDATE:
        runs.move(tx, run, move)
    runs.approve(tx, run, terms.approver, now_us)
    due = local_date(now_us, terms.zone) + timedelta(days=terms.due_days)
    issue.set_due(tx, run, due.isoformat(), now_us)
    part = _part(tx, run, RunMove.ISSUE)
    issued = issue.issue(tx, runs.run_of(tx, run), part, draw, now_us)
    runs.move(tx, run, RunMove.ISSUE)
    return issued


def _part(tx: Tx, run: int, phase: RunMove) -> partitions.Partition:
    part = partitions.claim(tx, run, phase)
    assert part is not None, "the run was planned in this transaction: nobody else has it"
    return part


def refuse(tx: Tx, company: str, number: int, who: str, now_us: int) -> None:
    """Somebody else says no. BillingError."""
    _decidable(tx, company, number, who)
    _decided(tx, number, (REFUSED, who, now_us))


def _decided(tx: Tx, number: int, how: tuple[str, str, int], usage: int = 0, run: int = 0) -> None:
    tx.run(
        "UPDATE usage_change SET state = :state, decided_by = :who, decided_at = :now, "
        "usage_id = :usage, run_id = :run WHERE id = :id",
        state=how[0], who=how[1], now=how[2], usage=usage, run=run, id=number,
    )  # fmt: skip


def change_of(reader: Reader, company: str, number: int, *, lock: bool = False) -> Change:
    """A change. BillingError when there is none."""
    rows: list[Any] = reader.rows(
        f"SELECT {', '.join(_COLUMNS)} FROM usage_change WHERE id = :id AND company = :company"
        f"{' FOR UPDATE' if lock else ''}", id=number, company=company,
    )  # fmt: skip
    if not rows:
        raise BillingError(f"there is no change {number}")
    return Change(*rows[0])


def _decidable(tx: Tx, company: str, number: int, who: str) -> Change:
    change = change_of(tx, company, number, lock=True)
    if change.state != ASKED:
        raise BillingError(f"change {number} is {change.state} already")
    if change.asked_by == who:
        raise BillingError(f"{who} asked for change {number}: somebody else decides about it")
    return change


def _billed(tx: Tx, company: str, bill: int) -> _Billed:
    rows = tx.rows(
        "SELECT b.agreement_id, b.period, u.id, u.first, u.last, u.registers, u.estimated, n.id "
        "FROM bill b JOIN bill_usage u ON u.id = b.usage_id LEFT JOIN bill_usage n "
        "ON n.agreement_id = u.agreement_id AND n.period = u.period AND n.version > u.version "
        "WHERE b.id = :id AND b.company = :company AND b.live = 1 AND b.state = 'issued' "
        "ORDER BY n.id DESC LIMIT 1", id=bill, company=company,
    )  # fmt: skip
    if not rows:
        raise BillingError(f"bill {bill} is not issued, or reversed already")
    agreement, period, usage, first, last, registers, estimated, newer = rows[0]
    if newer is not None:
        raise BillingError(f"there is newer usage than that of bill {bill}: bill that first")
    return _Billed(
        agreement, period, usage, date.fromisoformat(first), date.fromisoformat(last),
        msgspec.json.decode(registers, type=dict[str, int]), bool(estimated),
    )  # fmt: skip


def _changed(billed: _Billed, by: Mapping[str, int]) -> dict[str, int]:
    registers = dict(billed.registers)
    for name, more in by.items():
        if name not in registers:
            known = ", ".join(sorted(registers))
            raise BillingError(f"agreement {billed.agreement} has no {name}: {known}")
        registers[name] += more
        if registers[name] < 0:
            raise BillingError(f"{name} would be {registers[name]} thousandths: below nothing")
    return registers
