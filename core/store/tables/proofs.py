"""Proofs of the tokens: one final row per proof, each going on where the last one ended."""

from sqlalchemy import PrimaryKeyConstraint, Table

from core.store.tables.base import METADATA, big, identity
from core.store.tables.base import text as words

TOKEN_PROOF = Table(
    "token_proof",
    METADATA,
    identity("until_us"),  # proved up to here, exclusive
    big("since_us"),
    big("at"),  # when it was proved
    big("made"),
    big("sold"),
    big("other"),
    big("findings"),
    words("totals"),  # JSON: [company, module, day, {made, cause: n}]
    words("listed"),  # JSON: [code, args] of the first findings
    words("heads"),  # JSON: [module, writer, batch, total, seal]
)

#: What modules on the network said of themselves, each time that they were idle.
MODULE_COUNT = Table(
    "module_count",
    METADATA,
    words("module"),
    big("at"),  # when it was asked
    words("company"),
    big("counted"),  # tokens that it made, by its own counter
    big("logged"),  # tokens of it that our log had
    words("alerts"),  # JSON: what it warns of
    PrimaryKeyConstraint("module", "at"),
)
