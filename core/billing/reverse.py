"""An issued bill is taken back: its postings mirrored line by line, its item credited as a whole.

The credit note mirrors the tax with everything else. What the customer has paid on the bill becomes
his credit, by a transaction of its own, so that the pair of bill and reversal nets to zero. The
credit of a bill below nothing is taken back.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from core.billing import credits
from core.billing.credits import Taken
from core.billing.order import Ordered
from core.billing.shapes import BillingError, Draw
from core.billing.states import BILL_MOVES, BillMove, BillState
from core.ledger import CUSTOMER_CREDIT
from core.store.tx import Tx

RECEIVABLE = "receivable:bill"
_NOTE = "credit-note"
#: What pays an item with money that the customer gets back as credit, purchases that took some of
#: it among them (a sale that is cancelled later leaves it owed again, as a payment that comes back
#: does); anything else (a write-off, a plan, recovery by purchases, a credit note) has to be undone
#: by its own act first.
_MONEY = ("payment", "credit", "deposit", "sale")
_TXN = ("id", "company", "kind", "currency", "message_id", "reverses", "at")
_PLAIN = ("id", "company", "kind", "currency", "message_id", "at")
_POSTING = ("txn_id", "line", "ledger", "owner", "amount")
_ALLOCATION = (
    "message_id", "line", "company", "source", "source_id", "account_id", "item_id", "debt_id",
    "ledger", "amount", "at",
)  # fmt: skip


class Issued(msgspec.Struct, frozen=True, gc=False):
    """An issued bill and what is open on its item."""

    id: int
    company: str
    account: int
    total: int
    txn: int
    item: int
    currency: str
    open: int

    @property
    def message_id(self) -> str:
        """What its reversal's rows are found by."""
        return f"bill/{self.id}/reversed"

    @property
    def paid(self) -> int:
        """What becomes credit."""
        return self.total - self.open if self.item else 0

    @property
    def taken(self) -> Taken:
        """Of a bill below nothing: what it gave."""
        return Taken(
            self.id, self.company, self.account, self.currency, -self.total, self.message_id
        )


def reverse(
    tx: Tx, bills: Sequence[int], draw: Draw, now_us: int, *, due: str = "", rebilled: bool = False
) -> dict[int, str]:
    """Reverse a set of bills; of those that cannot be, why. The accounts are locked for it.

    ``due``: of what is owed because the credit of a bill below nothing was used; empty: at once.
    """
    held = _locked(tx, bills)
    found = {row[0]: Issued(*row) for row in tx.rows(
        "SELECT b.id, b.company, b.account_id, b.total, b.txn_id, b.item_id, t.currency, "
        "COALESCE(i.open, 0) FROM bill b JOIN ledger_txn t ON t.id = b.txn_id "
        "LEFT JOIN open_item i ON i.id = b.item_id WHERE b.id IN :ids AND b.live = 1 "
        "AND b.state = 'issued' AND (i.state = 'live' OR b.total < 0) ORDER BY b.id",
        ids=list(bills),
    )}  # fmt: skip
    refused = {id_: "not issued, or reversed already" for id_ in bills if id_ not in found}
    blocked = _blocked(tx, [bill.item for bill in found.values() if bill.item])
    refused |= {bill.id: blocked[bill.item] for bill in found.values() if bill.item in blocked}
    left = [bill for bill in found.values() if bill.id not in refused]
    if left:
        _mirror(tx, left, draw, now_us, rebilled=rebilled)
        _close_items(tx, [bill for bill in left if bill.item], now_us)
        _give_back(tx, [bill for bill in left if bill.paid], held, draw, now_us)
        credits.take_back(tx, [bill.taken for bill in left if not bill.item], draw, now_us, due)
    return refused


def reverse_one(tx: Tx, bill_id: int, draw: Draw, now_us: int, due: str = "") -> None:
    """Reverse one bill; ``due`` as of :func:`reverse`. BillingError when that cannot be."""
    ids = Ordered(draw)
    refused = reverse(tx, [bill_id], ids.draw, now_us, due=due)
    if refused:
        raise BillingError(f"bill {bill_id} cannot be reversed: {refused[bill_id]}")
    ids.keep(tx)


def _locked(tx: Tx, bills: Sequence[int]) -> dict[int, int]:
    """Lock the accounts, in the order in which everybody locks them; their credits."""
    rows = tx.rows(
        "SELECT DISTINCT account_id FROM bill WHERE id IN :ids", ids=list(bills)
    ) if bills else []  # fmt: skip
    held = credits.lock_accounts(tx, [row[0] for row in rows])
    return {id_: credit for id_, (credit, _) in held.items()}


