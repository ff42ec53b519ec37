"""What a terminal prints again, what became of an item of it, and the list for its emergency mode.

Read without a lock. A copy shows what counts now: of a token that was replaced, the new one.
"""

from typing import Any, Final

import msgspec

from core.agents.states import BILLS
from core.entities import PastSale
from core.store.load_key_changes import with_sets
from core.store.load_sales import COUNTS, SALE_COLUMNS, SALE_TABLES, past_sales
from core.store.tx import Reader
from core.terminals.item_states import ItemState
from core.vending.checks import masked
from core.vending.receipt import shown_sale

_names = msgspec.json.Decoder(tuple[str, ...])
#: What a terminal has room for, and a slow line can carry in some minutes.
MAX_BILLS = 2_000


class TerminalItemView(msgspec.Struct, frozen=True, kw_only=True):
    """An item of a terminal's journal; ``about`` is the receipt of its sale or payment."""

    day: int
    stan: int
    batch: int
    kind: str
    state: str
    amount: int
    currency: str
    cashier: str
    about: str
    reason: str
    at: int


class CopyView(msgspec.Struct, frozen=True, kw_only=True):
    """A sale or payment to be printed again, marked as a copy: ``kind`` is ``sale`` or ``payment``,
    ``data`` as the answer of SellCredit (``core.queries.views.SaleView``) or CollectPayment."""

    kind: str
    data: dict[str, Any]


class OpenBill(msgspec.Struct, frozen=True, kw_only=True):
    """What may be collected without the line: ``due`` is all that is open, in minor units."""

    account: str
    name: str  # masked
    due: int


def item_of(
    reader: Reader, company: str, terminal: str, day: int, stan: int
) -> TerminalItemView | None:
    """The item that the terminal calls so, or None when none came."""
    rows = reader.rows(
        "SELECT i.batch, i.kind, i.state, i.amount, i.currency, i.cashier, "
        "COALESCE(s.receipt, p.number, ''), i.reason, i.at "
        "FROM terminal t JOIN terminal_item i ON i.terminal_id = t.id "
        "LEFT JOIN sale s ON i.kind = 'sale' AND s.id = i.about "
        "LEFT JOIN payment p ON i.kind = 'payment' AND p.id = i.about "
        "WHERE t.company = :company AND t.number = :terminal AND i.day = :day AND i.stan = :stan",
        company=company,
        terminal=terminal,
        day=day,
        stan=stan,
    )
    if not rows:
        return None
    names = TerminalItemView.__struct_fields__[2:]
    return TerminalItemView(day=day, stan=stan, **dict(zip(names, rows[0], strict=True)))


def copy_of(
    reader: Reader, company: str, terminal: str, *, receipt: str = "", meter: str = ""
) -> CopyView | None:
    """The last sale or payment of a terminal; with ``receipt`` or ``meter`` that one, or the last
    one for that meter, of what its agent sold. None: there is none that counts."""
    if not (receipt or meter):
        return _last(reader, company, terminal)
    asked = {"company": company, "terminal": terminal}
    if receipt:
        sale = _sale(reader, "s.receipt = :receipt", **asked, receipt=receipt)
        return sale or _payment(reader, "p.number = :receipt", **asked, receipt=receipt)
    return _sale(reader, "m.drn = :meter AND m.company = s.company", **asked, meter=meter)


def _last(reader: Reader, company: str, terminal: str) -> CopyView | None:
    rows = reader.rows(
        "SELECT i.kind, i.about FROM terminal t JOIN terminal_item i ON i.terminal_id = t.id "
        "WHERE t.company = :company AND t.number = :terminal AND i.about <> 0 "
        "AND i.state IN :states ORDER BY i.day DESC, i.id DESC LIMIT 1",
        company=company,
        terminal=terminal,
        states=[ItemState.BOOKED.value, ItemState.KEPT.value],
    )
    if not rows:
        return None
    kind, about = rows[0]
    asked = {"company": company, "terminal": terminal, "about": about}
    if kind == "sale":
        return _sale(reader, "s.id = :about", **asked)
    return _payment(reader, "p.id = :about", **asked)


