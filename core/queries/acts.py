"""Operators' acts as the desk sees them: the newest, those that wait, one with everything."""

from typing import Any

import msgspec

from core.queries.views import ActView
from core.store.tx import Reader
from core.vending.act_kinds import CAMPAIGN
from core.vending.act_states import ActState

_COLUMNS = (
    "id, kind, meter, from_meter, state, operator, reason, evidence, approver, note, command, "
    "units_tenths, amount, account, agent, terminal, requested_at, decided_at, expires, "
    "(SELECT count(*) FROM token t WHERE t.cause_id = a.id AND t.company = a.company "
    "AND t.cause IN ('test', 'management', 'compensation', 'replacement'))"
)
_NAMES = (
    "act kind meter from_meter state operator reason evidence approver note asked units_tenths "
    "amount account agent terminal requested_at decided_at expires tokens"
).split()
#: A utility has some campaigns a year; older ones than these are over.
MAX_CAMPAIGNS = 1_000
#: What an act says in columns of its own is not told again among the fields of its command.
_TOLD = {
    *("kind", "meter", "account", "agent", "terminal", "from_meter", "operator", "reason"),
    *("evidence", "units_tenths", "amount", "reply", "pin_proof"),
}


def list_acts(reader: Reader, company: str, state: str, limit: int, now_us: int) -> list[ActView]:
    """The newest acts, in the given state or in any (empty)."""
    views = [
        _view(row, now_us)
        for row in reader.rows(
            f"SELECT {_COLUMNS} FROM token_act a WHERE company = :company "
            "AND state IN :states ORDER BY id DESC LIMIT :limit",
            company=company,
            states=_stored(state),
            limit=limit,
        )
    ]
    return [view for view in views if not state or view.state == state]


def campaign_acts(reader: Reader, company: str, campaign: str, now_us: int) -> list[ActView]:
    """The acts that ask for a campaign of this name, newest first; ``asked`` has its keys."""
    rows = reader.rows(
        f"SELECT {_COLUMNS} FROM token_act a WHERE company = :company AND meter = '' "
        "AND kind = :kind ORDER BY id DESC LIMIT :limit",
        company=company,
        kind=CAMPAIGN,
        limit=MAX_CAMPAIGNS,
    )
    views = [_view(row, now_us) for row in rows]
    return [view for view in views if view.asked["campaign"] == campaign]


def acts_at_terminal(
    reader: Reader, company: str, terminal: str, limit: int, now_us: int
) -> list[ActView]:
    """What was asked for a terminal, newest first."""
    rows = reader.rows(
        f"SELECT {_COLUMNS} FROM token_act a WHERE company = :company AND terminal = :terminal "
        "AND terminal <> '' ORDER BY id DESC LIMIT :limit",
        company=company,
        terminal=terminal,
        limit=limit,
    )
    return [_view(row, now_us) for row in rows]


def act_of(reader: Reader, company: str, act: int, now_us: int) -> ActView | None:
    """One act, or None."""
    rows = reader.rows(
        f"SELECT {_COLUMNS} FROM token_act a WHERE company = :company AND id = :id",
        company=company,
        id=act,
    )
    return _view(rows[0], now_us) if rows else None


def _stored(state: str) -> list[str]:
    """A request that waited too long is stored as such only when somebody comes to decide it."""
    if not state:
        return [each.value for each in ActState]
    return [state, ActState.REQUESTED.value] if state == ActState.EXPIRED else [state]


def _view(row: tuple[Any, ...], now_us: int) -> ActView:
    values = dict(zip(_NAMES, row, strict=True))
    asked = msgspec.json.decode(values["asked"])
    values["asked"] = {name: value for name, value in asked.items() if name not in _TOLD}
    if values["state"] == ActState.REQUESTED and values["expires"] <= now_us:
        values["state"] = ActState.EXPIRED.value
    return ActView(**values)
