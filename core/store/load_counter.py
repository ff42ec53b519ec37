"""Loading desks: locked after the agents' floats; their shifts, numbers and slips are read then.

Everything of a desk is changed under the lock of its row only. A desk's code and what a receipt
stands for never change, so they may choose what is locked.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from core.book import Book, Wants
from core.collection.entities import Allocated, Posted
from core.counter.entities import CashDesk, CounterReceipt, DepositSlip, Series, Shift, Taking
from core.counter.states import LIVE_SQL
from core.counter.wanted import (
    BANKED,
    CASHIER,
    DESK,
    NOTES,
    PREFIX_OF,
    RECEIPT,
    SLIP,
    TAKINGS,
    banked_key,
    slip_key,
)
from core.store.tx import Reader

S = TypeVar("S", bound=msgspec.Struct)


def _keys(wants: Wants, what: str) -> list[str]:
    return [key for kind, key in wants.counter if kind == what]


def _select(reader: Reader, kind: type[S], tail: str, **params: Any) -> list[S]:
    names = kind.__struct_fields__
    rows = reader.rows(f"SELECT {', '.join(names)} FROM {tail}", **params)
    return [kind(**dict(zip(names, row, strict=True))) for row in rows]


def behind_receipts(reader: Reader, company: str, wants: Wants) -> Wants:
    """What taking the wanted receipts back concerns: their payments, and what credit has paid."""
    numbers = _keys(wants, RECEIPT)
    if not numbers:
        return Wants()
    payments = reader.rows(
        "SELECT y.number FROM counter_receipt r JOIN payment y ON y.counter_receipt_id = r.id "
        "WHERE r.company = :company AND r.number IN :numbers ORDER BY y.id",
        company=company,
        numbers=numbers,
    )
    paid = reader.rows(
        "SELECT x.number, a.item_id FROM counter_receipt r JOIN allocation a "
        "ON a.message_id = r.message_id AND a.source = 'credit' "
        "JOIN account x ON x.id = a.account_id "
        "WHERE r.company = :company AND r.number IN :numbers AND r.balance > 0 ORDER BY a.line",
        company=company,
        numbers=numbers,
    )
    accounts = tuple(dict.fromkeys(row[0] for row in paid))
    return Wants(
        payments=tuple(row[0] for row in payments),
        accounts=accounts,
        owing=accounts,
        items=tuple(dict.fromkeys(row[1] for row in paid)),
    )


def load_counter(reader: Reader, company: str, wants: Wants, book: Book, suffix: str) -> None:
    """Desks, locked by id; then what is asked of them; credit notes' numbers, locked last."""
    if not (wants.counter or wants.payments):
        return
    codes = {*_keys(wants, DESK), *_desks_paid(reader, company, wants.payments)}
    desks = _desks(reader, company, sorted(codes), book, suffix)
    if wants.counter:
        _shifts(reader, desks, book)
        _takings(reader, [d for d in desks if d.code in _keys(wants, TAKINGS)], book)
        _cashiers(reader, company, _keys(wants, CASHIER), book)
        _series(reader, company, [desk.id for desk in desks], _keys(wants, PREFIX_OF), book)
        _receipts(reader, company, _keys(wants, RECEIPT), book)
        _slips(reader, company, wants, book)
    if _keys(wants, NOTES):
        tail = (
            "receipt_series WHERE company = :company AND desk_id = 0 AND purpose = 'credit-note' "
            f"ORDER BY id{suffix}"
        )
        for series in _select(reader, Series, tail, company=company):
            _at(book, series)


def _desks_paid(reader: Reader, company: str, payments: Sequence[str]) -> list[str]:
    """The desks whose tills took the wanted payments in: a reversal passes through them."""
    if not payments:
        return []
    rows = reader.rows(
        "SELECT DISTINCT desk FROM payment WHERE company = :company AND number IN :numbers "
        "AND way = 'cash' AND counter_receipt_id <> 0",
        company=company,
        numbers=list(payments),
    )
    return [row[0] for row in rows]


def _desks(
    reader: Reader, company: str, codes: list[str], book: Book, suffix: str
) -> list[CashDesk]:
    if not codes:
        return []
    tail = f"cash_desk WHERE company = :company AND code IN :codes ORDER BY id{suffix}"
    desks = _select(reader, CashDesk, tail, company=company, codes=codes)
    for desk in desks:
        book.load(desk.code, desk)
    return desks


def _shifts(reader: Reader, desks: Sequence[CashDesk], book: Book) -> None:
    ids = [desk.shift_id for desk in desks if desk.shift_id]
    if ids:
        for shift in _select(reader, Shift, "till_shift WHERE id IN :ids ORDER BY id", ids=ids):
            book.load(shift.id, shift)


