"""Taking agents on, changing what is known of them, blocking and closing them. Pure."""

import re
from typing import Any, Final

import msgspec
from msgspec.structs import asdict, replace

from core.agents.areas import wrong_areas
from core.agents.entities import Agent, AgentFloat
from core.agents.floats import agent_of, float_of, refilled
from core.agents.money import MAX_AMOUNT, Facts, living, short_of, standing, wrong
from core.agents.states import (
    KINDS,
    MAX_DEPTH,
    MODES,
    MOVES,
    SERVICES,
    TELLS,
    TRANSFERS,
    AgentMove,
    AgentState,
)
from core.handlers.base import Context
from core.messages import RequestAgentAct
from core.terminals.entities import Terminal
from core.terminals.states import TerminalState

RETIRED: Final = TerminalState.RETIRED
#: Said on a phone and printed on a receipt.
_NUMBER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,19}")
_PHONE: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_GROUP: Final = re.compile(r"[0-9]{6}")
MAX_NAME: Final = 80
_MONEY: Final = ("daily_limit", "low_float", "credit_limit", "cash_limit")


def check_enrol(ctx: Context, command: RequestAgentAct) -> int:
    """A number that is free, and everything in its form."""
    number = command.agent
    if not _NUMBER.fullmatch(number):
        raise wrong(number, "a number is 1 to 20 letters, digits and -")
    if ctx.stage.linked("agent-number", number) is not None:
        raise wrong(number, "there is one of this number already")
    if not command.name:
        raise wrong(number, "say its name")
    _fields(ctx, command)
    mode, limit = command.mode or MODES[0], command.credit_limit or 0
    _mode_fits(number, mode, limit, command.cash_limit or 0)
    if command.parent and _depth(ctx, living(ctx, command.parent)) >= MAX_DEPTH:
        raise wrong(number, f"at most {MAX_DEPTH} agents above one another")
    return limit


def _fields(ctx: Context, command: RequestAgentAct) -> None:
    """What is said is in its form."""
    number = command.agent
    rules, languages = ctx.terms.agents.rules, ctx.terms.languages
    choices = (
        ("kind", command.agent_kind, KINDS),
        ("mode", command.mode, MODES),
        ("commission", command.commission or None, tuple(rules)),
        ("language", command.language or None, languages),
        ("transfers", command.transfers or None, TRANSFERS),
        ("tells", command.tells or None, TELLS),
        *(("service", each, SERVICES) for each in command.services or ()),
    )
    for what, said, known in choices:
        if said is not None and said not in known:
            raise wrong(number, f"a {what} is one of: {', '.join(known) or 'none'}, not {said}")
    if command.name is not None and not 0 < len(command.name.strip()) <= MAX_NAME:
        raise wrong(number, f"a name has 1 to {MAX_NAME} characters")
    if command.phone and not _PHONE.fullmatch(command.phone):
        raise wrong(number, f"{command.phone} is no phone: write it like +256700000001")
    for group in command.supply_groups or ():
        if not _GROUP.fullmatch(group):
            raise wrong(number, f"a supply group has 6 digits, not {group}")
    amiss = wrong_areas(command.areas or ())
    if amiss:
        raise wrong(number, amiss)
    for name in _MONEY:
        if not 0 <= (getattr(command, name) or 0) <= MAX_AMOUNT:
            raise wrong(number, f"{name} is an amount of money, or 0")


def _mode_fits(number: str, mode: str, credit_limit: int, cash_limit: int) -> None:
    if (mode == "post-settled") != (credit_limit > 0):
        raise wrong(number, "a post-settled agent has a credit limit, a prepaid one has none")
    if mode == "prepaid" and cash_limit:
        raise wrong(number, "a prepaid agent holds no cash of ours: it has no cash limit")


def _depth(ctx: Context, agent: Agent) -> int:
    """How many stand one above the other, up to and with this one."""
    depth = 1
    while agent.parent_id and depth <= MAX_DEPTH:
        above = ctx.stage.get(Agent, agent.parent_id)
        if above is None:
            break
        agent, depth = above, depth + 1
    return depth


def carry_enrol(ctx: Context, _act_id: int, command: RequestAgentAct) -> Facts:
    """Agent and float; its id is one of the accounts' series, so that no posting can mean both."""
    agent = Agent(
        id=ctx.new_id("account"),
        company=ctx.terms.code,
        number=command.agent,
        name=(command.name or "").strip(),
        kind=command.agent_kind or KINDS[0],
        parent_id=living(ctx, command.parent).id if command.parent else 0,
        state=AgentState.ACTIVE.value,
        mode=command.mode or MODES[0],
        phone=command.phone or "",
        language=command.language or "",
        commission=command.commission or "",
        supply_groups=_json(command.supply_groups or ()),
        services=_json(command.services or ()),
        daily_limit=command.daily_limit or 0,
        low_float=command.low_float or 0,
        enrolled_at=ctx.now_us,
        cash_limit=command.cash_limit or 0,
        transfers=command.transfers or "",
        tells=command.tells or "",
        areas=_json(command.areas or ()),
    )
    float_ = AgentFloat(
        id=agent.id, currency=ctx.terms.currency, credit_limit=command.credit_limit or 0,
        low_told=1,  # that a new float is empty is no news
    )  # fmt: skip
    ctx.stage.add("agent", **asdict(agent))
    row = asdict(float_)
    ctx.stage.add("agent_float", agent_id=row.pop("id"), **row)
    ctx.stage.put(agent.id, agent)
    ctx.stage.put(agent.id, float_)
    ctx.stage.link("agent-number", agent.number, agent.id)
    if agent.parent_id:
        _one_more_below(ctx, agent.parent_id)
    return {"agent_id": agent.id, **standing(ctx, agent)}


