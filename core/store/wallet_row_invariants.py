"""What must always be true of the rows of payments by wallet: (name, sentence, SQL that finds what
is not). The same form as ``core.store.invariants``, which runs them with its own.
"""

from typing import Final

#: Surely no money yet, or none for sure.
_WITHOUT: Final = "('created', 'sent', 'pending', 'unknown', 'failed')"

WALLET_ROW_INVARIANTS: Final[tuple[tuple[str, str, str], ...]] = (
    (
        "wallet-row-money",
        "A payment by wallet has money and a receipt once it was paid, and neither before; paid "
        "and not yet booked is never to be seen.",
        "SELECT 'payment ' || number, state || ', paid ' || paid || ', receipt ' || receipt "
        "FROM wallet_payment WHERE state = 'paid' OR paid < 0 OR (paid = 0) <> (receipt = '') "
        f"OR (state IN {_WITHOUT} AND paid <> 0) "
        f"OR (state NOT IN {_WITHOUT} AND paid = 0 AND outcome <> 'as-pay-in')",
    ),
    (
        "wallet-row-asked",
        "A collection that brought something else than was asked for has a case.",
        "SELECT 'payment ' || p.number, 'asked ' || p.asked || ', paid ' || p.paid "
        "FROM wallet_payment p LEFT JOIN wallet_case c ON c.payment_id = p.id "
        "WHERE p.kind = 'collection' AND p.paid <> 0 AND c.id IS NULL "
        "AND (p.paid <> p.asked OR p.paid_currency <> '')",
    ),
    (
        "wallet-row-booked",
        "What was sold for a payment by wallet, or received of it, is there.",
        "SELECT 'payment ' || w.number, w.outcome || ', sale ' || w.sale_id || ', payment ' || "
        "w.payment_id FROM wallet_payment w LEFT JOIN sale s ON s.id = w.sale_id "
        "LEFT JOIN payment p ON p.id = w.payment_id AND p.way = 'wallet' AND p.desk = w.wallet "
        "WHERE (w.outcome IN ('sold', 'ordered') AND s.id IS NULL) "
        "OR (w.outcome IN ('sold', 'ordered', 'paid') AND p.id IS NULL)",
    ),
)
