"""Loading payments by wallet: locked after changes, before the agents' floats.

What a collection is for never changes once it is written, so it is read before anything is locked
and tells which rows will be; the payment itself is locked later and read then.
"""

from core.book import Book, Wants
from core.store.tables.wallets import OPEN
from core.store.tx import Reader
from core.wallets.entities import WalletPayment
from core.wallets.rows import BY_NUMBER, BY_RECEIPT, BY_REFERENCE, OPEN_OF
from core.wallets.wanted import planned, wants_of

COLUMNS = WalletPayment.__struct_fields__


def behind_wallets(reader: Reader, company: str, wants: Wants) -> Wants:
    """What the wanted collections are about: meters, accounts, agents, phones that are told."""
    references = _keys(wants, BY_REFERENCE)
    if not references:
        return Wants()
    rows = reader.rows(  # no company: the reference alone must choose the index
        "SELECT plan, company FROM wallet_payment WHERE reference IN :references "
        "AND reference <> '' AND kind = 'collection' ORDER BY id",
        references=references,
    )
    return Wants.union(wants_of(planned(row[0])) for row in rows if row[1] == company)


def load_wallets(reader: Reader, company: str, wants: Wants, book: Book, suffix: str) -> None:
    """The wanted payments by id, with links ("wallet-reference", (wallet, reference)),
    ("wallet-receipt", (wallet, receipt)), ("wallet-number", number) -> id and
    ("wallet-open", payer) -> ids."""
    if not wants.wallets:
        return
    ids = _ids(reader, company, wants)
    if not ids:
        return
    rows = reader.rows(
        f"SELECT {', '.join(COLUMNS)} FROM wallet_payment WHERE id IN :ids ORDER BY id{suffix}",
        ids=ids,
    )
    for row in rows:
        _load(book, WalletPayment(**dict(zip(COLUMNS, row, strict=True))))


#: How each kind of want is found: by an index of its own, where one query for all of them would
#: read the whole table. References, numbers and payers never change; a receipt comes once, and one
#: that comes while this waits for its lock meets the unique index.
_FIND = {
    BY_REFERENCE: "SELECT id, company FROM wallet_payment WHERE reference IN :keys "
    "AND reference <> '' UNION "  # and the pay-in that it turned out to be
    "SELECT p.id, p.company FROM wallet_payment w JOIN wallet_payment p ON p.id = w.about_id "
    "WHERE w.reference IN :keys AND w.reference <> '' AND w.about_id <> 0",
    BY_RECEIPT: "SELECT id, company FROM wallet_payment WHERE company = :company "
    "AND receipt IN :keys AND receipt <> ''",
    BY_NUMBER: "SELECT id, company FROM wallet_payment WHERE company = :company "
    "AND number IN :keys",
    OPEN_OF: "SELECT id, company FROM wallet_payment WHERE company = :company AND payer IN :keys "
    f"AND {OPEN}",
}


def _ids(reader: Reader, company: str, wants: Wants) -> list[int]:
    found: set[int] = set()
    for what, sql in _FIND.items():
        keys = _payers(wants) if what == OPEN_OF else _keys(wants, what)
        if keys:
            named = {"company": company} if ":company" in sql else {}
            rows = reader.rows(sql, keys=keys, **named)
            found.update(id_ for id_, owner in rows if owner == company)
    return sorted(found)


def _load(book: Book, payment: WalletPayment) -> None:
    book.load(payment.id, payment)
    book.link("wallet-number", payment.number, payment.id)
    if payment.reference:
        book.link("wallet-reference", (payment.wallet, payment.reference), payment.id)
    if payment.receipt:
        book.link("wallet-receipt", (payment.wallet, payment.receipt), payment.id)
    known = book.links.get(("wallet-open", payment.payer), ())
    book.link("wallet-open", payment.payer, (*known, payment.id))


def _keys(wants: Wants, what: str) -> list[str]:
    return sorted({key for kind, _, key in wants.wallets if kind == what and key})


def _payers(wants: Wants) -> list[str]:
    return sorted({payer for kind, payer, _ in wants.wallets if kind == OPEN_OF and payer})
