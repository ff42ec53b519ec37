"""PINs of cashiers: who may sign on, and wrong ones counted on the stage. Pure.

What comes is a keyed hash; the PIN itself is known to the terminal and the edge for a moment only.
The rules of comparing and locking are those of every PIN: ``core.pins``.
"""

from typing import Any

from msgspec.structs import replace

from core.agents.entities import Agent
from core.calendars import local_time
from core.handlers.base import Context
from core.messages import Answer, Outcome
from core.pins import LOCK_US, LONGEST_US, MAX_WRONG, TRIES, is_proof, lock_us, tried
from core.refusals import refuse
from core.terminals.entities import Cashier
from core.terminals.states import CashierState

__all__ = ["LOCK_US", "LONGEST_US", "MAX_WRONG", "TRIES", "is_proof", "lock_us", "right_pin"]


def right_pin(ctx: Context, agent: Agent, cashier: Cashier, proof: str) -> Answer | None:
    """Nothing if it is right; else the answer, with the wrong one counted on the stage.

    Raises Refusal for who may not sign on whatever his PIN is: then none is compared or counted.
    """
    who = {"agent": agent.number, "cashier": cashier.code}
    if cashier.state == CashierState.REMOVED:
        raise refuse("cashier-unknown", **who)
    if cashier.state != CashierState.ACTIVE:
        raise refuse("cashier-blocked", state=cashier.state, **who)
    if cashier.locked_until > ctx.now_us:
        raise refuse("cashier-locked", until=_shown(ctx, cashier.locked_until), **who)
    outcome = tried(cashier.pin_proof, proof, cashier.wrong, ctx.now_us)
    if outcome.right:
        if cashier.wrong or cashier.locked_until:
            _put(ctx, replace(cashier, wrong=0, locked_until=0))
        return None
    _put(ctx, replace(cashier, wrong=outcome.wrong, locked_until=outcome.until))
    if outcome.until:
        args = {**who, "until": _shown(ctx, outcome.until)}
        return Answer(outcome=Outcome.REFUSED, code="cashier-locked", args=args)
    left: dict[str, Any] = {**who, "tries": outcome.left}
    return Answer(outcome=Outcome.REFUSED, code="pin-wrong", args=left)


def _put(ctx: Context, cashier: Cashier) -> None:
    ctx.stage.put((cashier.agent_id, cashier.code), cashier)


def _shown(ctx: Context, at_us: int) -> str:
    return local_time(at_us, ctx.terms.zone).strftime("%Y-%m-%d %H:%M")
