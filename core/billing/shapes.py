"""What a bill run is calculated from and what comes out, as data.

Amounts are minor units, quantities milli-units, periods YYYYMM, days local dates.
"""

from collections.abc import Callable, Mapping
from datetime import date
from hashlib import blake2b
from typing import Annotated, Any

import msgspec

from core.billing.outsort import OutsortRule
from core.billing.states import BillState
from core.tariffs.compiling import CompiledTariff

REGULAR, REBILL = "regular", "rebill"
#: Of a service in a period; a second bill of the same days would be another sequence.
FIRST_SEQUENCE = 1

#: Takes so many new ids of a series, one after the other: the id of the first.
Draw = Callable[[str, int], int]


#: Days to pay: at most a year. What is due later is not owed but given, and a day beyond the
#: calendar would stop a run when it is issued.
MAX_DUE_DAYS = 365
DueDays = Annotated[int, msgspec.Meta(ge=0, le=MAX_DUE_DAYS)]


class BillingError(Exception):
    """What was asked for cannot be done; the sentence is for the operator."""


class Given(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What is known of an agreement beside its usage, by value (``core.billing.inputs``).

    ``attributes``: quantities that hold on the first day of the bill. ``category``: of the period.
    ``history``: quantity → {YYYYMM: milli-units}. ``before``: units sold in the month,
    ``before_year``: billed and sold in the year, as fractions. ``shares``: (name, id of the row of
    ``common_use``, place in it). ``overdue``: (amount, days, days of later years) until the bill's
    last day; ``overdue_billed``: until the day before its first.
    """

    attributes: dict[str, int] = {}
    category: str = ""
    history: dict[str, dict[int, int]] = {}
    before: dict[str, int] = {}
    before_year: dict[str, tuple[int, int]] = {}
    shares: tuple[tuple[str, int, int], ...] = ()
    overdue: tuple[tuple[int, int, int], ...] = ()
    overdue_billed: tuple[tuple[int, int, int], ...] = ()


class Frozen(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The inputs of one bill by their ids, as the run keeps them. ``previous``: consumption of the
    period before, None where there is no bill of it; ``replaces``: the bill that is corrected;
    ``given``: what else is known, None: nothing."""

    agreement: int
    account: int
    tariff: str
    usage: int
    currency: str
    previous: int | None = None
    replaces: int = 0
    given: Given | None = None


class Usage(msgspec.Struct, frozen=True, gc=False):
    """What was used, from a final row of ``bill_usage``."""

    id: int
    first: date
    last: date
    registers: dict[str, int]


class RunTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for every bill of a run."""

    id: int
    company: str
    period: int
    kind: str
    currency: str
    due_days: int
    rules: tuple[OutsortRule, ...]
    tariffs: Mapping[str, CompiledTariff]
    digests: Mapping[str, str]  # of the tariffs, frozen with the run
    zone: str = "UTC"  # of the company; whose days count when inputs are frozen


class Computed(msgspec.Struct, frozen=True, gc=False):
    """A bill before it has an id. ``lines``: rows of ``bill_line`` without the bill's id.
    ``credits``: JSON, what it posts against its receivable, ledger by ledger."""

    frozen: Frozen
    state: BillState
    outsort: str
    snapshot: str
    digest: str
    consumption: int = 0
    net: int = 0
    tax: int = 0
    total: int = 0
    credits: str = "[]"
    lines: tuple[tuple[Any, ...], ...] = ()


def digest_of(data: object) -> str:
    """32 hexadecimal digits over the canonical JSON of plain data."""
    return blake2b(msgspec.json.encode(data), digest_size=16).hexdigest()


def text_digest(text: str) -> str:
    """The same over JSON that is written already."""
    return blake2b(text.encode(), digest_size=16).hexdigest()


def tariff_digest(tariff: CompiledTariff) -> str:
    """Of everything that a tariff says."""
    return blake2b(repr(tariff.tariff).encode(), digest_size=16).hexdigest()
