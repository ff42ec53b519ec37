"""What breaks each invariant of desks, behind the back of the triggers."""

_SHIFT = "UPDATE till_shift SET {} WHERE z_number = 1"
_LIVE = "UPDATE till_shift SET {} WHERE state = 'open'"

#: invariant -> what breaks it
COUNTER_CRIMES: dict[str, tuple[str, ...]] = {
    "till-is-postings": ("UPDATE cash_desk SET safe = safe + 1 WHERE code = 'D2'",),
    "till-equation": (_LIVE.format("opening = opening + 1"),),
    "shift-documents": (_SHIFT.format("paid_in = paid_in + 1, paid_out = paid_out + 1"),),
    "move-posted": (
        "UPDATE posting SET amount = amount + 1 WHERE ledger = 'till:D1' "
        "AND txn_id = (SELECT min(txn_id) FROM till_move)",
    ),
    "over-short": ("UPDATE deposit_slip SET credited = credited + 1 WHERE state = 'cleared'",),
    "shift-ended": (_SHIFT.format("report = ''"),),
    "shift-live": ("UPDATE cash_desk SET shift_id = 1 WHERE shift_id <> 0",),
    "cashier-once": (_SHIFT.format("state = 'open', cashier = 'ben'"),),
    "z-numbers": (_SHIFT.format("z_number = 2"),),
    "slip-numbers": ("UPDATE deposit_slip SET number = 3 WHERE number = 2",),
    "cash-in-transit": ("UPDATE deposit_slip SET amount = amount + 1 WHERE state = 'made'",),
    "series-without-gaps": ("UPDATE counter_receipt SET seq = 700 WHERE seq = 2",),
    "receipt-sum": ("UPDATE counter_receipt SET amount = amount + 1 WHERE seq = 1",),
    "receipt-void": ("UPDATE counter_receipt SET state = 'void' WHERE seq = 1",),
}
