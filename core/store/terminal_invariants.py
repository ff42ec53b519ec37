"""What must always be true of terminals' items: (name, sentence, SQL that finds what is not).

The same form as ``core.store.invariants``, which runs them with its own.
"""

from typing import Final

_SOLD: Final = "('booked', 'kept', 'undone', 'reversed')"
#: Sales that operators have cancelled: their tokens are void.
_CANCELLED: Final = (
    "s.id IN (SELECT k.cause_id FROM token_act a JOIN token_void v ON v.act_id = a.id "
    "JOIN token k ON k.id = v.token_id WHERE a.kind = 'cancel-sale' AND a.state = 'done' "
    "AND k.cause = 'sale')"
)
#: What counts in a batch, with its sign: core.terminals.item_states.COUNTS.
_SUMS = (
    f"SELECT batch_id, sum(CASE WHEN state IN {_SOLD} THEN 1 ELSE 0 END) "
    f"AS debits, sum(CASE WHEN state IN {_SOLD} THEN amount ELSE 0 END) "
    "AS debit_amount, sum(CASE WHEN state = 'reversed' THEN 1 ELSE 0 END) AS reversals, "
    "sum(CASE WHEN state = 'reversed' THEN amount ELSE 0 END) AS reversal_amount "
    "FROM terminal_item WHERE late = 0 AND batch_id <> 0 GROUP BY batch_id"
)
_KEPT = "('kept-token', 'kept-payment')"

