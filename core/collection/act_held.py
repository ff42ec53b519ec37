"""Acts with money that we hold: receipts before payment, securities, credit that is paid back."""

from typing import Any, Final

import msgspec

from core.collection.entities import Deposit, PreReceipt
from core.collection.items import book, entry, owed_of
from core.collection.payments import next_number, pay_from, rule_of
from core.collection.states import RECEIPT_MOVES, ReceiptMove, ReceiptState
from core.collection.tenders import not_now, unknown, wrong
from core.counter.tills import OTHER_DESK, not_past
from core.entities import Account, TokenAct
from core.handlers.base import Context
from core.ledger import CUSTOMER_CREDIT, Entry
from core.messages import RequestMoneyAct
from core.refusals import refuse

Facts = dict[str, Any]

#: What may be held as a security.
DEPOSITS: Final = ("guarantee", "equipment")


def _positive(command: RequestMoneyAct) -> int:
    if command.amount <= 0:
        raise refuse("tender-not-positive", tender=command.amount)
    return command.amount


def from_credit(_ctx: Context, command: RequestMoneyAct, account: Account) -> int:
    """The amount, if the credit reaches."""
    if account.spendable < _positive(command):
        raise refuse(
            "credit-insufficient",
            account=account.number,
            credit=account.spendable,
            tender=command.amount,
            currency=account.currency,
        )
    return command.amount


def all_owed(ctx: Context, items: tuple[int, ...], account: Account) -> None:
    """Refuses items on which the account owes nothing."""
    strange = set(items) - {o.id for o in owed_of(ctx, account.id)}
    if strange:
        raise unknown(f"account {account.number} owes nothing on item {min(strange)}")


def check_receipt(ctx: Context, command: RequestMoneyAct, account: Account) -> int:
    """An amount, and items that are owed."""
    all_owed(ctx, command.items, account)
    return _positive(command)


def carry_receipt(ctx: Context, _a: TokenAct, command: RequestMoneyAct, account: Account) -> Facts:
    """Write a receipt before its payment; it posts nothing."""
    receipt = PreReceipt(
        id=ctx.new_id("pre_receipt"),
        company=ctx.terms.code,
        number=next_number(ctx),
        account_id=account.id,
        amount=command.amount,
        items=msgspec.json.encode(command.items).decode(),
        state=ReceiptState.ISSUED.value,
        payment_id=0,
        issued_at=ctx.now_us,
    )
    ctx.stage.add("pre_receipt", **msgspec.structs.asdict(receipt))
    ctx.stage.put(receipt.number, receipt)
    return {"receipt": receipt.number}


def check_void(ctx: Context, command: RequestMoneyAct, account: Account) -> int:
    """A receipt of this account that can still be void."""
    receipt = ctx.stage.get(PreReceipt, command.receipt)
    if receipt is None or receipt.account_id != account.id:
        raise unknown(f"account {account.number} has no receipt {command.receipt} before payment")
    if (ReceiptState(receipt.state), ReceiptMove.VOID) not in RECEIPT_MOVES:
        raise not_now(f"receipt {receipt.number} is {receipt.state}")
    return receipt.amount


def carry_void(ctx: Context, _a: TokenAct, command: RequestMoneyAct, _account: Account) -> Facts:
    """The receipt is not used."""
    receipt = ctx.stage.need(PreReceipt, command.receipt)
    void = msgspec.structs.replace(receipt, state=ReceiptState.VOID.value)
    ctx.stage.put(receipt.number, void)
    return {"receipt": receipt.number}


def _deposit_kind(command: RequestMoneyAct) -> str:
    if command.deposit not in DEPOSITS:
        raise wrong(f"a deposit is one of: {', '.join(DEPOSITS)}")
    return command.deposit


def _held(ctx: Context, command: RequestMoneyAct, account: Account) -> Deposit | None:
    return ctx.stage.get(Deposit, (account.id, _deposit_kind(command)))


