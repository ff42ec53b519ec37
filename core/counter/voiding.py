"""Taking a receipt back in the shift that gave it: the cash goes back over the counter."""

from typing import Any

from msgspec.structs import replace

from core.collection.entities import Allocated, OpenItem
from core.collection.items import mirror, settle
from core.collection.payments import payment_of, undo
from core.collection.states import PaymentMove
from core.collection.tenders import CASH
from core.counter.entities import CashDesk, CounterReceipt, Shift
from core.counter.reports import count_taking
from core.counter.tills import enough, his_or_above, not_his_own, not_now, open_at, wrong
from core.entities import TokenAct
from core.handlers.base import Context
from core.messages import RequestCounterAct

Facts = dict[str, Any]
Checked = tuple[int, bool]


def check_void(ctx: Context, command: RequestCounterAct) -> Checked:
    """A receipt of the shift that is open now; of a token there is no taking back."""
    desk, shift, receipt = _asked(ctx, command)
    his_or_above(ctx, desk, shift, command.operator)
    cash = 0
    for number in _payments(ctx, receipt):
        payment, _ = payment_of(ctx, number, PaymentMove.REVERSE)
        cash += payment.amount if payment.way == CASH else 0
    enough(desk, cash)
    return receipt.amount, True


def _asked(ctx: Context, command: RequestCounterAct) -> tuple[CashDesk, Shift, CounterReceipt]:
    desk, shift = open_at(ctx, command.desk)
    receipt = ctx.stage.get(CounterReceipt, command.receipt)
    if receipt is None:
        raise wrong(desk.code, f"no desk has given a receipt {command.receipt}")
    if receipt.shift_id != shift.id:
        raise not_now(desk.code, f"receipt {receipt.number} is another shift's: reverse what it "
                      "paid (wattbus collect request reverse)")  # fmt: skip
    if receipt.state != "used":
        raise not_now(desk.code, f"receipt {receipt.number} is {receipt.state}")
    if receipt.kind != "payment":
        raise not_now(desk.code, f"receipt {receipt.number} is of a token: digits that were given "
                      "out cannot be called back (wattbus act request)")  # fmt: skip
    return desk, shift, receipt


def _payments(ctx: Context, receipt: CounterReceipt) -> tuple[str, ...]:
    return ctx.stage.linked("payments-of", receipt.number) or ()


def carry_void(ctx: Context, act: TokenAct, command: RequestCounterAct) -> Facts:
    """Every way that it was paid in is undone; its number stays used, as void."""
    _, shift, receipt = _asked(ctx, command)
    not_his_own(act, shift)
    cash, payments = 0, _payments(ctx, receipt)
    for number in payments:
        payment, after = payment_of(ctx, number, PaymentMove.REVERSE)
        undo(ctx, payment, after, by_till=True)
        count_taking(ctx, shift, payment.way, payment.amount, void=True)
        cash += payment.amount if payment.way == CASH else 0
    if receipt.balance:
        _give_back_balance(ctx, receipt)
        count_taking(ctx, shift, "balance", receipt.balance, void=True)
    ctx.stage.put(receipt.number, replace(receipt, state="void", void_act_id=act.id))
    ctx.stage.put(shift.id, replace(shift, voided=shift.voided + cash))
    return {"receipt": receipt.number, "payments": payments, "cash_back": cash}


def _give_back_balance(ctx: Context, receipt: CounterReceipt) -> None:
    """What the account's own credit paid is owed again, and credit again."""
    rows: tuple[Allocated, ...] = ctx.stage.linked("balance-of", receipt.number)
    for row in rows:
        item = ctx.stage.need(OpenItem, row.item_id)
        settle(ctx, item, -row.amount, "credit", row.source_id)
    mirror(ctx, receipt.balance_txn_id, "credit-back")
