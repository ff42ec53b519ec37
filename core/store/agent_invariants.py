"""What must always be true of agents' money: (name, sentence, SQL that finds what is not).

The same form as ``core.store.invariants``, which runs them with its own.
"""

from typing import Final

#: What the documents say moved each float, by the kind of its transaction: owner, kind, gain.
_DOCUMENTS = (
    "SELECT agent_id AS owner, 'sale' AS kind, -tender AS doc, 0 AS post FROM sale "
    "WHERE agent_id <> 0 AND state = 'issued' UNION ALL "
    "SELECT s.agent_id, 'sale-cancelled', s.tender, 0 FROM sale s WHERE s.agent_id <> 0 "
    "AND EXISTS (SELECT 1 FROM token k JOIN token_void v ON v.token_id = k.id "
    "JOIN token_act a ON a.id = v.act_id AND a.kind = 'cancel-sale' AND a.state = 'done' "
    "WHERE k.cause = 'sale' AND k.cause_id = s.id) UNION ALL "
    "SELECT agent_id, 'payment', -amount, 0 FROM payment WHERE agent_id <> 0 UNION ALL "
    "SELECT agent_id, state, amount, 0 FROM payment WHERE agent_id <> 0 "
    "AND state IN ('dishonoured', 'reversed') UNION ALL "
    "SELECT agent_id, CASE kind WHEN 'topup' THEN 'agent-topup' "
    "WHEN 'withdrawal' THEN 'agent-withdrawal' WHEN 'transfer' THEN 'agent-transfer' "
    "ELSE 'agent-commission' END, amount, 0 FROM agent_movement "
    "WHERE kind IN ('topup', 'withdrawal', 'transfer') "
    "OR (kind = 'commission' AND way = 'float') UNION ALL "
    "SELECT other_id, 'agent-transfer', -amount, 0 FROM agent_movement WHERE kind = 'transfer' "
    "UNION ALL SELECT agent_id, 'agent-short', amount, 0 FROM agent_movement WHERE kind = 'short' "
    "UNION ALL SELECT agent_id, CASE WHEN gross > 0 THEN 'commission' ELSE 'commission-back' END, "
    "gross - tax, 0 FROM agent_commission WHERE settle = 'withheld'"
)

AGENT_INVARIANTS: Final[tuple[tuple[str, str, str], ...]] = (
    (
        "float-is-postings",
        "A float's balance is the sum of its postings.",
        "SELECT 'float ' || f.agent_id, 'balance ' || f.balance || ', postings ' || "
        "COALESCE(x.amount, 0) FROM agent_float f LEFT JOIN (SELECT owner, -sum(amount) AS amount "
        "FROM posting WHERE ledger = 'agent-float' AND owner <> 0 GROUP BY owner) x "
        "ON x.owner = f.agent_id WHERE f.balance <> COALESCE(x.amount, 0)",
    ),
    (
        "float-limit",
        "No float is below its credit limit, or below what is reserved of it.",
        "SELECT 'float ' || agent_id, 'balance ' || balance || ', reserved ' || reserved || "
        "', limit ' || credit_limit FROM agent_float WHERE reserved < 0 OR credit_limit < 0 "
        "OR balance + credit_limit - reserved < 0",
    ),
    (
        "float-reserved",
        "What is reserved of a float is what its sales that wait for their token cost.",
        "SELECT 'float ' || f.agent_id, 'reserved ' || f.reserved || ', waiting ' || "
        "COALESCE(x.amount, 0) FROM agent_float f "
        "LEFT JOIN (SELECT agent_id, sum(tender) AS amount FROM sale "
        "WHERE agent_id <> 0 AND state IN ('accepted', 'issuing', 'unknown') "
        "GROUP BY agent_id) x ON x.agent_id = f.agent_id "
        "WHERE f.reserved <> COALESCE(x.amount, 0)",
    ),
    (
        "float-equation",
        "A float is deposits and transfers in, less transfers out, withdrawals, sales and payments "
        "collected, plus what was reversed of them, plus commission less what was taken back: each "
        "kind as its documents say, and nothing else.",
        "SELECT 'float ' || owner || ' ' || kind, 'documents ' || sum(doc) || ', postings ' || "
        f"sum(post) FROM ({_DOCUMENTS} UNION ALL SELECT p.owner, t.kind, 0, -p.amount "
        "FROM posting p JOIN ledger_txn t ON t.id = p.txn_id WHERE p.ledger = 'agent-float'"
        ") u GROUP BY owner, kind HAVING sum(doc) <> sum(post)",
    ),
    (
        "agent-security",
        "A security of an agent is the sum of its postings.",
        "SELECT 'agent ' || owner || ' ' || kind, 'held ' || sum(doc) || ', postings ' || "
        "sum(post) FROM (SELECT agent_id AS owner, 'agent-deposit:guarantee' AS kind, "
        "guarantee AS doc, "
        "0 AS post FROM agent_float UNION ALL "
        "SELECT agent_id, 'agent-deposit:equipment', equipment, 0 FROM agent_float UNION ALL "
        "SELECT owner, ledger, 0, -amount FROM posting WHERE ledger LIKE 'agent-deposit:%'"
        ") u GROUP BY owner, kind HAVING sum(doc) <> sum(post) OR sum(doc) < 0",
    ),
    (
        "commission-posted",
        "A commission's parts are what its transaction posts: its expense, and what each agent "
        "gets.",
        "SELECT 'txn ' || txn_id || ' agent ' || owner, 'parts ' || sum(doc) || ', posted ' || "
        "sum(post) FROM (SELECT txn_id, agent_id AS owner, gross - tax AS doc, 0 AS post "
        "FROM agent_commission UNION ALL "
        "SELECT txn_id, 0, -gross, 0 FROM agent_commission UNION ALL "
        "SELECT t.id, CASE WHEN p.ledger = 'expense:commission' THEN 0 ELSE p.owner END, 0, "
        "-p.amount FROM ledger_txn t JOIN posting p ON p.txn_id = t.id "
        "WHERE t.kind IN ('commission', 'commission-back') "
        "AND (p.owner <> 0 OR p.ledger = 'expense:commission')"
        ") u GROUP BY txn_id, owner HAVING sum(doc) <> sum(post)",
    ),
    (
        "posting-of-agent",
        "What is posted to an agent is an agent's of that company, in his float's currency.",
        "SELECT 'txn ' || t.id, p.ledger || ' of ' || p.owner FROM posting p "
        "JOIN ledger_txn t ON t.id = p.txn_id LEFT JOIN agent a ON a.id = p.owner "
        "LEFT JOIN agent_float f ON f.agent_id = p.owner "
        "WHERE (p.ledger IN ('agent-float', 'agent-short', 'commission') "
        "OR p.ledger LIKE 'agent-deposit:%') "
        "AND (a.id IS NULL OR a.company <> t.company OR f.currency <> t.currency)",
    ),
)
