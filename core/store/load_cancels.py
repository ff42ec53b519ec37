"""Loading sales that may be cancelled: facts that never change, read before anything is locked.

They say which agreements and accounts will be locked; the postings to be mirrored are final.
"""

from collections.abc import Iterable

import msgspec

from core.book import Book
from core.collection.entities import Posted
from core.entities import SaleOnFile
from core.store.tx import Reader

_COLUMNS = (
    "id receipt payer_account_id account_id agreement_id meter_id phone currency tender "
    "units_tenths carried_forward priced_at effect tariff agent_id"
).split()
_POSTED = ("txn_id", *Posted.__struct_fields__)


def sales_to_cancel(
    reader: Reader, company: str, references: Iterable[tuple[str, str]]
) -> list[SaleOnFile]:
    """The issued sales that these (meter, digits or receipt) name."""
    names = sorted({reference for _, reference in references})
    if not names:
        return []
    columns = ", ".join(f"s.{column}" for column in _COLUMNS)
    found = {}
    for named in ("s.receipt", "k.digits"):
        for row in reader.rows(
            f"SELECT {columns}, x.id FROM sale s "
            "JOIN token k ON k.cause = 'sale' AND k.cause_id = s.id "
            "JOIN ledger_txn x ON x.message_id = s.message_id AND x.kind = 'sale' "
            f"WHERE s.company = :company AND s.state = 'issued' AND {named} IN :names "
            "ORDER BY s.id",
            company=company,
            names=names,
        ):
            found[row[0]] = SaleOnFile(**dict(zip((*_COLUMNS, "txn_id"), row, strict=True)))
    return [found[id_] for id_ in sorted(found)]


class _Effect(msgspec.Struct, array_like=True):
    """As ``core.vending.sale_effects`` stores it: the last part is what is asked for here."""

    before: tuple[int, int, int]
    after: tuple[int, int, int]
    paid: tuple[tuple[int, int], ...] = ()
    items: tuple[tuple[int, int], ...] = ()


def items_paid(sales: list[SaleOnFile]) -> tuple[int, ...]:
    """The open items that these sales paid: they are owed again."""
    effects = [msgspec.json.decode(sale.effect, type=_Effect) for sale in sales if sale.effect]
    return tuple(item for effect in effects for item, _ in effect.items)


def load_cancels(reader: Reader, sales: list[SaleOnFile], book: Book) -> None:
    """The sales, and what they posted."""
    if not sales:
        return
    for sale in sales:
        book.load(sale.id, sale)
    book.link("cancelled-sales", "", tuple(sale.id for sale in sales if sale.agent_id))
    for row in reader.rows(
        f"SELECT {', '.join(_POSTED)} FROM posting WHERE txn_id IN :ids ORDER BY txn_id, line",
        ids=[sale.txn_id for sale in sales],
    ):
        known = book.links.get(("postings-of", row[0]), ())
        book.link("postings-of", row[0], (*known, Posted(*row[1:])))