TERMINAL_INVARIANTS: Final[tuple[tuple[str, str, str], ...]] = (
    (
        "item-is-booked",
        "An item that is booked, kept or taken back stands for a sale or payment of the same "
        "amount, currency and agent.",
        "SELECT 'item ' || i.slip, i.kind || ' ' || i.state || ' ' || i.amount || ' of ' || "
        "i.about FROM terminal_item i LEFT JOIN sale s ON i.kind = 'sale' AND s.id = i.about "
        "LEFT JOIN payment p ON i.kind = 'payment' AND p.id = i.about "
        "WHERE i.state NOT IN ('barred', 'refused') AND (i.kind NOT IN ('sale', 'payment') "
        "OR COALESCE(s.tender, p.amount, -1) <> i.amount "
        "OR COALESCE(s.currency, p.currency, '') <> i.currency "
        "OR COALESCE(s.agent_id, p.agent_id, 0) <> i.agent_id "
        "OR COALESCE(s.message_id, p.message_id, '') <> i.message_id)",
    ),
    (
        "item-state",
        "An item is as the sale or payment is that it stands for: a sale that waits is waited "
        "for, one that was taken back gave no token or is cancelled; a payment that was came back. "
        "What is booked was not taken back by operators, and what is undone was.",
        "SELECT 'item ' || i.slip, i.state || ', sale ' || s.state FROM terminal_item i "
        "JOIN sale s ON i.kind = 'sale' AND s.id = i.about WHERE s.state <> CASE i.state "
        "WHEN 'booked' THEN 'issued' WHEN 'kept' THEN 'issued' WHEN 'failed' THEN 'failed' "
        "WHEN 'undone' THEN 'issued' "
        "WHEN 'reversed' THEN 'failed' ELSE CASE WHEN s.state IN ('issuing', 'unknown') "
        "THEN s.state ELSE 'issuing' END END AND NOT (i.state = 'reversed' AND s.state = 'issued' "
        f"AND {_CANCELLED}) UNION ALL "
        "SELECT 'item ' || i.slip, i.state || ', cancelled or not' FROM terminal_item i "
        "JOIN sale s ON i.kind = 'sale' AND s.id = i.about WHERE s.state = 'issued' "
        f"AND ((i.state = 'booked' AND {_CANCELLED}) OR (i.state = 'undone' "
        f"AND NOT {_CANCELLED})) UNION ALL "
        "SELECT 'item ' || i.slip, i.state || ', payment ' || p.state FROM terminal_item i "
        "JOIN payment p ON i.kind = 'payment' AND p.id = i.about "
        "WHERE (i.state IN ('reversed', 'undone') AND p.state NOT IN ('reversed', 'dishonoured')) "
        "OR (i.state = 'booked' AND p.state IN ('reversed', 'dishonoured')) "
        f"OR i.state NOT IN {_SOLD}",
    ),
    (
        "item-nothing",
        "What was refused or barred stands for nothing.",
        "SELECT 'item ' || slip, state || ' ' || kind || ' ' || about FROM terminal_item "
        "WHERE (state IN ('refused', 'barred') AND (about <> 0 OR document <> '')) "
        "OR (state NOT IN ('refused', 'barred') AND about = 0) "
        "OR (state <> 'barred' AND batch_id = 0)",
    ),
    (
        "item-once",
        "No two items stand for one sale or payment, and a terminal's number of a day is one item.",
        "SELECT kind || ' ' || about, count(*) || ' items' FROM terminal_item WHERE about <> 0 "
        "GROUP BY kind, about HAVING count(*) > 1 UNION ALL "
        "SELECT 'terminal ' || terminal_id, day || ' ' || stan || ': ' || count(*) || ' items' "
        "FROM terminal_item GROUP BY terminal_id, day, stan HAVING count(*) > 1",
    ),
    (
        "batch-sums",
        "A closed batch's totals are the sums of the items that came before it was closed.",
        "SELECT 'batch ' || b.id, 'ours ' || b.our_debits || ' of ' || b.our_debit_amount || "
        "' less ' || b.our_reversals || ' of ' || b.our_reversal_amount || ', items ' || "
        "COALESCE(x.debits, 0) || ' of ' || COALESCE(x.debit_amount, 0) || ' less ' || "
        "COALESCE(x.reversals, 0) || ' of ' || COALESCE(x.reversal_amount, 0) "
        f"FROM terminal_batch b LEFT JOIN ({_SUMS}) x ON x.batch_id = b.id "
        "WHERE b.state = 'closed' AND (b.our_debits <> COALESCE(x.debits, 0) "
        "OR b.our_debit_amount <> COALESCE(x.debit_amount, 0) "
        "OR b.our_reversals <> COALESCE(x.reversals, 0) "
        "OR b.our_reversal_amount <> COALESCE(x.reversal_amount, 0))",
    ),
    (
        "batch-once",
        "A number of a terminal has one newest turn, and only that is not closed; an item is in a "
        "batch of its terminal.",
        "SELECT 'terminal ' || terminal_id || ' batch ' || number, sum(live) || ' newest, ' || "
        "sum(CASE WHEN state = 'closed' THEN 0 ELSE 1 END) || ' open' FROM terminal_batch "
        "GROUP BY terminal_id, number HAVING sum(live) <> 1 "
        "OR sum(CASE WHEN state <> 'closed' AND live = 0 THEN 1 ELSE 0 END) > 0 UNION ALL "
        "SELECT 'item ' || i.slip, 'batch ' || i.batch_id FROM terminal_item i "
        "LEFT JOIN terminal_batch b ON b.id = i.batch_id AND b.terminal_id = i.terminal_id "
        "AND b.number = i.batch WHERE i.batch_id <> 0 AND b.id IS NULL",
    ),
    (
        "kept-has-case",
        "Each item that was taken back and could not be has one case, and no other has one.",
        "SELECT 'item ' || i.slip, i.state || ', ' || count(c.id) || ' cases' "
        f"FROM terminal_item i LEFT JOIN terminal_case c ON c.item_id = i.id AND c.kind IN {_KEPT} "
        "GROUP BY i.id, i.slip, i.state "
        "HAVING count(c.id) <> CASE i.state WHEN 'kept' THEN 1 ELSE 0 END",
    ),
    (
        "late-has-case",
        "Each booked item that no settlement has is a case.",
        "SELECT 'item ' || i.slip, 'late, without a case' FROM terminal_item i "
        "WHERE i.late = 1 AND i.state IN ('booked', 'kept') AND NOT EXISTS (SELECT 1 FROM "
        "terminal_case c WHERE c.item_id = i.id)",
    ),
    (
        "case-closed",
        "A closed case says who closed it and why; an open one does not.",
        "SELECT 'case ' || id, state || ' by ' || closed_by FROM terminal_case WHERE "
        "(state = 'closed' AND (closed_by = '' OR reason = '' OR closed_at = 0)) "
        "OR (state = 'open' AND (closed_by <> '' OR closed_at <> 0 OR txn_id <> 0)) "
        "OR state NOT IN ('open', 'closed')",
    ),
    (
        "suspense-has-case",
        "What is in suspense is what payments left there, and each of them has an open case.",
        "SELECT 'suspense', 'allocated ' || sum(doc) || ', postings ' || sum(post) FROM ("
        "SELECT amount AS doc, 0 AS post FROM allocation WHERE ledger = 'suspense:agent' UNION ALL "
        "SELECT 0, -amount FROM posting WHERE ledger = 'suspense:agent') u "
        "HAVING sum(doc) <> sum(post) UNION ALL "
        "SELECT 'payment ' || p.number, 'suspense ' || sum(a.amount) || ', no open case' "
        "FROM allocation a JOIN payment p ON p.id = a.source_id AND a.source = 'payment' "
        "WHERE a.ledger = 'suspense:agent' AND NOT EXISTS (SELECT 1 FROM terminal_case c "
        "WHERE c.document = p.number AND c.company = p.company AND c.kind = 'suspense' "
        "AND c.state = 'open') GROUP BY p.id, p.number HAVING sum(a.amount) <> 0",
    ),
    (
        "short-has-case",
        "What an agent owes that collected more than its float had is what its open cases say.",
        "SELECT 'agent ' || owner, 'cases ' || sum(doc) || ', postings ' || sum(post) FROM ("
        "SELECT agent_id AS owner, amount AS doc, 0 AS post FROM terminal_case "
        "WHERE kind = 'float-short' AND state = 'open' UNION ALL "
        "SELECT owner, 0, amount FROM posting WHERE ledger = 'agent-short'"
        ") u GROUP BY owner HAVING sum(doc) <> sum(post)",
    ),
)