def _blocked(tx: Tx, items: Sequence[int]) -> dict[int, str]:
    if not items:
        return {}
    rows = tx.rows(
        "SELECT item_id, source, sum(amount) FROM allocation WHERE item_id IN :ids "
        "GROUP BY item_id, source HAVING sum(amount) <> 0 UNION ALL "
        "SELECT source_id, source, sum(amount) FROM allocation WHERE source = 'credit-note' "
        "AND source_id IN :others GROUP BY source_id, source UNION ALL "
        "SELECT a.item_id, 'a payment that has not cleared', sum(a.amount) FROM allocation a "
        "JOIN payment p ON p.id = a.source_id AND p.state = 'uncleared' "
        "WHERE a.source = 'payment' AND a.item_id IN :paid "
        "GROUP BY a.item_id HAVING sum(a.amount) <> 0 UNION ALL "
        "SELECT a.item_id, 'a purchase that waits for its token', sum(a.amount) FROM allocation a "
        "JOIN sale s ON s.id = a.source_id AND s.state IN ('issuing', 'unknown') "
        "WHERE a.source = 'sale' AND a.item_id IN :sold "
        "GROUP BY a.item_id HAVING sum(a.amount) <> 0",
        ids=list(items), others=list(items), paid=list(items), sold=list(items),
    )  # fmt: skip
    return {item: f"{source} first" for item, source, _ in rows if source not in _MONEY}


def _mirror(tx: Tx, bills: Sequence[Issued], draw: Draw, now_us: int, *, rebilled: bool) -> None:
    state = BILL_MOVES[BillState.ISSUED, BillMove.REVERSE]
    if rebilled:
        state = BILL_MOVES[state, BillMove.REBILL]
    first = draw("ledger_txn", len(bills))
    tx.load("ledger_txn", _TXN, [
        (first + place, bill.company, "bill-reversal", bill.currency, bill.message_id, bill.txn,
         now_us)
        for place, bill in enumerate(bills)
    ])  # fmt: skip
    tx.update("bill", ("id", "live", "state", "reversal_id"), [
        (bill.id, 0, state.value, first + place) for place, bill in enumerate(bills)
    ])  # fmt: skip
    tx.run(
        "INSERT INTO posting (txn_id, line, ledger, owner, amount) "
        "SELECT b.reversal_id, p.line, p.ledger, p.owner, -p.amount "
        "FROM bill b JOIN posting p ON p.txn_id = b.txn_id WHERE b.id IN :ids",
        ids=[bill.id for bill in bills],
    )  # fmt: skip


def _close_items(tx: Tx, bills: Sequence[Issued], now_us: int) -> None:
    tx.update("open_item", ("id", "open", "state"), [(b.item, 0, "cancelled") for b in bills])
    rows: list[tuple[Any, ...]] = []
    for b in bills:
        if b.open:
            rows.append((b.message_id, 1, b.company, _NOTE, b.item, b.account, b.item, 0,
                         RECEIVABLE, b.open, now_us))  # fmt: skip
        if b.paid:
            rows.append((b.message_id, 2, b.company, _NOTE, b.item, b.account, 0, 0,
                         CUSTOMER_CREDIT, b.paid, now_us))  # fmt: skip
    tx.load("allocation", _ALLOCATION, rows)


def _give_back(
    tx: Tx, paid: Sequence[Issued], held: Mapping[int, int], draw: Draw, now_us: int
) -> None:
    """What was paid on them is the customer's again."""
    if not paid:
        return
    first = draw("ledger_txn", len(paid))
    after = dict(held)
    for bill in paid:
        after[bill.account] += bill.paid
    tx.load("ledger_txn", _PLAIN, [
        (first + place, bill.company, "bill-credit", bill.currency, bill.message_id, now_us)
        for place, bill in enumerate(paid)
    ])  # fmt: skip
    tx.load("posting", _POSTING, [
        row
        for place, bill in enumerate(paid)
        for row in (
            (first + place, 1, RECEIVABLE, bill.account, bill.paid),
            (first + place, 2, CUSTOMER_CREDIT, bill.account, -bill.paid),
        )
    ])  # fmt: skip
    changed = {bill.account for bill in paid}
    tx.update("account", ("id", "credit"), [(id_, after[id_]) for id_ in sorted(changed)])
