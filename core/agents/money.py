"""Money that comes to floats and goes from them beside sales: checked, then posted. Pure."""

from typing import Final

from msgspec.structs import replace

from core.agents.entities import Agent, AgentFloat
from core.agents.fees import STATEMENT, TOPUP, TRANSFER, fee_of, take_fee
from core.agents.floats import agent_of, float_of, refilled
from core.agents.movements import MAX_AMOUNT, Facts, short, write, wrong
from core.agents.states import MAX_DEPTH, AgentState
from core.agents.topups import counted
from core.agents.wanted import reference_of
from core.collection.items import book
from core.collection.terms import AT_ONCE
from core.counter.tills import OTHER_DESK, not_past
from core.handlers.base import Context
from core.ledger import AGENT_FLOAT, Entry
from core.messages import RequestAgentAct
from core.refusals import refuse

#: Securities, apart from the float; fields of AgentFloat.
SECURITIES: Final = ("guarantee", "equipment")
#: Commission may go to the float instead of being paid out.
TO_FLOAT: Final = "float"
COMMISSION: Final = "commission"
#: Ways that money is paid out.
_OUT: Final = ("cash", "transfer")
#: A bank's reference has 35 characters at most (ISO 20022, Max35Text), ours and others' some more.
MAX_REFERENCE: Final = 64

__all__ = ["MAX_AMOUNT", "Facts", "wrong"]


def positive(command: RequestAgentAct) -> int:
    """The amount; nobody moves nothing, or less."""
    if command.amount <= 0:
        raise refuse("tender-not-positive", tender=command.amount)
    if command.amount > MAX_AMOUNT:
        raise wrong(command.agent, f"{command.amount} is more than {MAX_AMOUNT}")
    return command.amount


def living(ctx: Context, number: str) -> Agent:
    """An agent that is not closed."""
    agent = agent_of(ctx, number)
    if agent.state == AgentState.CLOSED:
        raise refuse("agent-closed", agent=number)
    return agent


def place(ctx: Context, command: RequestAgentAct, ways: tuple[str, ...]) -> str:
    """The ledger of where the money is taken in or paid out."""
    if command.way not in ways:
        raise wrong(command.agent, f"{command.way or 'nothing'} is none of: {', '.join(ways)}")
    if not command.desk.strip() or ":" in command.desk:
        raise wrong(command.agent, "name the desk that takes the money, or pays it")
    not_past(ctx, command.way, command.desk, OTHER_DESK)
    return f"{command.way}:{command.desk}"


def new_reference(ctx: Context, agent: str, reference: str) -> None:
    """A bank's reference counts once, whoever it was for."""
    if len(reference) > MAX_REFERENCE:
        raise wrong(agent, f"a reference has at most {MAX_REFERENCE} characters")
    if reference and ctx.stage.linked("topup-of", reference) is not None:
        raise wrong(agent, f"reference {reference} was counted before")


def check_topup(ctx: Context, command: RequestAgentAct) -> int:
    """Money for an agent that is not closed, by a reference that is new."""
    place(ctx, command, AT_ONCE)
    living(ctx, command.agent)
    new_reference(ctx, command.agent, reference_of(command))
    return positive(command)


def carry_topup(ctx: Context, act_id: int, command: RequestAgentAct) -> Facts:
    """The desk or the bank has the money, the float may spend it."""
    return top_up(ctx, act_id, command, place(ctx, command, AT_ONCE))


def top_up(ctx: Context, act_id: int, command: RequestAgentAct, ledger: str) -> Facts:
    """The same, of money that is on ``ledger``."""
    agent = agent_of(ctx, command.agent)
    entries = [
        Entry(ledger, command.amount),
        Entry(AGENT_FLOAT, -command.amount, agent.id),
    ]
    txn_id = book(ctx, "agent-topup", entries)
    movement = write(ctx, agent, ("topup", command.amount), txn_id, act_id, command)
    facts: Facts = {}
    if reference_of(command):
        ctx.stage.link("topup-of", reference_of(command), movement)
        facts = counted(ctx, agent, reference_of(command), movement)
    # money that comes is never refused for its fee: what of it cannot be paid is not taken
    fee = min(fee_of(ctx, TOPUP, command.amount), max(0, float_of(ctx.stage, agent).spendable))
    facts |= take_fee(ctx, agent, TOPUP, fee, act_id)
    refilled(ctx, agent.id)
    return {**facts, **standing(ctx, agent)}


