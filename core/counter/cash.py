"""Cash that moves without a receipt: in and out of the till, to the safe, to the bank."""

import re
from typing import Any, Final

from msgspec.structs import asdict, replace

from core.collection.items import book
from core.collection.tenders import CASH_OFFICE, MAX_NAME, MAX_REFERENCE
from core.counter.counts import MOST
from core.counter.entities import CashDesk, DepositSlip, Shift
from core.counter.tills import (
    IN_TRANSIT,
    OVER_SHORT,
    counter_terms,
    desk_of,
    enough,
    his,
    moved,
    not_his_own,
    not_now,
    open_at,
    positive,
    safe,
    till,
    wrong,
)
from core.counter.wanted import banked_key, slip_key
from core.entities import TokenAct
from core.handlers.base import Context
from core.ledger import Entry
from core.messages import RequestCounterAct

Facts = dict[str, Any]
Checked = tuple[int, bool]
#: A desk's code is part of two ledgers' names.
_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,15}")
#: Kinds of cash that moves without a receipt, and what of the shift each adds to.
_IN, _OUT, _DROP = "paid-in", "paid-out", "drop"
_COUNTS: Final = {_IN: "paid_in", _OUT: "paid_out", _DROP: "dropped"}


def check_desk(ctx: Context, command: RequestCounterAct) -> Checked:
    """A code that can be part of a ledger's name, and is not taken."""
    counter_terms(ctx, command.desk)
    if not _CODE.fullmatch(command.desk):
        raise wrong(command.desk, "a desk's code has 1 to 16 letters, digits and dashes")
    if not 0 < len(command.name.strip()) <= MAX_NAME:
        raise wrong(command.desk, f"a desk's name has 1 to {MAX_NAME} characters")
    if ctx.stage.get(CashDesk, command.desk) is not None:
        raise wrong(command.desk, "there is one of this code")
    return 0, False


def carry_desk(ctx: Context, _act: TokenAct, command: RequestCounterAct) -> Facts:
    """A desk with nothing in it."""
    desk = CashDesk(
        id=ctx.new_id("cash_desk"),
        company=ctx.terms.code,
        code=command.desk,
        name=command.name.strip(),
        currency=ctx.terms.currency,
        till=0,
        safe=0,
        shift_id=0,
        z_number=0,
        slip_number=0,
        added_at=ctx.now_us,
    )
    ctx.stage.add("cash_desk", **asdict(desk))
    ctx.stage.put(desk.code, desk)
    return {"name": desk.name}


def _his_open(ctx: Context, command: RequestCounterAct) -> tuple[CashDesk, Shift]:
    desk, shift = open_at(ctx, command.desk)
    his(desk, shift, command.operator)
    return desk, shift


def check_cash(kind: str, ctx: Context, command: RequestCounterAct) -> Checked:
    """His open shift, and (out of it) cash that is there."""
    desk, _ = _his_open(ctx, command)
    amount = positive(command.amount)
    if amount > MOST:
        raise wrong(desk.code, f"at most {MOST} at once")
    if kind != _IN:
        enough(desk, amount)
    return amount, kind == _OUT and amount > counter_terms(ctx, desk.code).paid_out_alone


def carry_cash(kind: str, ctx: Context, act: TokenAct, command: RequestCounterAct) -> Facts:
    """Post it, and count it in the shift."""
    desk, shift = _his_open(ctx, command)
    not_his_own(act, shift)
    amount = command.amount
    other = safe(desk) if kind == _DROP else CASH_OFFICE
    sign = 1 if kind == _IN else -1
    moved(ctx, act.id, desk, kind, ((till(desk), sign * amount), (other, -sign * amount)))
    name = _COUNTS[kind]
    after = replace(shift, **{name: getattr(shift, name) + amount})
    ctx.stage.put(after.id, after)
    return {"shift": shift.id}


def check_deposit(ctx: Context, command: RequestCounterAct) -> Checked:
    """Cash that is in the safe."""
    desk = desk_of(ctx, command.desk)
    enough(desk, positive(command.amount), safe=True)
    if len(command.bank) > MAX_NAME:
        raise wrong(desk.code, f"a bag has a name of at most {MAX_NAME} characters")
    return command.amount, False


