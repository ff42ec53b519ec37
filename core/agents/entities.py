"""What decisions about agents are made on. Minor units; instants in microseconds UTC."""

import msgspec

from core.entities import Entity


class Agent(Entity, frozen=True, kw_only=True, gc=False):
    """Who sells for the utility; ``core.store.tables.agents`` says what each field holds."""

    company: str
    number: str
    name: str
    kind: str
    parent_id: int
    state: str
    mode: str
    phone: str
    language: str
    commission: str
    supply_groups: str
    services: str
    daily_limit: int
    low_float: int
    enrolled_at: int


class AgentFloat(Entity, frozen=True, kw_only=True, gc=False):
    """The agent's money (``id`` is the agent's): what he can spend is :attr:`spendable`.

    ``day`` and ``month`` (YYYYMMDD, YYYYMM) say what ``day_spent`` and ``month_base`` count.
    """

    currency: str
    balance: int = 0
    reserved: int = 0
    credit_limit: int = 0
    guarantee: int = 0
    equipment: int = 0
    day: int = 0
    day_spent: int = 0
    month: int = 0
    month_base: int = 0
    low_told: int = 0

    @property
    def spendable(self) -> int:
        """What a sale may take now, in minor units."""
        return self.balance + self.credit_limit - self.reserved


class Earned(msgspec.Struct, frozen=True, gc=False):
    """A row of the table ``agent_commission``: what one agent earned of one sale or payment."""

    txn_id: int
    agent_id: int
    company: str
    source: str
    source_id: int
    rule: str
    settle: str
    base: int
    gross: int
    tax: int
    at: int
