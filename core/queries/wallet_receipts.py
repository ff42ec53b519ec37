"""Which payments by wallet are on file: reads only."""

from collections.abc import Mapping

from core.company import Terms
from core.store.tx import Reader


def known_receipts(
    reader: Reader, terms: Terms, wallet: str, receipts: tuple[str, ...]
) -> Mapping[str, tuple[int, str]]:
    """Of a provider's receipts, those that we have a payment of, whatever became of it: what was
    paid with each (minor units, currency)."""
    if not receipts:
        return {}
    rows = reader.rows(
        "SELECT receipt, paid, paid_currency, currency FROM wallet_payment "
        "WHERE company = :company AND wallet = :wallet AND receipt IN :receipts",
        company=terms.code,
        wallet=wallet,
        receipts=sorted(set(receipts)),
    )
    return {str(row[0]): (int(row[1]), str(row[2] or row[3])) for row in rows}
