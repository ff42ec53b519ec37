"""Commands of operators about payments by wallet: checked, then done or left to a second person."""

from msgspec.structs import replace

from core.book import Wants
from core.handlers.base import Context, Handler
from core.handlers.pay_ins import APPLY_IDS
from core.messages import Answer, RequestWalletAct
from core.refusals import refuse
from core.vending import act_checks as checks
from core.vending.act_kinds import Kind, Two
from core.vending.act_life import act_answer, new_act, on_file
from core.vending.sale_rows import MAX_RECIPIENTS
from core.wallets.act_kinds import WALLET_KINDS
from core.wallets.acts import STEPS, carry_out
from core.wallets.book_wants import wants_of_act
from core.wallets.refunds import REFUND_IDS
from core.wallets.rows import by_number
from core.wallets.vouching import unproved

#: A payment that was for another meter is taken out of its places and booked elsewhere.
WALLET_ACT_IDS = {
    name: APPLY_IDS.get(name, 0) + REFUND_IDS.get(name, 0) for name in {**APPLY_IDS, **REFUND_IDS}
} | {"token_act": 1, "wallet_case": 1, "notice": APPLY_IDS["notice"] + MAX_RECIPIENTS}


def decide_request(ctx: Context, command: RequestWalletAct) -> Answer:
    """Check everything; then carry it out at once, or let it wait for a second person."""
    operator = checks.operator_of(ctx.terms, command.operator)
    kind = _kind_of(command)
    checks.with_role(kind, command.operator, operator, kind.role)
    amount = STEPS[kind.name].check(ctx, command)
    act = replace(new_act(ctx, kind.name, command), amount=amount)
    checks.within_day(ctx, kind, act)
    second = kind.two is Two.ABOVE and amount > _alone(ctx, command)
    act = on_file(ctx, act)
    if second:
        return act_answer(ctx, act)
    # the rule that one person is enough approves; a no here is the request's own no
    return carry_out(ctx, act)


def _alone(ctx: Context, command: RequestWalletAct) -> int:
    """Up to so much one person may decide: nothing, where another's file is all that speaks of the
    money. Who brought it could be who asks."""
    payment = by_number(ctx.stage, command.payment) if command.payment else None
    if payment is not None and unproved(payment):
        return 0
    return ctx.terms.wallets.alone


def _kind_of(command: RequestWalletAct) -> Kind:
    """The kind that is asked for, with a reason, and evidence where it needs some."""
    kind = WALLET_KINDS.get(command.kind)
    if kind is None:
        known = ", ".join(WALLET_KINDS)
        raise refuse("act-wrong", kind=command.kind, what=f"no such act; there are: {known}")
    what = checks.wrong_words(command.reason, command.evidence, needed=kind.evidence)
    if what:
        raise refuse("act-wrong", kind=command.kind, what=what)
    return kind


def _wants(command: RequestWalletAct) -> Wants:
    return Wants.union((wants_of_act(command), Wants(operators=(command.operator,))))


HANDLERS = (
    Handler("wallets.request-act", RequestWalletAct, _wants, decide_request, WALLET_ACT_IDS),
)
