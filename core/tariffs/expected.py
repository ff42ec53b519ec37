"""What a case expects, as it is written, and how it differs from what came.

The form is described in docs/tariffs.md. Only what is written is compared: as numbers where both
are numbers, otherwise as texts.
"""

from decimal import Decimal, InvalidOperation
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

from core.yamlvalues import DECIMAL_SAYS

#: A value as it is written: it is compared as a number where it is one. null is an empty text.
Said = str | None | UnsetType
DecimalText = Annotated[
    str,
    msgspec.Meta(pattern=r"^[-+]?[0-9]{1,40}(\.[0-9]{0,40})?\Z", description=DECIMAL_SAYS),
]


class ExactUnits(msgspec.Struct, frozen=True, kw_only=True):
    """The exact solution, compared to as many decimals as are written."""

    units: DecimalText


class LineSaid(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the sale, as far as it is written."""

    code: Said = UNSET
    block: Said = UNSET
    amount: Said = UNSET
    quantity: Said = UNSET
    rate: Said = UNSET
    base: Said = UNSET
    label: Said = UNSET
    unit: Said = UNSET
    step: Said = UNSET
    tax_class: Said = UNSET
    payee: Said = UNSET
    months: tuple[str, ...] | UnsetType = UNSET


class DebtSaid(msgspec.Struct, frozen=True, kw_only=True):
    """A debt after the sale."""

    code: Said = UNSET
    outstanding: Said = UNSET


class SaleSaid(msgspec.Struct, frozen=True, kw_only=True):
    """The sale at the encodable units, as far as it is written."""

    units: Said = UNSET
    tender: Said = UNSET
    lines: tuple[LineSaid, ...] | UnsetType = UNSET
    carried_forward: Said = UNSET
    tariff_from: Said = UNSET
    units_this_month: Said = UNSET
    paid_through: Said = UNSET
    debts: tuple[DebtSaid, ...] | UnsetType = UNSET


class BillLineSaid(LineSaid, frozen=True, kw_only=True):
    """A line of a bill, as far as it is written."""

    tou: Said = UNSET
    included: Said = UNSET
    first: Said = msgspec.field(name="from", default=UNSET)
    last: Said = msgspec.field(name="to", default=UNSET)


class BillSaid(msgspec.Struct, frozen=True, kw_only=True):
    """A bill, as far as it is written."""

    total: Said = UNSET
    lines: tuple[BillLineSaid, ...] | UnsetType = UNSET
    due: Said = UNSET
    credit: Said = UNSET
    credit_used: Said = UNSET
    credit_left: Said = UNSET
    period: Said = UNSET
    quantities: dict[str, str] | UnsetType = UNSET


class ExactLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line before it is rounded."""

    code: str
    amount: DecimalText
    block: str | None = None
    tou: str | None = None


class ExactBill(msgspec.Struct, frozen=True, kw_only=True):
    """The bill with no line rounded, compared to as many decimals as are written."""

    total: DecimalText | None = None
    lines: tuple[ExactLine, ...] = ()


class RefusedBill(msgspec.Struct, frozen=True, kw_only=True):
    """What the reason for refusing to bill says, or a part of it."""

    says: str


class ExpectedBill(msgspec.Struct, frozen=True, kw_only=True):
    """What must come of one bill."""

    exact: ExactBill | None = None
    bill: BillSaid | None = None
    refused: RefusedBill | None = None

    def __post_init__(self) -> None:
        billed = self.exact is not None or self.bill is not None
        if billed == (self.refused is not None):
            raise ValueError("needs exact or bill (or both), or refused")


class ExpectedBills(msgspec.Struct, frozen=True, kw_only=True):
    """What must come of each bill of a chain, and the sum of their totals."""

    bills: tuple[ExpectedBill, ...]
    total: Said = UNSET
    exact: ExactBill | None = None


class RefusedSaid(msgspec.Struct, frozen=True, kw_only=True):
    """A refusal; ``reason`` is compared with what came as ``refused``."""

    reason: Literal["too_small", "overflow", "at_jump"]
    smallest_useful: Said = UNSET
    short_at: Said = UNSET
    largest_useful: Said = UNSET
    up_to: Said = UNSET
    least: Said = UNSET
    units: Said = UNSET


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What must come of one sale."""

    exact: ExactUnits | None = None
    sale: SaleSaid | None = None
    refused: RefusedSaid | None = None

    def __post_init__(self) -> None:
        given = [part is not None for part in (self.exact, self.sale, self.refused)]
        if not any(given) or all(given[1:]):
            raise ValueError("needs exact, sale or refused, and not both of the last")


class ExpectedChain(msgspec.Struct, frozen=True, kw_only=True):
    """What must come of each sale of a chain, and the sum of the exact solutions."""

    sales: tuple[Expected, ...]
    exact: ExactUnits | None = None


def differences(expected: object, came: object, where: str) -> list[str]:
    """Every key that is expected must have come; what is not mentioned is not judged."""
    if isinstance(expected, dict) and isinstance(came, dict):
        failures = []
        for key, value in expected.items():
            if key in came:
                failures += differences(value, came[key], f"{where}.{key}")
            else:
                failures.append(f"{where}.{key}: is not part of what came ({', '.join(came)})")
        return failures
    if isinstance(expected, tuple) and isinstance(came, list):
        return _list_differences(expected, came, where)
    if same(str(expected or ""), str(came)):
        return []
    return [f"{where}: expected {expected or 'nothing'}, came {came}"]


def _list_differences(expected: tuple[object, ...], came: list[object], where: str) -> list[str]:
    """Lists have the same entries; those with a code are matched by code and block."""
    if len(came) != len(expected):
        return [f"{where}: expected {len(expected)} entries, came {_summary(came)}"]
    failures = []
    left = list(came)
    for i, wanted in enumerate(expected):
        entry = next((c for c in left if _is_meant(wanted, c)), None)
        if entry is None:
            failures.append(f"{where}[{i}]: nothing like it came; left are {_summary(left)}")
            continue
        left.remove(entry)
        failures += differences(wanted, entry, f"{where}[{i}]")
    return failures


def _is_meant(wanted: object, came: object) -> bool:
    if not isinstance(wanted, dict) or not isinstance(came, dict):
        return True
    told_apart = [key for key in ("code", "block", "tou", "from") if key in wanted]
    return all(same(str(wanted[key] or ""), str(came.get(key))) for key in told_apart)


def _summary(came: list[object]) -> str:
    said = (
        f"{c.get('code')} {c.get('amount', '')}".strip() if isinstance(c, dict) else str(c)
        for c in came
    )
    return ", ".join(said) or "none"


def same(expected: str, came: str) -> bool:
    """Whether both are the same number or the same text."""
    if expected == came:
        return True
    try:
        return Decimal(expected) == Decimal(came)
    except InvalidOperation:
        return False
