"""Cashiers of an agent: added, given a PIN, blocked, removed. Pure; the agent's float is locked."""

import re
from typing import Any, Final

from msgspec.structs import asdict, replace

from core.agents.entities import Agent
from core.agents.floats import agent_of
from core.agents.money import living
from core.handlers.base import Context
from core.messages import RequestTerminalAct
from core.refusals import Refusal, refuse
from core.terminals.entities import Cashier, Terminal
from core.terminals.pins import is_proof
from core.terminals.shifts import end_shift
from core.terminals.states import CASHIER_MOVES, CashierMove, CashierState

Facts = dict[str, Any]
#: Keyed in at every sign-on.
_CODE: Final = re.compile(r"[A-Za-z0-9]{2,8}")
MAX_NAME: Final = 40
#: A shop has some; what is beyond is a mistake of a script.
MAX_CASHIERS: Final = 200


def wrong(command: RequestTerminalAct, what: str) -> Refusal:
    """An act that does not fit the cashier."""
    return refuse("cashier-wrong", agent=command.agent, cashier=command.cashier, what=what)


def cashier_of(ctx: Context, command: RequestTerminalAct) -> tuple[Agent, Cashier]:
    """The cashier, not removed, with his agent."""
    agent = agent_of(ctx, command.agent)
    cashier = ctx.stage.get(Cashier, (agent.id, command.cashier))
    if cashier is None or cashier.state == CashierState.REMOVED:
        raise refuse("cashier-unknown", agent=agent.number, cashier=command.cashier)
    return agent, cashier


def check_add(ctx: Context, command: RequestTerminalAct) -> None:
    """A code that nobody of this agent has or had, a name, and a PIN."""
    agent = living(ctx, command.agent)
    if not _CODE.fullmatch(command.cashier):
        raise wrong(command, "a code is 2 to 8 letters and digits")
    if ctx.stage.get(Cashier, (agent.id, command.cashier)) is not None:
        raise wrong(command, "there is, or was, one of this code already")
    if not 0 < len((command.name or "").strip()) <= MAX_NAME:
        raise wrong(command, f"a name has 1 to {MAX_NAME} characters")
    if (ctx.stage.linked("cashiers-of", agent.id) or 0) >= MAX_CASHIERS:
        raise wrong(command, f"at most {MAX_CASHIERS} at one agent")
    _with_pin(command)


def _with_pin(command: RequestTerminalAct) -> None:
    if not is_proof(command.pin_proof):
        raise wrong(command, "the PIN is missing: its keyed hash, 64 hex digits")


def carry_add(ctx: Context, _act_id: int, command: RequestTerminalAct) -> Facts:
    """From now on somebody must be signed on at the agent's terminals."""
    agent = living(ctx, command.agent)
    cashier = Cashier(
        id=ctx.new_id("cashier"),
        company=ctx.terms.code,
        agent_id=agent.id,
        code=command.cashier,
        name=(command.name or "").strip(),
        state=CashierState.ACTIVE.value,
        pin_proof=command.pin_proof,
        pin_at=ctx.now_us,
        wrong=0,
        locked_until=0,
        added_at=ctx.now_us,
    )
    ctx.stage.add("cashier", **asdict(cashier))
    _put(ctx, cashier)
    ctx.stage.link("cashiers-of", agent.id, (ctx.stage.linked("cashiers-of", agent.id) or 0) + 1)
    return {"cashier_state": cashier.state}


def check_pin(ctx: Context, command: RequestTerminalAct) -> None:
    """Another one than before."""
    _, cashier = cashier_of(ctx, command)
    _with_pin(command)
    if cashier.pin_proof == command.pin_proof:
        raise wrong(command, "that is the PIN already")


def carry_pin(ctx: Context, _act_id: int, command: RequestTerminalAct) -> Facts:
    """The new one; wrong ones before do not count. A block stays."""
    _, cashier = cashier_of(ctx, command)
    _put(ctx, replace(cashier, pin_proof=command.pin_proof, pin_at=ctx.now_us, **_UNLOCKED))
    return {"cashier_state": cashier.state}


_UNLOCKED: Final[dict[str, int]] = {"wrong": 0, "locked_until": 0}


def moved(ctx: Context, command: RequestTerminalAct, move: CashierMove) -> Cashier:
    """The cashier after a move that his state has."""
    _, cashier = cashier_of(ctx, command)
    after = CASHIER_MOVES.get((CashierState(cashier.state), move))
    if after is None:
        raise wrong(command, f"he is {cashier.state}: {move} is not possible")
    if move is CashierMove.UNLOCK and after == cashier.state and not cashier.wrong:
        raise wrong(command, "he is neither blocked nor locked")
    return replace(cashier, state=after.value)


def carry_move(ctx: Context, command: RequestTerminalAct, move: CashierMove) -> Facts:
    """Block or remove, which ends his shifts; or unlock, which forgets wrong PINs."""
    cashier = moved(ctx, command, move)
    facts: Facts = {"cashier_state": cashier.state}
    if move is CashierMove.UNLOCK:
        cashier = replace(cashier, **_UNLOCKED)
    else:
        ended = _end_shifts(ctx, cashier, command.kind)
        facts |= {"ended_shifts": ended} if ended else {}
    _put(ctx, cashier)
    if move is CashierMove.REMOVE:
        left = ctx.stage.linked("cashiers-of", cashier.agent_id) or 0
        ctx.stage.link("cashiers-of", cashier.agent_id, left - 1)
    return facts


def _end_shifts(ctx: Context, cashier: Cashier, why: str) -> list[int]:
    """At every terminal where he is signed on."""
    book = ctx.stage.book
    ids = sorted(id_ for kind, id_ in {**book.entities, **ctx.stage.entities} if kind is Terminal)
    ended = []
    for id_ in ids:
        terminal = ctx.stage.need(Terminal, id_)
        if (terminal.agent_id, terminal.cashier) == (cashier.agent_id, cashier.code):
            ended.append(terminal.shift_id)
            end_shift(ctx, terminal, why)
    return ended


def _put(ctx: Context, cashier: Cashier) -> None:
    ctx.stage.put((cashier.agent_id, cashier.code), cashier)
