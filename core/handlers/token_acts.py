"""Commands of operators about tokens: ask for an act, and decide about one that waits."""

from typing import Any

import msgspec
from msgspec.structs import replace

from core.book import Wants
from core.calendars import local_time
from core.entities import Meter, TokenAct
from core.handlers.base import Context, Handler
from core.messages import Answer, DecideTokenAct, Outcome, RequestTokenAct
from core.refusals import Refusal, refuse
from core.vending import act_checks as checks
from core.vending.act_kinds import KINDS, Kind, Role
from core.vending.act_states import ActMove, ActState, moved
from core.vending.act_steps import STEPS, pay_refund
from core.vending.act_tokens import command_of, is_good
from core.vending.key_change import newest
from core.vending.key_change_states import UNSURE
from core.vending.sale import MAX_RECIPIENTS, tell

HOUR_US = 3_600_000_000
_IDS = {"token_act": 1, "token": 1, "ledger_txn": 1, "debt": 1, "notice": MAX_RECIPIENTS}


def decide_request(ctx: Context, command: RequestTokenAct) -> Answer:
    """Check everything; then carry it out at once, or let it wait for a second person."""
    operator = checks.operator_of(ctx.terms, command.operator)
    kind = checks.kind_of(command)
    checks.with_role(kind, command.operator, operator, kind.role)
    meter = checks.meter_of(ctx.terms, ctx.stage, command.meter)
    amount = STEPS[kind.name].check(ctx, command, meter)
    act = _new_act(ctx, kind, command, amount)
    checks.within_day(ctx, kind, act)
    second = checks.needs_second(ctx, kind, command)
    act = replace(act, id=ctx.new_id("token_act"))  # only now: no needless gaps
    ctx.stage.add("token_act", **msgspec.structs.asdict(act))
    ctx.stage.put(act.id, act)
    _count(ctx, act)
    if second:
        return _answer(ctx, act)
    # the rule that one person is enough approves; a no here is the request's own no
    return _carry_out(ctx, act, meter)


def _new_act(ctx: Context, kind: Kind, command: RequestTokenAct, amount: int) -> TokenAct:
    return TokenAct(
        id=0,
        company=ctx.terms.code,
        kind=kind.name,
        meter=command.meter,
        from_meter=command.from_meter,
        operator=command.operator,
        reason=command.reason.strip(),
        evidence=command.evidence.strip(),
        state=ActState.REQUESTED.value,
        approver="",
        note="",
        command=msgspec.json.encode(command).decode(),
        units_tenths=command.units_tenths,
        amount=amount,
        message_id=ctx.message_id,
        decision_id="",
        requested_at=ctx.now_us,
        decided_at=0,
        expires=ctx.now_us + ctx.terms.approval_hours * HOUR_US,
    )


def _count(ctx: Context, act: TokenAct) -> None:
    """What the operator's next act of this batch must see."""
    known = [a for a in ctx.stage.linked("acts-of", act.operator) or () if a.id != act.id]
    ctx.stage.link("acts-of", act.operator, (*known, act))


def _moved(ctx: Context, act: TokenAct, *moves: ActMove, **changes: Any) -> TokenAct:
    """The act after these moves, on the stage."""
    state = moved(ActState(act.state), *moves)
    act = replace(act, state=state.value, **changes)
    ctx.stage.put(act.id, act)
    if ctx.stage.linked("acts-of", act.operator) is not None:
        _count(ctx, act)
    return act


def _carry_out(ctx: Context, act: TokenAct, meter: Meter) -> Answer:
    """Approved: tokens and postings, the act's state and the notices, or a Refusal."""
    step, command = STEPS[act.kind], command_of(act)
    step.check(ctx, command, meter)
    done = step.carry(ctx, act, meter)
    act = _moved(
        ctx, act, ActMove.APPROVE, done.move, amount=done.amount, decided_at=ctx.now_us,
    )  # fmt: skip
    facts: dict[str, Any] = {"token": done.digits}
    if done.units_tenths:
        facts["units_tenths"] = done.units_tenths
    if done.notice == "act-copy":
        facts["copy"] = True
    facts |= _set_before(ctx, act.meter, done.digits)
    shown = {"meter": act.meter, "units_tenths": done.units_tenths or None, **facts}
    if done.units_tenths:
        shown["commodity"] = meter.commodity
    tell(ctx, command.reply, done.notice, {k: v for k, v in shown.items() if v is not None})
    return _answer(ctx, act, **facts)