def _one_more_below(ctx: Context, parent_id: int) -> None:
    """What the next act of this batch must see."""
    below = ctx.stage.linked("agents-below", parent_id) or 0
    ctx.stage.link("agents-below", parent_id, below + 1)


def _json(names: tuple[str, ...]) -> str:
    return msgspec.json.encode(sorted(set(names))).decode()


def check_alter(ctx: Context, command: RequestAgentAct) -> int:
    """Something changes; the limit covers what is spent; nobody is above himself."""
    agent = living(ctx, command.agent)
    _fields(ctx, command)
    float_ = float_of(ctx.stage, agent)
    limit = float_.credit_limit if command.credit_limit is None else command.credit_limit
    cash = agent.cash_limit if command.cash_limit is None else command.cash_limit
    _mode_fits(agent.number, command.mode or agent.mode, limit, cash)
    if float_.balance - float_.reserved + limit < 0:
        raise wrong(agent.number, f"a credit limit of {limit} does not cover what is spent")
    if command.parent:
        _parent_fits(ctx, agent, living(ctx, command.parent))
    changed = _changes(ctx, agent, command)
    if not changed and limit == float_.credit_limit:
        raise wrong(agent.number, "nothing would change")
    return limit


def _parent_fits(ctx: Context, agent: Agent, parent: Agent) -> None:
    """Refuses a ring. An agent that has others below it stays where it is: so no two moves at once
    can close one, and none is deeper than allowed."""
    if ctx.stage.linked("agents-below", agent.id):
        raise wrong(agent.number, "others are below it; move them first")
    if parent.id == agent.id or _depth(ctx, parent) >= MAX_DEPTH:
        raise wrong(agent.number, f"{parent.number} cannot be above it")


def _changes(ctx: Context, agent: Agent, command: RequestAgentAct) -> dict[str, Any]:
    said: dict[str, Any] = {
        "name": command.name.strip() if command.name is not None else None,
        "kind": command.agent_kind,
        "mode": command.mode,
        "phone": command.phone,
        "language": command.language,
        "commission": command.commission,
        "daily_limit": command.daily_limit,
        "low_float": command.low_float,
        "cash_limit": command.cash_limit,
        "transfers": command.transfers,
        "tells": command.tells,
    }
    for name in ("supply_groups", "services", "areas"):
        names = getattr(command, name)
        said[name] = None if names is None else _json(names)
    if command.parent is not None:
        said["parent_id"] = agent_of(ctx, command.parent).id if command.parent else 0
    return {k: v for k, v in said.items() if v is not None and v != getattr(agent, k)}


def carry_alter(ctx: Context, _act_id: int, command: RequestAgentAct) -> Facts:
    """What was said; the rest stays."""
    agent = agent_of(ctx, command.agent)
    changes = _changes(ctx, agent, command)
    ctx.stage.put(agent.id, replace(agent, **changes))
    if command.credit_limit is not None:
        limited = replace(float_of(ctx.stage, agent), credit_limit=command.credit_limit)
        ctx.stage.put(agent.id, limited)
    if agent.parent_id != changes.get("parent_id", agent.parent_id):
        _one_more_below(ctx, changes["parent_id"])
    refilled(ctx, agent.id)
    return {"changed": sorted(changes), **standing(ctx, agent)}


def moved(ctx: Context, command: RequestAgentAct, move: AgentMove) -> Agent:
    """The agent after a move that its state has."""
    agent = agent_of(ctx, command.agent)
    after = MOVES.get((AgentState(agent.state), move))
    if after is None:
        raise wrong(agent.number, f"it is {agent.state}: {move} is not possible")
    return replace(agent, state=after.value)


def check_close(ctx: Context, command: RequestAgentAct) -> int:
    """Nothing is left: no money either way, no security, nobody below, no terminal."""
    agent = moved(ctx, command, AgentMove.CLOSE)
    float_ = float_of(ctx.stage, agent)
    left = {
        "its float": float_.balance,
        "reserved": float_.reserved,
        "its guarantee": float_.guarantee,
        "its equipment deposit": float_.equipment,
        "its commission": ctx.stage.linked("commission-owed", agent.id) or 0,
        "what it collected above its float": short_of(ctx, agent),
        "agents below it": ctx.stage.linked("agents-below", agent.id) or 0,
        "terminals that are not retired": _terminals(ctx, agent.id),
    }
    for what, amount in left.items():
        if amount:
            raise wrong(agent.number, f"{what}: {amount}; nothing may be left")
    return 0


def _terminals(ctx: Context, agent_id: int) -> int:
    """How many it has that may be used; with what acts of this batch did to them."""
    found: int = ctx.stage.linked("terminals-of", agent_id) or 0
    for now, before in ctx.stage.book.changed(Terminal):
        for each, sign in ((now, 1), (before, -1)):
            if each is not None and (each.agent_id, each.state != RETIRED) == (agent_id, True):
                found += sign
    return found


def carry_move(ctx: Context, command: RequestAgentAct, move: AgentMove) -> Facts:
    """Block, unblock or close."""
    agent = moved(ctx, command, move)
    ctx.stage.put(agent.id, agent)
    return {"agent_state": agent.state}
