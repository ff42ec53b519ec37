"""A batch is settled: the terminal's totals beside ours, and where they differ, item by item.

Totals are evidence and never a booking (ISO 8583:1987, 0500 and 0320). What is compared is the net:
items less those taken back. A terminal without an answer does not know whether we have ever seen
what it takes back, so some count such an item on both sides and some on none; the net is the same,
and it is what the agent's float has paid.
"""

from typing import Any, Final

import msgspec
from msgspec.structs import replace

from core.agents.floats import agent_of
from core.handlers.base import Context
from core.messages import Answer, BatchTotals, Outcome, SettleTerminal, UploadItem
from core.messages.terminals import MAX_COUNT
from core.refusals import refuse
from core.terminals import cases
from core.terminals.differences import Difference, differences
from core.terminals.entities import Terminal
from core.terminals.item_entities import TerminalBatch, TerminalItem, Uploaded, slot_name
from core.terminals.item_states import COUNTS, PENDING, BatchState, ItemState
from core.terminals.presence import terminal_of
from core.terminals.slips import (
    PAYMENT,
    SALE,
    batch_for,
    check_numbers,
    day_of,
    is_over,
    open_batch,
    wrong,
)

#: Differences of one batch that become a case each: more is a terminal out of order, and one case
#: says how many more.
MAX_CASES: Final = 50
#: DE 86 to 89 have 16 digits.
MOST_TOTAL: Final = 10**16
#: Pending items that an answer names: a field of ISO 8583 has 999 characters.
MAX_NAMED: Final = 50


def decide_settle(ctx: Context, command: SettleTerminal) -> Answer:
    """Close the batch if it balances, or ask for its items; after these close it with cases."""
    terminal = _at(ctx, command.agent, command.terminal)
    day_of(command.terminal, command.day)
    if command.currency != ctx.terms.currency:
        raise refuse(
            "currency-wrong",
            currency=command.currency,
            account=command.terminal,
            expected=ctx.terms.currency,
        )
    theirs = command.totals
    check_numbers(command.terminal, command.batch, 0)
    if not all(0 <= each < MOST_TOTAL for each in msgspec.structs.astuple(theirs)):
        raise wrong(command.terminal, "totals have at most 16 digits, and none is below 0")
    batch = _to_settle(ctx, terminal, command)
    if batch.state == BatchState.CLOSED:
        return _answer(batch)
    items = _items(ctx, batch)
    batch = _with_totals(ctx, replace(batch, settled=command.day), totals(items), theirs)
    if not (batch.balanced or command.uploaded):
        batch = replace(batch, state=str(BatchState.UPLOADING))
        ctx.stage.put(batch.id, batch)
        return _answer(batch)
    found = []
    if command.uploaded and (batch.uploads or not batch.balanced):
        uploads: tuple[Uploaded, ...] = ctx.stage.linked("uploads-of", batch.id) or ()
        found = differences(items, uploads)
    count = _cases(ctx, batch, found)
    batch = replace(batch, state=str(BatchState.CLOSED), closed_at=ctx.now_us, differences=count)
    ctx.stage.put(batch.id, batch)
    return _answer(batch)


def _at(ctx: Context, agent_number: str, terminal_number: str) -> Terminal:
    """The terminal, in any state: what was sold is settled, whatever became of it."""
    agent = agent_of(ctx, agent_number)
    terminal = terminal_of(ctx, terminal_number)
    if terminal.agent_id != agent.id:
        raise refuse("terminal-elsewhere", terminal=terminal_number, agent=agent_number)
    return terminal


def _to_settle(ctx: Context, terminal: Terminal, command: SettleTerminal) -> TerminalBatch:
    """The batch that is meant; a closed one only where it is asked for once more.

    Its number is not begun anew before an item comes: who settles as much once more, on whatever
    day, has had no answer. Of nothing, each day has a settlement of its own.
    """
    number, day = command.batch, command.day
    id_ = ctx.stage.linked("terminal-batch", slot_name(terminal.id, number))
    batch = ctx.stage.need(TerminalBatch, id_) if id_ is not None else None
    if batch is None:
        return open_batch(ctx, terminal, number, day)
    if batch.state != BatchState.CLOSED:
        return batch
    asked_again = batch.settled == day or command.totals.debits
    if asked_again and _theirs(batch) == command.totals:
        return batch
    if not is_over(ctx, batch):
        raise refuse("batch-closed", terminal=command.terminal, batch=number)
    return open_batch(ctx, terminal, number, day, batch)


def _items(ctx: Context, batch: TerminalBatch) -> list[TerminalItem]:
    """All of a batch that came before it was closed."""
    slips: tuple[str, ...] = ctx.stage.linked("items-of-batch", batch.id) or ()
    return [ctx.stage.need(TerminalItem, slip) for slip in slips]


