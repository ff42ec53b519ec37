"""A provider's account of a day against our books, page by page: nothing of it is believed unread.

What he has and we have not is booked by a message of its own (``ReceivePayIn``,
``ReportCollection``, ``ReportReversal`` with ``proof`` statement) under the same unique key as its
notice would have been: so a page is one short transaction, however much of it we had missed, and a
notice that comes after all is the same money. What we have and he has not is looked for when the
day is whole.
"""

from collections import Counter
from datetime import date
from typing import Any, Final

import msgspec
from msgspec.structs import asdict, replace

from core.calendars import local_date
from core.handlers.base import Context
from core.messages import (
    Answer,
    CheckStatement,
    Outcome,
    ReceivePayIn,
    ReportCollection,
    ReportReversal,
    StatementLine,
    TakeStatement,
)
from core.messages.wallets import Proof
from core.refusals import Refusal, refuse
from core.wallets import cases, rows
from core.wallets.book_entities import StatementRow, WalletRefund, WalletStatement
from core.wallets.comparing import (
    AMOUNT_DIFFERS,
    OURS_ONLY,
    OUTCOMES,
    THEIRS_ONLY,
    WITHDRAWN,
    Compared,
    compare,
)
from core.wallets.entities import COLLECTION, WalletPayment
from core.wallets.vouching import FILE, still_to_prove

#: Payments that are looked at in one transaction when a day is whole.
CHECKED_AT_ONCE: Final = 500
#: A day of ten million payments; what is beyond is a mistake.
MAX_PAGES: Final = 20_000
_MAX_RECEIPT, _MAX_AMOUNT = 64, 10**15


def decide_statement(ctx: Context, command: TakeStatement) -> Answer:
    """Compare each line, keep it with its outcome, have booked what we missed."""
    _acceptable(ctx, command)
    statement = _statement(ctx, command)
    told: Counter[str] = Counter()
    changed, named = 0, set()
    for place, line in enumerate(command.lines, 1):
        named.add(line.receipt)
        row, new = _compared(ctx, statement, command, place, line)
        told[row.outcome] += 1
        changed += new
    gone = _withdrawn(ctx, statement, command.page, named)
    whole = _arrived(ctx, statement, command)
    data: dict[str, Any] = {
        "wallet": command.wallet,
        "day": command.day,
        "page": command.page,
        "lines": len(command.lines),
        **{outcome: told[outcome] for outcome in OUTCOMES if outcome != OURS_ONLY},
        "withdrawn": gone,
        "repeat": not (changed or gone),
        "whole": whole,
    }
    return Answer(outcome=Outcome.DONE, data=data)


def wrong(wallet: str, what: str) -> Refusal:
    """The whole page, or the whole message, is not acceptable; nothing of it is booked."""
    return refuse("statement-wrong", wallet=wallet, what=what)


