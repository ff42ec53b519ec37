"""What a company declares about its desks (``counter`` of its collection file). Minor units."""

import msgspec


class CounterTerms(msgspec.Struct, frozen=True, kw_only=True):
    """``denominations`` are the coins and notes that are counted, the largest first.

    A difference of more than ``tolerance`` at a close, and paying out more than ``paid_out_alone``
    at once, need a second person.
    """

    denominations: tuple[int, ...]
    tolerance: int
    paid_out_alone: int
