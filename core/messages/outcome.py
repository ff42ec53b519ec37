"""How every command ends: done, refused, or unknown; never anything else."""

from enum import StrEnum
from typing import Any

import msgspec


class Outcome(StrEnum):
    """``unknown`` is never shown as a no: it is followed up until it is known. ``pending`` is not
    stored: a later message brings the answer."""

    DONE = "done"
    PENDING = "pending"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The one answer of a command, stored with its request and given again to every repeat.

    ``code`` is ``ok`` for done, else a code of ``core.refusals``; ``args`` fill the sentences;
    ``data`` is the business content (for a sale: the fields of ``core.queries.views.SaleView``).
    """

    outcome: Outcome
    code: str = "ok"
    args: dict[str, Any] = {}
    data: dict[str, Any] = {}
