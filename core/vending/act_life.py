"""The life of an operator's act, whatever it is about: made, counted, moved, approved, answered.

Acts with tokens (``core.handlers.token_acts``), with money (``core.handlers.money_acts``), with
agents (``core.handlers.agents``) and with terminals (``core.handlers.terminal_registry``) are rows
of one table with one life (``act_states``), one approval and one day's limits.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec.structs import replace

from core.calendars import local_time
from core.counter.act_kinds import COUNTER_KINDS
from core.entities import TokenAct
from core.handlers.base import Context
from core.messages import (
    Answer,
    DecideTokenAct,
    MoveChange,
    Outcome,
    RequestAgentAct,
    RequestCounterAct,
    RequestMoneyAct,
    RequestPhoneAct,
    RequestTerminalAct,
    RequestTokenAct,
)
from core.refusals import Refusal, refuse
from core.registration.act_kinds import PHONE_KINDS
from core.vending import act_checks as checks
from core.vending.act_kinds import CAMPAIGN
from core.vending.act_states import ActMove, ActState, moved

HOUR_US = 3_600_000_000
_OF_AGENTS = (RequestAgentAct, RequestTerminalAct)


def new_act(
    ctx: Context,
    kind: str,
    command: RequestTokenAct
    | RequestMoneyAct
    | RequestAgentAct
    | RequestCounterAct
    | RequestTerminalAct
    | RequestPhoneAct
    | MoveChange,
) -> TokenAct:
    """The act that a command asks for, without its number and amount."""
    return TokenAct(
        id=0,
        company=ctx.terms.code,
        kind=kind,
        meter=command.meter if isinstance(command, RequestTokenAct) else "",
        from_meter=command.from_meter if isinstance(command, RequestTokenAct) else "",
        operator=command.operator,
        reason=command.reason.strip(),
        evidence=command.evidence.strip(),
        state=ActState.REQUESTED.value,
        approver="",
        note="",
        command=msgspec.json.encode(command).decode(),
        units_tenths=command.units_tenths if isinstance(command, RequestTokenAct) else 0,
        amount=0,
        message_id=ctx.message_id,
        decision_id="",
        requested_at=ctx.now_us,
        decided_at=0,
        expires=ctx.now_us + ctx.terms.approval_hours * HOUR_US,
        account=command.account if isinstance(command, RequestMoneyAct) else "",
        agent=command.agent if isinstance(command, _OF_AGENTS) else "",
        terminal=command.terminal if isinstance(command, RequestTerminalAct) else "",
    )


def on_file(ctx: Context, act: TokenAct) -> TokenAct:
    """The act with its number, to be written; called when nothing stands against it any more."""
    act = replace(act, id=ctx.new_id("token_act"))  # only now: no needless gaps
    ctx.stage.add("token_act", **msgspec.structs.asdict(act))
    ctx.stage.put(act.id, act)
    count(ctx, act)
    return act


def count(ctx: Context, act: TokenAct) -> None:
    """What the operator's next act of this batch must see."""
    known = [a for a in ctx.stage.linked("acts-of", act.operator) or () if a.id != act.id]
    ctx.stage.link("acts-of", act.operator, (*known, act))


def moved_act(ctx: Context, act: TokenAct, *moves: ActMove, **changes: Any) -> TokenAct:
    """The act after these moves, on the stage."""
    state = moved(ActState(act.state), *moves)
    act = replace(act, state=state.value, **changes)
    ctx.stage.put(act.id, act)
    if ctx.stage.linked("acts-of", act.operator) is not None:
        count(ctx, act)
    return act


def act_answer(ctx: Context, act: TokenAct, **facts: Any) -> Answer:
    """Done: the act as it is now, and what came of it."""
    about = {"account": act.account} if act.account else {"meter": act.meter}
    if act.agent:
        about = {"agent": act.agent}
    if act.kind in COUNTER_KINDS:
        about = {"desk": msgspec.json.decode(act.command, type=RequestCounterAct).desk}
    if act.kind in PHONE_KINDS:
        about = {"phone": msgspec.json.decode(act.command, type=RequestPhoneAct).phone}
    if act.terminal:
        about = {"terminal": act.terminal, **(about if act.agent else {})}
    data = {"act": act.id, "kind": act.kind, **about, "state": act.state, **facts}
    if act.kind == CAMPAIGN:
        data["campaign"] = msgspec.json.decode(act.command, type=RequestTokenAct).campaign
    if act.state == ActState.REQUESTED:
        data["expires"] = act.expires
    if act.amount:
        data |= {"amount": act.amount, "currency": ctx.terms.currency}
    return Answer(outcome=Outcome.DONE, data=data)


_DECISIONS = {
    "approve": (ActMove.APPROVE, ActState.REQUESTED),
    "reject": (ActMove.REJECT, ActState.REQUESTED),
    "confirm": (ActMove.CONFIRM, ActState.ISSUED),
    "fail": (ActMove.FAIL, ActState.ISSUED),
}


def asked_move(command: DecideTokenAct, act: TokenAct) -> ActMove:
    """The move that is asked for; refused when the act's state does not have it."""
    if command.decision not in _DECISIONS:
        known = ", ".join(_DECISIONS)
        raise refuse("act-wrong", kind=act.kind, what=f"a decision is one of: {known}")
    move, state = _DECISIONS[command.decision]
    if act.state != state:
        raise refuse("act-not-open", act=act.id, state=act.state, decision=command.decision)
    if move is not ActMove.APPROVE and not command.note.strip():
        raise refuse("act-wrong", kind=act.kind, what="say why, or what shows it")
    if len(command.note) > checks.MAX_WORDS:
        raise refuse("act-wrong", kind=act.kind, what=f"at most {checks.MAX_WORDS} characters")
    return move


def both(before: str, after: str) -> str:
    """Two notes of one act."""
    return f"{before}; {after}" if before else after


def expired_act(ctx: Context, act: TokenAct) -> Answer:
    """Kept as expired: so this is an answer, not a Refusal, which would discard it."""
    moved_act(ctx, act, ActMove.LAPSE)
    until = local_time(act.expires, ctx.terms.zone).strftime("%Y-%m-%d %H:%M")
    args = {"act": act.id, "until": until}
    return Answer(outcome=Outcome.REFUSED, code="act-expired", args=args)


def approved_act(
    ctx: Context, act: TokenAct, carry_out: Callable[[Context, TokenAct], Answer]
) -> Answer:
    """Carry it out; where that cannot be, nothing stays but that it was approved and refused."""
    stage = ctx.stage
    try:
        return carry_out(ctx, act)
    except Refusal as no:
        for staged in (stage.entities, stage.links, stage.rows, stage.emitted):
            staged.clear()
        moved_act(ctx, replace(act, note=both(act.note, no.code)), ActMove.APPROVE, ActMove.CANNOT)
        return Answer(outcome=Outcome.REFUSED, code=no.code, args=dict(no.args_))
