"""What the proof of money by wallet wants loaded: ``Wants.wallet_books``, (what, wallet, key)."""

from typing import Final

from core.book import Wants
from core.messages import (
    CheckStatement,
    MarkSettled,
    ReportReversal,
    RequestWalletAct,
    SettleWallet,
    TakeStatement,
)
from core.wallets.rows import BY_RECEIPT

#: The statement of a day, with all its lines of a page: (STATEMENT, wallet, "day/page").
STATEMENT: Final = "statement"
#: A payment as the books have it, not locked: by its receipt, by our reference.
AT_RECEIPT: Final = "at-receipt"
AT_REFERENCE: Final = "at-reference"
#: Payments of a day that no line names: (OURS, wallet, day).
OURS: Final = "ours"
#: A payout: (PAYOUT, wallet, the bank's reference), and what it should come to:
#: (EXPECTED, wallet, day).
PAYOUT: Final = "payout"
EXPECTED: Final = "expected"
#: Payments that a payout was for: (SETTLED, wallet, its id). Locked.
SETTLED: Final = "settled"
#: A payment with everything that gives its money back: (BACK, wallet, receipt) or
#: (BACK_OF, "", number). Locked.
BACK: Final = "back"
BACK_OF: Final = "back-of"
#: … or (BACK_HELD, "", the id of what is held of it).
BACK_HELD: Final = "back-held"
#: (CASE, "", its id), with its payment.
CASE: Final = "case"


def wants_of_statement(command: TakeStatement) -> Wants:
    """The statement, and what its lines name."""
    wallet = command.wallet
    books = [(STATEMENT, wallet, f"{command.day}/{command.page}")]
    for line in command.lines:
        books.append((AT_RECEIPT, wallet, line.receipt))
        if line.original:
            books.append((AT_RECEIPT, wallet, line.original))
        if line.reference:
            books.append((AT_REFERENCE, wallet, line.reference))
    return Wants(wallet_books=tuple(dict.fromkeys(books)))


def wants_of_check(command: CheckStatement) -> Wants:
    """The statement, and what of ours it has not."""
    day = str(command.day)
    return Wants(
        wallet_books=((STATEMENT, command.wallet, f"{day}/0"), (OURS, command.wallet, day))
    )


def wants_of_settle(command: SettleWallet) -> Wants:
    """The payout, if it is there already, and what it should come to."""
    return Wants(
        wallet_books=(
            (PAYOUT, command.wallet, command.reference),
            (EXPECTED, command.wallet, f"{command.until}/{command.currency}"),
        )
    )


def wants_of_mark(command: MarkSettled) -> Wants:
    """The next payments that it was for."""
    return Wants(wallet_books=((SETTLED, command.wallet, str(command.settlement)),))


def wants_of_reversal(command: ReportReversal) -> Wants:
    """The payment with everything that it was booked to."""
    return Wants(
        wallets=((BY_RECEIPT, command.wallet, command.receipt),),
        wallet_books=((BACK, command.wallet, command.receipt),),
    )


def wants_of_act(command: RequestWalletAct) -> Wants:
    """The payment with its money, whose it shall be, the case: when it is asked for, and when it is
    decided about."""
    books = [(BACK_OF, "", command.payment)] if command.payment else []
    if command.case:
        books.append((CASE, "", str(command.case)))
    return Wants(
        wallet_books=tuple(books),
        meters=(command.meter,) if command.meter else (),
        accounts=(command.account,) if command.account else (),
        owing=(command.account,) if command.account else (),
        agents=(command.agent,) if command.agent else (),
        phones=(command.to,) if command.to else (),
    )
