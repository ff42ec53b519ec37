"""Commands of operators about money: checked, then carried out or left to a second person."""

from msgspec.structs import replace

from core.book import Wants
from core.collection.act_kinds import MONEY_KINDS
from core.collection.act_steps import STEPS
from core.collection.acts import carry_out
from core.collection.items import MAX_ITEMS
from core.collection.opening import noted
from core.collection.payments import account_of
from core.collection.wanted import wants_of
from core.handlers.base import Context, Handler
from core.messages import Answer, RequestMoneyAct
from core.messages.collection import MAX_SHARES
from core.refusals import refuse
from core.vending import act_checks as checks
from core.vending.act_kinds import Kind, Two
from core.vending.act_life import act_answer, new_act, on_file

#: What an act with money may draw: a reversal may owe again at every account of its payment.
MONEY_IDS = {
    "token_act": 1,
    "ledger_txn": MAX_SHARES + 5,  # one takes a commission back
    "open_item": max(MAX_ITEMS, MAX_SHARES + 1),
    "debt": 1,
    "pay_plan": 1,
    "deposit": 1,
    "pre_receipt": 1,
    "payment-number/{company}": 1,
    "notice": 1,  # an agent's float is low
    "credit_note": 1,
}


def decide_request(ctx: Context, command: RequestMoneyAct) -> Answer:
    """Check everything; then carry it out at once, or let it wait for a second person."""
    operator = checks.operator_of(ctx.terms, command.operator)
    kind = _kind_of(command)
    checks.with_role(kind, command.operator, operator, kind.role)
    account = account_of(ctx, command.account)
    amount = STEPS[kind.name].check(ctx, command, account)
    act = replace(new_act(ctx, kind.name, command), amount=amount)
    checks.within_day(ctx, kind, act)
    second = kind.two is Two.ALWAYS or (kind.two is Two.ABOVE and amount > operator.waive_alone)
    act = on_file(ctx, act)
    noted(ctx, act, command)
    if second:
        return act_answer(ctx, act)
    # the rule that one person is enough approves; a no here is the request's own no
    return carry_out(ctx, act)


def _kind_of(command: RequestMoneyAct) -> Kind:
    """The kind that is asked for, with a reason, and evidence where it needs some."""
    kind = MONEY_KINDS.get(command.kind)
    if kind is None:
        known = ", ".join(MONEY_KINDS)
        raise refuse("act-wrong", kind=command.kind, what=f"no such act; there are: {known}")
    what = checks.wrong_words(command.reason, command.evidence, needed=kind.evidence)
    if what:
        raise refuse("act-wrong", kind=command.kind, what=what)
    return kind


def _wants_request(command: RequestMoneyAct) -> Wants:
    return Wants.union((wants_of(command), Wants(operators=(command.operator,))))


HANDLERS = (
    Handler("collection.request-act", RequestMoneyAct, _wants_request, decide_request, MONEY_IDS),
)
