"""Each invariant finds what breaks it, on both engines; whole books have no offender."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.store.invariants import INVARIANTS, MOST, offences
from core.store.upgrade import Store, open_store, upgrade
from tests.core.collection.worlds import lived, lived_sqlite
from tests.core.counter.crimes import COUNTER_CRIMES
from tests.core.wallets.crimes import WALLET_CRIMES
from tests.servers.postgres import Postgres

SEALED = ("ledger_txn", "posting", "allocation")
_REVERSAL = "(SELECT min(id) FROM ledger_txn WHERE reverses IS NOT NULL)"
_SOLD = "(SELECT min(id) FROM sale)"

_TEXTS = (
    "company", "kind", "subject", "account", "operator", "approver", "reason", "evidence",
    "command", "terms", "read_on", "readings", "before", "did", "message_id",
)  # fmt: skip
_NUMBERS = (
    "to_account_id", "service_point_id", "remaining_tenths", "requested_at", "read_at",
    "switched_at", "ended_at",
)  # fmt: skip


def _change(state: str, **more: str) -> str:
    """A row of account_change; the rest says nothing."""
    values = dict.fromkeys(_TEXTS, "''") | dict.fromkeys(_NUMBERS, "0")
    values |= {"id": "901", "state": f"'{state}'", "open": "1", "account_id": "1"}
    values |= {"agreement_id": "0", "settle_id": "''", "settled_at": "0", "valued": "0", **more}
    return f"INSERT INTO account_change ({', '.join(values)}) VALUES ({', '.join(values.values())})"


_OF_TXN = {
    "settle_id": "(SELECT message_id FROM ledger_txn WHERE id = 1)",
    "settled_at": "(SELECT at FROM ledger_txn WHERE id = 1)",
}

#: invariant -> what breaks it, behind the back of the triggers
CRIMES: dict[str, tuple[str, ...]] = {
    "transaction-zero": ("INSERT INTO posting VALUES (1, 9, 'revenue:x', 0, 5)",),
    "posting-of-transaction": (
        "INSERT INTO posting VALUES (99999, 1, 'revenue:x', 0, 5)",
        "INSERT INTO posting VALUES (99999, 2, 'revenue:y', 0, -5)",
    ),
    "balances-zero": ("INSERT INTO posting VALUES (1, 9, 'revenue:x', 0, -5)",),
    "credit-is-postings": ("UPDATE account SET credit = credit + 1 WHERE number = '100001'",),
    "currency-of-account": ("UPDATE account SET currency = 'KES' WHERE number = '100002'",),
    "credit-not-negative": ("UPDATE account SET reserved = credit + 1 WHERE number = '100001'",),
    "owed-is-postings": ("UPDATE debt SET outstanding = outstanding - 1",),
    "item-raised": (
        "UPDATE open_item SET amount = amount + 1, open = open + 1 "
        "WHERE id = (SELECT max(id) FROM open_item)",
    ),
    "item-lines": ("UPDATE open_item SET lines = '[]' WHERE id = (SELECT min(id) FROM open_item)",),
    "item-open": (
        "UPDATE open_item SET open = open - 1 WHERE id = (SELECT max(id) FROM open_item)",
    ),
    "payment-allocated": (
        "INSERT INTO allocation (message_id, line, company, source, source_id, account_id, "
        "item_id, debt_id, ledger, amount, at) "
        "VALUES ('m', 1, 'demo', 'payment', 1, 1, 0, 0, 'customer-credit', 5, 1)",
    ),
    "payment-posted": ("UPDATE payment SET amount = amount + 1 WHERE id = 1",),
    "payment-once": ("UPDATE payment SET way = 'transfer', desk = 'main', reference = 'FT-1'",),
    "uncleared": (
        "INSERT INTO posting VALUES (1, 8, 'uncleared', 1, 5)",
        "INSERT INTO posting VALUES (1, 9, 'revenue:x', 0, -5)",
    ),
    "deposit-held": ("UPDATE deposit SET held = held + 1",),
    "bill-days-once": (
        "INSERT INTO billed_days (id, company, agreement_id, first, last, readings, change_id) "
        "SELECT 901, 'demo', agreement_id, '2020-01-01', '2020-01-02', '{}', 0 FROM bill "
        "WHERE live = 1 LIMIT 1",
    ),
    "change-once": (_change("undone"),),
    "change-settled": (
        "UPDATE agreement SET state = 'changing' WHERE id = (SELECT min(id) FROM agreement)",
    ),
    "change-undone": (_change("undone", open="0", **_OF_TXN),),
    "change-valued": (_change("switched", settle_id="'m'", valued="5"),),
    "sale-lines": (f"UPDATE sale SET tender = tender + 1 WHERE id = {_SOLD}",),
    "sale-posted": (f"UPDATE sale SET lines = '[]', tender = carried_forward WHERE id = {_SOLD}",),
    "sale-once": (
        "DROP INDEX uq_sale_message_id",
        "UPDATE sale SET message_id = (SELECT max(message_id) FROM sale)",
    ),
    "live-once": (
        "DROP INDEX uq_open_item_identity",
        "UPDATE open_item SET identity = 'bill/1/202611/1', state = 'live'",
    ),
    "reversal-pairs": (
        f"UPDATE posting SET ledger = 'cash:elsewhere' WHERE txn_id = {_REVERSAL} AND owner = 0",
    ),
    "payment-reversed": ("UPDATE ledger_txn SET reverses = NULL WHERE reverses IS NOT NULL",),
    "sale-cancelled": (
        "UPDATE ledger_txn SET reverses = (SELECT min(id) FROM ledger_txn WHERE kind = 'sale') "
        "WHERE id = (SELECT max(id) FROM ledger_txn WHERE kind <> 'sale')",
    ),
    "plan-state": ("UPDATE pay_plan SET state = 'kept'",),
    "bill-lines": ("UPDATE bill SET net = net + 1 WHERE id = 2",),
    "bill-receivable": ("UPDATE bill SET txn_id = 1 WHERE id = 2",),
    "bill-once": ("UPDATE bill SET live = 0 WHERE id = 2",),
    "change-by-two": (
        "INSERT INTO usage_change (id, company, changes, reason, evidence, state, asked_by, "
        "decided_by, bill_id, agreement_id, period, usage_id, run_id, asked_at, decided_at) "
        "VALUES (1, 'demo', '{}', '', '', 'approved', 'g', 'g', 1, 1, 202610, 1, 1, 1, 1)",
    ),
    "advance-posted": (
        "INSERT INTO advance VALUES (1, 'demo', 'm', 'sms', '', '', '', 'UGX', 't', '[]', 'R', 1, "
        "1, 1, 5, 0, 10, 202611, 1, 1, 1)",
    ),
    "pause-once": ("UPDATE agreement_state SET pauses = pauses + 1",),
    "float-is-postings": ("UPDATE agent_float SET balance = balance + 1",),
    "float-limit": ("UPDATE agent_float SET credit_limit = -balance - 1",),
    "float-reserved": ("UPDATE agent_float SET reserved = reserved + 1",),
    "float-equation": ("UPDATE sale SET tender = tender + 1 WHERE agent_id <> 0",),
    "topup-asked": ("UPDATE agent_topup SET movement_id = 0",),
    "surrender-slip": (
        "INSERT INTO agent_movement SELECT id + 900, company, agent_id, other_id, kind, amount, "
        "way, desk, reference, act_id, txn_id, message_id, at FROM agent_movement "
        "WHERE kind = 'surrender'",
    ),
    "agent-security": ("UPDATE agent_float SET guarantee = guarantee + 1",),
    "commission-posted": (
        "INSERT INTO agent_commission VALUES "
        "((SELECT max(txn_id) FROM agent_commission), 1, 'demo', 'sale', 1, 'own', 'paid', 1, 1, "
        "0, 1)",
    ),
    "posting-of-agent": ("UPDATE agent_float SET currency = 'KES'",),
    "one-open-shift": (
        "UPDATE terminal_shift SET closed_at = 0, ended_by = '' "
        "WHERE id = (SELECT min(id) FROM terminal_shift)",
    ),
    "stopped-terminal": ("UPDATE terminal SET state = 'blocked' WHERE shift_id <> 0",),
    "cashier-at-terminal": ("UPDATE cashier SET state = 'blocked'",),
    "terminal-shift-ended": ("UPDATE terminal_shift SET ended_by = '' WHERE closed_at > 0",),
    "receipts-of-terminal": (
        "INSERT INTO terminal_receipts SELECT 901, company, 902, last_number, last_number + 9, 0, "
        "0 FROM terminal_receipts",
    ),
    "agent-of-terminal": ("UPDATE terminal SET company = 'none' WHERE shift_id = 0",),
    "item-is-booked": ("UPDATE terminal_item SET amount = amount + 1 WHERE kind = 'sale'",),
    "item-state": (
        "UPDATE terminal_item SET state = 'booked' WHERE state = 'reversed'",
        "UPDATE terminal_item SET state = 'failed' WHERE kind = 'payment'",
    ),
    "item-nothing": ("UPDATE terminal_item SET about = 1 WHERE state = 'barred'",),
    "item-once": ("UPDATE terminal_item SET day = 20200101, stan = 1",),
    "batch-sums": ("UPDATE terminal_batch SET our_debits = our_debits + 1",),
    "batch-once": ("UPDATE terminal_batch SET live = 0 WHERE state = 'open'",),
    "kept-has-case": ("DELETE FROM terminal_case WHERE kind = 'kept-token'",),
    "late-has-case": ("DELETE FROM terminal_case WHERE kind = 'late-item'",),
    "case-closed": ("UPDATE terminal_case SET reason = '' WHERE state = 'closed'",),
    "suspense-has-case": ("DELETE FROM terminal_case WHERE kind = 'suspense'",),
    "short-has-case": ("UPDATE terminal_case SET amount = amount + 1 WHERE kind = 'float-short'",),
    "debt-not-negative": ("UPDATE debt SET outstanding = -1",),
    **COUNTER_CRIMES,
    **WALLET_CRIMES,
}


def commit(store: Store, statements: tuple[str, ...]) -> None:
    with store.transaction() as tx:
        for table in SEALED:
            if tx.dialect == "sqlite":
                tx.run(f"DROP TRIGGER {table}_no_update")
                tx.run(f"DROP TRIGGER {table}_no_delete")
            else:
                tx.run(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        for statement in statements:
            assert tx.run(statement) != 0, statement


def found(store: Store) -> set[str]:
    with store.reader() as reader:
        return {offence.invariant for offence in offences(reader, store.dialect)}


def test_every_invariant_is_tried() -> None:
    names = [invariant.name for invariant in INVARIANTS]
    assert sorted(CRIMES) == sorted(set(names)) == sorted(names)
    assert all(invariant.sentence.endswith(".") for invariant in INVARIANTS)


def test_whole_books_have_no_offender(tmp_path: Path) -> None:
    store = open_store(lived_sqlite(tmp_path))
    assert found(store) == set()
    store.close()


@pytest.mark.parametrize("name", sorted(CRIMES))
def test_what_is_broken_is_found(name: str, tmp_path: Path) -> None:
    store = open_store(lived_sqlite(tmp_path))
    commit(store, CRIMES[name])
    assert name in found(store)
    store.close()


def test_a_payment_posted_to_another_account_is_found(tmp_path: Path) -> None:
    """Its sum is right, and so is its desk: only account by account it is not."""
    store = open_store(lived_sqlite(tmp_path))
    moved = "UPDATE posting SET owner = 2 WHERE owner = 1 AND txn_id = (SELECT txn_id FROM payment "
    commit(store, (f"{moved} WHERE state = 'received' ORDER BY id LIMIT 1)",))
    assert "payment-posted" in found(store)
    store.close()


@pytest.mark.parametrize(
    "statement",
    [
        f"DELETE FROM posting WHERE txn_id = {_REVERSAL} AND line = 1",
        f"INSERT INTO posting VALUES ({_REVERSAL}, 7, 'revenue:x', 0, 1)",
        "UPDATE ledger_txn SET reverses = (SELECT min(reverses) FROM ledger_txn) "
        "WHERE id = (SELECT max(id) FROM ledger_txn)",
    ],
)
def test_half_a_mirror_is_none(statement: str, tmp_path: Path) -> None:
    store = open_store(lived_sqlite(tmp_path))
    commit(store, (statement,))
    assert "reversal-pairs" in found(store)
    store.close()


def test_many_offenders_are_cut_short(tmp_path: Path) -> None:
    store = open_store(lived_sqlite(tmp_path))
    rows = ", ".join(f"({number}, 1, 'revenue:x', 0, 0)" for number in range(9_000, 9_300))
    commit(store, (f"INSERT INTO posting VALUES {rows}",))
    with store.reader() as reader:
        listed = list(offences(reader, store.dialect))
    assert len([o for o in listed if o.invariant == "posting-of-transaction"]) == MOST
    store.close()


@pytest.fixture
def server_books(postgres: Postgres) -> Iterator[Store]:
    def fill(url: str) -> None:
        upgrade(url)
        lived(url)

    url = postgres.prepared("lived", fill)
    store = open_store(url)
    yield store
    store.close()
    postgres.drop(url)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["nothing", *sorted(CRIMES)])
def test_the_same_on_postgresql(name: str, server_books: Store) -> None:
    if name == "nothing":
        assert found(server_books) == set()
        return
    commit(server_books, CRIMES[name])
    assert name in found(server_books)
