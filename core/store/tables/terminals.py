"""What terminals asked for, item by item; how their batches add up; what people must look at."""

from sqlalchemy import Index, Table, text

from core.store.tables.base import METADATA, big, identity, small
from core.store.tables.base import text as words

#: What a terminal calls by its number (STAN) and our day. Changed under the lock of the agent's
#: float only, which whatever asks for it has.
TERMINAL_ITEM = Table(
    "terminal_item",
    METADATA,
    identity(),
    words("company"),
    big("terminal_id"),
    big("agent_id"),  # whose float pays
    big("shift_id"),  # 0: nobody had signed on
    big("day"),  # YYYYMMDD, our own
    big("stan"),  # the terminal's number of it
    words("slip"),  # the three in one word: terminal/day/number
    big("batch"),  # the terminal's number of its batch
    big("batch_id"),  # 0: a reversal that came first, which names none
    words("kind"),  # sale | payment; empty: barred, nobody knows
    words("state"),  # core.terminals.item_states
    small("offline"),  # 1: collected while the line was down
    big("made_day"),  # YYYYMMDD on which that was, as the terminal says; else our day
    small("late"),  # 1: it came, or ended, when its batch was closed: not in that batch's totals
    big("amount"),  # minor units; 0: barred, and not said
    words("currency"),
    words("cashier"),
    words("rrn"),
    words("receipt"),  # of a series that was given to the terminal before
    big("about"),  # the sale or payment; 0: none
    words("document"),  # a payment's number
    big("account_id"),  # the beneficiary's; 0: in suspense, or not known
    words("reason"),  # why it was refused, a code; why it is kept
    words("message_id"),
    words("reversal_message_id"),  # the first that took it back
    big("at"),
    big("reversed_at"),
    Index("uq_terminal_item_slip", "slip", unique=True),
    Index("ix_terminal_item_terminal_id", "terminal_id", "day"),
    Index("ix_terminal_item_batch_id", "batch_id"),
    Index("ix_terminal_item_shift_id", "shift_id"),
    Index(
        "ix_terminal_item_about",
        "about",
        "kind",
        sqlite_where=text("about <> 0"),
        postgresql_where=text("about <> 0"),
    ),
    Index(
        "ix_terminal_item_receipt",
        "company",
        "receipt",
        sqlite_where=text("receipt <> ''"),
        postgresql_where=text("receipt <> ''"),
    ),
    Index(
        "ix_terminal_item_offline",
        "terminal_id",
        "made_day",
        sqlite_where=text("offline = 1"),
        postgresql_where=text("offline = 1"),
    ),
)

#: A terminal may use a number again: ``turn`` counts that, and ``live`` is the newest turn.
TERMINAL_BATCH = Table(
    "terminal_batch",
    METADATA,
    identity(),
    words("company"),
    big("terminal_id"),
    big("agent_id"),
    big("number"),
    big("turn"),
    small("live"),
    words("slot"),  # terminal/number in one word
    big("opened"),  # YYYYMMDD of its first item
    words("state"),  # open | uploading | closed
    words("currency"),
    *(big(f"our_{name}") for name in ("debits", "debit_amount", "reversals", "reversal_amount")),
    *(big(f"their_{name}") for name in ("debits", "debit_amount", "reversals", "reversal_amount")),
    small("balanced"),
    big("uploads"),  # items that the terminal has sent
    big("differences"),
    words("pending"),  # JSON: numbers of items that were not known when it was settled
    big("settled"),  # YYYYMMDD of the settlement; 0: none yet
    big("opened_at"),
    big("closed_at"),
    Index("uq_terminal_batch_number", "terminal_id", "number", "turn", unique=True),
    Index("ix_terminal_batch_agent_id", "agent_id"),
    Index(
        "ix_terminal_batch_live",
        "slot",
        sqlite_where=text("live = 1"),
        postgresql_where=text("live = 1"),
    ),
)

#: An item as the terminal has it, of a batch that did not balance. Rows are final: evidence.
TERMINAL_UPLOAD = Table(
    "terminal_upload",
    METADATA,
    identity(),
    words("company"),
    big("terminal_id"),
    big("batch_id"),
    big("day"),
    big("stan"),
    big("amount"),
    words("kind"),
    small("reversed"),
    words("message_id"),
    big("at"),
    Index("uq_terminal_upload_stan", "batch_id", "day", "stan", unique=True),
)

#: What a person must look at, until somebody closes it.
TERMINAL_CASE = Table(
    "terminal_case",
    METADATA,
    identity(),
    words("company"),
    big("terminal_id"),
    big("agent_id"),
    big("item_id"),  # 0: about something that we do not have
    big("batch_id"),
    words("kind"),  # core.terminals.cases
    words("state"),  # open | closed
    big("amount"),  # minor units that are in question
    words("currency"),
    words("account"),  # as the terminal named it
    words("document"),  # the payment or receipt
    words("detail"),  # in words
    words("message_id"),
    big("opened_at"),
    big("closed_at"),
    words("closed_by"),
    words("reason"),
    big("txn_id"),  # what its closing posted; 0: nothing
    Index("ix_terminal_case_item_id", "item_id"),
    Index("ix_terminal_case_batch_id", "batch_id"),
    Index(
        "ix_terminal_case_open",
        "company",
        "opened_at",
        sqlite_where=text("state = 'open'"),
        postgresql_where=text("state = 'open'"),
    ),
)