def totals(items: list[TerminalItem]) -> BatchTotals:
    """What we have of them; what is not known yet is in no totals."""
    sums = [0, 0, 0, 0]
    for item in items:
        sold, back = COUNTS.get(ItemState(item.state), (0, 0))
        sums[0] += sold
        sums[1] += sold * item.amount
        sums[2] += back
        sums[3] += back * item.amount
    return BatchTotals(
        debits=sums[0], debit_amount=sums[1], debit_reversals=sums[2],
        debit_reversal_amount=sums[3],
    )  # fmt: skip


def net(sums: BatchTotals) -> tuple[int, int]:
    """(how many, minor units) that stand."""
    return (
        sums.debits - sums.debit_reversals,
        sums.debit_amount - sums.debit_reversal_amount,
    )


def _with_totals(
    ctx: Context, batch: TerminalBatch, ours: BatchTotals, theirs: BatchTotals
) -> TerminalBatch:
    pending = [item.stan for item in _items(ctx, batch) if ItemState(item.state) in PENDING]
    return replace(
        batch,
        our_debits=ours.debits,
        our_debit_amount=ours.debit_amount,
        our_reversals=ours.debit_reversals,
        our_reversal_amount=ours.debit_reversal_amount,
        their_debits=theirs.debits,
        their_debit_amount=theirs.debit_amount,
        their_reversals=theirs.debit_reversals,
        their_reversal_amount=theirs.debit_reversal_amount,
        balanced=int(net(ours) == net(theirs)),
        pending=msgspec.json.encode(pending[:MAX_NAMED]).decode(),
    )


def _theirs(batch: TerminalBatch) -> BatchTotals:
    return BatchTotals(
        debits=batch.their_debits,
        debit_amount=batch.their_debit_amount,
        debit_reversals=batch.their_reversals,
        debit_reversal_amount=batch.their_reversal_amount,
    )


def _cases(ctx: Context, batch: TerminalBatch, found: list[Difference]) -> int:
    """A case of each difference; how many there are."""
    for each in found[:MAX_CASES]:
        if each.item is not None:
            cases.about_item(ctx, each.item, each.kind, each.detail, amount=each.amount)
        else:
            cases.about_batch(ctx, batch, each.kind, each.detail, each.amount)
    left = found[MAX_CASES:]
    if left:
        what = f"{len(left)} more differences"
        cases.about_batch(ctx, batch, cases.MORE, what, sum(each.amount for each in left))
    return len(found)


def _answer(batch: TerminalBatch) -> Answer:
    data: dict[str, Any] = {
        "batch": batch.number,
        "balanced": bool(batch.balanced),
        "state": batch.state,
        "ours": {
            "debits": batch.our_debits,
            "debit_amount": batch.our_debit_amount,
            "debit_reversals": batch.our_reversals,
            "debit_reversal_amount": batch.our_reversal_amount,
        },
        "pending": msgspec.json.decode(batch.pending),
    }
    if batch.state == BatchState.CLOSED:
        data["differences"] = batch.differences
    return Answer(outcome=Outcome.DONE, data=data)


def decide_upload(ctx: Context, command: UploadItem) -> Answer:
    """Keep an item as the terminal has it; nothing is booked by it."""
    terminal = _at(ctx, command.agent, command.terminal)
    day_of(command.terminal, command.day)
    check_numbers(command.terminal, command.batch, command.amount)
    if command.kind not in (SALE, PAYMENT) or command.amount < 0:
        raise wrong(command.terminal, "an item is a sale or payment of an amount")
    batch, closed = batch_for(ctx, terminal, command.batch, command.day)
    if closed:
        raise refuse("batch-closed", terminal=command.terminal, batch=command.batch)
    sent = Uploaded(command.day, command.stan, command.amount, command.kind, int(command.reversed))
    at = (batch.id, command.day, command.stan)
    known = ctx.stage.linked("uploaded", at)
    if known is not None and known != sent:
        raise refuse("slip-used", terminal=command.terminal, stan=command.stan, state="uploaded")
    if known is None:
        if batch.uploads >= MAX_COUNT:
            raise wrong(command.terminal, f"more than {MAX_COUNT} items of a batch")
        _keep_upload(ctx, batch, sent)
        ctx.stage.link("uploaded", at, sent)
    return Answer(outcome=Outcome.DONE, data={"batch": batch.number, "stan": command.stan})


def _keep_upload(ctx: Context, batch: TerminalBatch, sent: Uploaded) -> None:
    ctx.stage.add(
        "terminal_upload",
        id=ctx.new_id("terminal_upload"),
        company=ctx.terms.code,
        terminal_id=batch.terminal_id,
        batch_id=batch.id,
        day=sent.day,
        stan=sent.stan,
        amount=sent.amount,
        kind=sent.kind,
        reversed=sent.reversed,
        message_id=ctx.message_id,
        at=ctx.now_us,
    )
    known = ctx.stage.linked("uploads-of", batch.id) or ()
    ctx.stage.link("uploads-of", batch.id, (*known, sent))
    ctx.stage.put(batch.id, replace(batch, uploads=batch.uploads + 1))
