"""What must always be true of the books: a name, a sentence, and one SQL that finds what is not.

Each statement gives no row when all is well; each row that it gives is an offender, told in two
columns: what it is, and what is wrong with it. Run by tests after everything, and by
``wattbus check --ledger``. Sources: facts/cis.md §6 (the list), docs/adr/0010 (items and debts).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.store.agent_invariants import AGENT_INVARIANTS
from core.store.counter_invariants import COUNTER_INVARIANTS
from core.store.held_invariants import HELD_INVARIANTS
from core.store.shift_invariants import SHIFT_INVARIANTS
from core.store.tables.orders import OPEN
from core.store.terminal_invariants import TERMINAL_INVARIANTS
from core.store.tx import Reader

#: Offenders told of one invariant: where there are more, these are enough to find out why.
MOST = 100


@dataclass(frozen=True, slots=True)
class Invariant:
    """``sql`` is written once; ``{lines}`` and ``{item_lines}`` are the sums of stored lines."""

    name: str
    sentence: str
    sql: str


@dataclass(frozen=True, slots=True)
class Offence:
    """A row that should not be."""

    invariant: str
    what: str
    detail: str


#: Lines are JSON, of a receipt objects and of an item pairs: how each engine sums them.
_LINES = {
    "sqlite": {
        "{lines}": "(SELECT COALESCE(sum(json_extract(value, '$.amount')), 0) "
        "FROM json_each(s.lines))",
        "{item_lines}": "(SELECT COALESCE(sum(json_extract(value, '$[1]')), 0) "
        "FROM json_each(i.lines))",
    },
    "postgresql": {
        "{lines}": "(SELECT COALESCE(sum((v->>'amount')::bigint), 0) "
        "FROM json_array_elements(s.lines::json) AS v)",
        "{item_lines}": "(SELECT COALESCE(sum((v->>1)::bigint), 0) "
        "FROM json_array_elements(i.lines::json) AS v)",
    },
}

INVARIANTS: tuple[Invariant, ...] = (
    Invariant(
        "transaction-zero",
        "Every transaction sums to zero, and has one currency.",
        "SELECT 'txn ' || t.id, 'sums to ' || COALESCE(sum(p.amount), 0) FROM ledger_txn t "
        "LEFT JOIN posting p ON p.txn_id = t.id GROUP BY t.id "
        "HAVING COALESCE(sum(p.amount), 0) <> 0",
    ),
    Invariant(
        "posting-of-transaction",
        "Every posting belongs to a transaction.",
        "SELECT 'posting ' || p.txn_id || '/' || p.line, 'has no transaction' FROM posting p "
        "LEFT JOIN ledger_txn t ON t.id = p.txn_id WHERE t.id IS NULL",
    ),
    Invariant(
        "balances-zero",
        "All balances of a company and currency sum to zero.",
        "SELECT t.company || ' ' || t.currency, 'sums to ' || sum(p.amount) FROM posting p "
        "JOIN ledger_txn t ON t.id = p.txn_id GROUP BY t.company, t.currency "
        "HAVING sum(p.amount) <> 0",
    ),
    Invariant(
        "credit-is-postings",
        "An account's credit is the sum of its postings, in its currency.",
        "SELECT 'account ' || a.number, 'credit ' || a.credit || ', postings ' || x.amount "
        "FROM account a LEFT JOIN (SELECT p.owner, -sum(p.amount) AS amount FROM posting p "
        "WHERE p.ledger = 'customer-credit' GROUP BY p.owner) x ON x.owner = a.id "
        "WHERE a.credit <> COALESCE(x.amount, 0)",
    ),
    Invariant(
        "currency-of-account",
        "What is posted to an account is in its currency.",
        "SELECT 'txn ' || t.id, t.currency || ' at account ' || a.number FROM ledger_txn t "
        "JOIN posting p ON p.txn_id = t.id AND p.owner <> 0 JOIN account a ON a.id = p.owner "
        "WHERE a.currency <> t.currency OR a.company <> t.company",
    ),
    Invariant(
        "credit-not-negative",
        "No account has less than nothing, or less than what is reserved of it.",
        "SELECT 'account ' || number, 'credit ' || credit || ', reserved ' || reserved "
        "FROM account WHERE credit < 0 OR reserved < 0 OR credit < reserved",
    ),
    Invariant(
        "owed-is-postings",
        "What an account owes under a code (open items and debts that purchases pay) is what is "
        "posted on that receivable.",
        "SELECT 'account ' || owner || ' ' || ledger, 'documents ' || sum(doc) || ', postings ' "
        "|| sum(post) FROM ("
        "SELECT account_id AS owner, 'receivable:' || code AS ledger, open AS doc, 0 AS post "
        "FROM open_item UNION ALL "
        "SELECT g.account_id, 'receivable:' || d.code, d.outstanding, 0 FROM debt d "
        "JOIN agreement g ON g.id = d.agreement_id UNION ALL "
        # a sale that waits for its token has taken its debts down, and posts them with the token
        "SELECT g.account_id, 'receivable:' || d.code, w.amount, 0 FROM order_debt w "
        f"JOIN token_order o ON o.id = w.order_id AND o.{OPEN} JOIN debt d ON d.id = w.debt_id "
        "JOIN agreement g ON g.id = d.agreement_id UNION ALL "
        "SELECT i.account_id, 'receivable:' || i.code, w.amount, 0 FROM order_item w "
        f"JOIN token_order o ON o.id = w.order_id AND o.{OPEN} JOIN open_item i "
        "ON i.id = w.item_id UNION ALL "
        "SELECT owner, ledger, 0, amount FROM posting WHERE ledger LIKE 'receivable:%'"
        ") u GROUP BY owner, ledger HAVING sum(doc) <> sum(post)",
    ),
    Invariant(
        "item-raised",
        "The items that a transaction raised are what it posted on their receivable.",
        "SELECT 'account ' || x.account_id || ' txn ' || x.txn_id, 'items ' || x.amount || "
        "', posted ' || COALESCE(p.amount, 0) FROM (SELECT txn_id, account_id, "
        "'receivable:' || code AS ledger, sum(amount) AS amount FROM open_item "
        "GROUP BY txn_id, account_id, code) x LEFT JOIN posting p ON p.txn_id = x.txn_id "
        "AND p.owner = x.account_id AND p.ledger = x.ledger "
        "WHERE x.amount <> COALESCE(p.amount, 0)",
    ),
    Invariant(
        "item-lines",
        "An item (a bill, a fee) is the sum of its lines.",
        "SELECT 'item ' || i.id, 'amount ' || i.amount || ', lines ' || {item_lines} "
        "FROM open_item i WHERE i.amount <> {item_lines}",
    ),
    Invariant(
        "item-open",
        "What is open on an item is its amount less its allocations, between nothing and all.",
        "SELECT 'item ' || i.id, 'amount ' || i.amount || ', open ' || i.open || ', allocated ' "
        "|| COALESCE(x.amount, 0) FROM open_item i LEFT JOIN (SELECT item_id, sum(amount) "
        "AS amount FROM allocation WHERE item_id <> 0 GROUP BY item_id) x ON x.item_id = i.id "
        "WHERE i.open <> i.amount - COALESCE(x.amount, 0) OR i.open < 0 OR i.open > i.amount",
    ),
    Invariant(
        "payment-allocated",
        "A payment's allocations are its amount; nothing, once it came back.",
        "SELECT 'payment ' || p.number, p.state || ' ' || p.amount || ', allocated ' || "
        "COALESCE(x.amount, 0) FROM payment p LEFT JOIN (SELECT source_id, sum(amount) AS amount "
        "FROM allocation WHERE source = 'payment' GROUP BY source_id) x ON x.source_id = p.id "
        "WHERE COALESCE(x.amount, 0) <> CASE WHEN p.state IN ('dishonoured', 'reversed') "
        "THEN 0 ELSE p.amount END",
    ),
    Invariant(
        "payment-posted",
        "A payment's transactions post what its allocations say, account by account and ledger by "
        "ledger, against what its desk holds of it.",
        "WITH own AS (SELECT id, txn_id AS txn FROM payment UNION ALL "
        "SELECT id, clear_txn_id FROM payment WHERE clear_txn_id <> 0), "
        "every AS (SELECT id, txn FROM own UNION ALL "
        "SELECT o.id, t.id FROM own o JOIN ledger_txn t ON t.reverses = o.txn) "
        "SELECT 'payment ' || p.number, u.ledger || ' of ' || u.owner || ': documents ' || "
        "sum(u.doc) || ', postings ' || sum(u.post) FROM payment p JOIN ("
        "SELECT source_id AS id, account_id AS owner, ledger, amount AS doc, 0 AS post "
        "FROM allocation WHERE source = 'payment' UNION ALL "
        "SELECT id, agent_id, CASE WHEN agent_id <> 0 THEN 'agent-float' WHEN way = 'cash' "
        "AND counter_receipt_id <> 0 THEN 'till:' || desk ELSE way || ':' || desk "
        "END, CASE WHEN state IN ('dishonoured', 'reversed') "
        "THEN 0 ELSE amount END, 0 FROM payment UNION ALL "
        "SELECT e.id, x.owner, x.ledger, 0, CASE WHEN (x.owner = 0 AND x.ledger <> "
        "'suspense:agent') OR x.ledger = 'agent-float' "
        "THEN x.amount ELSE -x.amount END FROM every e JOIN posting x ON x.txn_id = e.txn"
        ") u ON u.id = p.id GROUP BY p.number, u.owner, u.ledger HAVING sum(u.doc) <> sum(u.post)",
    ),
    Invariant(
        "payment-once",
        "A number of a bank's cheque, or of a way at a desk, was received once; what came back "
        "does not count.",
        "SELECT 'payment ' || max(number), 'number ' || trim(reference) || ' stands ' || count(*) "
        "|| ' times, first as ' || min(number) FROM payment WHERE trim(reference) <> '' "
        "AND state NOT IN ('dishonoured', 'reversed') GROUP BY company, trim(reference), "
        "CASE WHEN bank <> '' THEN lower(bank) ELSE way || ':' || trim(desk) END "
        "HAVING count(*) > 1",
    ),
    Invariant(
        "uncleared",
        "What waits for the bank is what uncleared payments left over.",
        "SELECT 'account ' || owner, 'allocated ' || sum(doc) || ', postings ' || sum(post) FROM ("
        "SELECT a.account_id AS owner, a.amount AS doc, 0 AS post FROM allocation a "
        "WHERE a.ledger = 'uncleared' UNION ALL "
        "SELECT owner, 0, -amount FROM posting WHERE ledger = 'uncleared'"
        ") u GROUP BY owner HAVING sum(doc) <> sum(post) OR sum(post) < 0",
    ),
    Invariant(
        "deposit-held",
        "A security that we hold is the sum of its postings.",
        "SELECT 'account ' || owner || ' ' || kind, 'held ' || sum(doc) || ', postings ' || "
        "sum(post) FROM (SELECT account_id AS owner, 'deposit:' || kind AS kind, held AS doc, "
        "0 AS post FROM deposit UNION ALL "
        "SELECT owner, ledger, 0, -amount FROM posting WHERE ledger LIKE 'deposit:%'"
        ") u GROUP BY owner, kind HAVING sum(doc) <> sum(post) OR sum(doc) < 0",
    ),
    Invariant(
        "sale-lines",
        "A sale's tender is its lines and what is carried forward.",
        "SELECT 'sale ' || s.receipt, 'tender ' || s.tender || ', lines ' || {lines} || "
        "', carried ' || s.carried_forward FROM sale s WHERE s.state = 'issued' "
        "AND s.tender <> {lines} + s.carried_forward",
    ),
    Invariant(
        "sale-posted",
        "A sale's transaction takes its tender from the payer: debts, charges, tax, energy and "
        "levies are posted as its lines say.",
        "SELECT 'sale ' || s.receipt, 'lines ' || {lines} || ', posted ' || COALESCE(x.amount, 0) "
        "FROM sale s LEFT JOIN (SELECT t.message_id, -sum(p.amount) AS amount FROM ledger_txn t "
        "JOIN posting p ON p.txn_id = t.id "
        "AND p.ledger NOT IN ('customer-credit', 'agent-float') "
        "WHERE t.kind = 'sale' GROUP BY t.message_id) x ON x.message_id = s.message_id "
        "WHERE s.state = 'issued' AND COALESCE(x.amount, 0) <> {lines}",
    ),
    Invariant(
        "sale-cancelled",
        "A sale is mirrored when an act that cancels it is done, and no other is.",
        "SELECT 'sale ' || s.receipt, 'cancelled ' || count(DISTINCT a.id) || ', mirrored ' || "
        "count(DISTINCT r.id) FROM sale s JOIN ledger_txn t ON t.message_id = s.message_id "
        "AND t.kind = 'sale' LEFT JOIN ledger_txn r ON r.reverses = t.id "
        "LEFT JOIN token k ON k.cause = 'sale' AND k.cause_id = s.id "
        "LEFT JOIN token_void v ON v.token_id = k.id LEFT JOIN token_act a ON a.id = v.act_id "
        "AND a.kind = 'cancel-sale' AND a.state = 'done' GROUP BY s.id, s.receipt "
        "HAVING count(DISTINCT a.id) <> count(DISTINCT r.id)",
    ),
    Invariant(
        "sale-once",
        "A key has one sale, and a sale one transaction.",
        "SELECT 'message ' || message_id, sum(sales) || ' sales, ' || sum(txns) || ' transactions' "
        "FROM (SELECT message_id, 1 AS sales, 0 AS txns FROM sale UNION ALL "
        "SELECT message_id, 0, 1 FROM ledger_txn WHERE kind = 'sale') u "
        "GROUP BY message_id HAVING sum(sales) > 1 OR sum(txns) > 1",
    ),
    Invariant(
        "live-once",
        "What is identified (a bill of a period, an old debt of a year) is live once.",
        "SELECT company || ' ' || identity, count(*) || ' live items' FROM open_item "
        "WHERE identity <> '' AND state = 'live' GROUP BY company, identity HAVING count(*) > 1",
    ),
    Invariant(
        "reversal-pairs",
        "A reversal and what it reverses net to zero line by line, and there is one of it.",
        "SELECT 'txn ' || t.reverses, 'line ' || p.line || ' has no mirror in ' || t.id "
        "FROM ledger_txn t JOIN posting p ON p.txn_id = t.reverses LEFT JOIN posting r "
        "ON r.txn_id = t.id AND r.line = p.line AND r.ledger = p.ledger AND r.owner = p.owner "
        "AND r.amount = -p.amount WHERE r.txn_id IS NULL UNION ALL "
        "SELECT 'txn ' || t.id, 'line ' || r.line || ' mirrors nothing of ' || t.reverses "
        "FROM ledger_txn t JOIN posting r ON r.txn_id = t.id LEFT JOIN posting p "
        "ON p.txn_id = t.reverses AND p.line = r.line WHERE t.reverses IS NOT NULL "
        "AND p.txn_id IS NULL UNION ALL "
        "SELECT 'txn ' || reverses, count(*) || ' reversals' FROM ledger_txn "
        "WHERE reverses IS NOT NULL GROUP BY reverses HAVING count(*) > 1",
    ),
    Invariant(
        "payment-reversed",
        "A payment that came back is mirrored, and no other is.",
        "SELECT 'payment ' || p.number, p.state || ', ' || count(t.id) || ' reversals' "
        "FROM payment p LEFT JOIN ledger_txn t ON t.reverses = p.txn_id "
        "GROUP BY p.id, p.number, p.state HAVING count(t.id) <> "
        "CASE WHEN p.state IN ('dishonoured', 'reversed') THEN 1 ELSE 0 END",
    ),
    Invariant(
        "plan-state",
        "A plan is kept when nothing of it is open, and its instalments are its total.",
        "SELECT 'plan ' || p.id, p.state || ' total ' || p.total || ', instalments ' || "
        "COALESCE(sum(i.amount), 0) || ', open ' || COALESCE(sum(i.open), 0) FROM pay_plan p "
        "LEFT JOIN open_item i ON i.plan_id = p.id GROUP BY p.id, p.state, p.total "
        "HAVING COALESCE(sum(i.amount), 0) <> p.total "
        "OR (p.state = 'kept' AND sum(i.open) <> 0) OR (p.state = 'active' AND sum(i.open) = 0)",
    ),
    Invariant(
        "bill-lines",
        "A bill's total is the sum of its lines, and net and tax; what moves between payees within "
        "it comes to nothing.",
        "SELECT 'bill ' || b.id, 'total ' || b.total || ', lines ' || COALESCE(x.amount, 0) || "
        "', included ' || COALESCE(x.included, 0) FROM bill b LEFT JOIN (SELECT bill_id, "
        "sum(amount) AS amount, sum(included) AS included FROM bill_line GROUP BY bill_id) x "
        "ON x.bill_id = b.id WHERE b.total <> COALESCE(x.amount, 0) "
        "OR b.total <> b.net + b.tax OR COALESCE(x.included, 0) <> 0",
    ),
    Invariant(
        "bill-receivable",
        "An issued bill's total is its open item's amount and what is posted as owed, and its "
        "item is live as long as it is; of one below nothing there is credit and no item.",
        "SELECT 'bill ' || b.id, b.state || ' total ' || b.total || ', item ' || "
        "COALESCE(i.amount, 0) || ' ' || COALESCE(i.state, 'none') || ', posted ' || "
        "COALESCE(p.amount, 0) FROM bill b LEFT JOIN open_item i ON i.id = b.item_id "
        "LEFT JOIN posting p ON p.txn_id = b.txn_id AND p.owner = b.account_id "
        "AND p.ledger = CASE WHEN b.total < 0 THEN 'customer-credit' ELSE 'receivable:bill' END "
        "WHERE b.txn_id <> 0 AND (b.total <> COALESCE(p.amount, 0) "
        "OR b.total <> CASE WHEN b.total < 0 AND i.id IS NULL THEN b.total "
        "ELSE COALESCE(i.amount, -1) END "
        "OR (b.state <> 'issued' AND i.state <> 'cancelled'))",
    ),
    Invariant(
        "bill-once",
        "An agreement has one live bill of a period and sequence, and what is issued is live.",
        "SELECT 'agreement ' || agreement_id || ' period ' || period, count(*) || ' live bills' "
        "FROM bill WHERE live = 1 GROUP BY agreement_id, period, sequence HAVING count(*) > 1 "
        "UNION ALL SELECT 'bill ' || id, state || ', live ' || live FROM bill "
        "WHERE (state = 'issued' AND live <> 1) "
        "OR (state IN ('reversed', 'rebilled', 'withdrawn') AND live <> 0)",
    ),
    Invariant(
        "change-by-two",
        "Who decides about a change of billed quantities did not ask for it, and what is approved "
        "has its usage and its run.",
        "SELECT 'change ' || id, state || ', asked by ' || asked_by || ', decided by ' || "
        "decided_by || ', usage ' || usage_id || ', run ' || run_id FROM usage_change "
        "WHERE (state <> 'asked' AND (decided_by = '' OR decided_by = asked_by)) "
        "OR (state = 'approved' AND (usage_id = 0 OR run_id = 0)) "
        "OR (state <> 'approved' AND (usage_id <> 0 OR run_id <> 0))",
    ),
    Invariant(
        "advance-posted",
        "Units on credit are posted as owed for what they are worth and their fee, as their lines "
        "say, and have one debt.",
        "SELECT 'advance ' || s.id, 'owed ' || (s.amount + s.fee) || ', lines ' || {lines} || "
        "', posted ' || COALESCE(p.amount, 0) || ', debt ' || COALESCE(d.outstanding, -1) "
        "FROM advance s LEFT JOIN posting p ON p.txn_id = s.txn_id AND p.owner = s.account_id "
        "AND p.ledger = 'receivable:advance' LEFT JOIN debt d ON d.id = s.debt_id "
        "AND d.agreement_id = s.agreement_id AND d.code = 'advance' "
        "WHERE s.amount + s.fee <> COALESCE(p.amount, 0) OR s.amount + s.fee <> {lines} "
        "OR d.id IS NULL OR d.outstanding > s.amount + s.fee",
    ),
    Invariant(
        "pause-once",
        "Of one kind an agreement has one slice without service at a time, and it counts them.",
        "SELECT 'agreement ' || agreement_id, 'state says ' || sum(said) || ', there are ' || "
        "sum(found) FROM (SELECT agreement_id, pauses AS said, 0 AS found FROM agreement_state "
        "UNION ALL SELECT agreement_id, 0, 1 FROM agreement_pause) u GROUP BY agreement_id "
        "HAVING sum(said) <> sum(found) UNION ALL "
        "SELECT 'agreement ' || a.agreement_id, a.why || ' twice at once' FROM agreement_pause a "
        "JOIN agreement_pause b ON b.agreement_id = a.agreement_id AND b.why = a.why "
        "AND b.id > a.id AND (a.to_us = 0 OR a.to_us > b.from_us) "
        "AND (b.to_us = 0 OR b.to_us > a.from_us)",
    ),
    Invariant(
        "bill-days-once",
        "No day of an agreement is on two live bills, and none that is not billed is on one.",
        "SELECT 'agreement ' || b.agreement_id, 'bills ' || b.id || ' and ' || o.id || ' both "
        "have ' || v.first FROM bill b JOIN bill o ON o.agreement_id = b.agreement_id "
        "AND o.id <> b.id AND o.live = 1 JOIN bill_usage u ON u.id = b.usage_id "
        "JOIN bill_usage v ON v.id = o.usage_id WHERE b.live = 1 AND u.first <= v.first "
        "AND v.first <= u.last AND (u.first < v.first OR b.id < o.id) UNION ALL "
        "SELECT 'bill ' || b.id, u.first || ' to ' || u.last || ' is not billed' FROM bill b "
        "JOIN bill_usage u ON u.id = b.usage_id WHERE b.live = 1 AND EXISTS (SELECT 1 FROM "
        "billed_days d WHERE d.agreement_id = b.agreement_id) AND NOT EXISTS (SELECT 1 FROM "
        "billed_days d WHERE d.agreement_id = b.agreement_id AND d.first <= u.first "
        "AND (d.last = '' OR u.last <= d.last))",
    ),
    Invariant(
        "change-once",
        "A place has one open change, and one agreement that runs.",
        "SELECT company || ' ' || subject, count(*) || ' open changes' FROM account_change "
        "WHERE open = 1 GROUP BY company, subject HAVING count(*) > 1 UNION ALL "
        "SELECT 'change ' || id, state || ', open ' || open FROM account_change "
        "WHERE open <> CASE WHEN state IN ('confirmed', 'undone') THEN 0 ELSE 1 END UNION ALL "
        "SELECT 'service point ' || service_point_id, count(*) || ' agreements' FROM agreement "
        "WHERE to_us IS NULL GROUP BY service_point_id HAVING count(*) > 1",
    ),
    Invariant(
        "change-settled",
        "Nothing is sold where a change is settled and not switched, and only there.",
        "SELECT 'change ' || c.id, 'settled, agreement ' || g.state FROM account_change c "
        "JOIN agreement g ON g.id = c.agreement_id WHERE c.state = 'settled' "
        "AND g.state <> 'changing' UNION ALL SELECT 'agreement ' || g.id, 'changing for nothing' "
        "FROM agreement g WHERE g.state = 'changing' AND NOT EXISTS (SELECT 1 FROM "
        "account_change c WHERE c.agreement_id = g.id AND c.state = 'settled')",
    ),
    Invariant(
        "change-undone",
        "What an undone change had posted is mirrored; what it had raised is cancelled.",
        "SELECT 'change ' || c.id, 'txn ' || t.id || ' stands' FROM account_change c "
        "JOIN ledger_txn t ON t.at = c.settled_at AND t.message_id = c.settle_id "
        "LEFT JOIN ledger_txn r ON r.reverses = t.id WHERE c.state = 'undone' "
        "AND c.settle_id <> '' AND r.id IS NULL UNION ALL "
        "SELECT 'change ' || c.id, 'item ' || i.id || ' is ' || i.state FROM account_change c "
        "JOIN open_item i ON i.account_id IN (c.account_id, c.to_account_id) "
        "AND i.message_id = c.settle_id WHERE c.state = 'undone' "
        "AND c.settle_id <> '' AND i.state <> 'cancelled'",
    ),
    Invariant(
        "change-valued",
        "What became of the units left in a meter is what the change posted.",
        "SELECT 'change ' || c.id, 'valued ' || c.valued || ', posted ' || COALESCE(x.amount, 0) "
        "FROM account_change c LEFT JOIN (SELECT t.message_id, -sum(p.amount) AS amount "
        "FROM ledger_txn t JOIN posting p ON p.txn_id = t.id AND p.ledger = 'customer-credit' "
        "WHERE t.kind = 'change-credit' GROUP BY t.message_id) x ON x.message_id = c.settle_id "
        "WHERE c.settle_id <> '' AND c.valued <> COALESCE(x.amount, 0)",
    ),
    Invariant(
        "debt-not-negative",
        "No debt is less than nothing.",
        "SELECT 'debt ' || id, 'outstanding ' || outstanding FROM debt WHERE outstanding < 0",
    ),
    *(Invariant(*each) for each in AGENT_INVARIANTS),
    *(Invariant(*each) for each in COUNTER_INVARIANTS),
    *(Invariant(*each) for each in SHIFT_INVARIANTS),
    *(Invariant(*each) for each in TERMINAL_INVARIANTS),
    *(Invariant(*each) for each in HELD_INVARIANTS),
)


def sql_of(invariant: Invariant, dialect: str) -> str:
    """The statement in an engine's words, with its limit."""
    sql = invariant.sql
    for hole, said in _LINES[dialect].items():
        sql = sql.replace(hole, said)
    return f"{sql} LIMIT {MOST}"


def offences(
    reader: Reader, dialect: str, invariants: Sequence[Invariant] = INVARIANTS
) -> Iterator[Offence]:
    """Everything that is not as it must be, invariant by invariant; at most 100 of each."""
    for invariant in invariants:
        for what, detail in reader.rows(sql_of(invariant, dialect)):
            yield Offence(invariant.name, what, detail)
