"""Queries about orders at security modules on the network."""

from core.company import Terms
from core.store.tables.orders import OPEN
from core.store.tx import Reader


def order_asked(reader: Reader, terms: Terms, order: int, reference: str) -> str | None:
    """The order as it was placed (JSON of its OrderTokens); None when there is no open one."""
    rows = reader.rows(
        "SELECT asked FROM token_order WHERE id = :id AND reference = :reference "
        f"AND company = :company AND {OPEN}",
        id=order,
        reference=reference,
        company=terms.code,
    )
    return str(rows[0][0]) if rows else None
