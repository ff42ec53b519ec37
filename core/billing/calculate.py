"""One partition of a run: a set of frozen inputs in, a set of bills out. Pure.

The same inputs under the same tariffs give the same bills to the byte; ``digest`` shows it.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import msgspec

from core.billing.inputs import Common, bill_input
from core.billing.outsort import Measured, reasons
from core.billing.shapes import Computed, Frozen, RunTerms, Usage, digest_of
from core.billing.states import BILL_MOVES, BillMove, BillState
from core.tariffs.billing import bill
from core.tariffs.bills import BillLine
from core.tariffs.errors import BillError, MissingQuantityError, NoTariffError
from core.tariffs.sale import NO_MINOR_UNITS_ABOVE
from core.tariffs.shapes import TAX_AUTHORITY, THIRD_PARTY

UNITS = "units"
_MOST = 300  # characters of a reason that are kept
_TAX = "tax:"
#: The columns of a line: its fields in their order, without the months of a sale.
LINE = (
    "bill_id",
    "line",
    "ledger",
    *[name for name in BillLine.__struct_fields__ if name != "periods"],
)
_PERIODS = BillLine.__struct_fields__.index("periods")
assert BillLine.__struct_fields__[-2:] == ("first", "last")
_fields = msgspec.structs.astuple
_encode = msgspec.json.encode
_PASSED = BILL_MOVES[BillState.CALCULATED, BillMove.CLEAR]
_HELD = BILL_MOVES[BillState.CALCULATED, BillMove.HOLD]


def calculate(
    terms: RunTerms,
    frozen: Sequence[Frozen],
    usages: Mapping[int, Usage],
    commons: Mapping[int, Common] = MappingProxyType({}),
) -> list[Computed]:
    """The bills of a partition, in the order of its inputs; what fails is held, with the reason."""
    return [_one(terms, each, usages[each.usage], commons) for each in frozen]


def _one(terms: RunTerms, frozen: Frozen, usage: Usage, commons: Mapping[int, Common]) -> Computed:
    snapshot = digest_of((frozen, usage, terms.period, terms.digests.get(frozen.tariff, "")))
    try:
        lines = _lines(terms, frozen, usage, commons)
        return _computed(terms, frozen, usage, lines, snapshot)
    except (BillError, MissingQuantityError, NoTariffError, ValueError) as error:
        why = f"error: {error}"[:_MOST]
        return Computed(frozen, _HELD, why, snapshot, digest_of(why))


def _lines(
    terms: RunTerms, frozen: Frozen, usage: Usage, commons: Mapping[int, Common]
) -> tuple[BillLine, ...]:
    tariff = terms.tariffs.get(frozen.tariff)
    if tariff is None:
        raise BillError(f"tariff {frozen.tariff} is not among those of the company")
    if frozen.currency != terms.currency:
        raise BillError(f"the account is in {frozen.currency}, the run in {terms.currency}")
    return bill(tariff, bill_input(terms, usage, frozen.given, commons))


def _computed(
    terms: RunTerms, frozen: Frozen, usage: Usage, lines: Sequence[BillLine], snapshot: str
) -> Computed:
    rows: list[tuple[Any, ...]] = []
    sums: dict[str, int] = {}
    total = 0
    for number, line in enumerate(lines, 1):
        ledger = ledger_of(line.code, line.payee)
        total += line.amount
        sums[ledger] = sums.get(ledger, 0) + line.amount + line.included
        rows.append(_row(number, ledger, line))
    credited = [(ledger, amount) for ledger, amount in sums.items() if amount]
    tax = sum([amount for ledger, amount in credited if ledger.startswith(_TAX)])
    consumption = consumed(usage.registers)
    why = ""
    if terms.rules or total < 0:
        of = Measured(frozen.tariff, total - tax, consumption, total, frozen.previous)
        why = reasons(terms.rules, of)
    if abs(total) > NO_MINOR_UNITS_ABOVE:
        raise BillError(f"a bill of {total}: no service costs that")
    return Computed(
        frozen, _HELD if why else _PASSED, why, snapshot, digest_of(rows), consumption,
        total - tax, tax, total, _encode(credited).decode(), tuple(rows),
    )  # fmt: skip


def _row(number: int, ledger: str, line: BillLine) -> tuple[Any, ...]:
    """Without the bill's id, in the order of ``LINE``; whole slices, for it is done for each."""
    fields = _fields(line)
    days = ("", "")
    if line.first is not None and line.last is not None:
        days = (line.first.isoformat(), line.last.isoformat())
    return (number, ledger, *fields[:_PERIODS], *fields[_PERIODS + 1 : -2], *days)


def consumed(registers: Mapping[str, int]) -> int:
    """Units of all times of use together, milli-units."""
    if UNITS in registers:
        return registers[UNITS]
    prefix = UNITS + "."
    return sum(value for name, value in registers.items() if name.startswith(prefix))


@lru_cache(4_096)  # a run has a few dozen
def ledger_of(code: str, payee: str) -> str:
    """Whose money a line is (the chart: ``core.ledger``)."""
    if payee == TAX_AUTHORITY:
        return f"{_TAX}{code}"
    if payee.startswith(THIRD_PARTY):
        return f"payable:{payee.removeprefix(THIRD_PARTY)}"
    return f"revenue:{code}"