def _takings(reader: Reader, desks: Sequence[CashDesk], book: Book) -> None:
    """Way -> what the live shifts took; what the accounts' own credit paid is a way of its own."""
    ids = [desk.shift_id for desk in desks if desk.shift_id]
    if not ids:
        return
    found: dict[int, dict[str, Taking]] = {id_: {} for id_ in ids}
    void = "r.state = 'void'"
    for shift, way, *sums in reader.rows(
        f"SELECT r.shift_id, y.way, count(*), CAST(sum(y.amount) AS BIGINT), "
        f"CAST(sum(CASE WHEN {void} THEN 1 ELSE 0 END) AS BIGINT), "
        f"CAST(sum(CASE WHEN {void} THEN y.amount ELSE 0 END) AS BIGINT) "
        "FROM counter_receipt r JOIN payment y ON y.counter_receipt_id = r.id "
        "WHERE r.shift_id IN :ids GROUP BY r.shift_id, y.way UNION ALL "
        "SELECT r.shift_id, 'balance', count(*), CAST(sum(r.balance) AS BIGINT), "
        f"CAST(sum(CASE WHEN {void} THEN 1 ELSE 0 END) AS BIGINT), "
        f"CAST(sum(CASE WHEN {void} THEN r.balance ELSE 0 END) AS BIGINT) "
        "FROM counter_receipt r WHERE r.shift_id IN :ids AND r.balance > 0 GROUP BY r.shift_id",
        ids=ids,
    ):
        found[shift][way] = Taking(*sums)
    for id_, ways in found.items():
        book.link("takings", id_, ways)


def _cashiers(reader: Reader, company: str, names: list[str], book: Book) -> None:
    if names:
        for cashier, code in reader.rows(
            "SELECT s.cashier, d.code FROM (SELECT cashier, desk_id FROM till_shift "
            f"WHERE company = :company AND cashier IN :names AND {LIVE_SQL}) s "
            "JOIN cash_desk d ON d.id = s.desk_id",
            company=company,
            names=names,
        ):
            book.link("shift-of", cashier, code)


def _series(
    reader: Reader, company: str, desks: list[int], prefixes: list[str], book: Book
) -> None:
    """Numbers that the desks have left, and all numbers under the prefixes."""
    if desks:
        tail = (
            "receipt_series WHERE company = :company AND desk_id IN :ids AND next <= last "
            "ORDER BY id"
        )
        for series in _select(reader, Series, tail, company=company, ids=desks):
            _at(book, series)
    if prefixes:
        tail = "receipt_series WHERE company = :company AND prefix IN :prefixes ORDER BY id"
        for series in _select(reader, Series, tail, company=company, prefixes=prefixes):
            at = ("series-of", series.prefix)
            book.link(*at, (*book.links.get(at, ()), series))


def _at(book: Book, series: Series) -> None:
    at = ("series-at", series.desk_id)
    book.load(series.id, series)
    book.link(*at, (*book.links.get(at, ()), series.id))


def _receipts(reader: Reader, company: str, numbers: list[str], book: Book) -> None:
    if not numbers:
        return
    tail = "counter_receipt WHERE company = :company AND number IN :numbers ORDER BY id"
    receipts = _select(reader, CounterReceipt, tail, company=company, numbers=numbers)
    for receipt in receipts:
        book.load(receipt.number, receipt)
        rows = reader.rows(
            "SELECT number FROM payment WHERE counter_receipt_id = :id "
            "AND counter_receipt_id <> 0 ORDER BY part",
            id=receipt.id,
        )
        book.link("payments-of", receipt.number, tuple(row[0] for row in rows))
        if receipt.balance:
            _balance(reader, receipt, book)


def _balance(reader: Reader, receipt: CounterReceipt, book: Book) -> None:
    """What the account's own credit paid, and the transaction that did it."""
    names = ", ".join(Allocated.__struct_fields__)
    rows = reader.rows(
        f"SELECT {names} FROM allocation WHERE message_id = :message AND source = 'credit' "
        "ORDER BY line",
        message=receipt.message_id,
    )
    book.link("balance-of", receipt.number, tuple(Allocated(*row) for row in rows))
    posted = reader.rows(
        f"SELECT {', '.join(Posted.__struct_fields__)} FROM posting WHERE txn_id = :id "
        "ORDER BY line",
        id=receipt.balance_txn_id,
    )
    book.link("postings-of", receipt.balance_txn_id, tuple(Posted(*row) for row in posted))


def _slips(reader: Reader, company: str, wants: Wants, book: Book) -> None:
    named = [key.rpartition("/") for key in _keys(wants, SLIP)]
    for code, _, number in named:
        desk = book.entities.get((CashDesk, code))
        if desk is not None and number.isdecimal():
            tail = "deposit_slip WHERE desk_id = :desk AND number = :number"
            for slip in _select(reader, DepositSlip, tail, desk=desk.id, number=int(number)):
                book.load(slip_key(code, slip.number), slip)
    for key in _keys(wants, BANKED):
        bank, _, reference = key.partition("/")
        for code, number in reader.rows(
            "SELECT d.code, s.number FROM deposit_slip s JOIN cash_desk d ON d.id = s.desk_id "
            "WHERE s.company = :company AND s.bank = :bank AND s.reference = :reference "
            "AND s.reference <> ''",
            company=company,
            bank=bank,
            reference=reference,
        ):
            book.link("banked", banked_key(bank, reference), f"{code}/{number}")