#: The agent that the terminal is bound to now: what another one sold is not shown here.
_AGENT = "(SELECT x.agent_id FROM terminal x WHERE x.company = :company AND x.number = :terminal)"


def _sale(reader: Reader, where: str, **asked: Any) -> CopyView | None:
    rows = reader.rows(
        f"SELECT {SALE_COLUMNS} FROM {SALE_TABLES} WHERE s.company = :company "
        f"AND s.agent_id = {_AGENT} AND {where} AND s.state = 'issued' AND {COUNTS} "
        "ORDER BY s.priced_at DESC, s.id DESC LIMIT 1",
        **asked,
    )
    found: list[PastSale] = with_sets(reader, past_sales(rows)) if rows else []
    return CopyView(kind="sale", data=_plain(found[0])) if found else None


def _plain(sale: PastSale) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(shown_sale(sale)))
    return plain


def _payment(reader: Reader, where: str, **asked: Any) -> CopyView | None:
    rows = reader.rows(
        "SELECT p.number, p.amount, p.currency, p.received_at, COALESCE((SELECT a.number "
        "FROM allocation x JOIN account a ON a.id = x.account_id "
        "WHERE x.source = 'payment' AND x.source_id = p.id ORDER BY x.line LIMIT 1), '') "
        f"FROM payment p WHERE p.company = :company AND p.agent_id = {_AGENT} AND {where} "
        "AND p.state NOT IN ('dishonoured', 'reversed')",
        **asked,
    )
    names = ("payment", "amount", "currency", "at", "account")
    return CopyView(kind="payment", data=dict(zip(names, rows[0], strict=True))) if rows else None


def emergency_list(reader: Reader, company: str, agent: str, limit: int) -> list[OpenBill]:
    """Accounts with a bill that is open, of an agent that collects bills: at most ``limit``, by
    account. An agent that serves certain supply groups or areas gets the accounts of meters there,
    of service points there."""
    scope = reader.rows(
        "SELECT a.services, a.supply_groups, a.areas, f.currency FROM agent a "
        "JOIN agent_float f ON f.agent_id = a.id "
        "WHERE a.company = :company AND a.number = :agent AND a.state = 'active'",
        company=company,
        agent=agent,
    )
    if not scope:
        return []
    services, groups, areas = (_names.decode(each) for each in scope[0][:3])
    if services and BILLS not in services:
        return []
    rows = reader.rows(
        "SELECT a.number, c.name, CAST(sum(i.open) AS BIGINT) FROM open_item i "
        "JOIN account a ON a.id = i.account_id JOIN customer c ON c.id = a.customer_id "
        "WHERE i.company = :company AND a.currency = :currency AND a.state = 'active' "
        f"AND i.state = 'live' AND i.open > 0{_IN_GROUPS if groups else ''} "
        f"{f'AND {IN_AREAS} ' if areas else ''}"
        "GROUP BY i.account_id, a.number, c.name "
        "HAVING sum(CASE i.kind WHEN 'bill' THEN 1 ELSE 0 END) > 0 "
        "ORDER BY i.account_id LIMIT :most",
        company=company,
        currency=scope[0][3],
        most=min(limit, MAX_BILLS),
        **({"groups": list(groups)} if groups else {}),
        **({"areas": list(areas)} if areas else {}),
    )
    return [OpenBill(account=row[0], name=masked(row[1]), due=row[2]) for row in rows]


_IN_GROUPS = (
    " AND EXISTS (SELECT 1 FROM agreement g JOIN meter_install n "
    "ON n.service_point_id = g.service_point_id AND n.to_us IS NULL "
    "JOIN meter m ON m.id = n.meter_id "
    "WHERE g.account_id = a.id AND g.to_us IS NULL AND m.sgc IN :groups)"
)

#: Of an account ``a``: it has a service point in ``:areas``, with an agreement that runs.
IN_AREAS: Final = (
    "EXISTS (SELECT 1 FROM agreement g JOIN service_point p ON p.id = g.service_point_id "
    "WHERE g.account_id = a.id AND g.to_us IS NULL AND p.area IN :areas)"
)
