"""Whether a terminal may work for an agent now, and who is at it. Pure.

The terminal's row is locked, and its agent's float before it: what is read here is what is there.
"""

from core.agents.entities import Agent
from core.book import Stage
from core.handlers.base import Context
from core.refusals import refuse
from core.terminals.entities import Terminal
from core.terminals.states import TerminalState


def terminal_of(ctx: Context, number: str) -> Terminal:
    """The terminal of that number, in any state, or a refusal."""
    id_ = ctx.stage.linked("terminal-number", number)
    terminal = ctx.stage.get(Terminal, id_) if id_ is not None else None
    if terminal is None:
        raise refuse("terminal-unknown", terminal=number, company=ctx.terms.name)
    return terminal


def terminal_at_work(ctx: Context, agent: Agent, number: str) -> Terminal:
    """The terminal, if it is this agent's and active, or a refusal."""
    terminal = terminal_of(ctx, number)
    if terminal.agent_id != agent.id:
        raise refuse("terminal-elsewhere", terminal=number, agent=agent.number)
    if terminal.state != TerminalState.ACTIVE:
        raise refuse("terminal-blocked", terminal=number, state=terminal.state)
    return terminal


def cashiers_needed(stage: Stage, agent_id: int) -> bool:
    """Whether somebody must be signed on: the agent has cashiers. A blocked one counts, or blocking
    the last would let anybody sell."""
    return bool(stage.linked("cashiers-of", agent_id))


def signed_on(stage: Stage, terminal: Terminal, cashier: str) -> None:
    """Refuses an item of somebody who is not the one signed on, where the agent has cashiers.

    Nobody is called as the terminal itself, which may be signed on since before there were any.
    """
    strange = cashier in ("", terminal.number) or cashier != terminal.cashier
    if cashiers_needed(stage, terminal.agent_id) and strange:
        raise refuse("terminal-signed-off", terminal=terminal.number)
