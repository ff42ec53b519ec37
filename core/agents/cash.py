"""The utility's cash in agents' hands: surrendered at a desk, counted there, with a slip. Pure.

What a post-settled agent has sold and collected and not paid for is the utility's money in his bag:
his float below nothing. A surrender settles that and no more, so one cashier is enough for it; who
brings more than that pays in in advance, which two people agree to (``agent-topup``). At a desk
with shifts it goes into the till, by the cashier whose shift it is: he counts it with the rest.
"""

from typing import Final

from msgspec.structs import replace

from core.agents.floats import agent_of, float_of, refilled
from core.agents.money import living, place, positive, standing
from core.agents.movements import Facts, write, wrong
from core.collection.items import book
from core.collection.tenders import CASH
from core.counter.entities import CashDesk
from core.counter.tills import brought, his, open_at
from core.handlers.base import Context
from core.ledger import AGENT_FLOAT, Entry
from core.messages import RequestAgentAct

SURRENDER: Final = "agent-surrender"
_CASH: Final = (CASH,)


def slip_ids(company: str) -> str:
    """The series that a company's surrender slips are numbered from."""
    return f"surrender-slip/{company}"


def check_surrender(ctx: Context, command: RequestAgentAct) -> int:
    """Cash, and no more of it than he holds."""
    if _desk(ctx, command) is None:
        place(ctx, command, _CASH)
    agent = living(ctx, command.agent)
    held, amount = float_of(ctx.stage, agent).in_hand, positive(command)
    if held < amount:
        raise wrong(agent.number, f"it holds {held} of ours, not {amount}: the rest is a top-up")
    return amount


def _desk(ctx: Context, command: RequestAgentAct) -> CashDesk | None:
    """The desk, where it is one with shifts: the one who counts has his open."""
    if command.way != CASH or ctx.stage.get(CashDesk, command.desk) is None:
        return None
    desk, shift = open_at(ctx, command.desk)
    his(desk, shift, command.operator)
    return desk


def carry_surrender(ctx: Context, act_id: int, command: RequestAgentAct) -> Facts:
    """The desk has it; what stands on both copies of the slip."""
    agent, amount = agent_of(ctx, command.agent), command.amount
    slip = f"{ctx.terms.receipt_series}S{ctx.new_id(slip_ids(ctx.terms.code)):08d}"
    desk, paid = _desk(ctx, command), Entry(AGENT_FLOAT, -amount, agent.id)
    if desk is None:
        txn_id = book(ctx, SURRENDER, [Entry(place(ctx, command, _CASH), amount), paid])
    else:
        txn_id = brought(ctx, act_id, desk, SURRENDER, amount, paid)
    slipped = replace(command, reference=slip)
    write(ctx, agent, ("surrender", amount), txn_id, act_id, slipped)
    refilled(ctx, agent.id)
    return {
        "slip": slip,
        "name": agent.name,
        "desk": command.desk,
        "cashier": command.operator,
        "at": ctx.now_us,
        "in_hand": float_of(ctx.stage, agent).in_hand,
        **standing(ctx, agent),
    }
