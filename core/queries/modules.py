"""What a security module on the network has to do, and what it has done: reads only."""

import msgspec

from core.company import Terms
from core.store.tables.orders import OPEN
from core.store.tx import Reader
from core.vending.order_states import FOR_PEOPLE


class Work(msgspec.Struct, frozen=True):
    """``open``: orders that the module may still make; ``logged``: its tokens in our log."""

    open: int
    logged: int


def work_of(reader: Reader, _company: Terms, module: str) -> Work:
    """Open orders first: whatever they came to before was then logged before.

    What people look into is not open: whether it was made is what the comparison shows.
    """
    ((open_,),) = reader.rows(
        f"SELECT count(*) FROM token_order WHERE module = :module AND {OPEN} "
        "AND NOT state IN :people",
        module=module,
        people=sorted(FOR_PEOPLE),
    )
    return Work(int(open_), logged(reader, module))


def logged(reader: Reader, module: str) -> int:
    """How many tokens of a module are in the log: the totals of all its writers, by the key."""
    total, writer = 0, ""
    while rows := reader.rows(
        "SELECT writer FROM module_log WHERE module = :module AND writer > :writer "
        "ORDER BY writer LIMIT 1",
        module=module,
        writer=writer,
    ):
        writer = rows[0][0]
        ((last,),) = reader.rows(
            "SELECT total FROM module_log WHERE module = :module AND writer = :writer "
            "ORDER BY batch DESC LIMIT 1",
            module=module,
            writer=writer,
        )
        total += int(last)
    return total


def order_asked(reader: Reader, terms: Terms, order: int, reference: str) -> str | None:
    """The order as it was placed (JSON of its OrderTokens); None when there is no open one."""
    rows = reader.rows(
        "SELECT asked FROM token_order WHERE id = :id AND reference = :reference "
        f"AND company = :company AND {OPEN}",
        id=order,
        reference=reference,
        company=terms.code,
    )
    return str(rows[0][0]) if rows else None


class OrderView(msgspec.Struct, frozen=True):
    """An order and what it is for: ``tender`` and ``units_tenths`` of a sale, ``kind`` of an act
    (empty for a sale). ``at`` and ``ended_at`` (0: not over) in µs UTC."""

    order: int
    company: str
    module: str
    meter: str
    state: str
    code: str
    detail: str
    cause: str
    cause_id: int
    reference: str
    at: int
    ended_at: int
    currency: str
    tender: int
    units_tenths: int
    kind: str
    commodity: str


_ORDERS = (
    "SELECT o.id, o.company, o.module, o.meter, o.state, o.code, o.detail, o.cause, o.cause_id, "
    "o.reference, o.ordered_at, o.ended_at, COALESCE(s.currency, ''), COALESCE(s.tender, 0), "
    "COALESCE(s.units_tenths, a.units_tenths, 0), COALESCE(a.kind, ''), "
    "COALESCE(m.commodity, '') FROM token_order o "
    "LEFT JOIN meter m ON m.company = o.company AND m.drn = o.meter "
    "LEFT JOIN sale s ON s.id = o.cause_id AND o.cause = 'sale' "
    "LEFT JOIN token_act a ON a.id = o.cause_id AND o.cause = 'act' "
)


def open_orders(reader: Reader, limit: int) -> list[OrderView]:
    """Those that are not over, oldest first."""
    where = OPEN.replace("state", "o.state", 1)
    rows = reader.rows(f"{_ORDERS} WHERE {where} ORDER BY o.ordered_at LIMIT :limit", limit=limit)
    return [OrderView(*row) for row in rows]


def newest_orders(reader: Reader, limit: int) -> list[OrderView]:
    """The newest ones, over or not, newest first."""
    rows = reader.rows(f"{_ORDERS} ORDER BY o.id DESC LIMIT :limit", limit=limit)
    return [OrderView(*row) for row in rows]


def oldest_orders(reader: Reader) -> list[tuple[str, int]]:
    """(module, when its oldest open order was placed, µs UTC)."""
    rows = reader.rows(
        f"SELECT module, min(ordered_at) FROM token_order WHERE {OPEN} GROUP BY module "
        "ORDER BY module"
    )
    return [(str(module), int(at)) for module, at in rows]


def orders_by_state(reader: Reader) -> list[tuple[str, str, int]]:
    """(module, state, how many) of those that are not over."""
    rows = reader.rows(
        f"SELECT module, state, count(*) FROM token_order WHERE {OPEN} GROUP BY module, state "
        "ORDER BY module, state"
    )
    return [(str(module), str(state), int(n)) for module, state, n in rows]
