"""Operators take back what a terminal sold or collected: its item says so. Pure.

The terminal is not asked and still counts it, so in its batch it counts too: what it says of its
day and what we say of it stay the same.
"""

from typing import Final

from msgspec.structs import replace

from core.book import Stage
from core.terminals.item_entities import TerminalItem
from core.terminals.item_states import ItemMove, ItemState, moved

#: Links of a book: the id of a sale or payment -> the slip of its item.
OF_SALE: Final = "item-of-sale"
OF_PAYMENT: Final = "item-of-payment"


def undone(stage: Stage, link: str, about: int) -> None:
    """The sale or payment came to nothing. An item that the terminal has taken back already keeps
    its state: somebody looks at its case, or the money was there before."""
    slip = stage.linked(link, about)
    item = stage.get(TerminalItem, slip) if slip is not None else None
    if item is not None and item.state == ItemState.BOOKED:
        stage.put(item.slip, replace(item, state=str(moved(item.state, ItemMove.UNDO))))
