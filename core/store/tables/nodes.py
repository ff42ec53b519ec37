"""The nodes of an installation and the seats that only one of them may hold (PostgreSQL).

``node``  who runs: one row per ``wattbus run``, by its name; gone after an ordered end
``seat``  who holds what, of which taking, and until when by the database's clock
"""

from sqlalchemy import Column, Table, Text

from core.store.tables.base import METADATA, big
from core.store.tables.base import text as words

NODE = Table(
    "node",
    METADATA,
    Column("name", Text, primary_key=True),
    words("host"),
    big("pid"),
    words("roles"),  # joined by spaces
    words("version"),
    big("started"),
    big("seen"),
)

SEAT = Table(
    "seat",
    METADATA,
    Column("name", Text, primary_key=True),
    words("node", ""),  # empty: nobody
    big("epoch", 0),
    big("until", 0),
    big("since", 0),
)
