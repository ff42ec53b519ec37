"""A bill run as a whole: planned, moved from state to state, and what is known of it.

Its partitions are ranges of agreements: the run's own work list (``run_partition``). A worker takes
the next one that is free, does one phase of it and says so, in one transaction: whoever is killed
leaves partitions done or not done.
"""

from collections.abc import Mapping, Sequence

import msgspec

from core.billing.outsort import OutsortRule, read_rules
from core.billing.periods import need_open
from core.billing.shapes import (
    MAX_DUE_DAYS,
    REBILL,
    REGULAR,
    BillingError,
    Draw,
    RunTerms,
    tariff_digest,
)
from core.billing.states import PHASES, RUN_MOVES, PartState, RunMove, RunState, after
from core.store.tx import Reader, Tx
from core.tariffs.compiling import CompiledTariff

#: Agreements of a partition: a tenth of a second of work or two, far from every time limit.
SIZE = 1_000
MOST_SIZE = 10_000
_RUN = (
    "id", "company", "period", "kind", "state", "currency", "due_days", "size", "rules", "tariffs",
    "operator", "approver", "due", "planned_at", "approved_at", "issued_at",
)  # fmt: skip
_PARTITION = (
    "run_id", "number", "state", "from_agreement", "to_agreement", "inputs", "snapshot", "digest",
    "first_bill", "bills", "held", "total",
)  # fmt: skip


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for. ``agreement`` > 0: only this one (a correction of one bill)."""

    company: str
    period: int
    currency: str
    operator: str
    kind: str = REGULAR
    due_days: int = 14
    size: int = SIZE
    rules: tuple[OutsortRule, ...] = ()
    agreement: int = 0


class Run(msgspec.Struct, frozen=True):
    """A row of ``bill_run``."""

    id: int
    company: str
    period: int
    kind: str
    state: str
    currency: str
    due_days: int
    size: int
    rules: str
    tariffs: str
    operator: str
    approver: str
    due: str
    planned_at: int
    approved_at: int
    issued_at: int


class Tally(msgspec.Struct, frozen=True):
    """What the partitions of a run add up to."""

    partitions: dict[str, int]
    bills: int
    held: int
    total: int


def plan(tx: Tx, wanted: Plan, draw: Draw, now_us: int) -> int:
    """A new run with its partitions; its number. BillingError when it cannot be."""
    need_open(tx, wanted.company, wanted.period)
    if not 0 <= wanted.due_days <= MAX_DUE_DAYS:
        raise BillingError(f"{wanted.due_days} days to pay: 0 to {MAX_DUE_DAYS}")
    if wanted.kind not in (REGULAR, REBILL) or not 1 <= wanted.size <= MOST_SIZE:
        raise BillingError(f"kind {wanted.kind}, partitions of {wanted.size}: not possible")
    run_id = draw("bill_run", 1)
    rules = msgspec.json.encode(wanted.rules).decode()
    tx.insert("bill_run", _RUN, [(
        run_id, wanted.company, wanted.period, wanted.kind, RunState.PLANNED.value,
        wanted.currency, wanted.due_days, wanted.size, rules, "{}", wanted.operator, "", "",
        now_us, 0, 0,
    )])  # fmt: skip
    number, above = 0, wanted.agreement - 1 if wanted.agreement else 0
    while (upto := _upto(tx, wanted, above)) is not None:
        number += 1
        row = (run_id, number, PartState.PLANNED.value, above + 1, upto, "[]", "", "", 0, 0, 0, 0)
        tx.insert("run_partition", _PARTITION, [row])
        above = upto
    if not number:
        raise BillingError("there is no agreement to bill")
    return run_id


def _upto(tx: Tx, wanted: Plan, above: int) -> int | None:
    """The last agreement of the partition that begins above this one."""
    if wanted.agreement:
        return wanted.agreement if above < wanted.agreement else None
    # whose bill is corrected may have changed to tokens since
    mode = "" if wanted.kind == REBILL else "AND mode = 'postpaid' "
    rows = tx.rows(
        "SELECT max(id) FROM (SELECT id FROM agreement WHERE company = :company "
        f"{mode}AND id > :above ORDER BY id LIMIT :size) x",
        company=wanted.company, above=above, size=wanted.size,
    )  # fmt: skip
    return rows[0][0] if rows else None


def run_of(reader: Reader, run_id: int, *, lock: bool = False) -> Run:
    """The run. BillingError when there is none."""
    tail = " FOR UPDATE" if lock else ""
    rows = reader.rows(f"SELECT {', '.join(_RUN)} FROM bill_run WHERE id = :id{tail}", id=run_id)
    if not rows:
        raise BillingError(f"there is no run {run_id}")
    return Run(*rows[0])


def terms_of(run: Run, tariffs: Mapping[str, CompiledTariff], zone: str = "UTC") -> RunTerms:
    """The run's terms. BillingError when the company's tariffs are not those that were frozen."""
    digests = {code: tariff_digest(tariff) for code, tariff in sorted(tariffs.items())}
    frozen = msgspec.json.decode(run.tariffs, type=dict[str, str])
    if frozen and frozen != digests:
        changed = sorted(set(frozen.items()) ^ set(digests.items()))[0][0]
        raise BillingError(f"tariff {changed} is not as it was when run {run.id} was frozen")
    return RunTerms(
        id=run.id, company=run.company, period=run.period, kind=run.kind, currency=run.currency,
        due_days=run.due_days, rules=read_rules(run.rules), tariffs=tariffs, digests=digests,
        zone=zone,
    )  # fmt: skip


def freeze_tariffs(
    tx: Tx, run_id: int, tariffs: Mapping[str, CompiledTariff], zone: str = "UTC"
) -> RunTerms:
    """Write down which tariffs hold for the run, once. ``zone``: whose days count."""
    run = run_of(tx, run_id, lock=True)
    terms = terms_of(run, tariffs, zone)
    if run.tariffs == "{}":
        text = msgspec.json.encode(terms.digests, order="sorted").decode()
        tx.run("UPDATE bill_run SET tariffs = :text WHERE id = :id", text=text, id=run_id)
    return terms


def move(tx: Tx, run_id: int, what: RunMove) -> RunState:
    """Move the run, once all its partitions are as far. WrongMoveError, BillingError."""
    run = run_of(tx, run_id, lock=True)
    state = after(RUN_MOVES, run.state, what)
    if what in PHASES:
        behind = tally(tx, run_id).partitions.get(PHASES[what][0].value, 0)
        if behind:
            raise BillingError(f"run {run_id}: {behind} partitions are not {PHASES[what][1]}")
    if what is RunMove.VALIDATE:
        _control(tx, run_id)
    tx.run("UPDATE bill_run SET state = :state WHERE id = :id", state=state.value, id=run_id)
    return state


def abandon(tx: Tx, run_id: int) -> None:
    """Give up a run that is not approved: what it made is withdrawn. WrongMoveError."""
    tx.rows("SELECT number FROM run_partition WHERE run_id = :id FOR UPDATE", id=run_id)
    for first, bills in tx.rows(
        "SELECT first_bill, bills FROM run_partition WHERE run_id = :id AND bills > 0", id=run_id
    ):
        tx.run(
            "UPDATE bill SET state = 'withdrawn', live = 0 WHERE id >= :first AND id < :beyond "
            "AND run_id = :id AND state IN ('validated', 'held', 'approved')",
            first=first, beyond=first + bills, id=run_id,
        )  # fmt: skip
    move(tx, run_id, RunMove.ABANDON)


def _control(tx: Tx, run_id: int) -> None:
    """The control totals: what the partitions say is what the bills are."""
    for number, said, total in tx.rows(
        "SELECT p.number, p.total, COALESCE((SELECT sum(b.total) FROM bill b WHERE "
        "b.id >= p.first_bill AND b.id < p.first_bill + p.bills AND b.run_id = p.run_id), 0) "
        "FROM run_partition p WHERE p.run_id = :id", id=run_id,
    ):  # fmt: skip
        if said != int(total):
            raise BillingError(f"run {run_id}, partition {number}: {said}, its bills {total}")


def approve(tx: Tx, run_id: int, approver: str, now_us: int) -> None:
    """A second person lets the run go out. BillingError, WrongMoveError."""
    if run_of(tx, run_id).operator == approver:
        raise BillingError(f"{approver} planned run {run_id}: somebody else approves it")
    move(tx, run_id, RunMove.APPROVE)
    tx.run(
        "UPDATE bill_run SET approver = :who, approved_at = :now WHERE id = :id",
        who=approver, now=now_us, id=run_id,
    )  # fmt: skip


def need_other(reader: Reader, run_id: int, bill_id: int, who: str) -> None:
    """Who planned a run does not decide about its bills. ``run_id`` 0: whatever run made it."""
    rows = reader.rows(
        "SELECT r.operator, r.id FROM bill b JOIN bill_run r ON r.id = b.run_id WHERE b.id = :id",
        id=bill_id,
    )
    if not rows or run_id not in (0, rows[0][1]):
        raise BillingError(f"there is no bill {bill_id}" + (f" in run {run_id}" * bool(run_id)))
    if rows[0][0] == who:
        raise BillingError(f"{who} planned run {rows[0][1]}: somebody else decides about its bills")


def tally(reader: Reader, run_id: int) -> Tally:
    """The partitions by state, and their bills."""
    rows = reader.rows(
        "SELECT state, count(*), sum(bills), sum(held), sum(total) FROM run_partition "
        "WHERE run_id = :id GROUP BY state", id=run_id,
    )  # fmt: skip
    sums: Sequence[int] = [sum(int(row[place]) for row in rows) for place in (2, 3, 4)]
    return Tally({row[0]: int(row[1]) for row in rows}, *sums)


def ended(reader: Reader, run_id: int, phase: RunMove) -> int:
    """How many partitions have this phase behind them."""
    order = [state.value for state in PartState]
    done = order[order.index(PHASES[phase][1].value) :]
    return sum(count for state, count in tally(reader, run_id).partitions.items() if state in done)
