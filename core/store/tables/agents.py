"""Agents, their floats, what moved on them beside sales, and the commission that they earned.

An agent's id comes from the series of accounts: a posting's owner is one or the other, never both.
"""

from sqlalchemy import Index, PrimaryKeyConstraint, Table, text

from core.store.tables.base import METADATA, big, identity, small
from core.store.tables.base import text as words

#: What seldom changes. Changed, and read by sales, only under the lock of the float's row.
AGENT = Table(
    "agent",
    METADATA,
    identity(),
    words("company"),
    words("number"),
    words("name"),
    words("kind"),  # direct | third-party
    big("parent_id"),  # 0: none above it
    words("state"),  # core.agents.states
    words("mode"),  # prepaid | post-settled
    words("phone"),  # E.164, told when the float is low; empty: nobody
    words("language"),
    words("commission"),  # rule of mappings/agents; empty: none
    words("supply_groups"),  # JSON: where it may sell; []: everywhere
    words("services"),  # JSON: commodities, and "bills"; []: all
    big("daily_limit"),  # minor units that it may sell and collect in a day; 0: no limit
    big("low_float"),  # told once when there is less; 0: never
    big("enrolled_at"),
    big("cash_limit", 0),  # of the utility's cash in a post-settled agent's hands; 0: none
    words("transfers", ""),  # that it may make itself: none | down | both
    words("tells", ""),  # the customer by SMS of each sale: yes | no; empty: as the company does
    words("areas", "[]"),  # JSON: areas of service points that it serves; []: everywhere
    Index("uq_agent_company_number", "company", "number", unique=True),
    Index("ix_agent_parent_id", "parent_id"),
)

#: The one hot row of an agent: no index beside its key, so that an update touches no other page.
AGENT_FLOAT = Table(
    "agent_float",
    METADATA,
    identity("agent_id"),
    words("currency"),
    big("balance", 0),  # what is paid in and not yet spent; always the sum of its postings
    big("reserved", 0),  # part of it that waits for an outcome
    big("credit_limit", 0),  # of a post-settled agent: so far below nothing
    big("guarantee", 0),  # securities, apart from the float
    big("equipment", 0),
    big("day", 0),  # YYYYMMDD of what follows
    big("day_spent", 0),
    big("month", 0),  # YYYYMM of what follows
    big("month_base", 0),  # what commission was reckoned of, for tiers
    small("low_told", 0),  # 1: said that it is low, and it is still
    big("day_moved", 0),  # what the agent itself transferred in the day
    big("moved_to", 0),  # its last own transfer: to whom, how much, when
    big("moved_amount", 0),
    big("moved_at", 0),
)

#: What moved a float by a decision or a bank's word. Rows are final.
AGENT_MOVEMENT = Table(
    "agent_movement",
    METADATA,
    identity(),
    words("company"),
    big("agent_id"),
    big("other_id"),  # of a transfer: who got it; else 0
    words("kind"),  # topup | transfer | withdrawal | guarantee | equipment | commission |
    # surrender | fee
    big("amount"),  # minor units, what the agent's float or security gained; below 0: lost
    words("way"),
    words("desk"),
    words("reference"),  # the bank's own, a top-up's counts once; a slip's number; what a fee is of
    big("act_id"),  # 0: a bank's word, or the agent's own
    big("txn_id"),
    words("message_id"),
    big("at"),
    Index("ix_agent_movement_agent_id", "agent_id", "at"),
    Index(
        "uq_agent_movement_reference",
        "company",
        "reference",
        unique=True,
        sqlite_where=text("kind = 'topup' AND reference <> ''"),
        postgresql_where=text("kind = 'topup' AND reference <> ''"),
    ),
)

#: What agents say that they have paid, until the bank or two people say it too. Changed under the
#: lock of the float's row.
AGENT_TOPUP = Table(
    "agent_topup",
    METADATA,
    identity(),
    words("company"),
    big("agent_id"),
    big("amount"),  # minor units that the agent says; what came is the movement's
    words("way"),
    words("desk"),
    words("reference"),  # of the bank, or of a slip
    words("state"),  # requested | approved | declined | expired (core.agents.states)
    big("movement_id", 0),  # the top-up that it became
    words("message_id"),
    words("decision_id"),  # the message that decided
    big("requested_at"),
    big("expires"),
    big("decided_at", 0),
    Index("ix_agent_topup_agent_id", "agent_id", "reference"),
)

#: Who earned what of a sale or of a payment; what was taken back stands again, below 0. Final.
AGENT_COMMISSION = Table(
    "agent_commission",
    METADATA,
    big("txn_id"),
    big("agent_id"),
    words("company"),
    words("source"),  # sale | payment
    big("source_id"),
    words("rule"),
    words("settle"),  # withheld: on the float at once; paid: later
    big("base"),
    big("gross"),
    big("tax"),  # withheld for the tax authority
    big("at"),
    PrimaryKeyConstraint("txn_id", "agent_id"),
    Index("ix_agent_commission_source", "source", "source_id"),
    Index("ix_agent_commission_agent_id", "agent_id", "at"),
)
