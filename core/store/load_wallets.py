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
    rows = reader.rows(
        "SELECT plan FROM wallet_payment WHERE company = :company AND reference IN :references "
        "AND reference <> '' AND kind = 'collection' ORDER BY id",
        company=company,
        references=references,
    )
    return Wants.union(wants_of(planned(row[0])) for row in rows)


def load_wallets(reader: Reader, company: str, wants: Wants, book: Book, suffix: str) -> None:
    """The wanted payments by id, with links ("wallet-reference", (wallet, reference)),
    ("wallet-receipt", (wallet, receipt)), ("wallet-number", number) -> id and
    ("wallet-open", payer) -> ids."""
    if not wants.wallets:
        return
    rows = reader.rows(
        f"SELECT {', '.join(COLUMNS)} FROM wallet_payment WHERE company = :company AND ("
        "(reference IN :references AND reference <> '') "
        "OR (receipt IN :receipts AND receipt <> '') OR number IN :numbers "
        f"OR (payer IN :payers AND {OPEN})) ORDER BY id{suffix}",
        company=company,
        references=_keys(wants, BY_REFERENCE) or [""],
        receipts=_keys(wants, BY_RECEIPT) or [""],
        numbers=_keys(wants, BY_NUMBER) or [""],
        payers=_payers(wants) or [""],
    )
    for row in rows:
        _load(book, WalletPayment(**dict(zip(COLUMNS, row, strict=True))))


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
