"""Terminals, the cashiers at them, their shifts, and the receipt numbers given to terminals."""

from sqlalchemy import Index, Table

from core.store.tables.base import METADATA, big, identity, small
from core.store.tables.base import text as words

#: Locked after the agents' floats, by id; changed under that lock only.
TERMINAL = Table(
    "terminal",
    METADATA,
    identity(),
    words("company"),
    words("number"),  # ISO 8583, DE 41
    big("agent_id"),  # whose float pays what it sells
    words("state"),  # core.terminals.states
    words("name"),
    words("place"),
    words("merchant"),  # DE 42; empty: not checked
    words("parameters"),  # JSON, name -> value
    big("parameters_version"),  # counts their changes; 0: there are none
    words("message"),  # what it shall show; empty: nothing
    big("message_number"),  # counts them
    big("emergency_limit"),  # minor units a day collected without the line; 0: nothing may be
    big("latitude"),  # degrees x 10^6, with longitude 0 and 0: not said
    big("longitude"),
    small("signal"),  # dBm, below 0; 0: not said
    words("application"),  # its software
    big("parameters_seen"),  # the version that it works with, as it says
    big("message_seen"),  # the number of the last message that it showed
    big("seen_at"),  # when it last spoke of itself or somebody signed on
    words("cashier"),  # who is signed on; its own number where the agent has no cashiers
    big("shift_id"),  # the open one; 0: nobody is signed on
    big("registered_at"),
    big("bound_at", 0),  # since when it is its agent's; 0: since it was registered
    big("former_agent_id", 0),  # whose it was until then; 0: nobody's
    Index("uq_terminal_company_number", "company", "number", unique=True),
    Index("ix_terminal_agent_id", "agent_id"),
)

#: Changed under the lock of the agent's float. A code is one person's for ever.
CASHIER = Table(
    "cashier",
    METADATA,
    identity(),
    words("company"),
    big("agent_id"),
    words("code"),
    words("name"),
    words("state"),  # core.terminals.states
    words("pin_proof"),  # keyed hash of the PIN, hex; the PIN is nowhere
    big("pin_at"),  # when it was set
    small("wrong", 0),  # wrong PINs since the last right one
    big("locked_until"),
    big("added_at"),
    Index("uq_cashier_agent_id_code", "agent_id", "code", unique=True),
)

#: Who was at which terminal from when to when. Of a terminal one at most is open: its row is locked
#: where one begins. No unique index says it, for of a change of cashier the new row comes first.
TERMINAL_SHIFT = Table(
    "terminal_shift",
    METADATA,
    identity(),
    words("company"),
    big("terminal_id"),
    big("agent_id"),
    words("cashier"),
    words("name"),
    big("day"),  # YYYYMMDD, of the sign-on
    big("opened_at"),
    big("closed_at"),  # 0: it is open
    words("ended_by"),  # sign-off | sign-on | terminal-block ...; empty: it is open
    Index("ix_terminal_shift_terminal_id", "terminal_id", "opened_at"),
    Index("ix_terminal_shift_agent_id", "agent_id", "opened_at"),
)

#: Receipt numbers that a terminal may write while its line is down: first to last. Final.
TERMINAL_RECEIPTS = Table(
    "terminal_receipts",
    METADATA,
    identity(),
    words("company"),
    big("terminal_id"),
    big("first_number"),
    big("last_number"),
    big("act_id"),
    big("assigned_at"),
    Index("ix_terminal_receipts_terminal_id", "terminal_id"),
)
