"""A terminal takes back what it had no answer to: always done, so that it stops asking.

What the money did is what counts. A payment goes back, with its commission. A token that is out
cannot: a terminal may keep the digits and claim that none came, so the sale stands, a person looks
at it, and the terminal gets the token once more.
"""

from typing import Any, Final

import msgspec
from msgspec.structs import replace

from core.agents.entities import Agent
from core.agents.floats import agent_of
from core.agents.tells import also_told
from core.collection.entities import Payment
from core.collection.payments import payment_of, undo
from core.collection.states import PaymentMove, PaymentState
from core.entities import Account, PastSale
from core.handlers.base import Context
from core.messages import Answer, Outcome, ReverseAtTerminal
from core.refusals import Refusal, refuse
from core.terminals import cases
from core.terminals.item_entities import TerminalBatch, TerminalItem, slip_name
from core.terminals.item_states import TOLD, BatchState, ItemMove, ItemState, moved
from core.terminals.offline import OFFLINE_DAYS
from core.terminals.presence import terminal_of
from core.terminals.slips import (
    PAYMENT,
    SALE,
    add_item,
    check_numbers,
    day_of,
    today_of,
    wrong,
)
from core.vending.receipt import sale_view
from core.vending.sale_rows import tell

_GONE: Final = (PaymentState.REVERSED, PaymentState.DISHONOURED)


def decide_reversal(ctx: Context, command: ReverseAtTerminal) -> Answer:
    """Take it back, bar it, or say what stands. A second time says what the first one did."""
    agent = agent_of(ctx, command.agent)
    terminal = terminal_of(ctx, command.terminal)
    day = day_of(command.terminal, command.day)
    if (day - today_of(ctx)).days > 1:
        raise wrong(command.terminal, f"{day} has not come")
    check_numbers(command.terminal, 0, command.amount)
    if command.amount < 0:
        raise refuse("tender-not-positive", tender=command.amount)
    item = ctx.stage.get(TerminalItem, slip_name(terminal.id, command.day, command.stan))
    if item is None:
        if (today_of(ctx) - day).days <= OFFLINE_DAYS:  # what is older is looked at by people
            add_item(
                ctx, terminal, command.day, command.stan, ItemState.BARRED, agent_id=agent.id,
                amount=command.amount, currency=command.currency, cashier=command.cashier[:40],
                reversal_message_id=ctx.message_id, reversed_at=ctx.now_us,
            )  # fmt: skip
        return _answer(str(ItemState.BARRED))
    _same(command, item)
    if item.state in (ItemState.BOOKED, ItemState.UNDONE):
        item = _take_back(ctx, item)
    else:
        item = _after(ctx, item, ItemMove.REVERSE)
    return _answer(TOLD[ItemState(item.state)], **_said(ctx, item))


def _same(command: ReverseAtTerminal, item: TerminalItem) -> None:
    """The amount, where both say one, is the same; so is the currency."""
    other = command.amount and item.amount and command.amount != item.amount
    strange = command.currency and item.currency and command.currency != item.currency
    if other or strange:
        raise refuse(
            "reversal-differs",
            terminal=command.terminal,
            stan=command.stan,
            tender=command.amount,
            limit=item.amount,
            currency=item.currency,
        )


def _after(ctx: Context, item: TerminalItem, move: ItemMove, reason: str = "") -> TerminalItem:
    state = moved(item.state, move)
    if state == item.state:
        return item
    after = replace(
        item, state=str(state), reason=reason or item.reason,
        reversal_message_id=ctx.message_id, reversed_at=ctx.now_us,
    )  # fmt: skip
    ctx.stage.put(item.slip, after)
    return after


def _take_back(ctx: Context, item: TerminalItem) -> TerminalItem:
    sale, over = item.kind == SALE, _came_to_nothing(ctx, item)
    if sale and not over:
        what = "the terminal had its token, and takes the sale back"
        return _keep(ctx, item, cases.KEPT_TOKEN, "token", what)
    batch = ctx.stage.need(TerminalBatch, item.batch_id)
    if batch.state == BatchState.CLOSED and not item.late:
        what = f"batch {batch.number} was settled with it"
        kind = cases.KEPT_TOKEN if sale else cases.KEPT_PAYMENT
        return _keep(ctx, item, kind, "settled", what)
    if over:
        return _after(ctx, item, ItemMove.REVERSE)  # an operator was faster: the float has it
    before = ctx.stage.mark()
    try:
        payment, after = payment_of(ctx, item.document, PaymentMove.REVERSE)
        undo(ctx, payment, after)
    except Refusal as no:
        ctx.stage.back_to(before)
        return _keep(ctx, item, cases.KEPT_PAYMENT, no.code, no.operator())
    _tell_customer(ctx, item)
    return _after(ctx, item, ItemMove.REVERSE)


def _tell_customer(ctx: Context, item: TerminalItem) -> None:
    """Who was told that his money came hears that it went: a shop that takes cash, shows the SMS
    and takes the payment back is found out by its customer."""
    account = ctx.stage.get(Account, item.account_id) if item.account_id else None
    if account is None:  # it was in suspense: nobody was told
        return
    agent = ctx.stage.need(Agent, item.agent_id)
    data = {
        "payment": item.document,
        "account": account.number,
        "agent": agent.name or agent.number,
        "amount": item.amount,
        "currency": item.currency,
    }
    tell(ctx, also_told(ctx, agent, account.id, ()), "payment-taken-back", data)


def _came_to_nothing(ctx: Context, item: TerminalItem) -> bool:
    """Whether operators have taken the payment back, or cancelled the sale: its token is void."""
    if item.kind == SALE:
        return bool(ctx.stage.linked("sale-cancelled", item.about))
    return ctx.stage.need(Payment, item.document).state in _GONE


def _keep(ctx: Context, item: TerminalItem, kind: str, reason: str, what: str) -> TerminalItem:
    after = _after(ctx, item, ItemMove.KEEP, reason)
    cases.about_item(ctx, after, kind, what)
    return after


def _said(ctx: Context, item: TerminalItem) -> dict[str, Any]:
    """What was sold or collected, as far as the terminal may need it."""
    if item.kind == PAYMENT and item.document:
        return {"payment": item.document, "amount": item.amount, "currency": item.currency}
    if item.state != ItemState.KEPT:
        return {}
    view = ctx.stage.linked("item-view", item.about)
    sale: PastSale | None = ctx.stage.linked("item-sale", item.about)
    if view is None and sale is not None:
        view = msgspec.to_builtins(sale_view(ctx.terms, sale))
    return {"sale": view} if view is not None else {}


def _answer(state: str, **data: Any) -> Answer:
    return Answer(outcome=Outcome.DONE, data={"state": state, **data})
