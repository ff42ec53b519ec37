"""The life cycles of a bill run, of each of its partitions and of each bill, as tables.

A run: planned → inputs frozen → calculated → validated → approved → issued. A bill comes to be
when it is calculated; outsorting lets it pass or holds it, and a held one waits for a person
without holding up the others. What is issued is never changed: it is reversed, and rebilled by
another bill (facts, CIS §5).
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, TypeVar


class RunState(StrEnum):
    """Of a run as a whole."""

    PLANNED = "planned"
    FROZEN = "frozen"
    CALCULATED = "calculated"
    VALIDATED = "validated"
    APPROVED = "approved"
    ISSUED = "issued"
    ABANDONED = "abandoned"


class RunMove(StrEnum):
    """What happens to a run."""

    FREEZE = "freeze"
    CALCULATE = "calculate"
    VALIDATE = "validate"
    APPROVE = "approve"
    ISSUE = "issue"
    ABANDON = "abandon"


RUN_MOVES: Final[Mapping[tuple[RunState, RunMove], RunState]] = {
    (RunState.PLANNED, RunMove.FREEZE): RunState.FROZEN,
    (RunState.FROZEN, RunMove.CALCULATE): RunState.CALCULATED,
    (RunState.CALCULATED, RunMove.VALIDATE): RunState.VALIDATED,
    (RunState.VALIDATED, RunMove.APPROVE): RunState.APPROVED,
    (RunState.APPROVED, RunMove.ISSUE): RunState.ISSUED,
    # what was held and is approved later is issued later
    (RunState.ISSUED, RunMove.ISSUE): RunState.ISSUED,
    # nothing of it is out yet: its bills are withdrawn, another run may make them
    (RunState.PLANNED, RunMove.ABANDON): RunState.ABANDONED,
    (RunState.FROZEN, RunMove.ABANDON): RunState.ABANDONED,
    (RunState.CALCULATED, RunMove.ABANDON): RunState.ABANDONED,
    (RunState.VALIDATED, RunMove.ABANDON): RunState.ABANDONED,
}


class PartState(StrEnum):
    """Of a partition: what its last committed phase was."""

    PLANNED = "planned"
    FROZEN = "frozen"
    CALCULATED = "calculated"
    ISSUED = "issued"


#: The phases of a partition that are work: what it must be before, what it is after.
PHASES: Final[Mapping[RunMove, tuple[PartState, PartState]]] = {
    RunMove.FREEZE: (PartState.PLANNED, PartState.FROZEN),
    RunMove.CALCULATE: (PartState.FROZEN, PartState.CALCULATED),
    RunMove.ISSUE: (PartState.CALCULATED, PartState.ISSUED),
}


class BillState(StrEnum):
    """Of a bill."""

    CALCULATED = "calculated"
    VALIDATED = "validated"
    HELD = "held"
    APPROVED = "approved"
    ISSUED = "issued"
    REVERSED = "reversed"
    REBILLED = "rebilled"
    WITHDRAWN = "withdrawn"


class BillMove(StrEnum):
    """What happens to a bill."""

    CLEAR = "clear"
    HOLD = "hold"
    APPROVE = "approve"
    ISSUE = "issue"
    REVERSE = "reverse"
    REBILL = "rebill"
    WITHDRAW = "withdraw"


BILL_MOVES: Final[Mapping[tuple[BillState, BillMove], BillState]] = {
    (BillState.CALCULATED, BillMove.CLEAR): BillState.VALIDATED,
    (BillState.CALCULATED, BillMove.HOLD): BillState.HELD,
    (BillState.VALIDATED, BillMove.APPROVE): BillState.APPROVED,
    (BillState.HELD, BillMove.APPROVE): BillState.APPROVED,
    (BillState.VALIDATED, BillMove.WITHDRAW): BillState.WITHDRAWN,
    (BillState.HELD, BillMove.WITHDRAW): BillState.WITHDRAWN,
    (BillState.APPROVED, BillMove.WITHDRAW): BillState.WITHDRAWN,
    (BillState.APPROVED, BillMove.ISSUE): BillState.ISSUED,
    (BillState.ISSUED, BillMove.REVERSE): BillState.REVERSED,
    (BillState.REVERSED, BillMove.REBILL): BillState.REBILLED,
}

S = TypeVar("S", RunState, BillState)
M = TypeVar("M", RunMove, BillMove)


class WrongMoveError(Exception):
    """That cannot be done in this state; the sentence says which."""


def after(table: Mapping[tuple[S, M], S], state: str, move: M) -> S:
    """The state after a move. WrongMoveError where the table has none."""
    for (before, each), then in table.items():
        if before.value == state and each is move:
            return then
    raise WrongMoveError(f"{move.value} is not possible when it is {state}")
