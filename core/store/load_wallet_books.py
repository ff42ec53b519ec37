"""Loading what proves money by wallet: statements, payouts, refunds, cases.

The turn of a wallet is taken last of all locks; its statements and payouts change only under it.
What lines name is read without a lock: what a payment was booked for never changes, and one that
comes at that very instant is the same money under the same key.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any, Final

import msgspec

from core.book import Book, Wants
from core.calendars import start_of_day
from core.collection.entities import Payment
from core.store.tx import Reader, TransientStoreError
from core.wallets.book_entities import (
    Settlement,
    StatementRow,
    WalletCase,
    WalletRefund,
    WalletStatement,
)
from core.wallets.book_wants import (
    AT_RECEIPT,
    AT_REFERENCE,
    BACK,
    BACK_HELD,
    BACK_OF,
    CASE,
    EXPECTED,
    OURS,
    PAYOUT,
    SETTLED,
    STATEMENT,
)
from core.wallets.entities import WalletPayment
from core.wallets.held_states import HeldMoney
from core.wallets.rows import BY_NUMBER
from core.wallets.settling import MARKED_AT_ONCE, Expected
from core.wallets.statements import CHECKED_AT_ONCE

#: Of a payment p: when it was made. A provider's own time is what his days are made of.
_MADE: Final = "CASE WHEN p.provider_at = 0 THEN p.paid_at ELSE p.provider_at END"
#: … and the currency of what came of it.
_IN: Final = "CASE WHEN p.paid_currency = '' THEN p.currency ELSE p.paid_currency END"
#: A payout for the day of what was made and known at these instants.
_COVERED: Final = (
    "EXISTS (SELECT 1 FROM wallet_settlement s WHERE s.company = {of}.company "
    "AND s.wallet = {of}.wallet AND s.until_us > {made} AND s.at >= {known})"
)
_COVERED_PAYMENT: Final = _COVERED.format(of="p", made=_MADE, known="p.paid_at")
_COVERED_REFUND: Final = _COVERED.format(of="r", made="r.ended_at", known="r.ended_at")
#: A payment to an account that a payment by wallet made: parts have more behind the receipt.
_NAMES_IT: Final = "substr(y.reference, 1, length(w.receipt)) = w.receipt"
#: A payment that came late is booked at most so long after its day.
_LATE_US: Final = 400 * 86_400_000_000


def _keys(wants: Wants, what: str) -> list[tuple[str, str]]:
    return [(wallet, key) for kind, wallet, key in wants.wallet_books if kind == what]


def _columns(kind: type[msgspec.Struct], of: str = "") -> str:
    names = kind.__struct_fields__
    return ", ".join(f"{of}.{name}" if of else name for name in names)


def _all(
    reader: Reader, kind: type[msgspec.Struct], tail: str, of: str = "", **params: Any
) -> list[Any]:
    names = kind.__struct_fields__
    rows = reader.rows(f"SELECT {_columns(kind, of)} FROM {tail}", **params)
    return [kind(**dict(zip(names, row, strict=True))) for row in rows]


def behind_wallet_books(reader: Reader, company: str, wants: Wants) -> Wants:
    """Before any lock: which payments will be locked, with what their money was booked to."""
    numbers = [key for _, key in _keys(wants, BACK_OF)]
    more: list[Wants] = []
    for wallet, key in _keys(wants, SETTLED):
        more.append(_to_settle(reader, company, wallet, int(key)))
    receipts = [key for _, key in _keys(wants, BACK)]
    cases = [int(key) for _, key in _keys(wants, CASE)]
    held = [int(key) for _, key in _keys(wants, BACK_HELD)]
    if not (numbers or receipts or cases or held):
        return Wants.union(more)
    rows = reader.rows(
        "SELECT w.id, w.number, w.receipt FROM wallet_payment w "
        "WHERE w.company = :company AND (w.number IN :numbers "
        "OR (w.receipt IN :receipts AND w.receipt <> '') OR w.id IN "
        "(SELECT payment_id FROM wallet_case WHERE company = :company AND id IN :cases) OR w.id IN "
        "(SELECT payment_id FROM held_money WHERE company = :company AND id IN :held)) "
        "ORDER BY w.id",
        company=company,
        numbers=numbers or [""],
        receipts=receipts or [""],
        cases=cases or [0],
        held=held or [0],
    )
    ids = [row[0] for row in rows]
    booked = [number for _, number in _booked(reader, ids)]
    agents = reader.rows(
        "SELECT a.number FROM wallet_payment w JOIN agent a ON a.id = w.agent_id "
        "WHERE w.id IN :ids ORDER BY a.id",
        ids=ids or [0],
    )
    more.append(
        Wants(
            wallets=tuple((BY_NUMBER, "", row[1]) for row in rows),
            held_of=tuple(ids),
            payments=tuple(booked),
            deposits=tuple(row[2] for row in rows if row[2]),
            agents=tuple(row[0] for row in agents),
        )
    )
    return Wants.union(more)


def _booked(reader: Reader, ids: Sequence[int]) -> list[tuple[int, str]]:
    """(id of a payment by wallet, number of what its money paid to an account). A payment is made
    by the message that brought its money, or by one that released it."""
    if not ids:
        return []
    rows = reader.rows(
        "SELECT w.id, y.number FROM wallet_payment w JOIN payment y "
        "ON y.message_id = w.paid_message_id AND y.way = 'wallet' AND y.desk = w.wallet "
        f"AND {_NAMES_IT} WHERE w.id IN :ids AND w.paid_message_id <> '' UNION "
        "SELECT w.id, y.number FROM wallet_payment w JOIN held_money h ON h.payment_id = w.id "
        "JOIN payment y ON y.message_id = h.decision_id AND y.way = 'wallet' "
        f"AND y.desk = w.wallet AND {_NAMES_IT} WHERE w.id IN :ids "
        "UNION SELECT w.id, y.number FROM wallet_payment w JOIN payment y ON y.id = w.payment_id "
        "WHERE w.id IN :ids ORDER BY 1, 2",
        ids=list(ids),
    )
    return [(row[0], row[1]) for row in rows]


def _to_settle(reader: Reader, company: str, wallet: str, settlement: int) -> Wants:
    rows = reader.rows(
        "SELECT p.number FROM wallet_settlement t JOIN wallet_payment p ON p.company = t.company "
        "AND p.wallet = t.wallet WHERE t.id = :id AND t.company = :company AND t.wallet = :wallet "
        "AND p.paid > 0 AND p.paid_at > 0 AND p.paid_at <= t.at AND p.settled_at = 0 "
        f"AND p.state IN ('applied', 'disputed') AND {_MADE} < t.until_us AND {_IN} = t.currency "
        "ORDER BY p.id LIMIT :most",
        id=settlement,
        company=company,
        wallet=wallet,
        most=MARKED_AT_ONCE,
    )
    return Wants(wallets=tuple((BY_NUMBER, "", row[0]) for row in rows))


def load_wallet_books(
    reader: Reader, company: str, wants: Wants, book: Book, suffix: str, zone: str
) -> None:
    """All of it. The payments are locked already; the turns of wallets are taken here, last."""
    if not wants.wallet_books:
        return
    locked = {name for what in (STATEMENT, PAYOUT) for name, _ in _keys(wants, what)}
    if suffix:
        _turns(reader, company, locked)
    _statements(reader, company, wants, book)
    _named(reader, company, wants, book)
    _unnamed(reader, company, wants, book, zone)
    _payouts(reader, company, wants, book, zone)
    if _keys(wants, SETTLED):
        _marked(reader, company, wants, book)
    _refunds_and_cases(reader, company, wants, book, suffix)


def _turns(reader: Reader, company: str, wallets: Iterable[str]) -> None:
    for wallet in sorted(wallets):
        reader.rows(
            "INSERT INTO wallet_turn (company, wallet) VALUES (:company, :wallet) "
            "ON CONFLICT (company, wallet) DO UPDATE SET wallet = excluded.wallet "
            "RETURNING wallet",
            company=company,
            wallet=wallet,
        )


def _statements(reader: Reader, company: str, wants: Wants, book: Book) -> None:
    """The statements, the lines of the wanted pages, and those that have the wanted receipts."""
    receipts: dict[str, list[str]] = {}
    for wallet, key in _keys(wants, AT_RECEIPT):
        receipts.setdefault(wallet, []).append(key)
    for wallet, key in _keys(wants, STATEMENT):
        day, _, page = key.partition("/")
        tail = "wallet_statement WHERE company = :company AND wallet = :wallet AND day = :day"
        for found in _all(
            reader, WalletStatement, tail, company=company, wallet=wallet, day=int(day)
        ):
            at = (found.wallet, found.day)
            if (WalletStatement, at) not in book.entities:
                book.load(at, found)
            _lines(reader, book, found.id, int(page), receipts.get(wallet, []))


def _lines(reader: Reader, book: Book, id_: int, page: int, receipts: Sequence[str]) -> None:
    tail = (
        "wallet_statement_line WHERE statement_id = :id "
        "AND ((page = :page AND page > 0) OR receipt IN :receipts) ORDER BY id"
    )
    for row in _all(reader, StatementRow, tail, id=id_, page=page, receipts=list(receipts) or [""]):
        if (StatementRow, row.id) in book.entities:
            continue
        book.load(row.id, row)
        book.link("statement-line", (row.statement_id, row.receipt), row.id)
        at = ("statement-page", (row.statement_id, row.page))
        book.link(*at, (*book.links.get(at, ()), row.id))


def _named(reader: Reader, company: str, wants: Wants, book: Book) -> None:
    """Payments that lines name, as the books have them, and what went back of each."""
    for what, column in ((AT_RECEIPT, "receipt"), (AT_REFERENCE, "reference")):
        by_wallet: dict[str, list[str]] = {}
        for wallet, key in _keys(wants, what):
            by_wallet.setdefault(wallet, []).append(key)
        for wallet, keys in sorted(by_wallet.items()):
            tail = (
                "wallet_payment WHERE company = :company AND wallet = :wallet "
                f"AND {column} IN :keys AND {column} <> '' ORDER BY id"
            )
            found = _all(
                reader, WalletPayment, tail, company=company, wallet=wallet, keys=sorted(set(keys))
            )
            for payment in found:
                book.link(f"ours-by-{column}", (wallet, getattr(payment, column)), payment)
            _refunds_of(reader, [payment.id for payment in found], book)


def _refunds_of(reader: Reader, payments: Sequence[int], book: Book) -> None:
    if not payments:
        return
    tail = "wallet_refund WHERE payment_id IN :ids ORDER BY id"
    for refund in _all(reader, WalletRefund, tail, ids=list(payments)):
        if (WalletRefund, refund.id) not in book.entities:
            book.load(refund.id, refund)
        book.link("wallet-refund-of", refund.payment_id, refund)


def _day(key: str) -> date | None:
    try:
        number = int(key)
        return date(number // 10_000, number // 100 % 100, number % 100)
    except ValueError:
        return None


def _unnamed(reader: Reader, company: str, wants: Wants, book: Book, zone: str) -> None:
    """Payments of a day that no line of any statement names: the next ones."""
    for wallet, key in _keys(wants, OURS):
        day = _day(key)
        if day is None:
            continue
        since = start_of_day(day, zone)
        tail = (
            "wallet_payment p WHERE p.company = :company AND p.wallet = :wallet AND p.paid > 0 "
            "AND p.paid_at >= :since AND p.paid_at < :late "
            f"AND {_MADE} >= :since AND {_MADE} < :until "
            "AND NOT EXISTS (SELECT 1 FROM wallet_statement_line l "
            "JOIN wallet_statement s ON s.id = l.statement_id AND s.wallet = p.wallet "
            "WHERE l.company = p.company AND l.receipt = p.receipt "
            "AND l.outcome <> 'withdrawn') ORDER BY p.id LIMIT :most"
        )
        found = _all(
            reader, WalletPayment, tail, "p", company=company, wallet=wallet, since=since,
            until=start_of_day(day + timedelta(days=1), zone), late=since + _LATE_US,
            most=CHECKED_AT_ONCE,
        )  # fmt: skip
        book.link("ours-unnamed", (wallet, int(key)), tuple(found))
        statement = book.entities.get((WalletStatement, (wallet, int(key))))
        if isinstance(statement, WalletStatement):  # lines that were withdrawn have a row already
            _lines(reader, book, statement.id, 0, [payment.receipt for payment in found])


def _payouts(reader: Reader, company: str, wants: Wants, book: Book, zone: str) -> None:
    for wallet, key in _keys(wants, PAYOUT):
        tail = (
            "wallet_settlement WHERE company = :company AND wallet = :wallet AND reference = :ref"
        )
        for found in _all(reader, Settlement, tail, company=company, wallet=wallet, ref=key):
            book.load((found.wallet, found.reference), found)
    for wallet, key in _keys(wants, EXPECTED):
        number, _, currency = key.partition("/")
        day = _day(number)
        if day is not None:
            until = start_of_day(day + timedelta(days=1), zone)
            expected = expected_of(reader, company, (wallet, currency), until)
            book.link("expected", (wallet, int(number)), expected)


def expected_of(reader: Reader, company: str, of: tuple[str, str], until: int) -> Expected:
    """What a provider has still to pay out for payments made before an instant; ``of``: the wallet
    and its currency. What came in another is no part of that: it can only be given back."""
    wallet, currency = of
    ((came, count),) = reader.rows(
        "SELECT CAST(COALESCE(sum(p.paid), 0) AS BIGINT), count(*) FROM wallet_payment p "
        "WHERE p.company = :company AND p.wallet = :wallet AND p.paid > 0 "
        f"AND {_IN} = :currency AND p.settled_at = 0 "
        f"AND {_MADE} < :until AND NOT {_COVERED_PAYMENT}",
        company=company,
        wallet=wallet,
        currency=currency,
        until=until,
    )
    ((back,),) = reader.rows(
        "SELECT CAST(COALESCE(sum(r.amount), 0) AS BIGINT) FROM wallet_refund r "
        "WHERE r.company = :company AND r.wallet = :wallet AND r.state = 'reversed' "
        f"AND r.currency = :currency AND r.ended_at < :until AND NOT {_COVERED_REFUND}",
        company=company,
        wallet=wallet,
        currency=currency,
        until=until,
    )
    return Expected(came - back, count)


def _marked(reader: Reader, company: str, wants: Wants, book: Book) -> None:
    for wallet, key in _keys(wants, SETTLED):
        tail = "wallet_settlement WHERE company = :company AND id = :id"
        for found in _all(reader, Settlement, tail, company=company, id=int(key)):
            book.load(found.id, found)
        numbers = _to_settle(reader, company, wallet, int(key)).wallets
        book.link("to-settle", int(key), tuple(number for _, _, number in numbers))


def _refunds_and_cases(reader: Reader, company: str, wants: Wants, book: Book, suffix: str) -> None:
    """Of the payments that are wanted with their money: what went back, what people look at."""
    ids = [int(key) for _, key in _keys(wants, CASE)]
    if ids:
        tail = f"wallet_case WHERE company = :company AND id IN :ids ORDER BY id{suffix}"
        for case in _all(reader, WalletCase, tail, company=company, ids=ids):
            book.load(case.id, case)
    payments = _with_money(wants, book)
    _cases_at(reader, company, wants, book)
    if not payments:
        return
    _refunds_of(reader, payments, book)
    _money_of(reader, payments, book)
    tail = "wallet_case WHERE payment_id IN :ids AND state = 'open' ORDER BY id"
    for case in _all(reader, WalletCase, tail, ids=payments):
        if (WalletCase, case.id) not in book.entities:
            book.load(case.id, case)
        at = ("wallet-cases", case.payment_id)
        book.link(*at, (*book.links.get(at, ()), case.id))


def _with_money(wants: Wants, book: Book) -> list[int]:
    """The payments that were looked at with all that their money was booked to; a batch may have
    others, of which only the row is wanted."""
    receipts, numbers = set(_keys(wants, BACK)), {key for _, key in _keys(wants, BACK_OF)}
    held = {int(key) for _, key in _keys(wants, BACK_HELD)}
    cases = {int(key) for _, key in _keys(wants, CASE)}
    about = {
        entity.payment_id
        for entity in book.entities.values()
        if (isinstance(entity, HeldMoney) and entity.id in held)
        or (isinstance(entity, WalletCase) and entity.id in cases)
    }
    return sorted(
        entity.id
        for entity in book.entities.values()
        if isinstance(entity, WalletPayment)
        and (
            entity.id in about
            or entity.number in numbers
            or (entity.wallet, entity.receipt) in receipts
        )
    )


def _cases_at(reader: Reader, company: str, wants: Wants, book: Book) -> None:
    """Whether people look already at a reversal of a payment that is not here."""
    for wallet, receipt in _keys(wants, BACK):
        if reader.rows(
            "SELECT 1 FROM wallet_case WHERE company = :company AND wallet = :wallet "
            "AND receipt = :receipt AND kind = 'reversal-unknown' AND state = 'open' LIMIT 1",
            company=company,
            wallet=wallet,
            receipt=receipt,
        ):
            book.link("wallet-cases-at", (wallet, receipt), True)


def _money_of(reader: Reader, payments: Sequence[int], book: Book) -> None:
    """Where the money of each is, and what became of the token that it bought."""
    found: dict[int, list[str]] = {}
    for id_, number in _booked(reader, payments):
        if (Payment, number) not in book.entities:
            raise TransientStoreError("a payment was booked while it was locked: run again")
        found.setdefault(id_, []).append(number)
    for id_, numbers in found.items():
        book.link("payments-of-wallet", id_, tuple(numbers))
    for id_, state, void in reader.rows(
        "SELECT w.id, s.state, EXISTS (SELECT 1 FROM token k JOIN token_void v "
        "ON v.token_id = k.id JOIN token_act a ON a.id = v.act_id AND a.kind = 'cancel-sale' "
        "AND a.state = 'done' WHERE k.cause = 'sale' AND k.cause_id = s.id) "
        "FROM wallet_payment w JOIN sale s ON s.id = w.sale_id WHERE w.id IN :ids "
        "AND w.sale_id <> 0",
        ids=list(payments),
    ):
        token = {"issued": "void" if void else "issued", "failed": "none"}.get(state, "ordered")
        book.link("token-of-payment", id_, token)
