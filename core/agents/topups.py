"""Top-ups that agents ask for: stored, then counted by the bank's word or by two people. Pure.

An agent's own reference is what joins the three: his request, the bank's word, the act. All of it
is changed under the lock of his float, and only what names his number can be his.
"""

from typing import Final

from msgspec.structs import asdict, replace

from core.agents.entities import ASKED, OPEN, Agent, TopUp
from core.agents.floats import agent_of
from core.agents.movements import Facts, wrong
from core.agents.states import TOPUP_MOVES, TopUpMove, TopUpState
from core.agents.wanted import reference_of
from core.handlers.base import Context
from core.messages import RequestAgentAct, RequestTopUp

HOUR_US: Final = 3_600_000_000
#: Requests of an agent that wait at once: a shop pays in once or twice a day.
MAX_OPEN: Final = 20


def moved(ctx: Context, topup: TopUp, move: TopUpMove, movement_id: int = 0) -> TopUp:
    """The request after a move that its state has, on the stage."""
    after = TOPUP_MOVES.get((TopUpState(topup.state), move))
    if after is None:
        raise wrong(topup.reference, f"request {topup.id} is {topup.state}: no {move}")
    topup = replace(
        topup, state=after.value, movement_id=movement_id, decision_id=ctx.message_id,
        decided_at=ctx.now_us,
    )  # fmt: skip
    ctx.stage.put(topup.id, topup)
    waiting = ctx.stage.linked(OPEN, topup.agent_id) or ()
    ctx.stage.link(OPEN, topup.agent_id, tuple(id_ for id_ in waiting if id_ != topup.id))
    return topup


def _newest(ctx: Context, agent: Agent, reference: str) -> TopUp | None:
    """The newest request of that reference; one whose time is over is expired now."""
    id_ = ctx.stage.linked(ASKED, (agent.id, reference))
    topup = ctx.stage.get(TopUp, id_) if id_ is not None else None
    if topup is not None and topup.state == TopUpState.REQUESTED and topup.expires <= ctx.now_us:
        return moved(ctx, topup, TopUpMove.LAPSE)
    return topup


def ask(ctx: Context, agent: Agent, command: RequestTopUp) -> TopUp:
    """A request that waits; the one that there is, where the same is asked for once more."""
    reference = reference_of(command)
    known = _newest(ctx, agent, reference)
    if known is not None and known.state == TopUpState.REQUESTED:
        if (known.amount, known.way, known.desk) == (command.amount, command.way, command.desk):
            return known
        raise wrong(agent.number, f"{reference} was asked for with {known.amount} already")
    for id_ in ctx.stage.linked(OPEN, agent.id) or ():
        waiting = ctx.stage.need(TopUp, id_)
        if waiting.expires <= ctx.now_us:
            moved(ctx, waiting, TopUpMove.LAPSE)
    waits = ctx.stage.linked(OPEN, agent.id) or ()
    if len(waits) >= MAX_OPEN:
        raise wrong(agent.number, f"{MAX_OPEN} of its requests wait; no more until one is decided")
    topup = TopUp(
        id=ctx.new_id("agent_topup"),
        company=ctx.terms.code,
        agent_id=agent.id,
        amount=command.amount,
        way=command.way,
        desk=command.desk,
        reference=reference,
        state=TopUpState.REQUESTED.value,
        movement_id=0,
        message_id=ctx.message_id,
        decision_id="",
        requested_at=ctx.now_us,
        expires=ctx.now_us + ctx.terms.agents.topup_hours * HOUR_US,
        decided_at=0,
    )
    ctx.stage.add("agent_topup", **asdict(topup))
    ctx.stage.put(topup.id, topup)
    ctx.stage.link(OPEN, agent.id, (*waits, topup.id))
    ctx.stage.link(ASKED, (agent.id, reference), topup.id)
    return topup


def counted(ctx: Context, agent: Agent, reference: str, movement_id: int) -> Facts:
    """A top-up came under a reference: the agent's request of it, if there is one, is approved,
    also late; what an answer says of it."""
    topup = _newest(ctx, agent, reference)
    if topup is None or topup.state == TopUpState.APPROVED:
        return {}
    moved(ctx, topup, TopUpMove.COUNT, movement_id)
    return {"request": topup.id, "requested": topup.amount}


def check_decline(ctx: Context, command: RequestAgentAct) -> int:
    """A request of that reference that waits, or has waited too long; what was asked for."""
    return _waiting(ctx, command).amount


def carry_decline(ctx: Context, _act_id: int, command: RequestAgentAct) -> Facts:
    """No money was found: the agent may ask again."""
    return {"request": moved(ctx, _waiting(ctx, command), TopUpMove.DECLINE).id}


def _waiting(ctx: Context, command: RequestAgentAct) -> TopUp:
    agent, reference = agent_of(ctx, command.agent), reference_of(command)
    topup = _newest(ctx, agent, reference)
    if topup is None or (TopUpState(topup.state), TopUpMove.DECLINE) not in TOPUP_MOVES:
        state = topup.state if topup is not None else "not there"
        raise wrong(agent.number, f"its request under {reference or 'no reference'} is {state}")
    return topup
