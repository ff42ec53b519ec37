"""The tables of changes: every state, every move, and what is not in them."""

from itertools import product
from pathlib import Path
from typing import get_args

import pytest

from core.changes.kinds import ACTS, KINDS, ROLE
from core.changes.states import (
    CLOSED_FOR_SALES,
    ENDS,
    MOVES,
    ChangeMove,
    ChangeState,
    after,
    next_moves,
)
from core.changes.terms import ChangeTerms
from core.collection.act_kinds import MONEY_KINDS, kind_named
from core.vending.act_kinds import KINDS as TOKEN_KINDS
from core.vending.act_kinds import Role, Two
from tests.core.changes.life import (
    DECLARED,
    agreed,
    asked,
    done,
    life,
    move,
    no,
    state,
)

S, M = ChangeState, ChangeMove


def test_every_pair_of_state_and_move() -> None:
    possible = {
        (S.REQUESTED, M.READ), (S.READ, M.READ), (S.READ, M.SETTLE), (S.SETTLED, M.SWITCH),
        (S.SWITCHED, M.CONFIRM), (S.REQUESTED, M.UNDO), (S.READ, M.UNDO), (S.SETTLED, M.UNDO),
    }  # fmt: skip
    for pair in product(S, M):
        assert (after(pair[0].value, pair[1]) is not None) == (pair in possible), pair
    assert set(MOVES) == possible


def test_there_is_no_way_out_of_an_end_and_none_back_from_the_switch() -> None:
    assert {each for each in S if not next_moves(each)} == ENDS
    assert next_moves(S.SWITCHED) == (M.CONFIRM,)
    reached, edge = {S.REQUESTED}, {S.REQUESTED}
    while edge:
        edge = {then for (at, _), then in MOVES.items() if at in edge} - reached
        reached |= edge
    assert reached == set(S)
    assert {S.SETTLED} == CLOSED_FOR_SALES


def test_the_acts_have_names_of_their_own_and_two_people() -> None:
    assert not set(ACTS) & (set(MONEY_KINDS) | set(TOKEN_KINDS))
    for name, kind in ACTS.items():
        assert (kind.two, kind.role, kind.approver) == (Two.ALWAYS, ROLE, Role.COLLECTION_APPROVER)
        assert kind_named(name) is kind


def test_the_kinds_say_what_they_do() -> None:
    for kind in KINDS.values():
        assert not (kind.to_mode and (kind.closes or kind.opens or kind.exchanges))
        assert kind.says
        assert kind.reads == (not kind.renames and (kind.closes or not kind.opens))


def test_what_is_declared_is_one_of_the_words() -> None:
    values = {name: getattr(DECLARED, name) for name in DECLARED.__struct_fields__}
    for name in ("remaining_credit", "exchange_credit", "debts_follow", "final_bill", "deposits"):
        with pytest.raises(ValueError, match=name):
            ChangeTerms(**{**values, name: "as we like"})
        hint = ChangeTerms.__annotations__[name]
        assert getattr(DECLARED, name) in get_args(hint)
    with pytest.raises(ValueError, match="days"):
        ChangeTerms(**{**values, "reading_days": -1})


_STEPS = ("read", "settle", "switch", "confirm")


@pytest.mark.parametrize("upto", range(5))
def test_every_wrong_move_is_refused_and_changes_nothing(tmp_path: Path, upto: int) -> None:
    """In each state of a real change, by each move that its state does not have."""
    machine = life(tmp_path)
    change = asked(machine, "to-postpaid")
    for step in _STEPS[:upto]:
        if step == "settle":
            agreed(machine, change)
        else:
            done(machine, move(change, step, remaining_tenths=0))
    before = state(machine, change)
    for what in M:
        if after(before, what) is None:
            answer = no(machine, move(change, what, remaining_tenths=0), f"is {before}")
            assert answer.code == "change-wrong"
    assert no(machine, move(change, "jump"), "a move is one of")
    assert no(machine, move(change + 1, "read")).code == "change-unknown"
    assert state(machine, change) == before
