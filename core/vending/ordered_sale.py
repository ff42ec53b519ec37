"""A sale whose token is made by a security module on the network: two steps, and the time between.

When it is accepted the money is reserved and everything that the tariff remembers is as after the
sale; when the token has come it is posted, with the price of its acceptance. If there is no token
for sure, everything is given back. In between the agreement has no other sale: whatever becomes of
this one, nothing has to be priced again.
"""

from typing import Any, Final

import msgspec
from msgspec.structs import replace

from core.agents import floats
from core.agents.commission import commission_of_sale
from core.commodity import subclass_of
from core.entities import (
    Account,
    Agreement,
    AgreementState,
    KeyChange,
    Meter,
    OrderedSale,
    PastSale,
    Phone,
    TokenOrder,
)
from core.handlers.base import Context
from core.messages import Answer, CreditVend, MadeToken, Outcome, Recipient
from core.refusals import refuse
from core.sts.layouts import CREDIT
from core.vending import key_change
from core.vending.checks import MINUTE_US
from core.vending.receipt import sale_view, stored_lines
from core.vending.sale_effects import owe_again
from core.vending.sale_rows import (
    TEMPLATES,
    Bought,
    carry_on,
    count_spent,
    new_receipt,
    pay_items,
    post_sale,
    remember,
    tell,
    write_sale,
)
from core.vending.states import Move, SaleState, moved
from core.vending.token_orders import Asked, For, order, split
from core.vending.tokens import on_token, write_token
from core.wallets import held
from core.wallets.rows import token_ended

#: The link, by message, to what a desk took for the sale.
PAID_WITH: Final = "paid-with"
_ISSUING = moved(SaleState.QUOTED, Move.CONFIRM, Move.ASK_MODULE)


class SalePlan(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done when the order of a sale ends.

    ``account_id``: the beneficiary's; ``before``: what the tariff remembered; ``taken``: (debt id,
    minor units) that the sale pays, ``items`` the same of open items; ``change``: the key change
    whose set is made with it;
    ``printed``: one whose set this sale repeats, as it was before; ``paid_with``: what the answer
    says of money that a desk took for it in the same message.
    """

    sale: PastSale
    account_id: int
    before: AgreementState
    taken: tuple[tuple[int, int], ...]
    reply: tuple[Recipient, ...]
    items: tuple[tuple[int, int], ...] = ()
    change: KeyChange | None = None
    printed: KeyChange | None = None
    paid_with: dict[str, Any] = {}


_plan = msgspec.json.Decoder(SalePlan)


def refuse_if_ordered(ctx: Context, meter: Meter, agreement: Agreement) -> None:
    """One sale at a time where tokens take their time."""
    waiting: TokenOrder | None = ctx.stage.linked("open-order", agreement.id)
    if waiting is not None:
        minutes = max(1, (ctx.now_us - waiting.ordered_at) // MINUTE_US)
        raise refuse("sale-pending", meter=meter.drn, minutes=minutes)


def order_sale(
    ctx: Context, command: CreditVend, bought: Bought, sale: PastSale, at_sale: key_change.AtSale
) -> Answer:
    """Reserve the money and order the token; the answer comes with the module's report."""
    stage, agreement, change = ctx.stage, bought.agreement, at_sale.ordered
    if change is not None:
        new = change.new
        sale = replace(sale, sgc=new.sgc, krn=new.krn, ti=new.ti)
    before = stage.need(AgreementState, agreement.id)
    effect = carry_on(stage, bought)
    pay_items(ctx, sale.id, effect.items)
    plan = SalePlan(
        sale=sale,
        account_id=agreement.account_id,
        before=before,
        taken=effect.paid,
        items=effect.items,
        reply=command.reply,
        change=change,
        printed=_printed_before(ctx, at_sale.meter),
        paid_with=stage.linked(PAID_WITH, ctx.message_id) or {},
    )
    asked = Asked(
        token_class=CREDIT,
        subclass=subclass_of(at_sale.meter.commodity, sale.drn),
        amount=on_token(ctx.terms, at_sale.meter, sale.units_tenths),
        change=change.new if change else None,
        three_tokens=bool(change and change.three_tokens),
    )
    purpose = For(
        cause="sale",
        cause_id=sale.id,
        plan=plan,
        agreement_id=agreement.id,
        payer_account_id=sale.payer_account_id,
    )
    placed = order(ctx, at_sale.meter, asked, purpose)
    for debt_id, amount in plan.taken:
        stage.add("order_debt", order_id=placed.id, debt_id=debt_id, amount=amount)
    for item_id, amount in plan.items:
        stage.add("order_item", order_id=placed.id, item_id=item_id, amount=amount)
    _reserve(ctx, sale, sale.tender)
    if sale.agent_id:
        floats.spent(ctx, sale.agent_id, sale.tender)
    count_spent(stage, sale)
    write_sale(ctx, sale, bought, _ISSUING, effect)
    return Answer(outcome=Outcome.PENDING)


