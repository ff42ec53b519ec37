"""Which payments by wallet are on file: reads only."""

from core.company import Terms
from core.store.tx import Reader


def known_receipts(
    reader: Reader, terms: Terms, wallet: str, receipts: tuple[str, ...]
) -> frozenset[str]:
    """Of a provider's receipts, those that we have a payment of, whatever became of it."""
    if not receipts:
        return frozenset()
    rows = reader.rows(
        "SELECT receipt FROM wallet_payment WHERE company = :company AND wallet = :wallet "
        "AND receipt IN :receipts",
        company=terms.code,
        wallet=wallet,
        receipts=sorted(set(receipts)),
    )
    return frozenset(str(row[0]) for row in rows)
