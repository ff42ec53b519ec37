"""Loading past sales: for likely repeats, limits of the day, copies and the last tokens."""

from core.book import Book, Wants
from core.entities import PastSale
from core.store.tx import Reader, Row

#: How far back sales are looked at: a day's limits and likely repeats (the longer of the two).
RECENT_US = 86_400_000_000
#: ``LAST`` shows three; a few more cost nothing and serve "my tokens".
LAST_SALES = 5

SALE_COLUMNS = (
    "s.id, s.receipt, s.phone, s.payer_account_id, s.meter_id, m.drn, a.number, s.currency, "
    "s.tender, s.units_tenths, s.carried_forward, s.lines, s.priced_at, t.digits, t.sgc, t.krn, "
    "t.ti"
)
SALE_TABLES = (
    "sale s JOIN meter m ON m.id = s.meter_id JOIN account a ON a.id = s.payer_account_id "
    "JOIN token t ON t.cause_id = s.id AND t.cause = 'sale'"
)
_SALE_FIELDS = (
    "id receipt phone payer_account_id meter_id drn account_number currency tender units_tenths "
    "carried_forward lines priced_at token sgc krn ti"
).split()


def past_sales(rows: list[Row]) -> list[PastSale]:
    """Rows of ``SELECT SALE_COLUMNS FROM SALE_TABLES`` as entities."""
    return [PastSale(**dict(zip(_SALE_FIELDS, row, strict=True))) for row in rows]


def _recent_sales(reader: Reader, meter_ids: list[int], now_us: int, book: Book) -> None:
    if not meter_ids:
        return
    rows = reader.rows(
        f"SELECT {SALE_COLUMNS} FROM {SALE_TABLES} WHERE s.meter_id IN :ids "
        "AND s.priced_at > :since AND s.state = 'issued' ORDER BY s.priced_at DESC, s.id DESC",
        ids=meter_ids,
        since=now_us - RECENT_US,
    )
    by_meter: dict[int, list[PastSale]] = {}
    for sale in past_sales(rows):
        by_meter.setdefault(sale.meter_id, []).append(sale)
    for meter_id, sales in by_meter.items():
        book.link("recent-sales", meter_id, tuple(sales))


def _spent_today(reader: Reader, phones: tuple[str, ...], now_us: int, book: Book) -> None:
    if not phones:
        return
    rows = reader.rows(
        "SELECT phone, priced_at, tender FROM sale WHERE phone IN :phones "
        "AND priced_at > :since AND state = 'issued'",
        phones=list(phones),
        since=now_us - RECENT_US,
    )
    for phone, of_phone in _by_phone(rows).items():
        book.link("spent", phone, tuple((row[1], row[2]) for row in of_phone))


def _last_sales(reader: Reader, company: str, phone: str, book: Book) -> None:
    rows = reader.rows(
        f"SELECT {SALE_COLUMNS} FROM {SALE_TABLES} WHERE s.phone = :phone "
        "AND s.company = :company AND s.state = 'issued' "
        "ORDER BY s.priced_at DESC, s.id DESC LIMIT :count",
        phone=phone,
        company=company,
        count=LAST_SALES,
    )
    book.link("last-sales", phone, tuple(past_sales(rows)))


def _by_phone(rows: list[Row]) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row[0], []).append(row)
    return groups


def load_sales(
    reader: Reader, company: str, wants: Wants, meter_ids: list[int], now_us: int, book: Book
) -> None:
    """Link what the book must know of earlier sales."""
    _recent_sales(reader, meter_ids, now_us, book)
    _spent_today(reader, wants.phones, now_us, book)
    for phone in wants.last_sales_of:
        _last_sales(reader, company, phone, book)
