"""Cash that was counted, coin by coin and note by note."""

import msgspec

from core.counter.entities import Shift
from core.counter.tills import counter_terms, wrong
from core.handlers.base import Context
from core.messages import RequestCounterAct

#: More of one coin or note fits no till.
MOST_OF_ONE = 1_000_000
#: A till never holds more than this (minor units): what is above is a slip of the finger.
MOST = 10**15


def counted(ctx: Context, command: RequestCounterAct) -> int:
    """The sum of what was counted; every piece must be a coin or note of the company's."""
    known = counter_terms(ctx, command.desk).denominations
    values = [piece.value for piece in command.pieces]
    strange = sorted(set(values) - set(known))
    if strange:
        raise wrong(command.desk, f"there is no coin or note of {strange[0]}")
    if len(set(values)) < len(values):
        raise wrong(command.desk, "a coin or note is counted twice")
    if any(not 0 <= piece.count <= MOST_OF_ONE for piece in command.pieces):
        raise wrong(command.desk, f"of each coin or note there are 0 to {MOST_OF_ONE}")
    amount = sum(piece.value * piece.count for piece in command.pieces)
    if command.amount and command.amount != amount:
        raise wrong(command.desk, "the sum that was said is not that of the coins and notes")
    return amount


def counted_or_said(ctx: Context, command: RequestCounterAct) -> int:
    """The same, or a sum where nothing was counted piece by piece."""
    amount = counted(ctx, command) if command.pieces else command.amount
    if not 0 <= amount <= MOST:
        raise wrong(command.desk, "a float is an amount of money, or nothing")
    return amount


def keep_count(
    ctx: Context, shift: Shift, command: RequestCounterAct, why: str, amount: int
) -> None:
    """Write who counted what."""
    pieces = [(piece.value, piece.count) for piece in command.pieces if piece.count]
    ctx.stage.add(
        "till_count",
        id=ctx.new_id("till_count"),
        company=ctx.terms.code,
        shift_id=shift.id,
        operator=command.operator,
        why=why,
        pieces=msgspec.json.encode(pieces).decode(),
        amount=amount,
        at=ctx.now_us,
    )
