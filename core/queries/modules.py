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
