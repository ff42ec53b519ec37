"""What a terminal asks for under a number of its own: let in once, kept with what became of it.

Everything here is decided under the locks of the agent's float and of the terminal: a sale and its
reversal that come at once find one another.
"""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Final

import msgspec
from msgspec.structs import asdict, replace

from core.agents.entities import Agent
from core.calendars import local_date, period_of
from core.collection.entities import Payment
from core.entities import PastSale
from core.handlers.base import Context
from core.messages import Answer, Outcome, Slip
from core.refusals import Refusal, refuse
from core.terminals import cases
from core.terminals.entities import Terminal
from core.terminals.item_entities import TerminalBatch, TerminalItem, slip_name, slot_name
from core.terminals.item_states import BEGINNINGS, BatchState, ItemMove, ItemState, moved
from core.terminals.presence import signed_on, terminal_at_work
from core.terminals.undone import OF_PAYMENT, OF_SALE

SALE: Final = "sale"
PAYMENT: Final = "payment"
#: A sale is of today or of yesterday: it is asked for once more within minutes, or not at all.
SALE_DAYS: Final = 1
#: A batch that was closed so long ago is over for good: who names its number has begun it anew.
#: Shorter, what was on its way when it was settled would be in a batch that nobody settles.
LATE_US: Final = 2 * 3_600_000_000
#: DE 4 has 12 digits; so has no batch's number more. What is above is no amount of a terminal.
MOST: Final = 10**12
#: What a terminal writes: DE 37 has 12 characters, a cashier's code 8, a receipt's number some.
MAX_WORD: Final = 40


class Asked(msgspec.Struct, frozen=True, gc=False):
    """What is asked for under a slip: ``kind`` sale or payment; minor units."""

    agent: Agent
    slip: Slip
    kind: str
    amount: int
    currency: str


class At(msgspec.Struct, frozen=True, gc=False):
    """The place of an item: at which terminal, in which batch, and whether that was closed."""

    asked: Asked
    terminal: Terminal
    batch: TerminalBatch
    late: bool


