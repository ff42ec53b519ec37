"""What a company declares about changes: what becomes of units, debts, securities, final bills.

None of it has a default: each of these decides whose money it is.
"""

from typing import Literal, get_args

import msgspec

from core.collection.terms import Recovery

#: Units left in a meter become credit at the price of the last sales or of today, or nothing.
Valuing = Literal["last-sales", "tariff", "lost"]
#: Units in an exchanged meter may also go to the new one, by a credit transfer token.
Exchanging = Literal["moved", "last-sales", "tariff", "lost"]
DebtsFollow = Literal["account", "service-point"]
#: A final bill must be paid before purchases begin, or is paid by the purchases.
FinalBill = Literal["paid", "recovered"]
#: A year: what is due later is not owed but given, and a reading of then says nothing.
MAX_DAYS = 365
Deposits = Literal["set-off", "kept"]
#: A time without service at a change to bills: the change ends it, or it goes on.
Pauses = Literal["ended", "kept"]
#: Shares in something common of who leaves: nobody has them, his agreement keeps them (and nobody
#: else bears them), or who comes to the service point has them.
Shares = Literal["ended", "kept", "passed"]


class ChangeTerms(msgspec.Struct, frozen=True, kw_only=True):
    """``reading_days``: a reading is good for so many days. ``due_days``: of charges that are owed
    by the change. ``recovery``: how purchases pay a final bill that is recovered. ``pauses``
    and ``shares``: the defaults are for changes that were asked for before they were declared."""

    remaining_credit: Valuing
    exchange_credit: Exchanging
    debts_follow: DebtsFollow
    final_bill: FinalBill
    deposits: Deposits
    pauses: Pauses = "ended"
    shares: Shares = "kept"
    reading_days: int = 3
    due_days: int = 14
    recovery: Recovery = Recovery()

    def __post_init__(self) -> None:
        for name, allowed in _ALLOWED.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} is one of: {', '.join(allowed)}")
        if not (0 <= self.reading_days <= MAX_DAYS and 0 <= self.due_days <= MAX_DAYS):
            raise ValueError(f"days are 0 to {MAX_DAYS}")


_ALLOWED = {
    "remaining_credit": get_args(Valuing),
    "exchange_credit": get_args(Exchanging),
    "debts_follow": get_args(DebtsFollow),
    "final_bill": get_args(FinalBill),
    "deposits": get_args(Deposits),
    "pauses": get_args(Pauses),
    "shares": get_args(Shares),
}
