"""Loading items of terminals, their batches and cases: under the locks of floats and terminals.

What a reversal takes back stands in the item, which it names only by its terminal, day and number:
so the item is looked at before anything is locked, and tells which payment, accounts and float will
be. What has become of it in the meantime is seen under the locks, and the batch is run again.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from core.agents.entities import AgentFloat
from core.book import Book, Wants
from core.collection.entities import Payment
from core.store.load_key_changes import with_sets
from core.store.load_sales import COUNTS, SALE_COLUMNS, SALE_TABLES, past_sales
from core.store.tx import Reader, TransientStoreError
from core.terminals.entities import Terminal
from core.terminals.item_entities import (
    TerminalBatch,
    TerminalCase,
    TerminalItem,
    Uploaded,
    offline_name,
    slip_name,
    slot_name,
)
from core.terminals.undone import OF_PAYMENT, OF_SALE

_ITEM = ", ".join(TerminalItem.__struct_fields__)
_BATCH = ", ".join(TerminalBatch.__struct_fields__)
_CASE = ", ".join(TerminalCase.__struct_fields__)
_CANCELLED = (
    "SELECT k.cause_id FROM token k JOIN token_void v ON v.token_id = k.id "
    "JOIN token_act a ON a.id = v.act_id AND a.kind = 'cancel-sale' AND a.state = 'done' "
    "WHERE k.cause = 'sale' AND k.cause_id IN :ids"
)
_UPLOADED = (
    f"SELECT batch_id, {', '.join(Uploaded.__struct_fields__)} FROM terminal_upload WHERE batch_id"
)


@dataclass(frozen=True, slots=True)
class Itemized:
    """What reversals and cases are about; ``wants`` is what others must load for them."""

    wants: Wants = field(default_factory=Wants)
    agents: frozenset[int] = frozenset()


def itemized(reader: Reader, company: str, wants: Wants) -> Itemized:
    """Of the items that are taken back and the cases that are closed: payments, and whose floats
    are concerned. Before anything is locked."""
    if not (wants.reversals or wants.cases or wants.offline):
        return Itemized()
    agents: set[int] = _former(reader, company, wants)
    payments: set[str] = set()
    if wants.reversals:
        numbers = sorted({number for number, _, _ in wants.reversals})
        ids: dict[str, int] = dict(reader.rows(
            "SELECT number, id FROM terminal WHERE company = :company AND number IN :numbers",
            company=company, numbers=numbers,
        ))  # fmt: skip
        slips = [slip_name(ids[n], day, stan) for n, day, stan in wants.reversals if n in ids]
        for agent, kind, document in reader.rows(
            "SELECT agent_id, kind, document FROM terminal_item WHERE slip IN :slips", slips=slips
        ):
            agents.add(agent)
            payments |= {document} if kind == "payment" else set()
    for agent, document in reader.rows(
        "SELECT agent_id, document FROM terminal_case WHERE company = :company AND id IN :ids",
        company=company, ids=list(wants.cases),
    ) if wants.cases else []:  # fmt: skip
        agents.add(agent)
        payments.add(document)
    return Itemized(Wants(payments=tuple(sorted(payments - {""}))), frozenset(agents))


def _former(reader: Reader, company: str, wants: Wants) -> set[int]:
    """Whose these terminals were before: what they collected without the line may be of then."""
    if not wants.offline:
        return set()
    return {id_ for (id_,) in reader.rows(
        "SELECT former_agent_id FROM terminal WHERE company = :company AND number IN :numbers "
        "AND former_agent_id <> 0",
        company=company, numbers=sorted({number for number, _, _ in wants.offline}),
    )}  # fmt: skip


def load_items(
    reader: Reader, company: str, wants: Wants, sales: Iterable[int], book: Book
) -> None:
    """Everything about items that this batch asks for; ``sales``: those whose orders are reported
    on, or that are cancelled. Floats and terminals are locked already, and none of these rows
    changes without a float."""
    if wants.terminals:
        _by_slip(reader, wants, book)
        _batches(reader, wants, book)
        _uploads(reader, wants, book)
        _offline(reader, company, wants, book)
    sold = sorted(sales)
    if sold:
        for item in _items(reader, book, "about IN :ids AND kind = 'sale' ORDER BY id", ids=sold):
            book.link(OF_SALE, item.about, item.slip)
            _batch_rows(reader, book, "id = :id", id=item.batch_id)
    payments = (each for each in book.entities.values() if isinstance(each, Payment))
    paid = sorted(each.id for each in payments if each.agent_id)
    if paid:
        where = "about IN :ids AND kind = 'payment' ORDER BY id"
        for item in _items(reader, book, where, ids=paid):
            book.link(OF_PAYMENT, item.about, item.slip)
    _cases(reader, company, wants.cases, book)


def _items(reader: Reader, book: Book, where: str, **params: Any) -> list[TerminalItem]:
    rows = reader.rows(f"SELECT {_ITEM} FROM terminal_item WHERE {where}", **params)
    fields = TerminalItem.__struct_fields__
    items = [TerminalItem(**dict(zip(fields, row, strict=True))) for row in rows]
    for item in items:
        book.load(item.slip, item)
    return items


def _batch_rows(reader: Reader, book: Book, where: str, **params: Any) -> list[TerminalBatch]:
    rows = reader.rows(f"SELECT {_BATCH} FROM terminal_batch WHERE {where}", **params)
    fields = TerminalBatch.__struct_fields__
    batches = [TerminalBatch(**dict(zip(fields, row, strict=True))) for row in rows]
    for batch in batches:
        book.load(batch.id, batch)
        if batch.live:
            book.link("terminal-batch", batch.slot, batch.id)
    return batches


def _ids(book: Book, numbers: Iterable[str]) -> dict[str, int]:
    """Terminals by number, those that are there."""
    found = {number: book.links.get(("terminal-number", number)) for number in numbers}
    return {number: id_ for number, id_ in found.items() if id_ is not None}


def _by_slip(reader: Reader, wants: Wants, book: Book) -> None:
    """The items that are sold under these numbers already, or that are taken back, with the sales
    that cannot be and what must be locked for payments."""
    named = {*wants.reversals, *((n, day, stan) for n, day, stan, _ in wants.slips)}
    if not named:
        return
    ids = _ids(book, {number for number, _, _ in named})
    slips = sorted(slip_name(ids[n], day, stan) for n, day, stan in named if n in ids)
    items = _items(reader, book, "slip IN :slips ORDER BY id", slips=slips)
    back = {slip_name(ids[n], day, stan) for n, day, stan in wants.reversals if n in ids}
    taken = [item for item in items if item.slip in back]
    for item in taken:
        _batch_rows(reader, book, "id = :id", id=item.batch_id)
        locked = (AgentFloat, item.agent_id) in book.entities
        if not locked or (item.document and (Payment, item.document) not in book.entities):
            raise TransientStoreError("an item came while others were locked: run again")
    sales = sorted(item.about for item in taken if item.kind == "sale" and item.about)
    if sales:
        rows = reader.rows(
            f"SELECT {SALE_COLUMNS} FROM {SALE_TABLES} WHERE s.id IN :ids AND s.state = 'issued' "
            f"AND {COUNTS}", ids=sales,
        )  # fmt: skip
        for sale in with_sets(reader, past_sales(rows)):
            book.link("item-sale", sale.id, sale)
        for (sale_id,) in reader.rows(_CANCELLED, ids=sales):
            book.link("sale-cancelled", sale_id, True)


def _batches(reader: Reader, wants: Wants, book: Book) -> None:
    """The newest turn of each batch that is named, and all items of those that are settled."""
    settled = set(wants.batches)
    named = {*settled, *((n, batch) for n, _, _, batch in wants.slips)}
    named |= {(number, batch) for number, batch, _, _ in wants.uploads}
    if not named:
        return
    ids = _ids(book, {number for number, _ in named})
    slots = sorted(slot_name(ids[n], batch) for n, batch in named if n in ids)
    whole = {slot_name(ids[n], batch) for n, batch in settled if n in ids}
    for batch in _batch_rows(reader, book, "slot IN :slots AND live = 1 ORDER BY id", slots=slots):
        if batch.slot in whole:
            items = _items(reader, book, "batch_id = :id ORDER BY id", id=batch.id)
            book.link("items-of-batch", batch.id, tuple(item.slip for item in items))
            rows = reader.rows(f"{_UPLOADED} = :id ORDER BY id", id=batch.id)
            book.link("uploads-of", batch.id, tuple(Uploaded(*row[1:]) for row in rows))


def _uploads(reader: Reader, wants: Wants, book: Book) -> None:
    """What the terminal has sent before under these numbers."""
    if not wants.uploads:
        return
    ids = sorted(id_ for (name, _), id_ in book.links.items() if name == "terminal-batch")
    rows = reader.rows(
        f"{_UPLOADED} IN :ids AND stan IN :stans", ids=ids,
        stans=sorted({stan for _, _, _, stan in wants.uploads}),
    )  # fmt: skip
    for row in rows:
        uploaded = Uploaded(*row[1:])
        book.link("uploaded", (row[0], uploaded.day, uploaded.stan), uploaded)


def _offline(reader: Reader, company: str, wants: Wants, book: Book) -> None:
    """What terminals have collected without the line on these days; their series of receipts, and
    which of the receipts are used."""
    if not wants.offline:
        return
    ids = sorted(_ids(book, {number for number, _, _ in wants.offline}).values())
    for id_ in ids:
        terminal = book.entities[Terminal, id_]
        former = terminal.former_agent_id if isinstance(terminal, Terminal) else 0
        if former and (AgentFloat, former) not in book.entities:
            raise TransientStoreError("a terminal was bound while floats were locked: run again")
    for terminal, day, amount in reader.rows(
        "SELECT terminal_id, made_day, CAST(sum(amount) AS BIGINT) FROM terminal_item "
        "WHERE offline = 1 AND terminal_id IN :ids AND made_day IN :days AND state <> 'reversed' "
        "GROUP BY terminal_id, made_day",
        ids=ids, days=sorted({day for _, _, day in wants.offline}),
    ):  # fmt: skip
        book.link("offline-of", (terminal, day), amount)
    for terminal, *series in reader.rows(
        "SELECT terminal_id, first_number, last_number, assigned_at FROM terminal_receipts "
        "WHERE terminal_id IN :ids ORDER BY id", ids=ids,
    ):  # fmt: skip
        known = book.links.get(("receipts-of", terminal), ())
        book.link("receipts-of", terminal, (*known, tuple(series)))
    receipts = sorted({receipt for _, receipt, _ in wants.offline} - {""})
    for (receipt,) in reader.rows(
        "SELECT receipt FROM terminal_item WHERE company = :company AND receipt IN :receipts "
        "AND receipt <> ''",
        company=company, receipts=receipts,
    ):  # fmt: skip
        book.link("receipt-used", receipt, True)
    stands = "offline = 1 AND terminal_id IN :ids AND receipt IN :receipts AND receipt <> '' "
    stands += "AND state IN ('booked', 'kept', 'undone') ORDER BY id"
    items = _items(reader, book, stands, ids=ids, receipts=receipts)
    for item in items:
        name = offline_name(item)
        book.link("offline-as", name, (*book.links.get(("offline-as", name), ()), item.slip))
    _typed(reader, book)


def _typed(reader: Reader, book: Book) -> None:
    """For which number the money of each item in suspense was collected."""
    items = (each for each in book.entities.values() if isinstance(each, TerminalItem))
    waiting = {each.id: each.slip for each in items if each.offline and not each.account_id}
    if waiting:
        for item, account in reader.rows(
            "SELECT item_id, account FROM terminal_case WHERE item_id IN :ids "
            "AND kind = 'suspense'", ids=sorted(waiting),
        ):  # fmt: skip
            book.link("offline-typed", waiting[item], account)


def _cases(reader: Reader, company: str, ids: tuple[int, ...], book: Book) -> None:
    if not ids:
        return
    for row in reader.rows(
        f"SELECT {_CASE} FROM terminal_case WHERE company = :company AND id IN :ids ORDER BY id",
        company=company, ids=list(ids),
    ):  # fmt: skip
        case = TerminalCase(**dict(zip(TerminalCase.__struct_fields__, row, strict=True)))
        book.load(case.id, case)
