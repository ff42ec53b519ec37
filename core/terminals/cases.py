"""What a person must look at: opened with its reason in words, closed by somebody by name.

``kept-token``         a terminal takes a sale back whose token is out: no money goes back
``kept-payment``       the same of a payment whose money cannot go back
``late-item``          it came, or ended, when its batch was closed: no settlement has it
``upload-theirs-only`` the terminal has an item that we have not, or that came to nothing here
``upload-ours-only``   we have booked an item that the terminal does not have
``amount-differs``     both have it, with different amounts
``reversed-differs``   both have it, and one of them taken back
``more``               a batch with more differences than are made cases of
``offline-wrong``      collected without the line against a rule: booked all the same
``suspense``           collected for an account that is not there: the money waits for one
``float-short``        collected without the line above what was on the float: the agent owes it
"""

from typing import Final

from msgspec.structs import asdict, replace

from core.handlers.base import Context
from core.refusals import refuse
from core.terminals.item_entities import TerminalBatch, TerminalCase, TerminalItem

KEPT_TOKEN: Final = "kept-token"  # noqa: S105
KEPT_PAYMENT: Final = "kept-payment"
LATE_ITEM: Final = "late-item"
THEIRS_ONLY: Final = "upload-theirs-only"
OURS_ONLY: Final = "upload-ours-only"
AMOUNT_DIFFERS: Final = "amount-differs"
REVERSED_DIFFERS: Final = "reversed-differs"
MORE: Final = "more"
OFFLINE_WRONG: Final = "offline-wrong"
SUSPENSE_CASE: Final = "suspense"
FLOAT_SHORT: Final = "float-short"
KINDS: Final = (
    KEPT_TOKEN, KEPT_PAYMENT, LATE_ITEM, THEIRS_ONLY, OURS_ONLY, AMOUNT_DIFFERS,
    REVERSED_DIFFERS, MORE, OFFLINE_WRONG, SUSPENSE_CASE, FLOAT_SHORT,
)  # fmt: skip


def about_item(
    ctx: Context, item: TerminalItem, kind: str, detail: str, *, amount: int = 0, account: str = ""
) -> TerminalCase:
    """A case about an item of ours; ``amount`` 0: all of it."""
    return _open(
        ctx,
        terminal_id=item.terminal_id,
        agent_id=item.agent_id,
        item_id=item.id,
        batch_id=item.batch_id,
        kind=kind,
        amount=amount or item.amount,
        currency=item.currency,
        account=account,
        document=item.document,
        detail=detail,
    )


def about_batch(
    ctx: Context, batch: TerminalBatch, kind: str, detail: str, amount: int
) -> TerminalCase:
    """A case about something in a batch that we do not have."""
    return _open(
        ctx,
        terminal_id=batch.terminal_id,
        agent_id=batch.agent_id,
        item_id=0,
        batch_id=batch.id,
        kind=kind,
        amount=amount,
        currency=batch.currency,
        account="",
        document="",
        detail=detail,
    )


def _open(ctx: Context, **values: object) -> TerminalCase:
    case = TerminalCase(
        id=ctx.new_id("terminal_case"),
        company=ctx.terms.code,
        state="open",
        message_id=ctx.message_id,
        opened_at=ctx.now_us,
        closed_at=0,
        closed_by="",
        reason="",
        txn_id=0,
        **values,  # type: ignore[arg-type]
    )
    ctx.stage.add("terminal_case", **asdict(case))
    ctx.stage.put(case.id, case)
    return case


def open_case(ctx: Context, id_: int) -> TerminalCase:
    """The case of that number, if it is open."""
    case = ctx.stage.get(TerminalCase, id_)
    if case is None:
        raise refuse("case-unknown", case=id_, company=ctx.terms.name)
    if case.state != "open":
        raise refuse("case-closed", case=id_, operator=case.closed_by)
    return case


def close(ctx: Context, case: TerminalCase, operator: str, reason: str, txn_id: int) -> None:
    """Somebody has looked, and says why it is over."""
    done = replace(
        case, state="closed", closed_at=ctx.now_us, closed_by=operator, reason=reason, txn_id=txn_id
    )
    ctx.stage.put(case.id, done)
