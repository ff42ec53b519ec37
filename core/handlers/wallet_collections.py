"""Commands of money that we ask payers for: ask, and what became of it."""

from core.handlers.base import Handler
from core.messages import RequestCollection
from core.vending.sale_rows import MAX_RECIPIENTS
from core.wallets.collections import request, wanted
from core.wallets.rows import ROW_IDS

HANDLERS = (
    Handler(
        "wallets.request-collection",
        RequestCollection,
        wanted,
        request,
        {**ROW_IDS, "confirmation": 1, "notice": MAX_RECIPIENTS},
    ),
)
