"""Commands that prove money by wallet: providers' statements, and what they paid out."""

from core.handlers.base import Handler
from core.messages import CheckStatement, MarkSettled, SettleWallet, TakeStatement
from core.messages.wallets import MAX_LINES
from core.wallets.book_wants import (
    wants_of_check,
    wants_of_mark,
    wants_of_settle,
    wants_of_statement,
)
from core.wallets.settling import decide_mark, decide_settle
from core.wallets.statements import CHECKED_AT_ONCE, decide_check, decide_statement

HANDLERS = (
    Handler(
        "wallets.take-statement",
        TakeStatement,
        wants_of_statement,
        decide_statement,
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
        decide_settle,
        {"wallet_settlement": 1, "ledger_txn": 1, "wallet_case": 1},
    ),
    Handler("wallets.mark-settled", MarkSettled, wants_of_mark, decide_mark, {}),
)
