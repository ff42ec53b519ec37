"""Commands of operators about tokens: ask for an act, and decide about one (of any) that waits."""

from collections.abc import Mapping
from itertools import chain

from msgspec.structs import replace

from core.agents.acts import carry_out as carry_out_agents
from core.book import Wants
from core.changes.acts import carry_out as carry_out_change
from core.changes.kinds import ACTS as CHANGE_ACTS
from core.collection.act_kinds import kind_named
from core.collection.acts import carry_out as carry_out_money
from core.collection.business import MAX_FEES
from core.counter.act_kinds import COUNTER_KINDS
from core.counter.acts import carry_out as carry_out_counter
from core.entities import TokenAct
from core.handlers.agents import AGENT_ACT_IDS
from core.handlers.base import Context, Handler
from core.handlers.changes import SETTLE_IDS
from core.handlers.counter import COUNTER_IDS
from core.handlers.money_acts import MONEY_IDS
from core.handlers.registration import PHONE_ACT_IDS
from core.handlers.terminal_registry import TERMINAL_ACT_IDS
from core.messages import Answer, DecideTokenAct, RequestTokenAct
from core.refusals import refuse
from core.registration.act_kinds import PHONE_KINDS
from core.registration.acts import carry_out as carry_out_phone
from core.terminals.act_kinds import TERMINAL_KINDS
from core.terminals.acts import carry_out as carry_out_terminals
from core.vending import act_checks as checks
from core.vending.act_carry import carry_out
from core.vending.act_kinds import CAMPAIGN, CANCEL
from core.vending.act_life import (
    act_answer,
    approved_act,
    asked_move,
    both,
    expired_act,
    moved_act,
    new_act,
    on_file,
)
from core.vending.act_states import ActMove, ActState
from core.vending.act_steps import STEPS, pay_refund
from core.vending.sale_rows import MAX_RECIPIENTS

_IDS = {
    "token_act": 1,
    "token": 1,
    "token_order": 1,
    "ledger_txn": 2 + MAX_FEES,  # one takes a commission back
    "open_item": MAX_FEES,
    "debt": 1 + MAX_FEES,
    "notice": MAX_RECIPIENTS + 1,  # an agent's float is low
    "key_change": 1,
    "entitlement": 1,
}


def decide_request(ctx: Context, command: RequestTokenAct) -> Answer:
    """Check everything; then carry it out at once, or let it wait for a second person."""
    operator = checks.operator_of(ctx.terms, command.operator)
    kind = checks.kind_of(command)
    checks.with_role(kind, command.operator, operator, kind.role)
    amount = 0
    if kind.name != CAMPAIGN:  # a campaign's meters are told one by one when it has begun
        meter = checks.meter_of(ctx.terms, ctx.stage, command.meter)
        amount = STEPS[kind.name].check(ctx, command, meter)
    act = replace(new_act(ctx, kind.name, command), amount=amount)
    checks.within_day(ctx, kind, act)
    second = checks.needs_second(ctx, kind, command)
    act = on_file(ctx, act)
    if second:
        return act_answer(ctx, act)
    # the rule that one person is enough approves; a no here is the request's own no
    return carry_out(ctx, act)


def decide_decision(ctx: Context, command: DecideTokenAct) -> Answer:
    """Approve, reject, confirm or fail. What expired or cannot be carried out is kept as such."""
    operator = checks.operator_of(ctx.terms, command.operator)
    act = ctx.stage.get(TokenAct, command.act)
    if act is None:
        raise refuse("act-unknown", act=command.act, company=ctx.terms.name)
    move = asked_move(command, act)
    kind = kind_named(act.kind)
    if not (move is ActMove.REJECT and command.operator == act.operator):  # he takes it back
        checks.with_role(kind, command.operator, operator, kind.approver)
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
        return expired_act(ctx, act)
    if move in (ActMove.REJECT, ActMove.FAIL):
        return act_answer(ctx, moved_act(ctx, decided, move))
    if move is ActMove.CONFIRM:
        amount = pay_refund(ctx, decided, checks.meter_of(ctx.terms, ctx.stage, act.meter))
        kept = replace(decided, note=both(act.note, decided.note), amount=amount)
        return act_answer(ctx, moved_act(ctx, kept, move))
    if act.kind in CHANGE_ACTS:
        return approved_act(ctx, decided, carry_out_change)
    if act.kind in COUNTER_KINDS:
        return approved_act(ctx, decided, carry_out_counter)
    if act.kind in PHONE_KINDS:
        return approved_act(ctx, decided, carry_out_phone)
    if act.kind in TERMINAL_KINDS:
        return approved_act(ctx, decided, carry_out_terminals)
    if act.agent:
        return approved_act(ctx, decided, carry_out_agents)
    return approved_act(ctx, decided, carry_out_money if act.account else carry_out)


def _wants_request(command: RequestTokenAct) -> Wants:
    at = command.from_meter or command.meter
    return Wants(
        meters=tuple(filter(None, (command.meter, command.from_meter))),
        operators=(command.operator,),
        tokens=((at, command.token),) if command.token else (),
        refunds=(command.meter,) if command.kind in ("refund", CANCEL) else (),
        cancels=((command.meter, command.token),) if command.kind == CANCEL else (),
        phones=tuple(recipient.address for recipient in command.reply[:MAX_RECIPIENTS]),
    )


def _wants_decision(command: DecideTokenAct) -> Wants:
    return Wants(acts=(command.act,))


def _most(*needs: Mapping[str, int]) -> dict[str, int]:
    """The most that an act of any family may draw of each series."""
    return {name: max(each.get(name, 0) for each in needs) for name in {*chain(*needs)}}


HANDLERS = (
    Handler("management.request-act", RequestTokenAct, _wants_request, decide_request, _IDS),
    Handler(
        "management.decide-act",
        DecideTokenAct,
        _wants_decision,
        decide_decision,
        _most(
            _IDS, MONEY_IDS, SETTLE_IDS, AGENT_ACT_IDS, COUNTER_IDS, TERMINAL_ACT_IDS, PHONE_ACT_IDS
        ),
    ),
)
