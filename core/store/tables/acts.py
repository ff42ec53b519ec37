"""What operators do with tokens and money: reason, evidence, approval of each act; void tokens."""

from sqlalchemy import Column, Index, PrimaryKeyConstraint, Table, text

from core.store.tables.base import METADATA, Big, big, identity
from core.store.tables.base import text as words

TOKEN_ACT = Table(
    "token_act",
    METADATA,
    identity(),
    words("company"),
    words("kind"),  # core.vending.act_kinds
    words("meter"),
    words("from_meter"),  # where units came from; empty: from nowhere
    words("operator"),
    words("reason"),
    words("evidence"),
    words("state"),  # core.vending.act_states
    words("approver"),  # empty: one person was enough, or nobody decided yet
    words("note"),  # the decider's words, or why it was refused
    words("command"),  # JSON of the RequestTokenAct or RequestMoneyAct
    big("units_tenths"),
    big("amount"),  # minor units
    words("message_id"),  # the request
    words("decision_id"),  # the decision
    big("requested_at"),
    big("decided_at"),
    big("expires"),
    words("account", ""),  # of an act with money; it has no meter then
    words("agent", ""),  # of an act with an agent's float; neither meter nor account then
    words("terminal", ""),  # of an act with a terminal
    Index("ix_token_act_operator", "company", "operator", "requested_at"),
    Index("ix_token_act_meter", "company", "meter"),
    Index("ix_token_act_from_meter", "company", "from_meter"),
    Index("ix_token_act_account", "company", "account"),
    Index(
        "ix_token_act_terminal",
        "company",
        "terminal",
        sqlite_where=text("terminal <> ''"),
        postgresql_where=text("terminal <> ''"),
    ),
    Index("uq_token_act_message_id", "message_id", unique=True),
)

#: A row per operator, locked while his acts of the day are counted: one of two at once waits.
OPERATOR_TURN = Table(
    "operator_turn",
    METADATA,
    words("company"),
    words("operator"),
    PrimaryKeyConstraint("company", "operator"),
)

#: Tokens that shall not be used or printed any more. A token's own row is final.
TOKEN_VOID = Table(
    "token_void",
    METADATA,
    Column("token_id", Big, primary_key=True, autoincrement=False),
    words("company"),
    big("act_id"),
    big("at"),
)
