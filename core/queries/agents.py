"""Agents as operators see them: one with its money, or all of them."""

from typing import Any

import msgspec

from core.agents.entities import Agent, AgentFloat
from core.store.tx import Reader

_AGENT = [name for name in Agent.__struct_fields__ if name not in ("id", "company")]
_FLOAT = [name for name in AgentFloat.__struct_fields__ if name != "id"]
_COLUMNS = (
    ", ".join(f"a.{name}" for name in _AGENT)
    + ", "
    + ", ".join(f"f.{name}" for name in _FLOAT)
    + ", COALESCE(p.number, ''), COALESCE((SELECT CAST(-sum(x.amount) AS BIGINT) FROM posting x "
    "WHERE x.ledger = 'commission' AND x.owner = a.id AND x.owner <> 0), 0)"
)
_FROM = (
    "FROM agent a JOIN agent_float f ON f.agent_id = a.id LEFT JOIN agent p ON p.id = a.parent_id "
    "WHERE a.company = :company"
)


class AgentView(msgspec.Struct, frozen=True, kw_only=True):
    """An agent with its money, in minor units.

    ``in_hand`` is our cash that it holds. ``commission_owed`` is not on the float yet; below 0 the
    agent owes it: it was paid out and taken back later.
    """

    number: str
    name: str
    kind: str
    parent: str
    state: str
    mode: str
    phone: str
    language: str
    commission: str
    supply_groups: list[str]
    services: list[str]
    areas: list[str]
    daily_limit: int
    low_float: int
    enrolled_at: int
    currency: str
    balance: int
    reserved: int
    credit_limit: int
    spendable: int
    guarantee: int
    equipment: int
    day: int
    day_spent: int
    commission_owed: int
    cash_limit: int
    in_hand: int
    transfers: str
    tells: str
    day_moved: int


def agents_of(reader: Reader, company: str, number: str = "") -> list[AgentView]:
    """The agent of that number, or all of them by number."""
    one = " AND a.number = :number" if number else ""
    params = {"company": company, **({"number": number} if number else {})}
    rows = reader.rows(f"SELECT {_COLUMNS} {_FROM}{one} ORDER BY a.number", **params)
    return [_view(row) for row in rows]


def _view(row: tuple[Any, ...]) -> AgentView:
    values = dict(zip((*_AGENT, *_FLOAT, "parent", "commission_owed"), row, strict=True))
    values["spendable"] = values["balance"] + values["credit_limit"] - values["reserved"]
    values["in_hand"] = max(0, values["reserved"] - values["balance"])
    for name in ("supply_groups", "services", "areas"):
        values[name] = msgspec.json.decode(values[name])
    return AgentView(**{name: values[name] for name in AgentView.__struct_fields__})