def _printed_before(ctx: Context, meter: Meter) -> KeyChange | None:
    """The meter's change as it was before this sale, where the sale counts as a printing of it."""
    now = ctx.stage.get(KeyChange, meter.key_change_id) if meter.key_change_id else None
    before = ctx.stage.book.entities.get((KeyChange, meter.key_change_id))
    return before if isinstance(before, KeyChange) and before is not now else None


def _reserve(ctx: Context, sale: PastSale, amount: int) -> None:
    if sale.agent_id:
        floats.reserve(ctx.stage, sale.agent_id, amount)
        return
    payer = ctx.stage.need(Account, sale.payer_account_id)
    ctx.stage.put(payer.id, replace(payer, reserved=payer.reserved + amount))


def _moved(ctx: Context, order_: TokenOrder, move: Move, receipt: str | None = None) -> None:
    waiting = ctx.stage.need(OrderedSale, order_.cause_id)
    state = moved(SaleState(waiting.state), move)
    issued_at = ctx.now_us if state is SaleState.ISSUED else 0
    after = replace(waiting, state=str(state), receipt=receipt, issued_at=issued_at)
    ctx.stage.put(waiting.id, after)


def token_came(ctx: Context, order_: TokenOrder, made: tuple[MadeToken, ...]) -> None:
    """The end that everybody hoped for: postings, receipt, token, notices and the answer."""
    plan = _plan.decode(order_.plan)
    sale, change = plan.sale, plan.change
    sections, (token,) = split(ctx, order_, made, (change.old.sgc if change else "", sale.sgc))
    if change is not None:
        meter = ctx.stage.need(Meter, order_.meter)
        after = key_change.printed(ctx, meter, change, sections, order_.module)
        last_tid = max(after.last_tid, token.data.tid or 0)
        ctx.stage.put(meter.drn, replace(after, last_tid=last_tid))
        sale = replace(sale, kct=tuple(each.digits for each in sections))
    sale = replace(sale, receipt=new_receipt(ctx), token=token.digits)
    _moved(ctx, order_, Move.TOKEN, sale.receipt)
    _reserve(ctx, sale, -sale.tender)
    post_sale(ctx, sale, stored_lines(sale.lines), plan.account_id, order_.reference)
    if sale.agent_id:
        commission_of_sale(ctx, sale, stored_lines(sale.lines))
    ctx.stage.link("made-by", (order_.module, ctx.message_id), token)
    write_token(ctx, sale, token, rnd=0)
    remember(ctx.stage, sale)
    view = msgspec.to_builtins(sale_view(ctx.terms, sale, ctx.stage.get(Phone, sale.phone)))
    tell(ctx, plan.reply, TEMPLATES[sale.key_change], view, sale.id)
    token_ended(ctx.stage, plan.paid_with, "sold")
    if plan.paid_with:
        view = {**view, "sale_receipt": view["receipt"], **plan.paid_with}
    ctx.stage.answer(order_.reference, Answer(outcome=Outcome.DONE, data=view))


def no_token(ctx: Context, order_: TokenOrder) -> None:
    """There is no token, for sure: the money, the blocks, the charges and the debts go back."""
    stage, plan = ctx.stage, _plan.decode(order_.plan)
    sale = plan.sale
    _moved(ctx, order_, Move.MODULE_NO)
    _reserve(ctx, sale, -sale.tender)
    if sale.agent_id:
        floats.unspent(ctx, sale.agent_id, sale.tender, sale.priced_at)
    now = stage.need(AgreementState, plan.before.id)
    stage.put(now.id, replace(plan.before, pauses=now.pauses))
    if plan.printed is not None:
        stage.put(plan.printed.id, plan.printed)
    pay_items(ctx, sale.id, plan.items, sign=-1)
    owe_again(stage, plan.taken)
    held.no_token(ctx, plan.paid_with, sale, plan.account_id)
    args = {"meter": sale.drn, "tender": sale.tender, "currency": sale.currency}
    args["help_line"] = ctx.terms.help_line
    tell(ctx, plan.reply, "sale-failed", args, sale.id)
    no = Answer(outcome=Outcome.REFUSED, code="module-refused", args=args, data=plan.paid_with)
    stage.answer(order_.reference, no)


def in_doubt(ctx: Context, order_: TokenOrder) -> None:
    """Nobody knows yet: the reservation stays, and the buyer hears that it takes longer."""
    if SaleState(ctx.stage.need(OrderedSale, order_.cause_id).state) is SaleState.UNKNOWN:
        return
    _moved(ctx, order_, Move.SILENCE)
    sale, reply = (plan := _plan.decode(order_.plan)).sale, plan.reply
    args = {"meter": sale.drn, "tender": sale.tender, "currency": sale.currency}
    tell(ctx, reply, "sale-pending", args, sale.id)