def _set_before(ctx: Context, drn: str, digits: str) -> dict[str, Any]:
    """``kct``: the set that the meter may not have taken yet; until it has, no token is any good.

    Not for one under the old key still (a copy of a token of before the change).
    """
    meter = ctx.stage.need(Meter, drn)
    change = newest(ctx.stage, meter)
    if change is None or change.state not in UNSURE or not is_good(ctx, meter, digits):
        return {}
    return {"kct": list(change.tokens)}


def _answer(ctx: Context, act: TokenAct, **facts: Any) -> Answer:
    data = {"act": act.id, "kind": act.kind, "meter": act.meter, "state": act.state, **facts}
    if act.state == ActState.REQUESTED:
        data["expires"] = act.expires
    if act.amount:
        data |= {"amount": act.amount, "currency": ctx.terms.currency}
    return Answer(outcome=Outcome.DONE, data=data)


def decide_decision(ctx: Context, command: DecideTokenAct) -> Answer:
    """Approve, reject, confirm or fail. What expired or cannot be carried out is kept as such."""
    operator = checks.operator_of(ctx.terms, command.operator)
    act = ctx.stage.get(TokenAct, command.act)
    if act is None:
        raise refuse("act-unknown", act=command.act, company=ctx.terms.name)
    move = _asked(command, act)
    kind = KINDS[act.kind]
    if not (move is ActMove.REJECT and command.operator == act.operator):  # he takes it back
        checks.with_role(kind, command.operator, operator, Role.APPROVER)
        if command.operator == act.operator:
            raise refuse("act-same-person", act=act.id, operator=act.operator)
    decided = replace(
        act,
        approver=command.operator,
        note=command.note.strip(),
        decision_id=ctx.message_id,
        decided_at=ctx.now_us,
    )
    if act.state == ActState.REQUESTED and act.expires <= ctx.now_us:
        return _expired(ctx, act)
    if move in (ActMove.REJECT, ActMove.FAIL):
        return _answer(ctx, _moved(ctx, decided, move))
    meter = checks.meter_of(ctx.terms, ctx.stage, act.meter)
    if move is ActMove.CONFIRM:
        amount = pay_refund(ctx, decided, meter)
        kept = replace(decided, note=_both(act.note, decided.note), amount=amount)
        return _answer(ctx, _moved(ctx, kept, move))
    return _approved(ctx, decided, meter)


_DECISIONS = {
    "approve": (ActMove.APPROVE, ActState.REQUESTED),
    "reject": (ActMove.REJECT, ActState.REQUESTED),
    "confirm": (ActMove.CONFIRM, ActState.ISSUED),
    "fail": (ActMove.FAIL, ActState.ISSUED),
}


def _asked(command: DecideTokenAct, act: TokenAct) -> ActMove:
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


def _both(before: str, after: str) -> str:
    return f"{before}; {after}" if before else after


def _expired(ctx: Context, act: TokenAct) -> Answer:
    """Kept as expired: so this is an answer, not a Refusal, which would discard it."""
    _moved(ctx, act, ActMove.LAPSE)
    until = local_time(act.expires, ctx.terms.zone).strftime("%Y-%m-%d %H:%M")
    args = {"act": act.id, "until": until}
    return Answer(outcome=Outcome.REFUSED, code="act-expired", args=args)


def _approved(ctx: Context, act: TokenAct, meter: Meter) -> Answer:
    stage = ctx.stage
    try:
        return _carry_out(ctx, act, meter)
    except Refusal as no:
        # nothing of the attempt stays but that it was approved and refused
        for staged in (stage.entities, stage.links, stage.rows, stage.emitted):
            staged.clear()
        _moved(ctx, replace(act, note=_both(act.note, no.code)), ActMove.APPROVE, ActMove.CANNOT)
        return Answer(outcome=Outcome.REFUSED, code=no.code, args=dict(no.args_))


def _wants_request(command: RequestTokenAct) -> Wants:
    at = command.from_meter or command.meter
    return Wants(
        meters=tuple(filter(None, (command.meter, command.from_meter))),
        operators=(command.operator,),
        tokens=((at, command.token),) if command.token else (),
        refunds=(command.meter,) if command.kind == "refund" else (),
        phones=tuple(recipient.address for recipient in command.reply[:MAX_RECIPIENTS]),
    )


def _wants_decision(command: DecideTokenAct) -> Wants:
    return Wants(acts=(command.act,))


HANDLERS = (
    Handler("management.request-act", RequestTokenAct, _wants_request, decide_request, _IDS),
    Handler("management.decide-act", DecideTokenAct, _wants_decision, decide_decision, _IDS),
)
