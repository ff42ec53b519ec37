"""Loading what is owed, paid and agreed: everything of an account under that account's lock.

Which accounts a payment or an act concerns never changes once it is written, so it is read before
anything is locked (``accounts_of``); the rows themselves are read after their accounts are.
"""

from collections.abc import Iterable, Sequence, Set
from typing import Any

import msgspec

from core.book import Book, Wants
from core.collection.entities import (
    AccountAgreement,
    Allocated,
    Deposit,
    OpeningAct,
    OpenItem,
    Payment,
    PayPlan,
    Posted,
    PreReceipt,
    Uncleared,
)
from core.entities import Debt
from core.messages import RequestMoneyAct
from core.store.tables.collection import STANDS
from core.store.tx import Reader, Row

_ITEM = OpenItem.__struct_fields__
_PAYMENT = Payment.__struct_fields__
_PLAN = PayPlan.__struct_fields__
_DEPOSIT = Deposit.__struct_fields__
_RECEIPT = PreReceipt.__struct_fields__
_ALLOCATED = Allocated.__struct_fields__
_DEBT = "id agreement_id code priority method value cap_per_sale outstanding".split()


def accounts_of(reader: Reader, company: str, wants: Wants) -> set[int]:
    """The accounts that the wanted payments went to: they must be locked too."""
    if not wants.payments:
        return set()
    rows = reader.rows(
        "SELECT DISTINCT a.account_id FROM payment p JOIN allocation a "
        "ON a.source = 'payment' AND a.source_id = p.id "
        "WHERE p.company = :company AND p.number IN :numbers",
        company=company,
        numbers=list(wants.payments),
    )
    return {row[0] for row in rows}


def load_collection(
    reader: Reader, company: str, wants: Wants, book: Book, sold_to: Set[int] = frozenset()
) -> None:
    """Everything that a decision about money owed looks at; the accounts are locked already.

    ``sold_to``: accounts whose open items a sale asks for; empty where the company declares none.
    """
    named = wants.owing or wants.items or wants.payments or wants.identities or wants.receipts
    if not (named or sold_to or wants.paid_as):
        return  # sales want none of it
    _received(reader, company, wants.paid_as, book)
    _opening(reader, company, wants.opening, book)
    _payments(reader, company, wants.payments, book)
    ids = _ids(book, wants.owing)
    touched = {row.item_id for rows in _rows_of(book) for row in rows if row.item_id}
    _items(
        reader, company, ({*ids, *sold_to}, {*wants.items, *touched}, _ids(book, wants.late)), book
    )
    _uncleared(reader, sold_to, book)
    _plans(reader, company, wants.plans, book)
    owners = {*ids, *(row.account_id for rows in _rows_of(book) for row in rows)}
    _agreements(reader, owners, book)
    _debts(reader, owners, book)
    _deposits(reader, ids, book)
    _receipts(reader, company, wants.receipts, book)
    _live(reader, company, wants.identities, book)


def _ids(book: Book, numbers: Iterable[str]) -> set[int]:
    found = (book.links.get(("account-number", number)) for number in numbers)
    return {id_ for id_ in found if id_ is not None}


def _rows_of(book: Book) -> list[tuple[Allocated, ...]]:
    return [rows for (name, _), rows in book.links.items() if name == "allocations-of-payment"]


def _select(reader: Reader, fields: Sequence[str], tail: str, **params: Any) -> list[Row]:
    return reader.rows(f"SELECT {', '.join(fields)} FROM {tail}", **params)


def _payments(reader: Reader, company: str, numbers: Sequence[str], book: Book) -> None:
    if not numbers:
        return
    where = "payment WHERE company = :company AND number IN :numbers ORDER BY id"
    found = [
        Payment(**dict(zip(_PAYMENT, row, strict=True)))
        for row in _select(reader, _PAYMENT, where, company=company, numbers=list(numbers))
    ]
    for payment in found:
        book.load(payment.number, payment)
        book.link("allocations-of-payment", payment.id, ())
    if not found:
        return
    where = (
        "allocation WHERE source = 'payment' AND source_id IN :ids ORDER BY at, message_id, line"
    )
    for row in _select(reader, _ALLOCATED, where, ids=[payment.id for payment in found]):
        _append(book, "allocations-of-payment", row[1], Allocated(*row))
    txns = [id_ for p in found for id_ in (p.txn_id, p.clear_txn_id) if id_]
    where = "posting WHERE txn_id IN :ids ORDER BY txn_id, line"
    for row in _select(reader, ("txn_id", *Posted.__struct_fields__), where, ids=txns):
        _append(book, "postings-of", row[0], Posted(*row[1:]))