def day_of(ctx: Context, wallet: str, day: int) -> date:
    """A day that has begun, of YYYYMMDD. Raises Refusal."""
    try:
        found = date(day // 10_000, day // 100 % 100, day % 100)
    except ValueError:
        raise wrong(wallet, f"{day} is no day: write YYYYMMDD") from None
    if found > local_date(ctx.now_us, ctx.terms.zone):
        raise wrong(wallet, f"the day {found} has not come yet")
    return found


def known_wallet(ctx: Context, name: str, currency: str) -> None:
    """A wallet of ours, in its currency. Raises Refusal."""
    wallet = ctx.terms.wallets.wallets.get(name)
    if wallet is None:
        there = ", ".join(ctx.terms.wallets.wallets) or "none"
        raise wrong(name, f"no such wallet; there are: {there}")
    if currency != wallet.currency or currency != ctx.terms.currency:
        raise wrong(name, f"it is in {wallet.currency}, not {currency}")


def _acceptable(ctx: Context, command: TakeStatement) -> None:
    wallet = command.wallet
    known_wallet(ctx, wallet, command.currency)
    day_of(ctx, wallet, command.day)
    if not 1 <= command.page <= MAX_PAGES:
        raise wrong(wallet, f"page {command.page} is not one of 1 to {MAX_PAGES}")
    seen: dict[str, int] = {}
    for place, line in enumerate(command.lines, 1):
        what = _line_wrong(line)
        if what:
            raise wrong(wallet, f"line {place}: {what}")
        if line.receipt in seen:
            what = f"receipt {line.receipt} stands on line {seen[line.receipt]}, too"
            raise wrong(wallet, f"line {place}: {what}")
        seen[line.receipt] = place


def _line_wrong(line: StatementLine) -> str:
    if not 0 < len(line.receipt) <= _MAX_RECEIPT:
        return f"a receipt has 1 to {_MAX_RECEIPT} characters"
    if not line.amount or abs(line.amount) > _MAX_AMOUNT:
        return f"{line.amount} is no amount of money"
    if line.amount < 0 and not line.original:
        return "a reversal names what it gave back"
    return "" if line.fee >= 0 else f"{line.fee} is no fee"


def _statement(ctx: Context, command: TakeStatement) -> WalletStatement:
    found = ctx.stage.get(WalletStatement, (command.wallet, command.day))
    if found is not None:
        return found
    new = WalletStatement(
        id=ctx.new_id("wallet_statement"),
        company=ctx.terms.code,
        wallet=command.wallet,
        day=command.day,
        currency=command.currency,
        pages="[]",
        last_page=0,
        source=command.source,
        checked="no",
        taken_at=ctx.now_us,
    )
    ctx.stage.add("wallet_statement", **asdict(new))
    ctx.stage.put((new.wallet, new.day), new)
    return new


def _compared(
    ctx: Context, statement: WalletStatement, command: TakeStatement, place: int,
    line: StatementLine,
) -> tuple[StatementRow, bool]:  # fmt: skip
    """The line as it is kept now, and whether that is news."""
    payment = _ours(ctx, command.wallet, line)
    refund = ctx.stage.linked("wallet-refund-of", payment.id) if payment else None
    found = compare(line, payment, refund)
    id_ = ctx.stage.linked("statement-line", (statement.id, line.receipt))
    before = ctx.stage.need(StatementRow, id_) if id_ else None
    row = _row(ctx, statement, command, place, line, found)
    if before is not None:
        row = replace(row, id=before.id)
        if _same(row, before) and before.page == row.page:
            row = replace(row, compared_at=before.compared_at)
    else:
        row = replace(row, id=ctx.new_id("wallet_statement_line"))
        ctx.stage.add("wallet_statement_line", **asdict(row))
    keep_row(ctx, row)
    news = before is None or not _same(row, before)
    if found.missing or still_to_prove(payment, line, command.operator):
        _have_booked(ctx, command, line, payment, refund)
    if found.outcome == AMOUNT_DIFFERS and news:
        _tell_people(ctx, command, line, payment, found)
    return row, news


def _row(
    ctx: Context, statement: WalletStatement, command: TakeStatement, place: int,
    line: StatementLine, found: Compared,
) -> StatementRow:  # fmt: skip
    return StatementRow(
        id=0,
        company=ctx.terms.code,
        statement_id=statement.id,
        page=command.page,
        line=place,
        receipt=line.receipt,
        original=line.original,
        reference=line.reference,
        typed=line.typed,
        payer=line.payer,
        amount=line.amount,
        fee=line.fee,
        at=line.at,
        compared_at=ctx.now_us,
        **asdict(found),
    )


_WHERE = ("id", "page", "line", "compared_at")


def _same(one: StatementRow, other: StatementRow) -> bool:
    """Whether a line says what it said, and what we have of it is as it was."""
    names = [name for name in one.__struct_fields__ if name not in _WHERE]
    return all(getattr(one, name) == getattr(other, name) for name in names)


def keep_row(ctx: Context, row: StatementRow) -> None:
    """A new or changed line, found from now on by its receipt and by its page."""
    stage = ctx.stage
    stage.put(row.id, row)
    stage.link("statement-line", (row.statement_id, row.receipt), row.id)
    at = (row.statement_id, row.page)
    known = stage.linked("statement-page", at) or ()
    if row.id not in known:
        stage.link("statement-page", at, (*known, row.id))


def _ours(ctx: Context, wallet: str, line: StatementLine) -> WalletPayment | None:
    """The payment that a line is about, as this batch knows it."""
    stage = ctx.stage
    if line.amount < 0:
        return _known(ctx, wallet, line.original)
    found = _known(ctx, wallet, line.receipt)
    if found is None and line.reference:
        found = rows.by_reference(stage, wallet, line.reference)
        found = found or stage.linked("ours-by-reference", (wallet, line.reference))
        if found is not None and found.receipt not in ("", line.receipt):
            return None  # the same collection was paid once more
    return found


def _known(ctx: Context, wallet: str, receipt: str) -> WalletPayment | None:
    locked = rows.by_receipt(ctx.stage, wallet, receipt)
    found: WalletPayment | None = locked or ctx.stage.linked("ours-by-receipt", (wallet, receipt))
    return found


def _have_booked(
    ctx: Context, command: TakeStatement, line: StatementLine,
    payment: WalletPayment | None, refund: WalletRefund | None,
) -> None:  # fmt: skip
    """By its own message: a page of lines that we missed needs no lock of anybody's account."""
    message: ReceivePayIn | ReportCollection | ReportReversal
    proof: Proof = FILE if command.operator else "statement"
    if line.amount < 0:
        ours = refund.id if refund is not None and refund.state != "failed" else 0
        message = ReportReversal(
            wallet=command.wallet, receipt=line.original, state="reversed", refund=ours,
            reversal_receipt=line.receipt, amount=-line.amount, currency=command.currency,
            proof="statement",
        )  # fmt: skip
    elif payment is not None and payment.kind == COLLECTION:
        message = ReportCollection(
            wallet=command.wallet, reference=payment.reference, state="paid", proof=proof,
            receipt=line.receipt, amount=line.amount, currency=command.currency,
            payer=line.payer, payer_form=line.payer_form, at=line.at, fee=line.fee,
            brought_by=command.operator,
        )  # fmt: skip
    else:
        message = ReceivePayIn(
            wallet=command.wallet, receipt=line.receipt, amount=line.amount,
            currency=command.currency, proof=proof, typed=line.typed, payer=line.payer,
            payer_form=line.payer_form, at=line.at, fee=line.fee,
            brought_by=command.operator,
        )  # fmt: skip
    ctx.stage.emit(message, key=key_of(ctx, command.wallet, line.original or line.receipt))


def key_of(ctx: Context, wallet: str, receipt: str) -> str:
    """The partition key of what is about a receipt: a payment before its reversal."""
    return f"{ctx.terms.code}/wallet/{wallet}/{receipt}"


def _tell_people(
    ctx: Context, command: TakeStatement, line: StatementLine,
    payment: WalletPayment | None, found: Compared,
) -> None:  # fmt: skip
    detail = f"statement of {command.day}: {line.amount}; ours: {found.ours}. {found.detail}"
    about = abs(line.amount - found.ours)
    if payment is not None:
        kind = cases.STATEMENT_DIFFERS if line.amount > 0 else cases.REVERSAL_DIFFERS
        cases.about_payment(ctx, payment, kind, detail, amount=about)


def _withdrawn(ctx: Context, statement: WalletStatement, page: int, named: set[str]) -> int:
    """Lines of this page that its newer version has no more. What was booked by one is a case."""
    count = 0
    for id_ in ctx.stage.linked("statement-page", (statement.id, page)) or ():
        row = ctx.stage.need(StatementRow, id_)
        if row.page != page or row.receipt in named or row.outcome == WITHDRAWN:
            continue
        count += 1
        after = replace(row, outcome=WITHDRAWN, compared_at=ctx.now_us)
        ctx.stage.put(row.id, after)
        if row.outcome == THEIRS_ONLY:
            what = f"line {row.line} of page {page} by which it was booked is there no more"
            kind = cases.STATEMENT_WITHDRAWN
            cases.about_wallet(ctx, statement.wallet, kind, what, abs(row.amount), row.receipt)
    return count


def _arrived(ctx: Context, statement: WalletStatement, command: TakeStatement) -> bool:
    """The page is there; when all are, what is ours only is looked for. Whether they are."""
    pages = {*msgspec.json.decode(statement.pages, type=list[int]), command.page}
    last = command.page if command.last else statement.last_page
    if last and max(pages) > last:
        what = f"page {last} is the last, and page {max(pages)} came before: send it empty"
        raise wrong(command.wallet, what)
    whole = bool(last) and len(pages) == last
    after = replace(
        statement,
        pages=msgspec.json.encode(sorted(pages)).decode(),
        last_page=last,
        checked="no",
    )
    ctx.stage.put((statement.wallet, statement.day), after)
    if whole:
        key = f"{ctx.terms.code}/wallet/{command.wallet}"
        ctx.stage.emit(CheckStatement(wallet=command.wallet, day=command.day), key=key)
    return whole


def decide_check(ctx: Context, command: CheckStatement) -> Answer:
    """The day is whole: payments of ours that no line names, a batch at a time."""
    statement = ctx.stage.get(WalletStatement, (command.wallet, command.day))
    if statement is None:
        raise wrong(command.wallet, f"there is no statement of {command.day}")
    found: tuple[WalletPayment, ...] = (
        ctx.stage.linked("ours-unnamed", (command.wallet, command.day)) or ()
    )
    for payment in found:
        _ours_only(ctx, statement, payment)
    if len(found) == CHECKED_AT_ONCE:
        key = f"{ctx.terms.code}/wallet/{command.wallet}"
        ctx.stage.emit(command, key=key)
    else:
        at = (statement.wallet, statement.day)
        ctx.stage.put(at, replace(statement, checked="yes"))
    data = {"wallet": command.wallet, "day": command.day, OURS_ONLY: len(found)}
    return Answer(outcome=Outcome.DONE, data=data)


def _ours_only(ctx: Context, statement: WalletStatement, payment: WalletPayment) -> None:
    id_ = ctx.stage.linked("statement-line", (statement.id, payment.receipt))
    if id_ and ctx.stage.need(StatementRow, id_).outcome != WITHDRAWN:
        return
    row = StatementRow(
        id=id_ or ctx.new_id("wallet_statement_line"),
        company=ctx.terms.code,
        statement_id=statement.id,
        page=0,
        line=0,
        receipt=payment.receipt,
        original="",
        reference=payment.reference,
        typed=payment.typed,
        payer=payment.payer,
        amount=0,
        fee=0,
        at=payment.provider_at or payment.paid_at,
        outcome=OURS_ONLY,
        payment_id=payment.id,
        ours=payment.paid,
        detail=f"{payment.number} by {payment.proof}",
        compared_at=ctx.now_us,
    )
    if not id_:  # else the line that named it was withdrawn
        ctx.stage.add("wallet_statement_line", **asdict(row))
    keep_row(ctx, row)
