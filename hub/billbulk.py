"""What the bulk lane does for bill runs: a phase is cut into partitions, each a command of its own.

``RunBillPhase`` → ``BillPartition`` for each that waits, some at a time → ``EndBillPhase``, posted
by whoever does the last → ``BillRunMoved``. Each posts the next in the transaction that it is done
in, so a phase goes on after any stop. A partition's own state says what is done: repeats are
harmless.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from core.billing import partitions, runs
from core.billing.runs import Run
from core.billing.shapes import BillingError, Draw, RunTerms
from core.billing.states import RunMove, WrongMoveError
from core.company import Terms
from core.messages import (
    Answer,
    BillPartition,
    BillRunMoved,
    EndBillPhase,
    Message,
    Outcome,
    RunBillPhase,
    name_of,
)
from core.store.tx import Tx
from hub import billphases
from hub.billphases import Books

#: Partitions on the bus at once: what is asked for meanwhile comes to its turn behind them, and
#: writing them holds up nobody.
AT_ONCE = 64
#: Runs whose terms a process remembers; more do not go on at the same time.
_KEPT = 8


@dataclass(frozen=True, slots=True)
class Means:
    """What a bulk command is done with. ``memory`` is the process's own: for what is dear."""

    tx: Tx
    draw: Draw
    now_us: int
    terms: Terms
    memory: dict[Any, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of it; ``follow`` is posted in the same transaction."""

    answer: Answer
    follow: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class BulkHandler:
    """One handler of the bulk lane. ``do`` raises what stops it; nothing of it is kept then.

    ``point``: the family of failpoints that lie before and after its commit.
    """

    name: str
    message: type[Message]
    do: Callable[[Means, Any], Ended]
    point: str = ""


def _done(**data: Any) -> Answer:
    return Answer(outcome=Outcome.DONE, data=data)


def refused(error: Exception) -> Ended:
    """The run is not in a state for it: given up meanwhile, or further already."""
    args = {"kind": "bill run", "what": str(error)}
    return Ended(Answer(outcome=Outcome.REFUSED, code="act-wrong", args=args))


def books_of(means: Means) -> Books:
    """The company's, as bill runs know them. The database is the transaction's."""
    terms, now = means.terms, means.now_us
    return Books("", terms.code, terms.zone, terms.currency, terms.tariffs, lambda: now)


def run_phase(means: Means, message: RunBillPhase) -> Ended:
    """Begin a phase, or go on with it: the next partitions are put on the bus, then itself."""
    tx, phase = means.tx, RunMove(message.phase)
    try:
        billphases.begin(tx, books_of(means), message.run, phase)
    except (BillingError, WrongMoveError) as error:
        return refused(error)
    numbers = partitions.waiting(tx, message.run, phase, message.above, AT_ONCE)
    follow: list[Message] = [
        BillPartition(run=message.run, phase=message.phase, number=number) for number in numbers
    ]
    if len(numbers) == AT_ONCE:
        follow.append(msgspec.structs.replace(message, above=numbers[-1]))
    elif not numbers:  # all of it may have been done before
        follow.append(EndBillPhase(run=message.run, phase=message.phase))
    return Ended(_done(run=message.run, phase=message.phase), tuple(follow))


def partition(means: Means, message: BillPartition) -> Ended:
    """A phase of one partition, whole or not at all. BillingError: people must look at it."""
    tx, phase = means.tx, RunMove(message.phase)
    part = partitions.claim(tx, message.run, phase, message.number)
    if part is None:
        return Ended(_done(run=message.run, number=message.number, repeat=True))
    try:
        run = billphases.standing(tx, message.run, phase)
        bills = billphases.step(tx, _terms(means, run), part, phase, (means.draw, means.now_us))
    except WrongMoveError as error:
        return refused(error)
    last = not partitions.any_free(tx, message.run, phase)
    follow = (EndBillPhase(run=message.run, phase=message.phase),) if last else ()
    return Ended(_done(run=message.run, number=message.number, bills=bills), follow)


def _terms(means: Means, run: Run) -> RunTerms:
    """The run's terms; compared with the tariffs that were frozen once in a process."""
    memory, key = means.memory, (run.id, run.tariffs)
    if key not in memory:
        while len(memory) >= _KEPT:
            del memory[next(iter(memory))]
        memory[key] = runs.terms_of(run, means.terms.tariffs, means.terms.zone)
    found: RunTerms = memory[key]
    return found


def end_phase(means: Means, message: EndBillPhase) -> Ended:
    """Move the run when everything is done. What was rolled back says it again when it is done."""
    tx, phase = means.tx, RunMove(message.phase)
    left = partitions.unfinished(tx, message.run, phase)
    if left:
        return Ended(_done(run=message.run, left=left))
    try:
        state = billphases.finish(tx, message.run, phase)
    except WrongMoveError as error:  # two were last at once: the other one has moved it
        return refused(error)
    run, tally = runs.run_of(tx, message.run), runs.tally(tx, message.run)
    moved = BillRunMoved(
        run=run.id, phase=message.phase, state=state.value, period=run.period, kind=run.kind,
        currency=run.currency, bills=tally.bills, held=tally.held, total=tally.total,
    )  # fmt: skip
    follow: tuple[Message, ...] = (moved,)
    if phase is RunMove.FREEZE:
        follow = (moved, RunBillPhase(run=run.id, phase=RunMove.CALCULATE.value))
    return Ended(_done(run=run.id, state=state.value), follow)


_ALL = (
    BulkHandler("billing.phase", RunBillPhase, run_phase),
    BulkHandler("billing.partition", BillPartition, partition, "billrun"),
    BulkHandler("billing.phase-end", EndBillPhase, end_phase),
)
#: message type name -> its one handler
HANDLERS: Mapping[str, BulkHandler] = {name_of(each.message).name: each for each in _ALL}
