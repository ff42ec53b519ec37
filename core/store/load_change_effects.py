"""What the settlement of a change did to the books: what an undoing puts back.

Everything that it wrote has the message's id: transactions with their postings, items that it
raised, and where it gave money from one place to another (allocations).
"""

from collections.abc import Sequence

from core.book import Book
from core.changes.entities import Change, Raised
from core.collection.entities import Allocated, OpenItem, Posted
from core.entities import Debt
from core.store.tx import Reader

_ITEM = OpenItem.__struct_fields__
_ALLOCATED = Allocated.__struct_fields__
_DEBT = Debt.__struct_fields__


def load_effects(reader: Reader, settled: Sequence[Change], book: Book) -> None:
    """Link (``settled-txns`` | ``settled-rows`` | ``settled-items``, change's message)."""
    messages = [change.settle_id for change in settled]
    for message in messages:
        for name in ("settled-txns", "settled-rows", "settled-items"):
            book.link(name, message, ())
    if not messages:
        return
    for txn, message in reader.rows(
        "SELECT id, message_id FROM ledger_txn WHERE at IN :instants AND message_id IN :ids "
        "ORDER BY id",
        instants=[change.settled_at for change in settled], ids=messages,
    ):  # fmt: skip
        _append(book, "settled-txns", message, txn)
        posted = reader.rows(
            "SELECT line, ledger, owner, amount FROM posting WHERE txn_id = :id ORDER BY line",
            id=txn,
        )
        book.link("postings-of", txn, tuple(Posted(*row) for row in posted))
    for message, *values in reader.rows(
        f"SELECT message_id, {', '.join(_ALLOCATED)} FROM allocation WHERE message_id IN :ids "
        "ORDER BY message_id, line", ids=messages,
    ):  # fmt: skip
        _append(book, "settled-rows", message, Allocated(*values))
    _items(reader, messages, book)


def _items(reader: Reader, messages: Sequence[str], book: Book) -> None:
    """Items that were raised, and those that something was taken off."""
    moved = [row for message in messages for row in book.links["settled-rows", message]]
    touched = {row.item_id for row in moved if row.item_id}
    debts = {row.source_id if row.source == "recovery" else row.debt_id for row in moved} - {0}
    rows = reader.rows(
        f"SELECT {', '.join(_ITEM)} FROM open_item WHERE id IN :ids OR id IN "
        "(SELECT i.id FROM account_change c JOIN open_item i ON i.account_id IN "
        "(c.account_id, c.to_account_id) AND i.message_id = c.settle_id "
        "WHERE c.settle_id IN :messages) ORDER BY id",
        ids=sorted(touched), messages=list(messages),
    )  # fmt: skip
    raised = []
    for row in rows:
        item = OpenItem(**dict(zip(_ITEM, row, strict=True)))
        if item.message_id in messages:
            raised.append(item)
        if (OpenItem, item.id) not in book.entities:
            book.load(item.id, item)
            _append(book, "items-of", item.account_id, item.id)
    sources: dict[int, tuple[str, ...]] = {}
    for id_, source in reader.rows(
        "SELECT a.item_id, CASE WHEN p.state = 'uncleared' THEN 'uncleared' ELSE a.source END "
        "FROM allocation a LEFT JOIN payment p ON a.source = 'payment' AND p.id = a.source_id "
        "WHERE a.item_id IN :ids GROUP BY 1, 2 HAVING sum(a.amount) <> 0 ORDER BY 1, 2",
        ids=[item.id for item in raised],
    ) if raised else []:  # fmt: skip
        sources[id_] = (*sources.get(id_, ()), source)
    for item in raised:
        _append(book, "settled-items", item.message_id, Raised(item.id, sources.get(item.id, ())))
    _debts(reader, debts, book)


def load_items(reader: Reader, ids: Sequence[int], book: Book) -> None:
    """Items by number, of accounts that are locked."""
    for row in reader.rows(
        f"SELECT {', '.join(_ITEM)} FROM open_item WHERE id IN :ids ORDER BY id", ids=list(ids)
    ) if ids else []:  # fmt: skip
        item = OpenItem(**dict(zip(_ITEM, row, strict=True)))
        if (OpenItem, item.id) not in book.entities:
            book.load(item.id, item)
            _append(book, "items-of", item.account_id, item.id)


def _debts(reader: Reader, ids: set[int], book: Book) -> None:
    for row in reader.rows(
        f"SELECT {', '.join(_DEBT)} FROM debt WHERE id IN :ids ORDER BY id", ids=sorted(ids)
    ) if ids else []:  # fmt: skip
        debt = Debt(**dict(zip(_DEBT, row, strict=True)))
        if (Debt, debt.id) not in book.entities:
            book.load(debt.id, debt)


def _append(book: Book, name: str, key: object, value: object) -> None:
    book.link(name, key, (*(book.links.get((name, key)) or ()), value))
