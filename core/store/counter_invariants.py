"""What must always be true of desks: (name, sentence, SQL that finds what is not).

The same form as ``core.store.invariants``, which runs them with its own.
"""

from typing import Final

_CASH = "(s.opening + s.cash + s.paid_in - s.paid_out - s.dropped - s.voided)"

COUNTER_INVARIANTS: Final[tuple[tuple[str, str, str], ...]] = (
    (
        "till-is-postings",
        "What a desk's till and safe hold is the sum of their postings, and never below nothing.",
        "SELECT 'desk ' || company || ' ' || ledger, 'holds ' || sum(doc) || ', postings ' || "
        "sum(post) FROM (SELECT company, 'till:' || code AS ledger, till AS doc, 0 AS post "
        "FROM cash_desk UNION ALL SELECT company, 'safe:' || code, safe, 0 FROM cash_desk "
        "UNION ALL SELECT t.company, p.ledger, 0, p.amount FROM posting p "
        "JOIN ledger_txn t ON t.id = p.txn_id WHERE p.ledger LIKE 'till:%' "
        "OR p.ledger LIKE 'safe:%') u GROUP BY company, ledger "
        "HAVING sum(doc) <> sum(post) OR sum(doc) < 0",
    ),
    (
        "till-equation",
        "A till holds its float and what came in, less what went out; nothing without a shift.",
        f"SELECT 'desk ' || d.code, 'till ' || d.till || ', shift ' || COALESCE({_CASH}, 0) "
        "FROM cash_desk d LEFT JOIN till_shift s ON s.id = d.shift_id "
        f"WHERE d.till <> COALESCE({_CASH}, 0)",
    ),
    (
        "shift-documents",
        "What a shift counts of each kind is what its receipts and its moves of cash say.",
        "SELECT 'shift ' || shift || ' ' || kind, 'counts ' || sum(says) || ', documents ' || "
        "sum(doc) FROM (SELECT id AS shift, 'cash' AS kind, cash AS says, 0 AS doc "
        "FROM till_shift UNION ALL SELECT id, 'voided', voided, 0 FROM till_shift UNION ALL "
        "SELECT id, 'paid-in', paid_in, 0 FROM till_shift UNION ALL "
        "SELECT id, 'paid-out', -paid_out, 0 FROM till_shift UNION ALL "
        "SELECT id, 'drop', -dropped, 0 FROM till_shift UNION ALL "
        "SELECT id, 'float', opening, 0 FROM till_shift WHERE source <> 'handover' UNION ALL "
        "SELECT id, 'over-short', variance, 0 FROM till_shift UNION ALL "
        "SELECT id, 'emptied', -counted, 0 FROM till_shift WHERE state = 'closed' UNION ALL "
        "SELECT shift_id, kind, 0, amount FROM till_move WHERE kind <> 'hand-in' UNION ALL "
        "SELECT r.shift_id, 'cash', 0, y.amount FROM counter_receipt r JOIN payment y "
        "ON y.counter_receipt_id = r.id AND y.way = 'cash' UNION ALL "
        "SELECT r.shift_id, 'voided', 0, y.amount FROM counter_receipt r JOIN payment y "
        "ON y.counter_receipt_id = r.id AND y.way = 'cash' WHERE r.state = 'void'"
        ") u GROUP BY shift, kind HAVING sum(says) <> sum(doc)",
    ),
    (
        "move-posted",
        "Cash that moved without a receipt is what its transaction posts on the till, or of a "
        "hand-in on the safe.",
        "SELECT 'move ' || m.id || ' ' || m.kind, 'document ' || m.amount || ', posted ' || "
        "COALESCE(p.amount, 0) FROM till_move m JOIN cash_desk d ON d.id = m.desk_id "
        "LEFT JOIN posting p ON p.txn_id = m.txn_id AND p.ledger = "
        "CASE WHEN m.kind = 'hand-in' THEN 'safe:' ELSE 'till:' END || d.code "
        "WHERE m.amount <> COALESCE(p.amount, 0)",
    ),
    (
        "over-short",
        "What is over and short is what shifts were when they ended, and what banks counted "
        "otherwise.",
        "SELECT 'company ' || company, 'documents ' || sum(doc) || ', postings ' || sum(post) "
        "FROM (SELECT company, -variance AS doc, 0 AS post FROM till_shift UNION ALL "
        "SELECT company, amount - credited, 0 FROM deposit_slip WHERE state = 'cleared' UNION ALL "
        "SELECT t.company, 0, p.amount FROM posting p JOIN ledger_txn t ON t.id = p.txn_id "
        "WHERE p.ledger = 'over-short') u GROUP BY company HAVING sum(doc) <> sum(post)",
    ),
    (
        "shift-ended",
        "A shift that has ended was counted, has a Z report, and its variance is what was counted "
        "less what was expected; one that has not ended has none.",
        "SELECT 'shift ' || s.id, s.state || ', Z ' || s.z_number || ', counted ' || s.counted || "
        "', variance ' || s.variance FROM till_shift s WHERE "
        "CASE WHEN s.state IN ('closed', 'handed-over') THEN CASE WHEN s.z_number > 0 "
        f"AND s.report <> '' AND s.variance = s.counted - {_CASH} THEN 0 ELSE 1 END "
        "ELSE CASE WHEN s.z_number = 0 AND s.variance = 0 THEN 0 ELSE 1 END END = 1",
    ),
    (
        "shift-live",
        "A desk names its one live shift, and no other shift is live there.",
        "SELECT 'desk ' || d.code, 'names shift ' || d.shift_id || ', live ' || "
        "COALESCE(s.id, 0) FROM cash_desk d LEFT JOIN till_shift s ON s.desk_id = d.id "
        "AND s.state IN ('open', 'counted', 'handing') WHERE COALESCE(s.id, 0) <> d.shift_id",
    ),
    (
        "cashier-once",
        "A cashier has one live shift at most.",
        "SELECT 'cashier ' || cashier, count(*) || ' live shifts' FROM till_shift "
        "WHERE state IN ('open', 'counted', 'handing') GROUP BY company, cashier "
        "HAVING count(*) > 1",
    ),
    (
        "z-numbers",
        "The Z reports of a desk are numbered without gaps.",
        "SELECT 'desk ' || d.code, 'last Z ' || d.z_number || ', reports ' || count(s.id) || "
        "', highest ' || COALESCE(max(s.z_number), 0) FROM cash_desk d "
        "LEFT JOIN till_shift s ON s.desk_id = d.id AND s.z_number > 0 "
        "GROUP BY d.id, d.code, d.z_number HAVING count(DISTINCT s.z_number) <> d.z_number "
        "OR count(s.id) <> d.z_number OR COALESCE(max(s.z_number), 0) <> d.z_number",
    ),
    (
        "slip-numbers",
        "The deposit slips of a desk are numbered without gaps.",
        "SELECT 'desk ' || d.code, 'last slip ' || d.slip_number || ', slips ' || count(s.id) "
        "FROM cash_desk d LEFT JOIN deposit_slip s ON s.desk_id = d.id "
        "GROUP BY d.id, d.code, d.slip_number HAVING count(DISTINCT s.number) <> d.slip_number "
        "OR count(s.id) <> d.slip_number OR COALESCE(max(s.number), 0) <> d.slip_number",
    ),
    (
        "cash-in-transit",
        "What is on its way to banks is the slips that they have not credited.",
        "SELECT 'company ' || company, 'slips ' || sum(doc) || ', postings ' || sum(post) FROM ("
        "SELECT company, amount AS doc, 0 AS post FROM deposit_slip WHERE state = 'made' "
        "UNION ALL SELECT t.company, 0, p.amount FROM posting p "
        "JOIN ledger_txn t ON t.id = p.txn_id WHERE p.ledger = 'cash-in-transit'"
        ") u GROUP BY company HAVING sum(doc) <> sum(post)",
    ),
    (
        "series-without-gaps",
        "Of a series exactly the numbers before the next one are used, each once, by one document.",
        "SELECT 'series ' || s.id || ' ' || s.prefix, 'next ' || s.next || ', used ' || "
        "count(u.seq) FROM receipt_series s LEFT JOIN ("
        "SELECT series_id, seq FROM counter_receipt UNION ALL "
        "SELECT series_id, seq FROM credit_note) u ON u.series_id = s.id "
        "GROUP BY s.id, s.prefix, s.first, s.last, s.next "
        "HAVING count(u.seq) <> s.next - s.first OR count(DISTINCT u.seq) <> s.next - s.first "
        "OR COALESCE(min(u.seq), s.first) <> s.first "
        "OR COALESCE(max(u.seq), s.next - 1) <> s.next - 1 OR s.next > s.last + 1",
    ),
    (
        "receipt-sum",
        "A receipt is the payments behind it and what the account's own credit paid.",
        "SELECT 'receipt ' || r.number, 'amount ' || r.amount || ', payments ' || "
        "COALESCE(sum(y.amount), 0) || ', balance ' || r.balance FROM counter_receipt r "
        "LEFT JOIN payment y ON y.counter_receipt_id = r.id "
        "GROUP BY r.id, r.number, r.amount, r.balance "
        "HAVING r.amount <> COALESCE(sum(y.amount), 0) + r.balance",
    ),
    (
        "receipt-void",
        "Of a receipt that is void no payment stands.",
        "SELECT 'receipt ' || r.number, 'payment ' || y.number || ' is ' || y.state "
        "FROM counter_receipt r JOIN payment y ON y.counter_receipt_id = r.id "
        "WHERE r.state = 'void' AND y.state <> 'reversed'",
    ),
)
