"""Bills go out: their postings, their open items and their state, a partition in one transaction.

No account is locked for it: an open item that comes to be is nobody else's yet, so sales and
payments go on. Only the accounts of bills that are reversed or below nothing are locked.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from core.billing import credits
from core.billing.credits import ITEM, POSTING, TXN
from core.billing.order import Ordered
from core.billing.partitions import Partition
from core.billing.reverse import RECEIVABLE, reverse
from core.billing.runs import Run
from core.billing.shapes import BillingError, Draw
from core.billing.states import BILL_MOVES, BillMove, BillState, PartState, after
from core.ledger import CUSTOMER_CREDIT
from core.store.tx import Tx

CODE, ITEM_CLASS, LABEL = "bill", "energy", "Bill"
_BILL = (
    "id", "agreement_id", "account_id", "period", "sequence", "state", "total", "credits",
    "replaces",
)  # fmt: skip
_READY = [BillState.VALIDATED.value, BillState.APPROVED.value]
_credits = msgspec.json.Decoder(tuple[tuple[str, int], ...])


class Ready(msgspec.Struct, frozen=True, gc=False):
    """A bill that goes out."""

    id: int
    agreement: int
    account: int
    period: int
    sequence: int
    state: str
    total: int
    credits: str
    replaces: int

    @property
    def message_id(self) -> str:
        """What its rows are found by."""
        return f"bill/{self.id}"


def issue(tx: Tx, run: Run, part: Partition, draw: Draw, now_us: int) -> int:
    """Issue what is validated or approved of a partition; how many. What is held stays."""
    rows = tx.rows(
        f"SELECT {', '.join(_BILL)} FROM bill WHERE id >= :first AND id < :beyond "
        "AND run_id = :run AND state IN :states ORDER BY id",
        first=part.first_bill, beyond=part.first_bill + part.bills, run=run.id, states=_READY,
    )  # fmt: skip
    found = [Ready(*row) for row in rows]
    credits.lock_accounts(tx, [b.account for b in found if b.replaces or b.total < 0])
    ids = Ordered(draw)
    ready = _corrected(tx, found, (run.due, now_us), ids.draw)
    if ready:
        _write(tx, run, ready, ids.draw, now_us)
    ids.keep(tx)
    tx.run(
        "UPDATE run_partition SET state = :state WHERE run_id = :run AND number = :number",
        state=PartState.ISSUED.value, run=run.id, number=part.number,
    )  # fmt: skip
    return len(ready)


def _corrected(
    tx: Tx, ready: Sequence[Ready], days: tuple[str, int], draw: Draw
) -> Sequence[Ready]:
    """Reverse what these bills replace; without those whose old bill cannot be reversed now."""
    old = {bill.replaces: bill for bill in ready if bill.replaces}
    if not old:
        return ready
    due, now_us = days
    refused = reverse(tx, list(old), draw, now_us, due=due, rebilled=True)
    tx.update("bill", ("id", "state", "outsort"), [
        (old[id_].id, BillState.HELD.value, f"old-bill {why}") for id_, why in refused.items()
    ])  # fmt: skip
    return [bill for bill in ready if bill.replaces not in refused]


def _write(tx: Tx, run: Run, ready: Sequence[Ready], draw: Draw, now_us: int) -> None:
    owed = [bill for bill in ready if bill.total >= 0]
    txn = draw("ledger_txn", len(ready))
    item = draw("open_item", len(owed)) if owed else 0
    txns: list[tuple[Any, ...]] = []
    postings: list[tuple[Any, ...]] = []
    items: list[tuple[Any, ...]] = []
    bills: list[tuple[Any, ...]] = []
    for txn_id, bill in enumerate(ready, txn):
        about, kind, item_id = bill.message_id, credits.KIND, 0
        if bill.total >= 0:
            kind, item_id = "bill", item + len(items)
            items.append(_item(run, bill, item_id, txn_id, now_us))
        txns.append((txn_id, run.company, kind, run.currency, about, now_us))
        postings += _postings(bill, txn_id)
        bills.append((bill.id, 1, BillState.ISSUED.value, txn_id, item_id, now_us))
    tx.load("ledger_txn", TXN, txns)
    tx.load("posting", POSTING, postings)
    tx.load("open_item", ITEM, items)
    tx.update("bill", ("id", "live", "state", "txn_id", "item_id", "issued_at"), bills)
    if len(owed) != len(ready):
        credits.give(tx, [(bill.account, -bill.total) for bill in ready if bill.total < 0])


def _item(run: Run, bill: Ready, id_: int, txn_id: int, now_us: int) -> tuple[Any, ...]:
    return (
        id_, run.company, bill.account, bill.agreement, "bill", CODE, ITEM_CLASS, LABEL,
        bill.period, run.due, bill.total, bill.total, "live",
        f"bill/{bill.agreement}/{bill.period}/{bill.sequence}", 0, 0, bill.credits, 0,
        bill.message_id, txn_id, now_us,
    )  # fmt: skip


def _postings(bill: Ready, txn_id: int) -> list[tuple[Any, ...]]:
    """The receivable (below nothing: the customer's credit), and what it is owed for."""
    rows: list[tuple[Any, ...]] = []
    if bill.total:
        ledger = RECEIVABLE if bill.total > 0 else CUSTOMER_CREDIT
        rows.append((txn_id, 1, ledger, bill.account, bill.total))
    rows += [
        (txn_id, line, ledger, 0, -amount)
        for line, (ledger, amount) in enumerate(_credits.decode(bill.credits), 2)
    ]
    return rows


def set_due(tx: Tx, run_id: int, due: str, now_us: int) -> None:
    """The due day of all bills of a run, fixed when the first is issued."""
    tx.run(
        "UPDATE bill_run SET due = :due, issued_at = :now WHERE id = :id AND due = ''",
        due=due, now=now_us, id=run_id,
    )  # fmt: skip


def decide(tx: Tx, bill_id: int, what: BillMove) -> BillState:
    """A person decides about one bill: APPROVE it, or WITHDRAW it so that another can be made.

    A bill below nothing that is approved goes out as a credit (``core.billing.credits``).
    BillingError, WrongMoveError.
    """
    # whoever issues this partition has it locked, and not the bill: one of the two comes first
    tx.rows(
        "SELECT number FROM run_partition WHERE run_id = (SELECT run_id FROM bill WHERE id = :id) "
        "AND first_bill <= :bill AND first_bill + bills > :bill FOR UPDATE",
        id=bill_id,
        bill=bill_id,
    )
    rows = tx.rows(
        "SELECT state, outsort, run_id, live FROM bill WHERE id = :id FOR UPDATE", id=bill_id
    )
    if not rows:
        raise BillingError(f"there is no bill {bill_id}")
    state, outsort, run_id, live = rows[0]
    then = after(BILL_MOVES, state, what)
    if what is BillMove.APPROVE and outsort.startswith("error"):
        raise BillingError(f"bill {bill_id} cannot go out: {outsort}; withdraw it")
    tx.run(
        "UPDATE bill SET state = :state, live = :live WHERE id = :id",
        state=then.value, live=0 if then is BillState.WITHDRAWN else live, id=bill_id,
    )  # fmt: skip
    if then is BillState.APPROVED:
        tx.run(
            "UPDATE run_partition SET state = 'calculated' WHERE run_id = :run "
            "AND state = 'issued' AND first_bill <= :bill AND first_bill + bills > :bill",
            run=run_id, bill=bill_id,
        )  # fmt: skip
    return then
