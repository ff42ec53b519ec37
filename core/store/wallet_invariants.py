"""What must always be true of the proof of money by wallet: (name, sentence, SQL that finds what is
not). The same form as ``core.store.invariants``, which runs them with its own.
"""

from typing import Final

WALLET_INVARIANTS: Final[tuple[tuple[str, str, str], ...]] = (
    (
        "wallet-float",
        "Our money with a provider is what came of payments, less what he paid out and kept, less "
        "what went back.",
        "SELECT company || ' ' || wallet || ' ' || currency, 'documents ' || sum(doc) || "
        "', postings ' || sum(post) FROM ("
        "SELECT company, wallet, CASE WHEN paid_currency = '' THEN currency ELSE paid_currency "
        "END AS currency, paid AS doc, 0 AS post FROM wallet_payment WHERE applied_at <> 0 "
        "OR state IN ('disputed', 'refunded') UNION ALL "
        "SELECT company, wallet, currency, -amount - fee, 0 FROM wallet_settlement UNION ALL "
        "SELECT company, wallet, currency, -amount, 0 FROM wallet_refund "
        "WHERE state = 'reversed' UNION ALL "
        "SELECT t.company, substr(p.ledger, 8), t.currency, 0, p.amount FROM posting p "
        "JOIN ledger_txn t ON t.id = p.txn_id WHERE p.ledger LIKE 'wallet:%'"
        ") u GROUP BY company, wallet, currency HAVING sum(doc) <> sum(post)",
    ),
    (
        "refund-once",
        "What went back of a payment is the payment, once; a payment that went back says so, and "
        "no other does.",
        "SELECT 'payment ' || w.number, w.state || ', paid ' || w.paid || ', back ' || "
        "COALESCE(x.amount, 0) FROM wallet_payment w LEFT JOIN (SELECT payment_id, "
        "sum(amount) AS amount FROM wallet_refund WHERE state = 'reversed' GROUP BY payment_id) x "
        "ON x.payment_id = w.id WHERE (w.state = 'refunded' AND COALESCE(x.amount, 0) <> w.paid) "
        "OR (w.state <> 'refunded' AND COALESCE(x.amount, 0) <> 0) UNION ALL "
        "SELECT 'payment ' || payment_id, count(*) || ' refunds stand' FROM wallet_refund "
        "WHERE state <> 'failed' GROUP BY payment_id HAVING count(*) > 1",
    ),
    (
        "refund-held",
        "What is on its way back is held for that as a whole, and nothing else is.",
        "SELECT 'refund ' || r.id, r.state || ', held ' || COALESCE(h.rest, 0) "
        "FROM wallet_refund r LEFT JOIN held_money h ON h.payment_id = r.payment_id "
        "AND h.state = 'refunding' WHERE r.state IN ('asked', 'unknown') "
        "AND COALESCE(h.rest, 0) <> r.amount UNION ALL "
        "SELECT 'held ' || h.id, 'refunding without a refund' FROM held_money h "
        "LEFT JOIN wallet_refund r ON r.payment_id = h.payment_id "
        "AND r.state IN ('asked', 'unknown') WHERE h.state = 'refunding' AND r.id IS NULL",
    ),
    (
        "disputed-case",
        "Every payment in dispute has a case that somebody must close.",
        "SELECT 'payment ' || w.number, 'disputed, no case' FROM wallet_payment w "
        "LEFT JOIN wallet_case c ON c.payment_id = w.id AND c.state = 'open' "
        "WHERE w.state = 'disputed' AND c.id IS NULL",
    ),
    (
        "settled-by-payout",
        "A payment that is settled was made before the last day of a payout, told of then, ended.",
        "SELECT 'payment ' || w.number, w.state || ' at ' || w.settled_at FROM wallet_payment w "
        "WHERE (w.state = 'settled' AND w.settled_at = 0) OR (w.settled_at <> 0 AND NOT EXISTS "
        "(SELECT 1 FROM wallet_settlement s WHERE s.company = w.company AND s.wallet = w.wallet "
        "AND s.at = w.settled_at AND s.until_us > CASE WHEN w.provider_at = 0 THEN w.paid_at "
        "ELSE w.provider_at END))",
    ),
    (
        "statement-match",
        "A line that matches names a payment of ours with its amount.",
        "SELECT 'line ' || l.receipt, 'says ' || l.amount || ', ours ' || COALESCE(w.paid, 0) "
        "FROM wallet_statement_line l LEFT JOIN wallet_payment w ON w.id = l.payment_id "
        "WHERE l.outcome = 'match' AND (w.id IS NULL OR abs(l.amount) <> w.paid "
        "OR (l.amount < 0 AND w.state <> 'refunded'))",
    ),
)
