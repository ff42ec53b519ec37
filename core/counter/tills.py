"""The cash of a desk: who may move it now, whether there is enough, and how it is posted."""

from typing import Final

from msgspec.structs import replace

from core.collection.entities import Payment
from core.collection.items import book
from core.collection.tenders import CASH, CASH_OFFICE
from core.counter.entities import SAFE, TILL, CashDesk, Shift
from core.counter.states import LIVE, ShiftState
from core.counter.terms import CounterTerms
from core.entities import TokenAct
from core.handlers.base import Context
from core.ledger import Entry
from core.refusals import Refusal, refuse
from core.vending.act_kinds import Role

#: Cash above what was expected, below 0; what a bank credited too little, above.
OVER_SHORT: Final = "over-short"
#: Where cash that is no cashier's business comes and goes, and how a till gives or gets it.
OTHER_DESK: Final = "name the cash office's, and use wattbus counter paid-in or paid-out here"
#: Cash that left a safe for the bank, until the bank says that it is there.
IN_TRANSIT: Final = "cash-in-transit"


def wrong(desk: str, what: str) -> Refusal:
    """What was asked for does not fit together."""
    return refuse("counter-wrong", desk=desk, what=what)


def not_now(desk: str, what: str) -> Refusal:
    """As the desk stands this cannot be done: something else comes first."""
    return refuse("counter-not-now", desk=desk, what=what)


def counter_terms(ctx: Context, desk: str) -> CounterTerms:
    """What the company declares about desks, or a refusal."""
    terms = ctx.terms.collection.counter
    if terms is None:
        raise wrong(desk, f"{ctx.terms.name} declares no desks in its collection file")
    return terms


def desk_of(ctx: Context, code: str) -> CashDesk:
    """The desk as this message sees it, or a refusal."""
    counter_terms(ctx, code)
    desk = ctx.stage.get(CashDesk, code)
    if desk is None:
        raise refuse("counter-unknown", desk=code, company=ctx.terms.name)
    if desk.currency != ctx.terms.currency:
        raise refuse("currency-wrong", currency=ctx.terms.currency, account=code,
                     expected=desk.currency)  # fmt: skip
    return desk


def shift_of(ctx: Context, desk: CashDesk) -> Shift:
    """The live shift of a desk, or a refusal."""
    if not desk.shift_id:
        raise not_now(desk.code, "no shift is open")
    return ctx.stage.need(Shift, desk.shift_id)


def open_at(ctx: Context, code: str) -> tuple[CashDesk, Shift]:
    """The desk with its shift, which still takes and gives; a refusal where it does not."""
    desk = desk_of(ctx, code)
    shift = shift_of(ctx, desk)
    if shift.state != ShiftState.OPEN:
        raise not_now(code, f"its shift is {shift.state}: what comes late belongs to the next one")
    return desk, shift


def his(desk: CashDesk, shift: Shift, operator: str) -> None:
    """Refuses whose shift it is not."""
    if shift.cashier != operator:
        raise not_now(desk.code, f"the shift is that of {shift.cashier}, not of {operator}")


def his_or_above(ctx: Context, desk: CashDesk, shift: Shift, operator: str) -> None:
    """The same, but a supervisor may."""
    if not supervises(ctx, operator):
        his(desk, shift, operator)


def supervises(ctx: Context, operator: str) -> bool:
    """Whether he may look into others' tills."""
    known = ctx.terms.operators.get(operator)
    return known is not None and Role.COLLECTOR in known.roles


def free(ctx: Context, desk: str, cashier: str) -> None:
    """Refuses a cashier who has a live shift somewhere."""
    where = ctx.stage.linked("shift-of", cashier)
    if where is not None:
        raise not_now(desk, f"{cashier} has a shift at desk {where} that has not ended")


def enough(desk: CashDesk, amount: int, *, safe: bool = False) -> None:
    """Refuses to take out more cash than is there."""
    if amount > (desk.safe if safe else desk.till):
        raise not_now(desk.code, f"its {'safe' if safe else 'till'} does not hold so much")


def positive(amount: int) -> int:
    """The amount, if it is one."""
    if amount <= 0:
        raise refuse("tender-not-positive", tender=amount)
    return amount


def not_his_own(act: TokenAct, shift: Shift) -> None:
    """Refuses a cashier as the second person about his own till, whoever asked."""
    if act.approver and act.approver == shift.cashier:
        raise refuse("act-same-person", act=act.id, operator=act.approver)


def keep_shift(ctx: Context, desk: CashDesk, shift: Shift) -> None:
    """Put a shift on the stage, and say where its cashier is."""
    ctx.stage.put(shift.id, shift)
    ctx.stage.link("shift-of", shift.cashier, desk.code if shift.state in LIVE else None)


def moved(
    ctx: Context, act_id: int, desk: CashDesk, kind: str, entries: tuple[tuple[str, int], ...]
) -> None:
    """Post cash that moved without a receipt, and keep it as a document. The first of ``entries``
    is the till's (of a hand-in, the safe's)."""
    txn_id = book(ctx, f"till-{kind}", [Entry(ledger, amount) for ledger, amount in entries])
    _keep_move(ctx, act_id, desk, kind, entries[0][1], txn_id)


def _keep_move(
    ctx: Context, act_id: int, desk: CashDesk, kind: str, amount: int, txn_id: int
) -> None:
    ctx.stage.add(
        "till_move",
        id=ctx.new_id("till_move"),
        company=ctx.terms.code,
        desk_id=desk.id,
        shift_id=desk.shift_id if kind != "hand-in" else 0,
        kind=kind,
        amount=amount,
        act_id=act_id,
        txn_id=txn_id,
        at=ctx.now_us,
    )


def not_past(ctx: Context, way: str, desk: str, verb: str) -> None:
    """Refuses cash at a desk with shifts that would not be in its till; ``verb``: what to use."""
    if way == CASH and ctx.stage.get(CashDesk, desk.strip()) is not None:
        raise not_now(desk.strip(), f"its cash is its cashier's, in the till: {verb}")


def brought(ctx: Context, act_id: int, desk: CashDesk, kind: str, amount: int, giver: Entry) -> int:
    """Cash that a cashier gets from somebody else than a customer or the cash office is paid in;
    the transaction. The caller has seen that the shift is open, and his."""
    txn_id = book(ctx, kind, [Entry(till(desk), amount), giver])
    _keep_move(ctx, act_id, desk, "paid-in", amount, txn_id)
    shift = shift_of(ctx, desk)
    ctx.stage.put(shift.id, replace(shift, paid_in=shift.paid_in + amount))
    return txn_id


def lend(ctx: Context, payment: Payment) -> None:
    """Cash that a desk took is given back by the cash office: the till gets it, so that the mirror
    of the payment can take it out. Whatever state the shift is in, its own cash stays as it is."""
    if payment.way == CASH and payment.counter_receipt_id:
        desk = ctx.stage.need(CashDesk, payment.desk)
        entries = [Entry(TILL + desk.code, payment.amount), Entry(CASH_OFFICE, -payment.amount)]
        book(ctx, "till-lent", entries)


def till(desk: CashDesk) -> str:
    """The ledger of a desk's cash."""
    return TILL + desk.code


def safe(desk: CashDesk) -> str:
    """The ledger of what a desk has put aside."""
    return SAFE + desk.code


def add_cash(ctx: Context, shift: Shift, amount: int) -> Shift:
    """Count cash that a receipt took."""
    after = replace(shift, cash=shift.cash + amount)
    ctx.stage.put(after.id, after)
    return after