def carry_deposit(ctx: Context, act: TokenAct, command: RequestCounterAct) -> Facts:
    """The slip that goes with the money; its number is the desk's next."""
    desk = desk_of(ctx, command.desk)
    entries = [Entry(IN_TRANSIT, command.amount), Entry(safe(desk), -command.amount)]
    txn_id = book(ctx, "deposit-slip", entries)
    desk = desk_of(ctx, desk.code)
    slip = DepositSlip(
        id=ctx.new_id("deposit_slip"),
        company=ctx.terms.code,
        desk_id=desk.id,
        number=desk.slip_number + 1,
        amount=command.amount,
        state="made",
        bag=command.bank.strip(),
        act_id=act.id,
        txn_id=txn_id,
        bank="",
        reference="",
        credited=0,
        clear_txn_id=0,
        made_at=ctx.now_us,
        cleared_at=0,
    )
    ctx.stage.add("deposit_slip", **asdict(slip))
    ctx.stage.put(slip_key(desk.code, slip.number), slip)
    ctx.stage.put(desk.code, replace(desk, slip_number=slip.number))
    return {"slip": slip.number}


def check_hand_in(ctx: Context, command: RequestCounterAct) -> Checked:
    """Cash that is in the safe."""
    desk = desk_of(ctx, command.desk)
    enough(desk, positive(command.amount), safe=True)
    return command.amount, False


def carry_hand_in(ctx: Context, act: TokenAct, command: RequestCounterAct) -> Facts:
    """The cash office has it."""
    desk = desk_of(ctx, command.desk)
    out = ((safe(desk), -command.amount), (CASH_OFFICE, command.amount))
    moved(ctx, act.id, desk, "hand-in", out)
    return {}


def _slip(ctx: Context, command: RequestCounterAct) -> DepositSlip:
    desk = desk_of(ctx, command.desk)
    slip = ctx.stage.get(DepositSlip, slip_key(desk.code, command.slip))
    if slip is None:
        raise wrong(desk.code, f"it has made no deposit slip {command.slip}")
    if slip.state != "made":
        raise not_now(desk.code, f"slip {slip.number} is {slip.state}")
    return slip


def check_cleared(ctx: Context, command: RequestCounterAct) -> Checked:
    """A slip whose money is on its way, and a line of the bank's that was not used before."""
    slip = _slip(ctx, command)
    bank, reference = command.bank.strip(), command.reference.strip()
    if not bank or not reference or {":", "/"} & set(bank):
        raise wrong(command.desk, "name our account at the bank and the bank's reference")
    if len(bank) > MAX_NAME or len(reference) > MAX_REFERENCE:
        raise wrong(command.desk, f"at most {MAX_NAME} and {MAX_REFERENCE} characters")
    known = ctx.stage.linked("banked", banked_key(bank, reference))
    if known:
        raise not_now(command.desk, f"the bank's {reference} has cleared slip {known}")
    if not 0 < (command.amount or slip.amount) <= MOST:
        raise wrong(command.desk, "the bank has credited an amount of money")
    return command.amount or slip.amount, True


def carry_cleared(ctx: Context, _act: TokenAct, command: RequestCounterAct) -> Facts:
    """The bank has it; what it counted otherwise is over or short."""
    slip, credited = _slip(ctx, command), check_cleared(ctx, command)[0]
    bank, reference = command.bank.strip(), command.reference.strip()
    txn_id = book(ctx, "deposit-cleared", [
        Entry(f"transfer:{bank}", credited),
        Entry(IN_TRANSIT, -slip.amount),
        Entry(OVER_SHORT, slip.amount - credited),
    ])  # fmt: skip
    after = replace(
        slip, state="cleared", bank=bank, reference=reference, credited=credited,
        clear_txn_id=txn_id, cleared_at=ctx.now_us,
    )  # fmt: skip
    ctx.stage.put(slip_key(command.desk, slip.number), after)
    ctx.stage.link("banked", banked_key(bank, reference), f"{command.desk}/{slip.number}")
    return {"slip": slip.number, "credited": credited, "difference": credited - slip.amount}