def standing(ctx: Context, agent: Agent) -> Facts:
    """What an answer says of the float."""
    float_ = float_of(ctx.stage, agent)
    return {"balance": float_.balance, "spendable": float_.spendable}


def paid_in(ctx: Context, agent: Agent, amount: int) -> AgentFloat:
    """The float, if so much was paid in and is not spent: a credit limit is not money."""
    float_ = float_of(ctx.stage, agent)
    left = max(0, float_.balance - float_.reserved)
    if left < amount:
        raise short(agent.number, left, amount, float_.currency)
    return float_


def check_withdraw(ctx: Context, command: RequestAgentAct) -> int:
    """What was paid in and is not spent; of a closed agent, too, if something came back."""
    place(ctx, command, _OUT)
    agent = agent_of(ctx, command.agent)
    left, owed = paid_in(ctx, agent, positive(command)), short_of(ctx, agent)
    if left.balance - left.reserved - owed < command.amount:
        raise wrong(agent.number, f"it owes {owed} that it collected above its float")
    return command.amount


def short_of(ctx: Context, agent: Agent) -> int:
    """What it collected without the line, and its float did not have: it owes that still."""
    owed: int = ctx.stage.linked("short-owed", agent.id) or 0
    return owed


def carry_withdraw(ctx: Context, act_id: int, command: RequestAgentAct) -> Facts:
    """Pay it out."""
    agent, from_ = agent_of(ctx, command.agent), place(ctx, command, _OUT)
    entries = [Entry(AGENT_FLOAT, command.amount, agent.id), Entry(from_, -command.amount)]
    txn_id = book(ctx, "agent-withdrawal", entries)
    write(ctx, agent, ("withdrawal", -command.amount), txn_id, act_id, command)
    refilled(ctx, agent.id)
    return standing(ctx, agent)


def check_transfer(ctx: Context, command: RequestAgentAct) -> int:
    """Between two agents of one tree, neither of them closed."""
    giver, taker = living(ctx, command.agent), living(ctx, command.other)
    if giver.id == taker.id or _root(ctx, giver) != _root(ctx, taker):
        raise wrong(giver.number, f"{taker.number} is not another agent of its tree")
    paid_in(ctx, giver, positive(command) + fee_of(ctx, TRANSFER, command.amount))
    return command.amount


def _root(ctx: Context, agent: Agent) -> int:
    for _ in range(MAX_DEPTH):
        above = ctx.stage.get(Agent, agent.parent_id) if agent.parent_id else None
        if above is None:
            break
        agent = above
    return agent.id


def carry_transfer(ctx: Context, act_id: int, command: RequestAgentAct) -> Facts:
    """From one float to the other."""
    giver, taker = agent_of(ctx, command.agent), agent_of(ctx, command.other)
    entries = [
        Entry(AGENT_FLOAT, command.amount, giver.id),
        Entry(AGENT_FLOAT, -command.amount, taker.id),
    ]
    txn_id = book(ctx, "agent-transfer", entries)
    write(ctx, giver, ("transfer", -command.amount), txn_id, act_id, command, taker.id)
    facts = take_fee(ctx, giver, TRANSFER, fee_of(ctx, TRANSFER, command.amount), act_id)
    for agent in (giver, taker):
        refilled(ctx, agent.id)
    return {**facts, **standing(ctx, giver)}


def _security(command: RequestAgentAct) -> str:
    if command.security not in SECURITIES:
        raise wrong(command.agent, f"a security is one of: {', '.join(SECURITIES)}")
    return command.security


def check_security(ctx: Context, command: RequestAgentAct) -> int:
    """Money that is kept apart."""
    _security(command)
    place(ctx, command, AT_ONCE)
    living(ctx, command.agent)
    return positive(command)


def carry_security(ctx: Context, act_id: int, command: RequestAgentAct) -> Facts:
    """Keep it."""
    return _secure(ctx, act_id, command, command.amount, place(ctx, command, AT_ONCE))


def check_security_refund(ctx: Context, command: RequestAgentAct) -> int:
    """As much as is held."""
    kind = _security(command)
    place(ctx, command, _OUT)
    float_ = float_of(ctx.stage, agent_of(ctx, command.agent))
    held: int = getattr(float_, kind)
    if held < positive(command):
        raise wrong(command.agent, f"{held} are held as {kind}, not {command.amount}")
    return command.amount


