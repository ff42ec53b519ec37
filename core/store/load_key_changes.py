"""Loading key changes: the newest one of each meter, with the digits of its set.

A row is only written under the lock of its meter (and by the sweep, which moves ``issued`` on to
``presumed`` and nothing else), so it is read after the meters without a lock of its own.
"""

from collections.abc import Iterable

import msgspec

from core.book import Book
from core.entities import Coding, KeyChange, Meter, PastSale
from core.store.tx import Reader, Row
from core.vending.key_change_states import UNSURE, KeyChangeState

CODING = Coding.__struct_fields__
PLAIN = (
    "id company meter_id campaign state ro three_tokens operator reason needed_at issued "
    "old_last_tid previous how note issued_at presumed_at closed_at"
).split()
COLUMNS = (*PLAIN, *(f"old_{name}" for name in CODING), *(f"new_{name}" for name in CODING))
#: The columns of a row that are not those of the two codings, as an entity has them.
_SHOWN = [f"k.{name}" for name in COLUMNS]


def row_of(change: KeyChange) -> dict[str, object]:
    """A change as a row of ``key_change``."""
    values: dict[str, object] = {name: getattr(change, name) for name in PLAIN}
    for side in ("old", "new"):
        coding = getattr(change, side)
        values |= {f"{side}_{name}": getattr(coding, name) for name in CODING}
    return values


def _change(row: Row) -> KeyChange:
    plain, codings = row[: len(PLAIN)], row[len(PLAIN) :]
    old, new = Coding(*codings[: len(CODING)]), Coding(*codings[len(CODING) :])
    return KeyChange(**dict(zip(PLAIN, plain, strict=True)), old=old, new=new)


def load_key_changes(reader: Reader, meters: Iterable[Meter], book: Book) -> None:
    """The newest change of each meter that has one, by its id (``Meter.key_change_id``).

    Of one that is not issued yet, the change before it too: it counts again if this is called off.
    """
    ids = [meter.key_change_id for meter in meters if meter.key_change_id]
    while ids:
        changes = _rows(reader, "k.id IN :ids", ids)
        for change in _with_tokens(reader, changes):
            book.load(change.id, change)
        ids = [c.previous for c in changes if c.previous and c.state == KeyChangeState.NEEDED]


def with_sets(reader: Reader, sales: list[PastSale]) -> list[PastSale]:
    """Past sales under a key that may not be in the meter yet show the set that brings it."""
    if not sales:
        return sales
    where = "k.id IN (SELECT key_change_id FROM meter WHERE id IN :ids)"
    changes = _with_tokens(reader, _rows(reader, where, sorted({s.meter_id for s in sales})))
    by_meter = {change.meter_id: change for change in changes}
    return [shown_with(by_meter.get(sale.meter_id), sale) for sale in sales]


def shown_with(change: KeyChange | None, sale: PastSale) -> PastSale:
    """A copy of a sale, with the set where its token is under a key that may not be there yet."""
    if change is None or sale.kct or change.state not in UNSURE:
        return sale
    if (sale.sgc, sale.krn, sale.ti) != (change.new.sgc, change.new.krn, change.new.ti):
        return sale
    return msgspec.structs.replace(sale, key_change="again", kct=change.tokens)


def _rows(reader: Reader, where: str, ids: list[int]) -> list[KeyChange]:
    shown = ", ".join(_SHOWN)
    rows = reader.rows(f"SELECT {shown} FROM key_change k WHERE {where} ORDER BY k.id", ids=ids)
    return [_change(row) for row in rows]


def _with_tokens(reader: Reader, changes: list[KeyChange]) -> list[KeyChange]:
    wanted = [change.id for change in changes if change.state in UNSURE]
    if not wanted:
        return changes
    sets: dict[int, list[str]] = {}
    for id_, digits in reader.rows(
        "SELECT cause_id, digits FROM token WHERE cause_id IN :ids AND cause = 'key-change' "
        "ORDER BY id",
        ids=wanted,
    ):
        sets.setdefault(id_, []).append(digits)
    replace = msgspec.structs.replace
    return [replace(change, tokens=tuple(sets.get(change.id, ()))) for change in changes]
