"""Desks as operators see them: what is open, Z reports, numbers used and left, deposit slips.

What a till must hold is not among it: a cashier who has not counted yet could look.
"""

import msgspec

from core.store.tx import Reader


class DeskView(msgspec.Struct, frozen=True, kw_only=True):
    """A desk. ``cashier`` and what follows are of its live shift; empty: there is none.

    ``safe`` is what lies in its safe (minor units of ``currency``), ``in_transit`` what is on its
    way to the bank, ``numbers_left`` how many receipts it can give.
    """

    desk: str
    name: str
    currency: str
    safe: int
    in_transit: int
    numbers_left: int
    z_number: int
    slip_number: int
    shift: int
    cashier: str
    state: str
    opened_at: int


class SeriesView(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers that were registered: how many were used, how many of these are void, how many are
    left. ``desk`` empty: credit notes of the company."""

    series: int
    purpose: str
    desk: str
    prefix: str
    first: int
    last: int
    used: int
    void: int
    left: int


class SlipView(msgspec.Struct, frozen=True, kw_only=True):
    """A deposit slip, its money, and what the bank has credited."""

    desk: str
    slip: int
    amount: int
    state: str
    bag: str
    made_at: int
    bank: str
    reference: str
    credited: int
    cleared_at: int


def desks_of(reader: Reader, company: str, code: str = "") -> list[DeskView]:
    """The desk of that code, or all of them."""
    one = " AND d.code = :code" if code else ""
    params = {"company": company, **({"code": code} if code else {})}
    rows = reader.rows(
        "SELECT d.code, d.name, d.currency, d.safe, "
        "(SELECT CAST(COALESCE(sum(p.amount), 0) AS BIGINT) FROM deposit_slip p "
        "WHERE p.desk_id = d.id AND p.state = 'made'), "
        "(SELECT CAST(COALESCE(sum(x.last - x.next + 1), 0) AS BIGINT) FROM receipt_series x "
        "WHERE x.desk_id = d.id), d.z_number, d.slip_number, d.shift_id, "
        "COALESCE(s.cashier, ''), COALESCE(s.state, ''), COALESCE(s.opened_at, 0) "
        "FROM cash_desk d LEFT JOIN till_shift s ON s.id = d.shift_id "
        f"WHERE d.company = :company{one} ORDER BY d.code",
        **params,
    )
    names = DeskView.__struct_fields__
    return [DeskView(**dict(zip(names, row, strict=True))) for row in rows]


def z_reports_of(reader: Reader, company: str, code: str, limit: int) -> list[msgspec.Raw]:
    """The newest Z reports of a desk, as they were made (JSON)."""
    rows = reader.rows(
        "SELECT s.report FROM till_shift s JOIN cash_desk d ON d.id = s.desk_id "
        "WHERE d.company = :company AND d.code = :code AND s.z_number > 0 "
        "ORDER BY s.z_number DESC LIMIT :limit",
        company=company,
        code=code,
        limit=limit,
    )
    return [msgspec.Raw(row[0].encode()) for row in rows]


def series_of(reader: Reader, company: str) -> list[SeriesView]:
    """All numbers that are registered."""
    rows = reader.rows(
        "SELECT s.id, s.purpose, COALESCE(d.code, ''), s.prefix, s.first, s.last, "
        "s.next - s.first, (SELECT count(*) FROM counter_receipt r WHERE r.series_id = s.id "
        "AND r.state = 'void'), s.last - s.next + 1 FROM receipt_series s "
        "LEFT JOIN cash_desk d ON d.id = s.desk_id WHERE s.company = :company ORDER BY s.id",
        company=company,
    )
    names = SeriesView.__struct_fields__
    return [SeriesView(**dict(zip(names, row, strict=True))) for row in rows]


def slips_of(reader: Reader, company: str, code: str, limit: int) -> list[SlipView]:
    """The newest deposit slips of a desk."""
    rows = reader.rows(
        "SELECT d.code, s.number, s.amount, s.state, s.bag, s.made_at, s.bank, s.reference, "
        "s.credited, s.cleared_at FROM deposit_slip s JOIN cash_desk d ON d.id = s.desk_id "
        "WHERE d.company = :company AND d.code = :code ORDER BY s.number DESC LIMIT :limit",
        company=company,
        code=code,
        limit=limit,
    )
    names = SlipView.__struct_fields__
    return [SlipView(**dict(zip(names, row, strict=True))) for row in rows]