def _append(book: Book, name: str, key: Any, value: Any) -> None:
    book.link(name, key, (*book.links.get((name, key), ()), value))


def _items(
    reader: Reader, company: str, wanted: tuple[set[int], set[int], set[int]], book: Book
) -> None:
    """Open items of accounts, items by number, and all that late fees may still be owed for."""
    owing, ids, late = wanted
    if not (owing or ids or late):
        return
    found = _select(
        reader,
        _ITEM,
        "open_item WHERE company = :company AND ((account_id IN :owing AND open > 0) "
        "OR id IN :ids OR (account_id IN :late AND late_done = 0 AND item_class <> 'penalty')) "
        "ORDER BY id",
        company=company,
        owing=sorted(owing),
        ids=sorted(ids),
        late=sorted(late),
    )
    items = [OpenItem(**dict(zip(_ITEM, row, strict=True))) for row in found]
    for item in items:
        book.load(item.id, item)
        _append(book, "items-of", item.account_id, item.id)
    _credited(reader, [item.id for item in items if item.id in ids], book)
    told = [item.id for item in items if item.account_id in late or item.id in ids]
    _histories(reader, told, book)
    plans = {item.plan_id for item in items if item.plan_id}
    _plans(reader, company, sorted(plans), book)


def _uncleared(reader: Reader, accounts: Set[int], book: Book) -> None:
    """Of sold-to accounts: what money that may still come back has paid."""
    if not accounts:
        return
    for account, code, item_class, due, amount in reader.rows(
        "SELECT i.account_id, i.code, i.item_class, i.due, CAST(sum(a.amount) AS BIGINT) "
        "FROM open_item i JOIN allocation a ON a.item_id = i.id AND a.source = 'payment' "
        "JOIN payment p ON p.id = a.source_id AND p.state = 'uncleared' "
        "WHERE i.account_id IN :ids GROUP BY i.account_id, i.id, i.code, i.item_class, i.due",
        ids=sorted(accounts),
    ):
        _append(book, "uncleared-items", account, Uncleared(code, item_class, due, amount))


def _credited(reader: Reader, ids: list[int], book: Book) -> None:
    if ids:
        for id_, amount in reader.rows(
            "SELECT source_id, CAST(sum(amount) AS BIGINT) FROM allocation "
            "WHERE source = 'credit-note' AND source_id IN :ids GROUP BY source_id",
            ids=ids,
        ):
            book.link("credited", id_, amount)


def _histories(reader: Reader, ids: list[int], book: Book) -> None:
    """What took something off these items, and the late fees that are about them."""
    if not ids:
        return
    where = "allocation WHERE item_id IN :ids ORDER BY at, message_id, line"
    for row in _select(reader, _ALLOCATED, where, ids=ids):
        allocated = Allocated(*row)
        _append(book, "reductions-of", allocated.item_id, allocated)
    for (id_,) in reader.rows(
        "SELECT DISTINCT p.id FROM payment p JOIN allocation a ON a.source = 'payment' "
        "AND a.source_id = p.id WHERE a.item_id IN :ids AND p.state = 'uncleared'",
        ids=ids,
    ):
        book.link("not-cleared", id_, True)
    for (id_,) in reader.rows(
        "SELECT DISTINCT s.id FROM sale s JOIN allocation a ON a.source = 'sale' "
        "AND a.source_id = s.id WHERE a.item_id IN :ids AND s.state IN ('issuing', 'unknown')",
        ids=ids,
    ):
        book.link("not-sold", id_, True)
    for row in _select(reader, _ITEM, "open_item WHERE about_id IN :ids ORDER BY id", ids=ids):
        item = OpenItem(**dict(zip(_ITEM, row, strict=True)))
        book.load(item.id, item)
        _append(book, "about", item.about_id, item.id)