def check_deposit(ctx: Context, command: RequestMoneyAct, account: Account) -> int:
    """Credit that can be kept."""
    _deposit_kind(command)
    return from_credit(ctx, command, account)


def carry_deposit(ctx: Context, _a: TokenAct, command: RequestMoneyAct, account: Account) -> Facts:
    """Keep credit as a security."""
    deposit = _held(ctx, command, account)
    if deposit is None:
        deposit = Deposit(
            id=ctx.new_id("deposit"),
            company=ctx.terms.code,
            account_id=account.id,
            kind=command.deposit,
            held=0,
        )
        ctx.stage.add("deposit", **msgspec.structs.asdict(deposit))
    book(ctx, "deposit", [
        Entry(CUSTOMER_CREDIT, command.amount, account.id),
        Entry(f"deposit:{deposit.kind}", -command.amount, account.id),
    ])  # fmt: skip
    return _moved_deposit(ctx, account, deposit, command.amount)


def _moved_deposit(ctx: Context, account: Account, deposit: Deposit, change: int) -> Facts:
    after = msgspec.structs.replace(deposit, held=deposit.held + change)
    ctx.stage.put((account.id, deposit.kind), after)
    return {"deposit": deposit.kind, "held": after.held}


def check_held(ctx: Context, command: RequestMoneyAct, account: Account) -> int:
    """An amount that is held."""
    deposit = _held(ctx, command, account)
    held = deposit.held if deposit else 0
    if held < _positive(command):
        raise not_now(f"{held} are held of account {account.number}, not {command.amount}")
    return command.amount


def check_deposit_use(ctx: Context, command: RequestMoneyAct, account: Account) -> int:
    """An amount that is held, a rule, and items that are owed."""
    rule_of(ctx, command.rule)
    all_owed(ctx, command.items, account)
    return check_held(ctx, command, account)


def carry_deposit_use(
    ctx: Context, _act: TokenAct, command: RequestMoneyAct, account: Account
) -> Facts:
    """Pay open items out of a security."""
    deposit = ctx.stage.need(Deposit, (account.id, command.deposit))
    rule = rule_of(ctx, command.rule, command.items)
    used = pay_from(ctx, account, f"deposit:{deposit.kind}", command.amount, rule)
    return {"used": used, **_moved_deposit(ctx, account, deposit, -used)}


def _paid_out(ctx: Context, command: RequestMoneyAct) -> str:
    if ":" in command.way + command.desk or command.way not in ("cash", "transfer"):
        raise wrong("money is paid out as cash or by transfer")
    if not command.desk.strip():
        raise wrong("name the desk that pays the money out")
    not_past(ctx, command.way, command.desk, OTHER_DESK)
    return f"{command.way}:{command.desk}"


def check_deposit_refund(ctx: Context, command: RequestMoneyAct, account: Account) -> int:
    """An amount that is held, and a way to pay it out."""
    _paid_out(ctx, command)
    return check_held(ctx, command, account)


def carry_deposit_refund(
    ctx: Context, _act: TokenAct, command: RequestMoneyAct, account: Account
) -> Facts:
    """Pay a security back."""
    deposit = ctx.stage.need(Deposit, (account.id, command.deposit))
    ledger = f"deposit:{deposit.kind}"
    out = Entry(_paid_out(ctx, command), -command.amount)
    book(ctx, "deposit-refund", [entry(ledger, command.amount, account.id), out])
    return _moved_deposit(ctx, account, deposit, -command.amount)


def check_pay_out(ctx: Context, command: RequestMoneyAct, account: Account) -> int:
    """Credit, and a way to pay it out."""
    _paid_out(ctx, command)
    return from_credit(ctx, command, account)


def carry_pay_out(ctx: Context, _a: TokenAct, command: RequestMoneyAct, account: Account) -> Facts:
    """Pay credit back."""
    out = Entry(_paid_out(ctx, command), -command.amount)
    book(ctx, "pay-out", [Entry(CUSTOMER_CREDIT, command.amount, account.id), out])
    return {"credit": ctx.stage.need(Account, account.id).spendable}
