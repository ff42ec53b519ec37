"""What must always be true of money by wallet: (name, sentence, SQL that finds what is not).

The same form as ``core.store.invariants``, which runs them with its own.
"""

from typing import Final

from core.store.tables.held import RUNNING, SUSPENDED

HELD_INVARIANTS: Final[tuple[tuple[str, str, str], ...]] = (
    (
        "held-is-suspense",
        "What is held of payments by wallet is what is on suspense:wallet, in each currency.",
        "SELECT company || ' ' || currency, 'held ' || sum(held) || ', posted ' || sum(posted) "
        f"FROM (SELECT company, currency, CASE WHEN {SUSPENDED} THEN rest ELSE 0 END AS held, "
        "0 AS posted FROM held_money UNION ALL "
        "SELECT t.company, t.currency, 0, -p.amount FROM posting p "
        "JOIN ledger_txn t ON t.id = p.txn_id WHERE p.ledger = 'suspense:wallet') u "
        "GROUP BY company, currency HAVING sum(held) <> sum(posted)",
    ),
    (
        "held-has-owner",
        "Nobody's money rests without an owner, an age and a deadline, and what has ended rests no "
        "more.",
        "SELECT 'held ' || id, state || ', rest ' || rest || ', owner ' || owner || ', deadline ' "
        "|| deadline FROM held_money WHERE rest < 0 OR rest > amount "
        f"OR (({SUSPENDED} OR {RUNNING}) AND (rest = 0 OR owner = '' OR since = 0 "
        "OR deadline <= since OR ended_at <> 0)) "
        "OR (state IN ('released', 'refunded', 'used', 'credited') "
        "AND (rest <> 0 OR ended_at = 0))",
    ),
    (
        "held-of-payment",
        "What is held is of a payment by wallet with that receipt, and no more than was paid; of a "
        "payment one row at most rests in suspense.",
        "SELECT 'held ' || h.id, 'payment ' || h.payment_id || ' ' || COALESCE(p.receipt, 'none') "
        "FROM held_money h LEFT JOIN wallet_payment p ON p.id = h.payment_id "
        "AND p.company = h.company AND p.wallet = h.wallet WHERE p.id IS NULL "
        "OR p.receipt <> h.receipt OR h.amount > p.paid "
        "UNION ALL SELECT 'payment ' || payment_id, count(*) || ' rows rest' FROM held_money "
        f"WHERE {SUSPENDED} GROUP BY payment_id HAVING count(*) > 1",
    ),
    (
        "wallet-money-once",
        "What came of payments by wallet was posted on their provider's ledger once: to accounts, "
        "to a float, or to suspense; what left suspense was booked again.",
        "SELECT company || ' ' || wallet, 'paid ' || sum(paid) || ', posted ' || sum(posted) FROM ("
        "SELECT company, wallet, paid, 0 AS posted FROM wallet_payment "
        "WHERE applied_at <> 0 UNION ALL "
        "SELECT t.company, substr(p.ledger, 8), 0, p.amount FROM posting p "
        "JOIN ledger_txn t ON t.id = p.txn_id WHERE p.ledger LIKE 'wallet:%' "
        "AND t.kind IN ('payment', 'wallet-held', 'wallet-released', 'agent-topup')) u "
        "GROUP BY company, wallet HAVING sum(paid) <> sum(posted)",
    ),
)