def _plans(reader: Reader, company: str, ids: Sequence[int], book: Book) -> None:
    if not ids:
        return
    where = "pay_plan WHERE company = :company AND id IN :ids ORDER BY id"
    for row in _select(reader, _PLAN, where, company=company, ids=list(ids)):
        plan = PayPlan(**dict(zip(_PLAN, row, strict=True)))
        book.load(plan.id, plan)


def _agreements(reader: Reader, accounts: set[int], book: Book) -> None:
    if not accounts:
        return
    where = "agreement WHERE account_id IN :ids AND to_us IS NULL ORDER BY id"
    fields = ("account_id", *AccountAgreement.__struct_fields__)
    for row in _select(reader, fields, where, ids=sorted(accounts)):
        _append(book, "agreements-of-account", row[0], AccountAgreement(*row[1:]))


def _debts(reader: Reader, accounts: set[int], book: Book) -> None:
    """Debts in recovery: those that are open, and those that a wanted payment has paid."""
    if not accounts:
        return
    paid = {row.debt_id for rows in _rows_of(book) for row in rows if row.debt_id}
    rows = reader.rows(
        f"SELECT a.account_id, {', '.join(f'd.{name}' for name in _DEBT)} FROM debt d "
        "JOIN agreement a ON a.id = d.agreement_id WHERE a.account_id IN :ids "
        "AND (d.outstanding > 0 OR d.id IN :paid) ORDER BY d.priority, d.id",
        ids=sorted(accounts),
        paid=sorted(paid),
    )
    for account_id, *values in rows:
        debt = Debt(**dict(zip(_DEBT, values, strict=True)))
        book.load(debt.id, debt)
        _append(book, "debts-of-account", account_id, debt.id)


def _deposits(reader: Reader, accounts: set[int], book: Book) -> None:
    if not accounts:
        return
    where = "deposit WHERE account_id IN :ids ORDER BY id"
    for row in _select(reader, _DEPOSIT, where, ids=sorted(accounts)):
        deposit = Deposit(**dict(zip(_DEPOSIT, row, strict=True)))
        book.load((deposit.account_id, deposit.kind), deposit)


def _receipts(reader: Reader, company: str, numbers: Sequence[str], book: Book) -> None:
    if not numbers:
        return
    where = "pre_receipt WHERE company = :company AND number IN :numbers ORDER BY id"
    for row in _select(reader, _RECEIPT, where, company=company, numbers=list(numbers)):
        receipt = PreReceipt(**dict(zip(_RECEIPT, row, strict=True)))
        book.load(receipt.number, receipt)


def _received(reader: Reader, company: str, identities: Sequence[str], book: Book) -> None:
    """Payments that were received under these natural keys and did not come back."""
    if identities:
        for identity, number in reader.rows(
            "SELECT identity, number FROM payment WHERE company = :company "
            f"AND identity IN :identities AND {STANDS}",
            company=company,
            identities=list(identities),
        ):
            book.link("received-as", identity, number)


def _opening(reader: Reader, company: str, accounts: Sequence[str], book: Book) -> None:
    """Acts about credit of an older system that were asked for at these accounts."""
    if accounts:
        for number, id_, command, state, expires in reader.rows(
            "SELECT account, id, command, state, expires FROM token_act WHERE company = :company "
            "AND account IN :accounts AND kind = 'opening-credit' ORDER BY id",
            company=company,
            accounts=list(accounts),
        ):
            year = msgspec.json.decode(command, type=RequestMoneyAct).year
            _append(book, "opening-credits", number, OpeningAct(id_, year, state, expires))


def _live(reader: Reader, company: str, identities: Sequence[str], book: Book) -> None:
    """Natural keys that are taken: what is there once is not raised again."""
    if identities:
        for identity, id_ in reader.rows(
            "SELECT identity, id FROM open_item WHERE company = :company AND state = 'live' "
            "AND identity IN :identities AND identity <> ''",
            company=company,
            identities=list(identities),
        ):
            book.link("live-item", identity, id_)
