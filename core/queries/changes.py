"""Changes in customers' lives as the desk sees them: the newest, those that are open, one whole."""

from typing import Any

import msgspec

from core.changes.states import next_moves
from core.store.tx import Reader

_COLUMNS = (
    "id kind state account operator approver reason evidence read_on readings remaining_tenths "
    "valued did command agreement_id requested_at read_at settled_at switched_at ended_at"
).split()
#: What a change says in columns of its own is not told again among the fields of its command.
_TOLD = ("operator", "kind", "account", "reason", "evidence", "language")


class ChangeView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A change; ``valued`` in minor units, ``readings`` in milli-units; ``next``: what may be done
    with it."""

    change: int
    kind: str
    state: str
    account: str
    operator: str
    reason: str
    requested_at: int
    approver: str = ""
    evidence: str = ""
    agreement: int = 0
    read_on: str = ""
    readings: dict[str, dict[str, int]] = {}
    remaining_tenths: int = 0
    valued: int = 0
    did: dict[str, Any] = {}
    asked: dict[str, Any] = {}
    read_at: int = 0
    settled_at: int = 0
    switched_at: int = 0
    ended_at: int = 0
    next: tuple[str, ...] = ()


def list_changes(
    reader: Reader, company: str, state: str, account: str, limit: int
) -> list[ChangeView]:
    """The newest changes, in a state and of an account, or of any (empty)."""
    rows = reader.rows(
        f"SELECT {', '.join(_COLUMNS)} FROM account_change WHERE company = :company "
        "AND (:state = '' OR state = :state) AND (:account = '' OR account = :account) "
        "ORDER BY id DESC LIMIT :limit",
        company=company,
        state=state,
        account=account,
        limit=limit,
    )
    return [_view(row) for row in rows]


def change_of(reader: Reader, company: str, change: int) -> ChangeView | None:
    """One change, or None."""
    rows = reader.rows(
        f"SELECT {', '.join(_COLUMNS)} FROM account_change WHERE company = :company AND id = :id",
        company=company,
        id=change,
    )
    return _view(rows[0]) if rows else None


def _view(row: tuple[Any, ...]) -> ChangeView:
    values = dict(zip(_COLUMNS, row, strict=True))
    asked = msgspec.json.decode(values.pop("command"))
    for name in ("readings", "did"):
        values[name] = msgspec.json.decode(values[name])
    return ChangeView(
        change=values.pop("id"),
        agreement=values.pop("agreement_id"),
        asked={name: value for name, value in asked.items() if name not in _TOLD},
        next=tuple(next_moves(values["state"])),
        **values,
    )
