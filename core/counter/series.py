"""Numbers of receipts and credit notes: registered, used in their order, none left out.

The next number is in a row that is locked while it is given out, in the transaction that uses it:
what comes to nothing leaves no gap.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from msgspec.structs import asdict, replace

from core.collection import tenders
from core.collection.entities import Payment
from core.counter.entities import CashDesk, CounterReceipt, Series, Shift
from core.counter.tills import desk_of, his, not_now, open_at, wrong
from core.entities import TokenAct
from core.handlers.base import Context
from core.messages import RequestCounterAct

Facts = dict[str, Any]
Checked = tuple[int, bool]
RECEIPTS: Final = "receipt"
CREDIT_NOTES: Final = "credit-note"
#: Letters and digits, then one dash: so no number of one prefix is another's.
_PREFIX: Final = re.compile(r"[A-Z0-9]{1,10}-")
#: A book of numbers; more of them are more series.
MAX_LAST: Final = 999_999_999


def check_series(ctx: Context, command: RequestCounterAct) -> Checked:
    """Numbers that nobody has; a desk for receipts, none for credit notes."""
    where = command.desk or CREDIT_NOTES
    if command.purpose not in (RECEIPTS, CREDIT_NOTES):
        raise wrong(where, f"numbers are for: {RECEIPTS}, {CREDIT_NOTES}")
    if (command.purpose == RECEIPTS) != bool(command.desk):
        raise wrong(where, "receipts are a desk's, credit notes are the company's")
    if command.desk:
        desk_of(ctx, command.desk)
    if not _PREFIX.fullmatch(command.prefix):
        raise wrong(where, "a prefix has 1 to 10 capital letters or digits, then a dash")
    if not 0 < command.first <= command.last <= MAX_LAST:
        raise wrong(where, f"numbers go from 1 to {MAX_LAST}, upwards")
    for each in _of_prefix(ctx, command.prefix):
        if command.first <= each.last and each.first <= command.last:
            said = f"{each.prefix}{each.first} to {each.last}"
            raise wrong(where, f"{said} are registered already")
    return 0, True


def _of_prefix(ctx: Context, prefix: str) -> Sequence[Series]:
    return ctx.stage.linked("series-of", prefix) or ()


def carry_series(ctx: Context, act: TokenAct, command: RequestCounterAct) -> Facts:
    """They may be used from now on."""
    desk = desk_of(ctx, command.desk) if command.desk else None
    series = Series(
        id=ctx.new_id("receipt_series"),
        company=ctx.terms.code,
        purpose=command.purpose,
        desk_id=desk.id if desk else 0,
        prefix=command.prefix,
        first=command.first,
        last=command.last,
        next=command.first,
        act_id=act.id,
        added_at=ctx.now_us,
    )
    ctx.stage.add("receipt_series", **asdict(series))
    ctx.stage.put(series.id, series)
    ctx.stage.link("series-of", series.prefix, (*_of_prefix(ctx, series.prefix), series))
    at = ("series-at", series.desk_id)
    ctx.stage.link(*at, (*(ctx.stage.linked(*at) or ()), series.id))
    return {"series": series.id, "first": series.number, "numbers": series.last - series.first + 1}


def _used(ctx: Context, desk_id: int) -> Series | None:
    """The series whose turn it is, its next number used; None: there is no number left."""
    for id_ in ctx.stage.linked("series-at", desk_id) or ():
        series = ctx.stage.need(Series, id_)
        if series.next <= series.last:
            ctx.stage.put(id_, replace(series, next=series.next + 1))
            return series
    return None


def new_receipt(
    ctx: Context, desk: CashDesk, shift: Shift, kind: str, money: tuple[int, int, int]
) -> CounterReceipt:
    """The desk's next receipt. ``money``: its amount, what the account's own credit pays of it,
    the cash that was given."""
    series = _used(ctx, desk.id)
    if series is None:
        raise not_now(desk.code, "it has no receipt numbers left: register some")
    amount, balance, tendered = money
    receipt = CounterReceipt(
        id=ctx.new_id("counter_receipt"),
        company=ctx.terms.code,
        number=series.number,
        series_id=series.id,
        seq=series.next,
        shift_id=shift.id,
        kind=kind,
        amount=amount,
        balance=balance,
        balance_txn_id=0,
        tendered=tendered,
        state="void" if kind == "spoiled" else "used",
        message_id=ctx.message_id,
        void_act_id=0,
        made_at=ctx.now_us,
    )
    ctx.stage.add("counter_receipt", **asdict(receipt))
    ctx.stage.put(receipt.number, receipt)
    return receipt


def check_spoil(ctx: Context, command: RequestCounterAct) -> Checked:
    """The next number of his desk."""
    desk, shift = open_at(ctx, command.desk)
    his(desk, shift, command.operator)
    return 0, False


def carry_spoil(ctx: Context, act: TokenAct, command: RequestCounterAct) -> Facts:
    """It counts as void, so that no number is missing."""
    desk, shift = open_at(ctx, command.desk)
    receipt = new_receipt(ctx, desk, shift, "spoiled", (0, 0, 0))
    ctx.stage.put(receipt.number, replace(receipt, void_act_id=act.id))
    return {"receipt": receipt.number}


def credit_note_number(
    ctx: Context, act: TokenAct, *, amount: int, item: int = 0, payment: str = ""
) -> Facts:
    """Number a credit note, where the company has registered numbers for them; else nothing.

    ``item`` is the bill or fee that it corrects, ``payment`` the number of the payment.
    """
    if not ctx.stage.linked("series-at", 0):
        return {}
    series = _used(ctx, 0)
    if series is None:
        raise tenders.not_now("there are no numbers of credit notes left: register some")
    ctx.stage.add(
        "credit_note",
        id=ctx.new_id("credit_note"),
        company=ctx.terms.code,
        number=series.number,
        series_id=series.id,
        seq=series.next,
        act_id=act.id,
        item_id=item,
        payment_id=ctx.stage.need(Payment, payment).id if payment else 0,
        amount=amount,
        at=ctx.now_us,
    )
    return {"note": series.number}
