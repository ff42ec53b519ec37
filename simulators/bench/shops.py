"""Shops for measuring: agents with money and their terminals, straight into the tables.

What stands there afterwards is what enrolling each, paying in and registering would have left: the
ledger's lines add up to the floats.
"""

from typing import Any, Final

from core.agents.entities import Agent, AgentFloat
from core.ledger import AGENT_FLOAT
from core.store.ids import take
from core.store.tx import Tx
from core.store.upgrade import open_store
from hub.clock import Sources
from simulators.bench import town

#: Terminals of one agent: a shop has some.
EACH: Final = 4
#: What each agent has paid in (minor units): no bench comes near its end.
MONEY: Final = 10**14
_DESK: Final = "cash:desk"


def terminal_of(number: int) -> str:
    """The number of a terminal (DE 41)."""
    return f"B{number:07d}"


def agent_of(number: int) -> str:
    """The number of an agent."""
    return f"BENCH-{number}"


def open_shops(url: str, terminals: int) -> None:
    """Agents with money, ``EACH`` terminals to one; nobody needs to sign on there."""
    store = open_store(url, "wattbus-bench")
    try:
        now = Sources().now_us()
        with store.transaction() as tx:
            for first in range(0, terminals, EACH):
                agent = _agent(tx, first // EACH, now)
                for number in range(first, min(first + EACH, terminals)):
                    _terminal(tx, number, agent, now)
        town.analyze(store)
    finally:
        store.close()


def _agent(tx: Tx, number: int, now: int) -> int:
    agent = Agent(
        id=take(tx, "account", 1).start, company=town.COMPANY, number=agent_of(number),
        name="Bench", kind="direct", parent_id=0, state="active", mode="prepaid", phone="",
        language="", commission="", supply_groups="[]", services="[]", daily_limit=0, low_float=0,
        enrolled_at=now,
    )  # fmt: skip
    _insert(tx, "agent", {name: getattr(agent, name) for name in Agent.__struct_fields__})
    float_ = AgentFloat(id=agent.id, currency=town.CURRENCY, balance=MONEY)
    row = {name: getattr(float_, name) for name in AgentFloat.__struct_fields__[1:]}
    _insert(tx, "agent_float", {"agent_id": agent.id, **row})
    _paid_in(tx, agent.id, number, now)
    return agent.id


def _paid_in(tx: Tx, agent_id: int, number: int, now: int) -> None:
    txn, message = take(tx, "ledger_txn", 1).start, f"bench-shop-{number}"
    _insert(tx, "ledger_txn", {
        "id": txn, "company": town.COMPANY, "kind": "agent-topup", "currency": town.CURRENCY,
        "message_id": message, "at": now,
    })  # fmt: skip
    for line, (ledger, owner, amount) in enumerate(
        ((_DESK, 0, MONEY), (AGENT_FLOAT, agent_id, -MONEY))
    ):
        _insert(tx, "posting", {
            "txn_id": txn, "line": line, "ledger": ledger, "owner": owner, "amount": amount,
        })  # fmt: skip
    _insert(tx, "agent_movement", {
        "id": take(tx, "agent_movement", 1).start, "company": town.COMPANY, "agent_id": agent_id,
        "other_id": 0, "kind": "topup", "amount": MONEY, "way": "cash", "desk": "desk",
        "reference": "", "act_id": 0, "txn_id": txn, "message_id": message, "at": now,
    })  # fmt: skip


def _terminal(tx: Tx, number: int, agent: int, now: int) -> None:
    _insert(tx, "terminal", {
        "id": take(tx, "terminal", 1).start, "company": town.COMPANY,
        "number": terminal_of(number), "agent_id": agent, "state": "active", "name": "",
        "place": "", "merchant": "", "parameters": "{}", "parameters_version": 0, "message": "",
        "message_number": 0, "emergency_limit": 0, "latitude": 0, "longitude": 0, "signal": 0,
        "application": "", "parameters_seen": 0, "message_seen": 0, "seen_at": 0, "cashier": "",
        "shift_id": 0, "registered_at": now,
    })  # fmt: skip


def _insert(tx: Tx, table: str, row: dict[str, Any]) -> None:
    tx.insert(table, tuple(row), [tuple(row.values())])
