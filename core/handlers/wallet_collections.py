"""Commands of money that we ask payers for: ask, and what became of it."""

from core.book import Wants
from core.handlers.base import Handler
from core.handlers.pay_ins import APPLY_IDS
from core.messages import ReportCollection, RequestCollection
from core.vending.sale_rows import MAX_RECIPIENTS
from core.wallets.cases import CASE_IDS
from core.wallets.collections import request, wanted
from core.wallets.reports import report
from core.wallets.rows import BY_RECEIPT, BY_REFERENCE, ROW_IDS


def _wants_report(command: ReportCollection) -> Wants:
    """The collection with all that its purpose needs, and whatever has the receipt already."""
    keys = [(BY_REFERENCE, command.wallet, command.reference)]
    if command.receipt:
        keys.append((BY_RECEIPT, command.wallet, command.receipt))
    return Wants(wallets=tuple(keys), deposits=(command.receipt,) if command.receipt else ())


HANDLERS = (
    Handler(
        "wallets.request-collection",
        RequestCollection,
        wanted,
        request,
        {**ROW_IDS, "confirmation": 1, "notice": MAX_RECIPIENTS},
    ),
    Handler(
        "wallets.report-collection",
        ReportCollection,
        _wants_report,
        report,
        # who waits may hear that it came late, beside what it bought
        {**APPLY_IDS, **ROW_IDS, **CASE_IDS, "notice": APPLY_IDS["notice"] + MAX_RECIPIENTS},
    ),
)