def carry_security_refund(ctx: Context, act_id: int, command: RequestAgentAct) -> Facts:
    """Pay it back."""
    return _secure(ctx, act_id, command, -command.amount, place(ctx, command, _OUT))


def _secure(ctx: Context, act_id: int, command: RequestAgentAct, change: int, where: str) -> Facts:
    agent, kind = agent_of(ctx, command.agent), command.security
    entries = [Entry(where, change), Entry(f"agent-deposit:{kind}", -change, agent.id)]
    txn_id = book(ctx, "agent-security", entries)
    float_ = float_of(ctx.stage, agent)
    held: int = getattr(float_, kind) + change
    ctx.stage.put(agent.id, replace(float_, **{kind: held}))
    write(ctx, agent, (kind, change), txn_id, act_id, command)
    return {"security": kind, "held": held}


def owed_to(ctx: Context, agent: Agent) -> int:
    """Commission that he has earned and not got; below 0: paid out before it was taken back."""
    owed: int = ctx.stage.linked("commission-owed", agent.id) or 0
    return owed


def _owed(ctx: Context, command: RequestAgentAct) -> int:
    agent = agent_of(ctx, command.agent)
    owed = owed_to(ctx, agent)
    if owed < positive(command):
        said = f"{owed} of commission are owed" if owed >= 0 else f"it owes {-owed} of commission"
        raise wrong(agent.number, f"{said}, not {command.amount}")
    return command.amount


def check_commission(ctx: Context, command: RequestAgentAct) -> int:
    """As much as is owed, out of a desk or a bank."""
    if command.way == TO_FLOAT:
        raise wrong(command.agent, "for the float there is agent-commission-float")
    place(ctx, command, _OUT)
    return _owed(ctx, command)


def check_commission_float(ctx: Context, command: RequestAgentAct) -> int:
    """As much as is owed, for the float."""
    return _owed(ctx, command)


def check_commission_back(ctx: Context, command: RequestAgentAct) -> int:
    """As much as was paid out of what was taken back later, and is on the float."""
    agent = agent_of(ctx, command.agent)
    back = -min(0, owed_to(ctx, agent))
    if back < positive(command):
        raise wrong(agent.number, f"it owes {back} of commission, not {command.amount}")
    paid_in(ctx, agent, command.amount)
    return command.amount


def carry_commission(ctx: Context, act_id: int, command: RequestAgentAct) -> Facts:
    """What was earned is paid out."""
    return _commission(ctx, act_id, command, command.amount)


def carry_commission_float(ctx: Context, act_id: int, command: RequestAgentAct) -> Facts:
    """What was earned goes to the float."""
    return _commission(ctx, act_id, replace(command, way=TO_FLOAT), command.amount)


def carry_commission_back(ctx: Context, act_id: int, command: RequestAgentAct) -> Facts:
    """What was paid out too much comes from the float."""
    return _commission(ctx, act_id, replace(command, way=TO_FLOAT), -command.amount)


def _commission(ctx: Context, act_id: int, command: RequestAgentAct, amount: int) -> Facts:
    agent = agent_of(ctx, command.agent)
    to = Entry(AGENT_FLOAT, -amount, agent.id)
    if command.way != TO_FLOAT:
        to = Entry(place(ctx, command, _OUT), -amount)
    txn_id = book(ctx, "agent-commission", [Entry(COMMISSION, amount, agent.id), to])
    owed = owed_to(ctx, agent) - amount
    ctx.stage.link("commission-owed", agent.id, owed)
    write(ctx, agent, ("commission", amount), txn_id, act_id, command)
    refilled(ctx, agent.id)
    return {"owed": owed, **standing(ctx, agent)}


def check_statement(ctx: Context, command: RequestAgentAct) -> int:
    """The fee that is declared for a statement, if the float reaches."""
    agent, fee = living(ctx, command.agent), fee_of(ctx, STATEMENT, 0)
    if not fee:
        raise wrong(agent.number, "no fee is declared for statements")
    paid_in(ctx, agent, fee)
    return fee


def carry_statement(ctx: Context, act_id: int, command: RequestAgentAct) -> Facts:
    """Take it."""
    agent = agent_of(ctx, command.agent)
    facts = take_fee(ctx, agent, STATEMENT, fee_of(ctx, STATEMENT, 0), act_id)
    refilled(ctx, agent.id)
    return {**facts, **standing(ctx, agent)}
