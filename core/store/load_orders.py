"""Loading orders at security modules: those that are reported on, and those that sales wait for.

What an order is for never changes once it is written, so it is read before anything is locked and
tells which rows will be; the order itself is locked last and read then.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from core.book import Book, Wants
from core.entities import OrderedSale, TokenOrder
from core.store.tables.orders import OPEN
from core.store.tx import Reader, Row

ORDER_COLUMNS = (
    "id company module cause cause_id meter agreement_id payer_account_id state reference asked "
    "plan ordered_at code detail ended_at"
).split()
_COLUMNS = ", ".join(ORDER_COLUMNS)


class _Told(msgspec.Struct):
    address: str


class _Paid(msgspec.Struct, frozen=True):
    agent_id: int = 0


class _Plan(msgspec.Struct):
    """What every plan has: whom to tell; and of a sale, whose float pays for it, and the payment
    by wallet."""

    reply: tuple[_Told, ...] = ()
    sale: _Paid = _Paid()
    paid_with: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Ordered:
    """What the orders of a batch are about."""

    orders: tuple[int, ...] = ()
    meters: tuple[str, ...] = ()
    agreements: tuple[int, ...] = ()
    accounts: tuple[int, ...] = ()
    acts: tuple[int, ...] = ()
    entitlements: tuple[int, ...] = ()  # that claims were ordered under, ended ones too
    told: tuple[str, ...] = ()
    items: tuple[int, ...] = ()  # open items that the ordered sales pay
    agents: tuple[int, ...] = ()  # whose floats hold a reservation for them
    sales: tuple[int, ...] = ()  # that those floats pay for
    wallets: tuple[str, ...] = ()  # numbers of payments by wallet that pay for them


def order_of(row: Row) -> TokenOrder:
    """An order from its row (ORDER_COLUMNS)."""
    return TokenOrder(**dict(zip(ORDER_COLUMNS, row, strict=True)))


def ordered(reader: Reader, company: str, wants: Wants) -> Ordered:
    """Of the orders that are reported on, those of this company, with what they are about."""
    if not wants.orders:
        return Ordered()
    rows = reader.rows(
        "SELECT id, meter, agreement_id, payer_account_id, plan, cause, cause_id FROM token_order "
        "WHERE company = :company AND id IN :ids ORDER BY id",
        company=company,
        ids=list(wants.orders),
    )
    items = reader.rows(
        "SELECT i.id, i.account_id FROM order_item w JOIN open_item i ON i.id = w.item_id "
        "WHERE w.order_id IN :ids ORDER BY i.id",
        ids=[row[0] for row in rows] or [0],
    )
    plans = [msgspec.json.decode(row[4], type=_Plan) for row in rows]
    return Ordered(
        tuple(row[0] for row in rows),
        tuple(row[1] for row in rows),
        tuple(row[2] for row in rows if row[2]),
        (*(row[3] for row in rows if row[3]), *(row[1] for row in items)),
        tuple(row[6] for row in rows if row[5] == "act"),
        tuple(row[6] for row in rows if row[5] == "free-units"),
        tuple(told.address for plan in plans for told in plan.reply),
        tuple(row[0] for row in items),
        tuple(plan.sale.agent_id for plan in plans if plan.sale.agent_id),
        tuple(row[6] for row, plan in zip(rows, plans, strict=True) if plan.sale.agent_id),
        tuple(str(plan.paid_with["payment"]) for plan in plans if "wallet" in plan.paid_with),
    )


def load_orders(reader: Reader, about: Ordered, book: Book, suffix: str) -> None:
    """The orders, locked, and the sales that wait for them."""
    if not about.orders:
        return
    orders = [
        order_of(row)
        for row in reader.rows(
            f"SELECT {_COLUMNS} FROM token_order WHERE id IN :ids ORDER BY id{suffix}",
            ids=list(about.orders),
        )
    ]
    for order in orders:
        book.load(order.id, order)
    sales = sorted(order.cause_id for order in orders if order.cause == "sale")
    if sales:
        for id_, state, receipt, issued_at in reader.rows(
            "SELECT id, state, receipt, issued_at FROM sale WHERE id IN :ids ORDER BY id", ids=sales
        ):
            sale = OrderedSale(id=id_, state=state, receipt=receipt, issued_at=issued_at)
            book.load(id_, sale)


def load_open_orders(reader: Reader, agreements: Iterable[int], book: Book) -> None:
    """Link (``open-order``, agreement) -> the order that its next sale waits for."""
    ids = sorted(agreements)
    if not ids:
        return
    for row in reader.rows(
        f"SELECT {_COLUMNS} FROM token_order WHERE agreement_id IN :ids AND {OPEN} "
        "AND cause <> 'act' ORDER BY id",
        ids=ids,
    ):
        order = order_of(row)
        book.link("open-order", order.agreement_id, order)


def load_open_act_orders(reader: Reader, meters: Iterable[str], book: Book) -> None:
    """Link (``open-act-order``, meter) -> the order that its next act waits for."""
    drns = sorted(meters)
    if not drns:
        return
    for row in reader.rows(
        f"SELECT {_COLUMNS} FROM token_order WHERE agreement_id = 0 AND meter IN :drns AND {OPEN} "
        "AND cause = 'act' ORDER BY id",
        drns=drns,
    ):
        order = order_of(row)
        book.link("open-act-order", order.meter, order)


def row_of(order: TokenOrder) -> dict[str, Any]:
    """An order as a row of ``token_order``."""
    return {name: getattr(order, name) for name in ORDER_COLUMNS}
