"""A row for whatever moves a float beside sales, and what refuses such a movement. Pure."""

from typing import Any, Final

from core.agents.entities import Agent
from core.agents.wanted import reference_of
from core.handlers.base import Context
from core.messages import RequestAgentAct
from core.refusals import Refusal, refuse

Facts = dict[str, Any]
#: More than this is a slip of the finger (minor units): a float's sums stay far below 64 bits.
MAX_AMOUNT: Final = 10**15


def wrong(agent: str, what: str) -> Refusal:
    """An act that does not fit the agent."""
    return refuse("agent-wrong", agent=agent, what=what)


def short(agent: str, left: int, amount: int, currency: str) -> Refusal:
    """A float that does not reach, in minor units."""
    return refuse("float-insufficient", agent=agent, credit=left, tender=amount, currency=currency)


def write(
    ctx: Context, agent: Agent, what: tuple[str, int], txn_id: int, act_id: int,
    command: RequestAgentAct, other_id: int = 0,
) -> int:  # fmt: skip
    """The movement's row; ``what``: its kind, and what the agent gained."""
    id_ = ctx.new_id("agent_movement")
    ctx.stage.add(
        "agent_movement",
        id=id_,
        company=ctx.terms.code,
        agent_id=agent.id,
        other_id=other_id,
        kind=what[0],
        amount=what[1],
        way=command.way,
        desk=command.desk,
        reference=reference_of(command),
        act_id=act_id,
        txn_id=txn_id,
        message_id=ctx.message_id,
        at=ctx.now_us,
    )
    return id_
