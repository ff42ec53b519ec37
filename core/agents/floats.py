"""A float that pays: whether it may, what it has spent today, and who is told when it is low.

The float's row is locked by the batch before any of this is asked; all of an agent is changed
under that lock only, so what is read here is what is there.
"""

import msgspec
from msgspec.structs import replace

from core.agents.entities import Agent, AgentFloat
from core.agents.states import AgentState
from core.book import Stage
from core.calendars import local_date, period_of
from core.handlers.base import Context
from core.messages import Recipient
from core.refusals import refuse
from core.vending.sale_rows import tell

_names = msgspec.json.Decoder(tuple[str, ...])


def agent_of(ctx: Context, number: str) -> Agent:
    """The agent of that number, in any state, or a refusal."""
    id_ = ctx.stage.linked("agent-number", number)
    agent = ctx.stage.get(Agent, id_) if id_ is not None else None
    if agent is None:
        raise refuse("agent-unknown", agent=number, company=ctx.terms.name)
    return agent


def float_of(stage: Stage, agent: Agent) -> AgentFloat:
    """The agent's float, as this message sees it."""
    return stage.need(AgentFloat, agent.id)


def may_sell(agent: Agent, service: str, supply_group: str = "") -> None:
    """Refuses an agent that does not sell now, or not this."""
    if agent.state == AgentState.BLOCKED:
        raise refuse("agent-blocked", agent=agent.number)
    if agent.state != AgentState.ACTIVE:
        raise refuse("agent-closed", agent=agent.number)
    services, groups = _names.decode(agent.services), _names.decode(agent.supply_groups)
    if services and service not in services:
        raise refuse("agent-out-of-scope", agent=agent.number, what=service)
    if groups and supply_group and supply_group not in groups:
        raise refuse("agent-out-of-scope", agent=agent.number, what=supply_group)


def can_pay(ctx: Context, agent: Agent, amount: int) -> AgentFloat:
    """The float, if it reaches for ``amount`` today. Refusals: insufficient, limit of the day."""
    float_ = float_of(ctx.stage, agent)
    if float_.spendable < amount:
        raise refuse(
            "float-insufficient",
            agent=agent.number,
            credit=max(0, float_.spendable),
            tender=amount,
            currency=float_.currency,
        )
    if agent.daily_limit and _spent_on(float_, _today(ctx)) + amount > agent.daily_limit:
        raise refuse(
            "agent-daily-limit",
            agent=agent.number,
            limit=agent.daily_limit,
            currency=float_.currency,
        )
    if agent.cash_limit and max(0, float_.reserved - float_.balance + amount) > agent.cash_limit:
        raise refuse(
            "cash-limit",
            agent=agent.number,
            limit=agent.cash_limit,
            held=float_.in_hand,
            currency=float_.currency,
        )
    return float_


def day_of(ctx: Context, at_us: int) -> int:
    """The day of an instant in the company's zone as YYYYMMDD."""
    day = local_date(at_us, ctx.terms.zone)
    return period_of(day) * 100 + day.day


def _today(ctx: Context) -> int:
    return day_of(ctx, ctx.now_us)


def _spent_on(float_: AgentFloat, day: int) -> int:
    """A clock set back does not reopen a day."""
    return float_.day_spent if float_.day >= day else 0


def moved_on(float_: AgentFloat, day: int) -> int:
    """What the agent itself has transferred on a day (YYYYMMDD), in minor units."""
    return float_.day_moved if float_.day >= day else 0


def spent(ctx: Context, agent_id: int, amount: int) -> None:
    """Count what was sold or collected in the day's limit; say it when the float gets low.

    Called when the float has paid, or has reserved it.
    """
    before = ctx.stage.need(AgentFloat, agent_id)
    day = max(before.day, _today(ctx))
    spent_, moved = _spent_on(before, day) + amount, moved_on(before, day)
    after = replace(before, day=day, day_spent=spent_, day_moved=moved)
    ctx.stage.put(agent_id, after)
    _tell_if_low(ctx, agent_id)


def _tell_if_low(ctx: Context, agent_id: int) -> None:
    """One message each time that the float falls below its threshold."""
    agent, float_ = ctx.stage.need(Agent, agent_id), ctx.stage.need(AgentFloat, agent_id)
    low = float_.spendable < agent.low_float
    if low == bool(float_.low_told):
        return
    ctx.stage.put(agent_id, replace(float_, low_told=int(low)))
    if low and agent.phone:
        args = {"agent": agent.number, "credit": max(0, float_.spendable)}
        args["currency"] = float_.currency
        recipient = Recipient(way="sms", address=agent.phone, language=agent.language or "en")
        tell(ctx, (recipient,), "float-low", args)


def refilled(ctx: Context, agent_id: int) -> None:
    """Money came: the next time that it gets low is told again."""
    _tell_if_low(ctx, agent_id)


def reserve(stage: Stage, agent_id: int, amount: int) -> None:
    """Keep ``amount`` for a sale that waits for its token; below 0: it waits no more."""
    float_ = stage.need(AgentFloat, agent_id)
    stage.put(agent_id, replace(float_, reserved=float_.reserved + amount))


def unspent(ctx: Context, agent_id: int, amount: int, at_us: int) -> None:
    """What was sold or collected at an instant came to nothing: it does not count in its day, if
    that is the one that is counted still."""
    float_ = ctx.stage.need(AgentFloat, agent_id)
    if float_.day == day_of(ctx, at_us):
        left = max(0, float_.day_spent - amount)
        ctx.stage.put(agent_id, replace(float_, day_spent=left))
    _tell_if_low(ctx, agent_id)
