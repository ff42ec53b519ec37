"""Commands that prove money by wallet: providers' statements, and what they paid out."""

from core.handlers.base import Context, Handler
from core.messages import (
    Answer,
    CheckStatement,
    MarkSettled,
    ReportReversal,
    SettleWallet,
    TakeStatement,
)
from core.messages.wallets import MAX_LINES
from core.refusals import refuse
from core.vending.act_checks import operator_of
from core.vending.act_kinds import Role
from core.wallets.book_wants import (
    wants_of_check,
    wants_of_mark,
    wants_of_reversal,
    wants_of_settle,
    wants_of_statement,
)
from core.wallets.refunds import REFUND_IDS
from core.wallets.reversals import decide_reversal
from core.wallets.settling import decide_mark, decide_settle
from core.wallets.statements import CHECKED_AT_ONCE, decide_check, decide_statement


def decide_page(ctx: Context, command: TakeStatement) -> Answer:
    """A page by its provider's channel, or by an operator who may say what was collected, or agree
    to what another said."""
    _vouched(ctx, command.operator, "statement", (Role.COLLECTOR, Role.COLLECTION_APPROVER))
    return decide_statement(ctx, command)


def decide_payout(ctx: Context, command: SettleWallet) -> Answer:
    """A payout by the bank's channel, or by such an operator."""
    _vouched(ctx, command.operator, "settle", (Role.COLLECTOR,))
    return decide_settle(ctx, command)


def _vouched(ctx: Context, name: str, what: str, roles: tuple[Role, ...]) -> None:
    if name and operator_of(ctx.terms, name).roles.isdisjoint(roles):
        raise refuse("act-no-role", operator=name, kind=what, role=roles[0])


HANDLERS = (
    Handler(
        "wallets.take-statement",
        TakeStatement,
        wants_of_statement,
        decide_page,
        # each line may be a case, and so may each that a newer page has no more
        {
            "wallet_statement": 1,
            "wallet_statement_line": MAX_LINES,
            "wallet_case": 2 * MAX_LINES,
        },
    ),
    Handler(
        "wallets.check-statement",
        CheckStatement,
        wants_of_check,
        decide_check,
        {"wallet_statement_line": CHECKED_AT_ONCE},
    ),
    Handler(
        "wallets.settle",
        SettleWallet,
        wants_of_settle,
        decide_payout,
        {"wallet_settlement": 1, "ledger_txn": 1, "wallet_case": 1},
    ),
    Handler(
        "wallets.report-reversal", ReportReversal, wants_of_reversal, decide_reversal, REFUND_IDS
    ),
    Handler("wallets.mark-settled", MarkSettled, wants_of_mark, decide_mark, {}),
)
