"""The lives of terminals and cashiers, every pair of state and move."""

import pytest

from core.terminals.act_kinds import TERMINAL_KINDS
from core.terminals.acts import STEPS
from core.terminals.states import (
    CASHIER_MOVES,
    TERMINAL_MOVES,
    CashierMove,
    CashierState,
    TerminalMove,
    TerminalState,
)
from core.vending.act_kinds import Two

S, C = TerminalState, CashierState


def test_every_kind_of_act_has_its_step_and_every_step_a_kind() -> None:
    assert list(STEPS) == list(TERMINAL_KINDS)


def test_what_only_takes_away_needs_one_person_and_what_gives_needs_two() -> None:
    alone = {name for name, kind in TERMINAL_KINDS.items() if kind.two is Two.NEVER}
    assert alone == {
        *("terminal-block", "terminal-lost", "terminal-retire", "terminal-message"),
        *("cashier-block", "cashier-remove"),
    }


@pytest.mark.parametrize("state", TerminalState)
@pytest.mark.parametrize("move", TerminalMove)
def test_each_move_of_a_terminal(state: TerminalState, move: TerminalMove) -> None:
    expected = {
        TerminalMove.BLOCK: {S.ACTIVE: S.BLOCKED},
        TerminalMove.UNBLOCK: {S.BLOCKED: S.ACTIVE, S.LOST: S.ACTIVE},
        TerminalMove.LOSE: {S.ACTIVE: S.LOST, S.BLOCKED: S.LOST},
        TerminalMove.RETIRE: dict.fromkeys((S.ACTIVE, S.BLOCKED, S.LOST), S.RETIRED),
    }
    assert TERMINAL_MOVES.get((state, move)) == expected[move].get(state)


@pytest.mark.parametrize("state", CashierState)
@pytest.mark.parametrize("move", CashierMove)
def test_each_move_of_a_cashier(state: CashierState, move: CashierMove) -> None:
    expected = {
        CashierMove.BLOCK: {C.ACTIVE: C.BLOCKED},
        CashierMove.UNLOCK: {C.ACTIVE: C.ACTIVE, C.BLOCKED: C.ACTIVE},
        CashierMove.REMOVE: {C.ACTIVE: C.REMOVED, C.BLOCKED: C.REMOVED},
    }
    assert CASHIER_MOVES.get((state, move)) == expected[move].get(state)
