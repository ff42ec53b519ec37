"""Commands of cashiers at desks: money taken, tokens sold, and what happens to the cash."""

from msgspec.structs import replace

from core.book import Wants
from core.counter.act_kinds import COUNTER_KINDS
from core.counter.acts import BY_SUPERVISOR, ROUTINE, STEPS, carry_out
from core.counter.takes import pay_for_token, take
from core.counter.tills import supervises
from core.counter.wanted import DESK, paid_as, wants_of
from core.handlers.base import Context, Handler
from core.handlers.vending import SALE_IDS
from core.messages import (
    Answer,
    CreditVend,
    Outcome,
    RequestCounterAct,
    SellAtCounter,
    TakeAtCounter,
)
from core.messages.counter import MAX_ACCOUNTS, MAX_TENDERS
from core.refusals import refuse
from core.vending import act_checks as checks
from core.vending.act_kinds import Kind
from core.vending.act_life import act_answer, new_act, on_file
from core.vending.ordered_sale import PAID_WITH
from core.vending.sale import account_at, sell_at_desk
from core.vending.sale_rows import MAX_RECIPIENTS

#: What an act at a desk may draw: a void undoes every way of a receipt, and may owe again at every
#: account of each.
COUNTER_IDS = {
    "token_act": 1,
    "cash_desk": 1,
    "till_shift": 1,
    "till_count": 1,
    "till_move": 2,
    "receipt_series": 1,
    "counter_receipt": 1,
    "deposit_slip": 1,
    "ledger_txn": MAX_TENDERS * (MAX_ACCOUNTS + 2) + 1,
    "open_item": MAX_TENDERS * MAX_ACCOUNTS,
}
_TAKE_IDS = {
    "counter_receipt": 1,
    "ledger_txn": MAX_TENDERS,
    "payment": MAX_TENDERS,
    "payment-number/{company}": MAX_TENDERS,
}


def decide_take(ctx: Context, command: TakeAtCounter) -> Answer:
    """Take a payment in one or several ways: what is owed is paid, the rest is credit."""
    return Answer(outcome=Outcome.DONE, data=take(ctx, command))


def _wants_take(command: TakeAtCounter) -> Wants:
    numbers = tuple(share.account for share in command.shares)
    return Wants(
        accounts=numbers,
        owing=numbers,
        paid_as=paid_as(command.desk, command.tenders),
        counter=((DESK, command.desk),),
    )


def decide_sell(ctx: Context, command: SellAtCounter) -> Answer:
    """Take the money, and sell for it: both, or neither."""
    account = account_at(ctx, command.meter)
    paid = pay_for_token(ctx, command, account)
    ctx.stage.link(PAID_WITH, ctx.message_id, paid)
    purchase = CreditVend(
        meter=command.meter,
        tender=command.tender,
        currency=command.currency,
        phone=command.phone,
        another=command.another,
        quoted_tenths=command.quoted_tenths,
        reply=command.reply,
    )
    answer = sell_at_desk(ctx, purchase)
    if answer.outcome is not Outcome.DONE:  # the token comes later, and the answer with it
        return answer
    sold = {**answer.data, "sale_receipt": answer.data["receipt"]}
    return replace(answer, data={**sold, **paid})


def _wants_sell(command: SellAtCounter) -> Wants:
    phones = tuple(recipient.address for recipient in command.reply[:MAX_RECIPIENTS])
    return Wants(
        meters=(command.meter,),
        phones=tuple(filter(None, (command.phone, *phones))),
        paid_as=paid_as(command.desk, command.tenders),
        counter=((DESK, command.desk),),
    )


def decide_request(ctx: Context, command: RequestCounterAct) -> Answer:
    """Check everything; then carry it out at once, or let it wait for a second person."""
    operator = checks.operator_of(ctx.terms, command.operator)
    kind = _kind_of(command)
    if not (kind.name in BY_SUPERVISOR and supervises(ctx, command.operator)):
        checks.with_role(kind, command.operator, operator, kind.role)
    amount, second = STEPS[kind.name].check(ctx, command)
    if amount and kind.name in ("counter-close", "counter-takeover"):
        _explained(command)
    act = on_file(ctx, replace(new_act(ctx, kind.name, command), amount=amount))
    if second:
        return act_answer(ctx, act)
    # the rule that one person is enough approves; a no here is the request's own no
    return carry_out(ctx, act)


def _kind_of(command: RequestCounterAct) -> Kind:
    """The kind that is asked for, with words where it needs some."""
    kind = COUNTER_KINDS.get(command.kind)
    if kind is None:
        known = ", ".join(COUNTER_KINDS)
        raise refuse("act-wrong", kind=command.kind, what=f"no such act; there are: {known}")
    reason = command.reason or ("routine" if kind.name in ROUTINE else "")
    what = checks.wrong_words(reason, command.evidence, needed=kind.evidence)
    if what:
        raise refuse("act-wrong", kind=command.kind, what=what)
    return kind


def _explained(command: RequestCounterAct) -> None:
    if not command.reason.strip():
        what = "the till is over or short: say why, it is kept"
        raise refuse("act-wrong", kind=command.kind, what=what)


HANDLERS = (
    Handler("counter.take", TakeAtCounter, _wants_take, decide_take, _TAKE_IDS),
    Handler(
        "counter.sell",
        SellAtCounter,
        _wants_sell,
        decide_sell,
        {**SALE_IDS, **_TAKE_IDS, "ledger_txn": SALE_IDS["ledger_txn"] + MAX_TENDERS},
    ),
    Handler("counter.request-act", RequestCounterAct, wants_of, decide_request, COUNTER_IDS),
)
