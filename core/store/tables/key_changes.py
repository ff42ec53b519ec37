"""Key changes: one row per meter and change, from the key that it had to the one that it gets.

The digits of a set are rows of ``token`` (cause ``key-change``), written when it is first printed.
"""

from sqlalchemy import Index, Table

from core.store.tables.base import METADATA, big, identity, small
from core.store.tables.base import text as words

KEY_CHANGE = Table(
    "key_change",
    METADATA,
    identity(),
    words("company"),
    big("meter_id"),
    words("campaign"),  # empty: of a single meter
    words("state"),  # core.vending.key_change_states
    words("old_sgc"),
    small("old_krn"),
    words("old_ti"),
    small("old_kt"),
    small("old_ken"),
    words("old_dkga"),
    small("old_base"),  # year of the base date
    words("new_sgc"),
    small("new_krn"),
    words("new_ti"),
    small("new_kt"),
    small("new_ken"),
    words("new_dkga"),
    small("new_base"),
    small("ro"),  # 1: the meter empties its TID memory
    small("three_tokens"),  # 1: the form of EA07 that keeps the supply group
    small("issued"),  # how many sales have printed the set
    big("old_last_tid"),  # of the meter when the set was made: back in force if the change fails
    big("previous"),  # the change that was presumed when this one came; 0: none
    words("how"),  # of a confirmation: read-out | field | customer
    words("operator"),
    words("reason"),
    words("note"),  # why the set could not be made, if it could not
    big("needed_at"),
    big("issued_at"),  # first printed; 0: not yet
    big("presumed_at"),
    big("closed_at"),  # confirmed or failed
    Index("ix_key_change_meter_id", "meter_id"),
    Index("ix_key_change_state", "state", "issued_at"),
    Index("ix_key_change_campaign", "company", "campaign"),
)
