"""Fees on floats: what the company declares for a top-up, a transfer, a statement. Pure.

A fee is a transaction of its own beside what it is for, so that each kind of movement posts the
same whether it bears a fee or not. None is declared by default.
"""

from typing import Final

from core.agents.entities import Agent
from core.agents.movements import Facts, write
from core.collection.items import book
from core.handlers.base import Context
from core.ledger import AGENT_FLOAT, Entry
from core.messages import RequestAgentAct

TOPUP: Final = "topup"
TRANSFER: Final = "transfer"
STATEMENT: Final = "statement"
#: The kind of its transaction, and the ledger that has it.
FEE: Final = "agent-fee"
INCOME: Final = "revenue:agent-fee"
#: What a command with a fee may draw for it.
FEE_IDS: Final = {"ledger_txn": 1, "agent_movement": 1}


def fee_of(ctx: Context, what: str, amount: int) -> int:
    """The fee of so much of a kind, in minor units; of a top-up never more than what came."""
    declared = ctx.terms.agents.fees.get(what)
    if declared is None:
        return 0
    fee = declared.of(amount)
    return min(fee, amount) if what == TOPUP else fee


def take_fee(ctx: Context, agent: Agent, what: str, fee: int, act_id: int) -> Facts:
    """Post a fee that the float reaches for; what an answer says of it."""
    if not fee:
        return {}
    entries = [Entry(AGENT_FLOAT, fee, agent.id), Entry(INCOME, -fee)]
    txn_id = book(ctx, FEE, entries)
    about = RequestAgentAct(
        operator="", kind=FEE, agent=agent.number, reason="", way="", desk="", reference=what
    )
    write(ctx, agent, ("fee", -fee), txn_id, act_id, about)
    return {"fee": fee}
