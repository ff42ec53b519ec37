"""A phase of a bill run, in transactions that somebody else opens: how it begins, one partition of
it, how it ends. The bulk lane does it (``hub.billbulk``), or the verb's own processes
(``hub.billruns``).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from core.billing import issue, partitions, runs
from core.billing.partitions import Partition
from core.billing.runs import Run
from core.billing.shapes import REBILL, BillingError, Draw, RunTerms
from core.billing.states import RUN_MOVES, RunMove, RunState, after
from core.calendars import local_date
from core.store.tx import Tx
from core.store.upgrade import is_sqlite
from core.tariffs.compiling import CompiledTariff

#: Agreements of a partition where others wait for it: on SQLite, where the one writing thread does
#: nothing else meanwhile, and of a correction, which has its accounts locked.
SIZE_WAITED_FOR = 100


@dataclass(frozen=True, slots=True)
class Books:
    """Where the bills of one company are made."""

    url: str
    company: str
    zone: str
    currency: str
    tariffs: Mapping[str, CompiledTariff]
    now_us: Callable[[], int]


def best_size(url: str, kind: str) -> int:
    """Agreements of a partition, so that nobody waits longer than 200 ms for one."""
    return SIZE_WAITED_FOR if is_sqlite(url) or kind == REBILL else runs.SIZE


def begin(tx: Tx, books: Books, run_id: int, phase: RunMove) -> RunTerms:
    """What a phase needs once: the tariffs are frozen, the due day is fixed. Harmless on a repeat.

    BillingError, WrongMoveError.
    """
    run = runs.run_of(tx, run_id, lock=True)
    if run.company != books.company:
        raise BillingError(f"run {run_id} is of {run.company}")
    after(RUN_MOVES, run.state, phase)
    if phase is RunMove.FREEZE:
        return runs.freeze_tariffs(tx, run_id, books.tariffs, books.zone)
    if phase is RunMove.ISSUE:
        now = books.now_us()
        due = local_date(now, books.zone) + timedelta(days=run.due_days)
        issue.set_due(tx, run_id, due.isoformat(), now)
    return runs.terms_of(run, books.tariffs)


def standing(tx: Tx, run_id: int, phase: RunMove) -> Run:
    """The run, if the phase is its turn. To be asked with a partition locked: who gives the run up
    locks them all first. WrongMoveError."""
    run = runs.run_of(tx, run_id)
    after(RUN_MOVES, run.state, phase)
    return run


def step(
    tx: Tx, terms: RunTerms, part: Partition, phase: RunMove, means: tuple[Draw, int]
) -> int:  # fmt: skip
    """A phase of a partition that is claimed; how many bills. WrongMoveError, BillingError."""
    draw, now = means
    run = standing(tx, terms.id, phase)
    if phase is RunMove.FREEZE:
        return partitions.freeze(tx, terms, part)
    if phase is RunMove.CALCULATE:
        return partitions.compute(tx, terms, part, draw, now)
    return issue.issue(tx, run, part, draw, now)


def finish(tx: Tx, run_id: int, phase: RunMove) -> RunState:
    """Move the run when all its partitions are done; its state. BillingError, WrongMoveError."""
    state = runs.move(tx, run_id, phase)
    if phase is RunMove.CALCULATE:
        state = runs.move(tx, run_id, RunMove.VALIDATE)
    return state
