"""An act with money, carried out: its step, and its state in the same transaction."""

import msgspec

from core.collection.act_steps import STEPS
from core.collection.payments import account_of
from core.collection.tenders import not_now
from core.entities import TokenAct
from core.handlers.base import Context
from core.messages import Answer, RequestMoneyAct
from core.vending.act_life import act_answer, moved_act
from core.vending.act_states import ActMove

_command = msgspec.json.Decoder(RequestMoneyAct)


def command_of(act: TokenAct) -> RequestMoneyAct:
    """What was asked for."""
    return _command.decode(act.command)


def carry_out(ctx: Context, act: TokenAct) -> Answer:
    """Approved: check again, then post it, or a Refusal."""
    step, command = STEPS[act.kind], command_of(act)
    account = account_of(ctx, act.account)
    ctx.stage.link("carried-act", ctx.message_id, act.id)
    amount = step.check(ctx, command, account)
    if amount > act.amount:  # the second person agreed to less
        raise not_now(f"act {act.id} has changed from {act.amount} to {amount}: ask again")
    facts = step.carry(ctx, act, command, account)
    act = moved_act(
        ctx, act, ActMove.APPROVE, ActMove.CARRY_OUT, amount=amount, decided_at=ctx.now_us
    )
    return act_answer(ctx, act, **facts)
