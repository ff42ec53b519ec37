"""Agents as operators see them: one with its money, all of them, and what moved on a float."""

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
    """An agent with its money, in minor units; ``commission_owed`` is not on the float yet."""

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


class StatementLine(msgspec.Struct, frozen=True, kw_only=True):
    """What moved a float: ``amount`` is what it gained, ``balance`` what it was afterwards.

    ``about``: the receipt of a sale or payment, the reference of a top-up.
    """

    at: int
    kind: str
    amount: int
    balance: int
    about: str


def agents_of(reader: Reader, company: str, number: str = "") -> list[AgentView]:
    """The agent of that number, or all of them by number."""
    one = " AND a.number = :number" if number else ""
    params = {"company": company, **({"number": number} if number else {})}
    rows = reader.rows(f"SELECT {_COLUMNS} {_FROM}{one} ORDER BY a.number", **params)
    return [_view(row) for row in rows]


def _view(row: tuple[Any, ...]) -> AgentView:
    values = dict(zip((*_AGENT, *_FLOAT, "parent", "commission_owed"), row, strict=True))
    values["spendable"] = values["balance"] + values["credit_limit"] - values["reserved"]
    for name in ("supply_groups", "services"):
        values[name] = msgspec.json.decode(values[name])
    return AgentView(**{name: values[name] for name in AgentView.__struct_fields__})


#: What each posting on a float is about. A message makes one sale or one payment, or moves one
#: float by an act; so the message tells which.
_STATEMENT = (
    "SELECT t.at, t.kind, -p.amount, COALESCE(s.receipt, y.number, m.reference, '') "
    "FROM posting p JOIN ledger_txn t ON t.id = p.txn_id "
    "JOIN agent a ON a.id = p.owner "
    "LEFT JOIN sale s ON t.kind = 'sale' AND s.message_id = t.message_id "
    "LEFT JOIN payment y ON y.txn_id = COALESCE(t.reverses, t.id) "
    "LEFT JOIN agent_movement m ON m.txn_id = t.id "
    "WHERE p.ledger = 'agent-float' AND p.owner <> 0 AND a.company = :company "
    "AND a.number = :number AND t.at >= :since AND t.at < :until ORDER BY t.at, t.id, p.line"
)
_BEFORE = (
    "SELECT CAST(COALESCE(-sum(p.amount), 0) AS BIGINT) FROM posting p "
    "JOIN ledger_txn t ON t.id = p.txn_id JOIN agent a ON a.id = p.owner "
    "WHERE p.ledger = 'agent-float' AND p.owner <> 0 AND a.company = :company "
    "AND a.number = :number AND t.at < :since"
)


def statement_of(
    reader: Reader, company: str, number: str, since_us: int, until_us: int
) -> tuple[int, list[StatementLine]]:
    """(the float before, what moved it from ``since_us`` to before ``until_us``)."""
    about_it = {"company": company, "number": number, "since": since_us}
    ((before,),) = reader.rows(_BEFORE, **about_it)
    balance, lines = before, []
    for at, kind, amount, about in reader.rows(_STATEMENT, until=until_us, **about_it):
        balance += amount
        lines.append(StatementLine(at=at, kind=kind, amount=amount, balance=balance, about=about))
    return before, lines
