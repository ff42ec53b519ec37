"""Who is at a terminal: shifts begin with a sign-on and end with the next, or by a decision. Pure.

At a terminal there is one open shift at most. What was sold in it is counted when somebody asks:
an item that is taken back after the shift has ended is taken back of that shift.
"""

from typing import Any

from msgspec.structs import asdict, replace

from core.agents.entities import Agent
from core.agents.states import AgentState
from core.handlers.base import Context
from core.messages import Answer, Outcome, SignOffCashier, SignOnCashier
from core.refusals import refuse
from core.terminals.counted import said, totals_of
from core.terminals.entities import Cashier, Shift, Terminal
from core.terminals.pins import right_pin
from core.terminals.presence import cashiers_needed, terminal_at_work

#: What ends a shift, beside operators' acts, which are named as their kinds.
SIGN_ON, SIGN_OFF = "sign-on", "sign-off"
#: Nobody's business day is further from ours than this (days by number, as YYYYMMDD).
_FIRST_DAY, _LAST_DAY = 20_000_101, 99_991_231


def sign_on(ctx: Context, command: SignOnCashier) -> Answer:
    """A cashier, or the terminal itself, is at it from now on; who was before is no more.

    The same one again on the same day goes on with his shift: the terminal was switched off. A
    wrong PIN is kept, so it is an answer and no Refusal, which would forget it.
    """
    agent, terminal = _place(ctx, command)
    if not command.cashier:
        if cashiers_needed(ctx.stage, agent.id):
            raise refuse("terminal-signed-off", terminal=terminal.number)
        return _begun(ctx, terminal, terminal.number, terminal.name, command.day)
    cashier = ctx.stage.get(Cashier, (agent.id, command.cashier))
    if cashier is None or cashier.code == terminal.number:  # that is the terminal itself
        raise refuse("cashier-unknown", agent=agent.number, cashier=command.cashier)
    wrong = right_pin(ctx, agent, cashier, command.pin_proof)
    if wrong is not None:
        return wrong
    return _begun(ctx, terminal, cashier.code, cashier.name, command.day)


def _place(ctx: Context, command: SignOnCashier | SignOffCashier) -> tuple[Agent, Terminal]:
    """The agent, who sells if somebody signs on, and its terminal."""
    id_ = ctx.stage.linked("agent-number", command.agent)
    agent = ctx.stage.get(Agent, id_) if id_ is not None else None
    if agent is None:
        raise refuse("agent-unknown", agent=command.agent, company=ctx.terms.name)
    if isinstance(command, SignOnCashier) and agent.state != AgentState.ACTIVE:
        blocked = agent.state == AgentState.BLOCKED
        raise refuse("agent-blocked" if blocked else "agent-closed", agent=agent.number)
    terminal = terminal_at_work(ctx, agent, command.terminal)
    if not _FIRST_DAY <= command.day <= _LAST_DAY:
        raise refuse("terminal-wrong", terminal=terminal.number, what=f"{command.day} is no day")
    return agent, terminal


def _begun(ctx: Context, terminal: Terminal, code: str, name: str, day: int) -> Answer:
    shift = open_shift(ctx, terminal)
    facts: dict[str, Any] = {}
    if shift is not None and (shift.cashier, shift.day) != (code, day):
        facts["ended"] = {"cashier": shift.cashier, **_summary(ctx, shift)}
        terminal = end_shift(ctx, terminal, SIGN_ON)
        shift = None
    if shift is None:
        shift = _new(ctx, terminal, code, name, day)
        terminal = replace(terminal, cashier=code, shift_id=shift.id)
    ctx.stage.put(terminal.id, replace(terminal, seen_at=ctx.now_us))
    data = {"shift": shift.id, "cashier": code, "name": name, "since": shift.opened_at, **facts}
    return Answer(outcome=Outcome.DONE, data=data)


def _new(ctx: Context, terminal: Terminal, code: str, name: str, day: int) -> Shift:
    shift = Shift(
        id=ctx.new_id("terminal_shift"),
        company=ctx.terms.code,
        terminal_id=terminal.id,
        agent_id=terminal.agent_id,
        cashier=code,
        name=name,
        day=day,
        opened_at=ctx.now_us,
        closed_at=0,
        ended_by="",
    )
    ctx.stage.add("terminal_shift", **asdict(shift))
    ctx.stage.put(shift.id, shift)
    ctx.stage.link("shift-totals", shift.id, {})
    return shift


def sign_off(ctx: Context, command: SignOffCashier) -> Answer:
    """The shift ends; what was sold in it. Nobody was signed on: nothing ends, and nothing is
    wrong with that."""
    _, terminal = _place(ctx, command)
    shift = open_shift(ctx, terminal)
    if shift is None:
        return Answer(outcome=Outcome.DONE, data={"shift": 0, "cashier": "", "totals": said({})})
    end_shift(ctx, terminal, SIGN_OFF)
    data = {"cashier": shift.cashier, "name": shift.name, **_summary(ctx, shift)}
    return Answer(outcome=Outcome.DONE, data=data)


def open_shift(ctx: Context, terminal: Terminal) -> Shift | None:
    """The shift that goes on at a terminal whose shift was wanted."""
    return ctx.stage.need(Shift, terminal.shift_id) if terminal.shift_id else None


def end_shift(ctx: Context, terminal: Terminal, why: str) -> Terminal:
    """The terminal with nobody at it, on the stage."""
    shift = open_shift(ctx, terminal)
    if shift is not None:
        # whoever waited for the terminal has an instant of before it: a shift is never shorter
        closed_at = max(ctx.now_us, shift.opened_at)
        ctx.stage.put(shift.id, replace(shift, closed_at=closed_at, ended_by=why))
    terminal = replace(terminal, cashier="", shift_id=0)
    ctx.stage.put(terminal.id, terminal)
    return terminal


def _summary(ctx: Context, shift: Shift) -> dict[str, Any]:
    return {"shift": shift.id, "totals": said(totals_of(ctx, shift.id))}
