"""What a collection file says of desks."""

from typing import Annotated

import msgspec

from core.collection.doc_base import Money
from core.counter.terms import CounterTerms
from core.documents import Misfit
from core.yamlvalues import MINOR, Scaled

#: No currency has more kinds of coins and notes.
MAX_DENOMINATIONS = 30


class CounterDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Coins and notes, the largest first, and what one person may do alone."""

    denominations: tuple[Annotated[int, Scaled(MINOR, low=1)], ...]
    tolerance: Money
    paid_out_alone: Money

    def __post_init__(self) -> None:
        if not 0 < len(self.denominations) <= MAX_DENOMINATIONS:
            raise Misfit("denominations", f"there are 1 to {MAX_DENOMINATIONS}")
        for place in range(1, len(self.denominations)):
            if self.denominations[place] >= self.denominations[place - 1]:
                raise Misfit(f"denominations[{place}]", "the largest comes first, each once")

    def counter(self) -> CounterTerms:
        """As it is applied."""
        return CounterTerms(
            denominations=self.denominations,
            tolerance=self.tolerance,
            paid_out_alone=self.paid_out_alone,
        )