def day_of(terminal: str, day: int) -> date:
    """A day as terminals' messages have it (YYYYMMDD), or a refusal."""
    try:
        return date(day // 10_000, day // 100 % 100, day % 100)
    except ValueError:
        raise wrong(terminal, f"{day} is no day") from None


def day_number(day: date) -> int:
    """The same the other way round."""
    return period_of(day) * 100 + day.day


def today_of(ctx: Context) -> date:
    """The day of the company's zone."""
    return local_date(ctx.now_us, ctx.terms.zone)


def too_old(ctx: Context, day: date) -> bool:
    """Whether nothing of that day is sold any more."""
    return day < today_of(ctx) - timedelta(SALE_DAYS)


def wrong(terminal: str, what: str) -> Refusal:
    """What the terminal sent does not fit together."""
    return refuse("slip-wrong", terminal=terminal, what=what)


def at_terminal(ctx: Context, asked: Asked, act: Callable[[], Answer]) -> Answer:
    """Do it if the slip may be used, and keep what came of it; also a no, so that the terminal's
    journal and ours can be laid side by side."""
    terminal = _admitted(ctx, asked)
    batch, late = batch_for(ctx, terminal, asked.slip.batch, asked.slip.day)
    at = At(asked, terminal, batch, late)
    before = ctx.stage.mark()
    try:
        answer = act()
    except Refusal as no:
        ctx.stage.back_to(before)
        record(ctx, at, ItemState.REFUSED, reason=no.code)
        return Answer(
            outcome=Outcome.REFUSED, code=no.code, args=dict(no.args_), data=dict(no.data)
        )
    if asked.kind == PAYMENT:
        payment = ctx.stage.need(Payment, answer.data["payment"])
        account = ctx.stage.linked("account-number", answer.data["account"])
        item = record(
            ctx, at, ItemState.BOOKED,
            about=payment.id, document=payment.number, account_id=account,
        )  # fmt: skip
        ctx.stage.link(OF_PAYMENT, payment.id, item.slip)
    else:
        item = _sold(ctx, at, answer)
    if late and item.state == ItemState.BOOKED:
        cases.about_item(ctx, item, cases.LATE_ITEM, f"batch {batch.number} was closed before")
    return answer


def _sold(ctx: Context, at: At, answer: Answer) -> TerminalItem:
    sale: PastSale = ctx.stage.linked("sold-by-agent", ctx.message_id)
    waits = answer.outcome is Outcome.PENDING
    item = record(
        ctx, at, ItemState.WAITING if waits else ItemState.BOOKED,
        about=sale.id, account_id=sale.payer_account_id,
    )  # fmt: skip
    ctx.stage.link(OF_SALE, sale.id, item.slip)
    if not waits:
        ctx.stage.link("item-view", sale.id, answer.data)
    return item


def _admitted(ctx: Context, asked: Asked) -> Terminal:
    """Refuses what may not be sold here now, and a number that was used."""
    slip = asked.slip
    terminal = terminal_at_work(ctx, asked.agent, slip.terminal)
    signed_on(ctx.stage, terminal, slip.cashier)
    day, today = day_of(slip.terminal, slip.day), today_of(ctx)
    if too_old(ctx, day) or day > today + timedelta(1):  # clocks differ around midnight
        raise wrong(slip.terminal, f"{day} is not the day that it is here, {today}")
    check_words(slip, asked.amount)
    unused(ctx, terminal, slip)
    return terminal


def check_words(slip: Slip, amount: int) -> None:
    """What a terminal writes has an end."""
    if max(map(len, (slip.cashier, slip.rrn, slip.receipt))) > MAX_WORD:
        raise wrong(slip.terminal, f"a word of a slip has at most {MAX_WORD} characters")
    check_numbers(slip.terminal, slip.batch, amount)


def check_numbers(terminal: str, batch: int, amount: int) -> None:
    """A batch's number and an amount in the digits that a terminal has for them."""
    if not 0 <= batch < MOST or not -MOST < amount < MOST:
        raise wrong(terminal, f"batch {batch}, amount {amount}: they have at most 12 digits")


def unused(ctx: Context, terminal: Terminal, slip: Slip) -> None:
    """Refuses a number that was taken back before it came, or that stands for something else."""
    item = ctx.stage.get(TerminalItem, slip_name(terminal.id, slip.day, slip.stan))
    if item is not None and item.state == ItemState.BARRED:
        raise refuse("reversed-before", terminal=slip.terminal, stan=slip.stan)
    if item is not None:
        raise refuse("slip-used", terminal=slip.terminal, stan=slip.stan, state=item.state)


def batch_for(
    ctx: Context, terminal: Terminal, number: int, day: int
) -> tuple[TerminalBatch, bool]:
    """The batch that an item belongs to, opened if need be; and whether it is closed already.

    A terminal's numbers begin anew when they are used up, or when it was mended: then a number that
    was closed is another turn of it. Number 0 is said by terminals that do not count batches.
    """
    id_ = ctx.stage.linked("terminal-batch", slot_name(terminal.id, number))
    batch = ctx.stage.need(TerminalBatch, id_) if id_ is not None else None
    if batch is None:
        return open_batch(ctx, terminal, number, day), False
    if batch.state != BatchState.CLOSED:
        return batch, False
    if is_over(ctx, batch):
        return open_batch(ctx, terminal, number, day, batch), False
    return batch, True


def is_over(ctx: Context, batch: TerminalBatch) -> bool:
    """Whether who names this closed batch means a new one."""
    return batch.number == 0 or ctx.now_us - batch.closed_at >= LATE_US


def open_batch(
    ctx: Context, terminal: Terminal, number: int, day: int, before: TerminalBatch | None = None
) -> TerminalBatch:
    """A new batch; ``before``: the former turn of its number."""
    batch = TerminalBatch(
        id=ctx.new_id("terminal_batch"), company=ctx.terms.code, terminal_id=terminal.id,
        agent_id=terminal.agent_id, number=number, turn=before.turn + 1 if before else 1, live=1,
        slot=slot_name(terminal.id, number), opened=day, state=str(BatchState.OPEN),
        currency=ctx.terms.currency, our_debits=0, our_debit_amount=0, our_reversals=0,
        our_reversal_amount=0, their_debits=0, their_debit_amount=0, their_reversals=0,
        their_reversal_amount=0, balanced=0, uploads=0, differences=0, pending="[]", settled=0,
        opened_at=ctx.now_us, closed_at=0,
    )  # fmt: skip
    if before is not None:
        ctx.stage.put(before.id, replace(before, live=0))
    ctx.stage.add("terminal_batch", **asdict(batch))
    ctx.stage.put(batch.id, batch)
    ctx.stage.link("terminal-batch", batch.slot, batch.id)
    return batch


def record(ctx: Context, at: At, state: ItemState, **known: object) -> TerminalItem:
    """The item as a row: what it came to, in this transaction."""
    asked, slip = at.asked, at.asked.slip
    return add_item(
        ctx, at.terminal, slip.day, slip.stan, state,
        agent_id=asked.agent.id, batch=slip.batch, batch_id=at.batch.id, kind=asked.kind,
        late=int(at.late), amount=asked.amount, currency=asked.currency, cashier=slip.cashier,
        rrn=slip.rrn, receipt=slip.receipt, **known,
    )  # fmt: skip


def add_item(
    ctx: Context, terminal: Terminal, day: int, stan: int, state: ItemState, **known: object
) -> TerminalItem:
    """A new item of a terminal; what is not said is nothing."""
    assert state in BEGINNINGS, f"no item begins as {state}"
    values = {
        "agent_id": terminal.agent_id, "batch": 0, "batch_id": 0, "kind": "", "offline": 0,
        "made_day": day, "late": 0, "amount": 0, "currency": "", "cashier": "", "rrn": "",
        "receipt": "", "about": 0, "document": "", "account_id": 0, "reason": "",
        "reversal_message_id": "", "reversed_at": 0,
    }  # fmt: skip
    item = TerminalItem(
        id=ctx.new_id("terminal_item"), company=ctx.terms.code, terminal_id=terminal.id,
        shift_id=terminal.shift_id, day=day, stan=stan, slip=slip_name(terminal.id, day, stan),
        state=str(state), message_id=ctx.message_id, at=ctx.now_us,
        **{**values, **known},  # type: ignore[arg-type]
    )  # fmt: skip
    ctx.stage.add("terminal_item", **asdict(item))
    ctx.stage.put(item.slip, item)
    if item.batch_id:
        known_items = ctx.stage.linked("items-of-batch", item.batch_id) or ()
        ctx.stage.link("items-of-batch", item.batch_id, (*known_items, item.slip))
    return item


def order_ended(ctx: Context, sale_id: int, view: dict[str, object] | None) -> None:
    """The module has answered for a sale of a terminal; ``view``: the sale, None: no token."""
    slip = ctx.stage.linked(OF_SALE, sale_id)
    item = ctx.stage.get(TerminalItem, slip) if slip is not None else None
    if item is None:
        return
    move = ItemMove.NO_TOKEN if view is None else ItemMove.TOKEN
    state = moved(item.state, move)
    batch = ctx.stage.need(TerminalBatch, item.batch_id)
    late = int(bool(item.late) or batch.state == BatchState.CLOSED)
    kept = state is ItemState.KEPT
    reason = "token" if kept else "module" if view is None else item.reason
    after = replace(item, state=str(state), late=late, reason=reason)
    ctx.stage.put(item.slip, after)
    if view is not None:
        ctx.stage.link("item-view", sale_id, view)
    if kept:
        what = "it was taken back while its token was made"
        cases.about_item(ctx, after, cases.KEPT_TOKEN, what)
    elif late and state is ItemState.BOOKED:
        what = f"batch {batch.number} was settled before its token came"
        cases.about_item(ctx, after, cases.LATE_ITEM, what)
