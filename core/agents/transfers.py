"""Transfers that agents make themselves: within a tree, as the contract says; one person. Pure."""

from msgspec.structs import replace

from core.agents.entities import Agent, AgentFloat
from core.agents.fees import TRANSFER, fee_of
from core.agents.floats import agent_of, day_of, float_of, moved_on
from core.agents.money import carry_transfer, paid_in, positive
from core.agents.movements import Facts, wrong
from core.agents.states import MAX_DEPTH, AgentState
from core.handlers.base import Context
from core.messages import RequestAgentAct, TransferFloat
from core.refusals import refuse

MINUTE_US = 60_000_000


def check(ctx: Context, command: TransferFloat) -> None:
    """Refuses what the contracts, the limits or the float do not have."""
    giver, taker = agent_of(ctx, command.agent), agent_of(ctx, command.other)
    amount = positive(_asked(command))
    for agent in (giver, taker):
        if agent.state != AgentState.ACTIVE:
            code = "agent-blocked" if agent.state == AgentState.BLOCKED else "agent-closed"
            raise refuse(code, agent=agent.number)
    _contract(ctx, giver, taker)
    float_, other = float_of(ctx.stage, giver), float_of(ctx.stage, taker)
    if not command.currency == float_.currency == other.currency:
        raise refuse(
            "currency-wrong", currency=command.currency, account=giver.number,
            expected=float_.currency,
        )  # fmt: skip
    _limits(ctx, giver, float_, amount)
    paid_in(ctx, giver, amount + fee_of(ctx, TRANSFER, amount))
    if not command.another:
        _ask_about_repeat(ctx, float_, taker, command)


def _contract(ctx: Context, giver: Agent, taker: Agent) -> None:
    """Down to those below, or up to those above, as the giver's contract has it."""
    down, up = _above(ctx, giver, taker), _above(ctx, taker, giver)
    if (down and giver.transfers in ("down", "both")) or (up and giver.transfers == "both"):
        return
    if down or up:
        said = f"its contract has no transfers {'down' if down else 'up'} to {taker.number}"
        raise wrong(giver.number, said)
    raise wrong(giver.number, f"{taker.number} is neither below nor above it")


def _above(ctx: Context, one: Agent, other: Agent) -> bool:
    """Whether ``one`` stands above ``other``."""
    at: Agent | None = other
    for _ in range(MAX_DEPTH):
        at = ctx.stage.get(Agent, at.parent_id) if at is not None and at.parent_id else None
        if at is not None and at.id == one.id:
            return True
    return False


def _limits(ctx: Context, giver: Agent, float_: AgentFloat, amount: int) -> None:
    terms = ctx.terms.agents
    if terms.transfer_most and amount > terms.transfer_most:
        raise wrong(giver.number, f"one transfer is at most {terms.transfer_most}")
    today = moved_on(float_, day_of(ctx, ctx.now_us)) + amount
    if terms.transfer_per_day and today > terms.transfer_per_day:
        raise refuse(
            "agent-daily-limit", agent=giver.number, limit=terms.transfer_per_day,
            currency=float_.currency,
        )  # fmt: skip


def _ask_about_repeat(
    ctx: Context, float_: AgentFloat, taker: Agent, command: TransferFloat
) -> None:
    """The same to the same, minutes ago: a person may have pressed twice."""
    since = ctx.now_us - float_.moved_at
    same = (float_.moved_to, float_.moved_amount) == (taker.id, command.amount)
    if same and since < ctx.terms.repeat_minutes * MINUTE_US:
        raise refuse(
            "transfer-repeat", agent=command.agent, other=command.other, tender=command.amount,
            minutes=max(1, since // MINUTE_US), currency=command.currency,
        )  # fmt: skip


def carry(ctx: Context, command: TransferFloat) -> Facts:
    """From one float to the other, counted in the giver's day."""
    facts = carry_transfer(ctx, 0, _asked(command))
    giver, taker = agent_of(ctx, command.agent), agent_of(ctx, command.other)
    float_ = float_of(ctx.stage, giver)
    day = max(float_.day, day_of(ctx, ctx.now_us))
    ctx.stage.put(giver.id, replace(
        float_, day=day, day_spent=float_.day_spent if day == float_.day else 0,
        day_moved=moved_on(float_, day) + command.amount,
        moved_to=taker.id, moved_amount=command.amount, moved_at=ctx.now_us,
    ))  # fmt: skip
    return facts


def _asked(command: TransferFloat) -> RequestAgentAct:
    return RequestAgentAct(
        operator="", kind="agent-transfer", agent=command.agent, other=command.other, reason="",
        amount=command.amount, way="", desk=command.till,
    )  # fmt: skip
