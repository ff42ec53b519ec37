"""What decisions about agents are made on. Minor units; instants in microseconds UTC."""

from typing import Final

import msgspec

from core.entities import Entity

#: Links of a book to top-ups that agents ask for: agent's id -> ids of those that wait; (agent's
#: id, reference) -> id of the newest.
OPEN: Final = "topups-open"
ASKED: Final = "topup-asked"
#: Account's id -> the phone (E.164) that hears of what agents sell, and its language.
TOLD: Final = "told-of"


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
    cash_limit: int = 0
    transfers: str = ""
    tells: str = ""
    areas: str = "[]"

    def told(self, company_tells: bool) -> bool:
        """Whether the customer hears of each sale: his contract says it, else the company."""
        return self.tells == "yes" or (company_tells and self.tells != "no")


class AgentFloat(Entity, frozen=True, kw_only=True, gc=False):
    """The agent's money (``id`` is the agent's): what he can spend is :attr:`spendable`.

    ``day`` (YYYYMMDD) says what ``day_spent`` and ``day_moved`` count, ``month`` (YYYYMM) what
    ``month_base`` does. ``moved_*``: the last transfer that the agent made himself.
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
    day_moved: int = 0
    moved_to: int = 0
    moved_amount: int = 0
    moved_at: int = 0

    @property
    def spendable(self) -> int:
        """What a sale may take now, in minor units."""
        return self.balance + self.credit_limit - self.reserved

    @property
    def in_hand(self) -> int:
        """The utility's cash in the agent's hands: what he sold and collected, and has not paid
        for, by a deposit before or by surrendering it since. What is reserved he has taken."""
        return max(0, self.reserved - self.balance)


class TopUp(Entity, frozen=True, kw_only=True, gc=False):
    """Money that an agent says he has paid: a row of the table ``agent_topup``."""

    company: str
    agent_id: int
    amount: int
    way: str
    desk: str
    reference: str
    state: str
    movement_id: int
    message_id: str
    decision_id: str
    requested_at: int
    expires: int
    decided_at: int


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
