"""Loading past sales: for likely repeats, limits of the day, copies and the last tokens."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from core.book import Book, Wants
from core.entities import PastSale
from core.store.load_key_changes import with_sets
from core.store.tx import Reader, Row
from core.wallets.terms import ReferenceRule


@dataclass(frozen=True, slots=True)
class Horizon:
    """How far back earlier sales matter (instants): likely repeats, and the limits of the day;
    and operators' acts, for theirs.

    None reads nothing: nobody asks about repeats, the company sets no such limit.
    """

    repeats: int | None = None
    day_meter: int | None = None
    day_phone: int | None = None
    acts: int | None = None
    orders: bool = False  # whether sales may wait for a module on the network
    items: bool = False  # whether open items count in sales
    facts: date | None = None  # the day whose facts of agreements price sales; None: none do
    month: int | None = None  # since when advances are counted; None: there are none
    zone: str = "UTC"  # whose days statements and payouts of wallets are of
    references: tuple[ReferenceRule, ...] = ()  # how what payers type is read
    tells: bool = False  # whether the customer hears of what agents sell, as the company has it


#: ``LAST`` shows three; a few more cost nothing and serve "my tokens".
LAST_SALES = 5

SALE_COLUMNS = (
    "s.id, s.receipt, s.phone, s.payer_account_id, s.meter_id, m.drn, a.number, s.currency, "
    "s.tender, s.units_tenths, s.carried_forward, s.lines, s.priced_at, "
    "COALESCE(r.digits, t.digits), COALESCE(r.sgc, t.sgc), COALESCE(r.krn, t.krn), "
    "COALESCE(r.ti, t.ti), m.commodity, COALESCE(f.digits, ''), "
    "CASE WHEN f.id IS NULL THEN 0 ELSE g.tenths END, s.agent_id"
)
#: A void token is shown as the one that replaced it: a customer's copy must be one that counts.
#: Void tokens are few, so ``r`` and ``w`` are looked up for few sales (no key, no look).
SALE_TABLES = (
    "sale s JOIN meter m ON m.id = s.meter_id JOIN account a ON a.id = s.payer_account_id "
    "JOIN token t ON t.cause_id = s.id AND t.cause = 'sale' "
    "LEFT JOIN token_void v ON v.token_id = t.id "
    "LEFT JOIN token r ON r.cause_id = v.act_id AND r.cause = 'replacement' "
    "AND r.meter_id = t.meter_id "
    "LEFT JOIN token_void w ON w.token_id = r.id "
    # free units that came with it; void ones are not shown again
    "LEFT JOIN free_claim g ON g.sale_id = s.id "
    "LEFT JOIN token f ON f.cause_id = g.id AND f.cause = 'free-units' "
    "AND NOT EXISTS (SELECT 1 FROM token_void u WHERE u.token_id = f.id)"
)
#: A sale whose units went to another meter, or whose new digits are void again, has no copy.
COUNTS = "(v.token_id IS NULL OR (r.id IS NOT NULL AND w.token_id IS NULL))"
_SALE_FIELDS = (
    "id receipt phone payer_account_id meter_id drn account_number currency tender units_tenths "
    "carried_forward lines priced_at token sgc krn ti commodity free_token free_tenths "
    "agent_id"
).split()


def past_sales(rows: list[Row]) -> list[PastSale]:
    """Rows of ``SELECT SALE_COLUMNS FROM SALE_TABLES`` as entities."""
    return [PastSale(**dict(zip(_SALE_FIELDS, row, strict=True))) for row in rows]


def _recent_sales(reader: Reader, meter_ids: list[int], since: int | None, book: Book) -> None:
    if not meter_ids or since is None:
        return
    rows = reader.rows(
        f"SELECT {SALE_COLUMNS} FROM {SALE_TABLES} WHERE s.meter_id IN :ids "
        f"AND s.priced_at > :since AND s.state = 'issued' AND {COUNTS} "
        "ORDER BY s.priced_at DESC, s.id DESC",
        ids=meter_ids,
        since=since,
    )
    by_meter: dict[int, list[PastSale]] = {}
    for sale in past_sales(rows):
        by_meter.setdefault(sale.meter_id, []).append(sale)
    for meter_id, sales in by_meter.items():
        book.link("recent-sales", meter_id, tuple(sales))


#: Sales that count in the limits of the day: those that wait for their token have the money.
_PAID = "('issued', 'issuing', 'unknown')"


def _spent(
    reader: Reader, at: tuple[str, str], keys: list[Any], since: int | None, book: Book
) -> None:
    """What was spent today, per meter or per phone: (``spent-<column>``, key) -> minor units.

    ``at``: company and column. A phone may buy from several companies, each with its own limit.
    """
    if not keys or since is None:
        return
    company, column = at
    # what an agent sold to somebody does not count as bought by his phone
    own = "AND agent_id = 0 " if column == "phone" else ""
    for key, spent in reader.rows(
        f"SELECT {column}, sum(tender) FROM sale WHERE {column} IN :keys "
        f"AND company = :company AND priced_at >= :since AND state IN {_PAID} {own}"
        f"GROUP BY {column}",
        company=company,
        keys=keys,
        since=since,
    ):
        book.link(f"spent-{column}", key, int(spent))


def _last_sales(reader: Reader, company: str, phone: str, book: Book) -> None:
    rows = reader.rows(
        f"SELECT {SALE_COLUMNS} FROM {SALE_TABLES} WHERE s.phone = :phone "
        f"AND s.company = :company AND s.state = 'issued' AND {COUNTS} "
        "ORDER BY s.priced_at DESC, s.id DESC LIMIT :count",
        phone=phone,
        company=company,
        count=LAST_SALES,
    )
    book.link("last-sales", phone, tuple(with_sets(reader, past_sales(rows))))


def load_sales(
    reader: Reader, company: str, wants: Wants, meter_ids: list[int], horizon: Horizon, book: Book
) -> None:  # fmt: skip
    """Link what the book must know of earlier sales."""
    _recent_sales(reader, meter_ids, horizon.repeats, book)
    _spent(reader, (company, "meter_id"), meter_ids, horizon.day_meter, book)
    _spent(reader, (company, "phone"), list(wants.phones), horizon.day_phone, book)
    for phone in wants.last_sales_of:
        _last_sales(reader, company, phone, book)
