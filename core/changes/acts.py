"""The acts in which two people agree about the money of a change."""

import msgspec

from core.changes.cases import Case, case_of, wrong
from core.changes.entities import Change
from core.changes.settling import check_settle, settle
from core.changes.states import ChangeMove
from core.changes.undoing import check_undo, undo
from core.entities import TokenAct
from core.handlers.base import Context
from core.messages import Answer, MoveChange
from core.vending.act_life import act_answer, moved_act
from core.vending.act_states import ActMove

_command = msgspec.json.Decoder(MoveChange)


def check(ctx: Context, case: Case, move: ChangeMove) -> int:
    """Whether the move is possible now; the amount that counts in the operator's day."""
    if move is ChangeMove.SETTLE:
        return check_settle(ctx, case)
    return check_undo(ctx, case)


def carry_out(ctx: Context, act: TokenAct) -> Answer:
    """Approved: check again, then do it, or a Refusal."""
    command = _command.decode(act.command)
    case, move = case_of(ctx, command.change), ChangeMove(command.move)
    amount = check(ctx, case, move)
    if amount > act.amount:  # the second person agreed to less
        what = f"act {act.id} has changed from {act.amount} to {amount}: ask again"
        raise wrong(case.change.account, what)
    facts = settle(ctx, case) if move is ChangeMove.SETTLE else undo(ctx, case)
    change = ctx.stage.need(Change, case.change.id)
    ctx.stage.put(change.id, msgspec.structs.replace(change, approver=act.approver))
    act = moved_act(
        ctx, act, ActMove.APPROVE, ActMove.CARRY_OUT, amount=amount, decided_at=ctx.now_us
    )
    return act_answer(ctx, act, change=change.id, change_state=change.state, **facts)
