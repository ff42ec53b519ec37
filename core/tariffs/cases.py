"""Cases: what an analyst writes as the input of a sale, and how a result reads beside it.

The form is described in docs/tariffs.md; the structs here are that form. Amounts are decimals of
the major unit, quantities whole units, months ``YYYY-MM``; results are written the same way, so
that they compare as numbers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated

import msgspec

from core.calendars import period_of
from core.documents import DocumentError, Misfit, read_node
from core.money import currency
from core.tariffs.accrual import periods_due
from core.tariffs.bills import Amount
from core.tariffs.compiling import CompiledTariff
from core.tariffs.decimals import decimal_text, milli, month_text
from core.tariffs.encoding import coins_encodable, sts_encodable, tenths_encodable
from core.tariffs.load import PERCENT, Quantity, Text
from core.tariffs.sale import (
    AtJump,
    Debt,
    DeductionPolicy,
    Encodable,
    Fee,
    Limits,
    Line,
    Method,
    Overflow,
    Priced,
    SaleResult,
    SaleState,
    Step,
    TooSmall,
)
from core.tariffs.shapes import OWN
from core.yamlnodes import Node
from core.yamlvalues import MINOR, OneOf, Scaled

ENCODINGS: Mapping[str, Encodable] = {
    "sts": sts_encodable,
    "tenths": tenths_encodable,
    "coins": coins_encodable,
}

Money = Annotated[int, Scaled(MINOR)]
Share = Annotated[int, Scaled(PERCENT)]
Month = Annotated[
    str,
    msgspec.Meta(pattern=r"^[1-9][0-9]{3}-(0[1-9]|1[0-2])\Z", description="a month like 2026-02"),
]


def _period(month: str) -> int:
    return int(month[:4]) * 100 + int(month[5:])


class SaleInput(msgspec.Struct, frozen=True, kw_only=True):
    """One purchase of a chain."""

    tender: Money


class DebtInput(msgspec.Struct, frozen=True, kw_only=True):
    """An old debt; the method says whether a percentage or an amount goes with it."""

    code: Text
    priority: Annotated[int, msgspec.Meta(ge=0, le=10**6)]
    method: Method
    outstanding: Money
    percent: Share | None = None
    amount: Money | None = None
    cap_per_sale: Money | None = None
    first: bool = False
    taxed: bool = True

    def __post_init__(self) -> None:
        wanted = {"fixed": "amount", "all": None}.get(self.method, "percent")
        if any(
            (getattr(self, key) is not None) != (key == wanted) for key in ("percent", "amount")
        ):
            needs = wanted or "no percent and no amount"
            raise Misfit("method", f"method {self.method} needs {needs}")
        self.debt()  # which checks its numbers

    def debt(self) -> Debt:
        """As it is priced."""
        return Debt(
            code=self.code,
            priority=self.priority,
            method=self.method,
            value=self.percent or self.amount or 0,
            outstanding=self.outstanding,
            cap_per_sale=self.cap_per_sale,
            first=self.first,
            taxed=self.taxed,
        )


class FeeInput(msgspec.Struct, frozen=True, kw_only=True):
    """What the customer pays for the way he buys."""

    code: Text
    label: Text
    amount: Money = 0
    percent: Share = 0
    cap: Money | None = None
    payee: Text = OWN

    def __post_init__(self) -> None:
        self.fee()  # which checks its numbers

    def fee(self) -> Fee:
        """As it is priced."""
        return Fee(
            code=self.code,
            label=self.label,
            amount=self.amount,
            rate_e8=self.percent,
            cap=self.cap,
            payee=self.payee,
        )


class PolicyInput(msgspec.Struct, frozen=True, kw_only=True):
    """The company's order of deductions, its fee, its caps on debts."""

    order: tuple[Step, ...] = DeductionPolicy().order
    fee: FeeInput | None = None
    debts_cap: Money | None = None
    debts_cap_percent: Share | None = None

    def __post_init__(self) -> None:
        self.policy()  # which checks order and caps

    def policy(self) -> DeductionPolicy:
        """As it is priced."""
        return DeductionPolicy(
            order=self.order,
            fee=self.fee.fee() if self.fee else None,
            debts_cap=self.debts_cap,
            debts_cap_rate_e8=self.debts_cap_percent,
        )


class InputDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The input of a case: one sale, a chain of sales of one month, or given units."""

    on: date
    tender: Money | None = None
    sales: tuple[SaleInput, ...] | None = None
    units: Decimal | None = None
    units_this_month: Quantity = 0
    months_due: tuple[Month, ...] | None = None
    paid_through: Month | None = None
    started: Month | None = None
    vacant: tuple[Month, ...] = ()
    attributes: dict[str, Quantity] = {}
    debts: tuple[DebtInput, ...] = ()
    policy: PolicyInput = PolicyInput()
    category: str = ""
    encoding: Annotated[str, OneOf(tuple(ENCODINGS))] = "sts"
    max_units: Quantity | None = None

    def __post_init__(self) -> None:
        if [self.tender, self.sales, self.units].count(None) != 2:
            raise ValueError("needs exactly one of tender, sales, units")


@dataclass(frozen=True, slots=True)
class CaseInput:
    """A read input: one sale, a chain of sales of one month (``tenders``), or given units."""

    tenders: tuple[int, ...]
    units_milli: Amount | None
    state: SaleState
    policy: DeductionPolicy
    encodable: Encodable


def read_input(node: Node, tariff: CompiledTariff, name: str, path: str) -> CaseInput:
    """The input of a case; DocumentError says which fields are wrong and what is allowed."""
    minor = currency(tariff.tariff.currency).scale
    document = read_node(node, InputDocument, name, path, minor=minor)
    given = document.value
    months = [given.months_due, given.started]
    if tariff.at(given.on, given.category).fixed and months.count(None) != 1:
        message = "the tariff has month charges: give months_due, or started"
        raise DocumentError([document.problem(path, message)])
    tenders = (given.tender,) if given.tender is not None else ()
    return CaseInput(
        tenders=tenders or tuple(sale.tender for sale in given.sales or ()),
        units_milli=None if given.units is None else milli(given.units),
        state=_state(given, tariff),
        policy=given.policy.policy(),
        encodable=ENCODINGS[given.encoding],
    )


def _state(given: InputDocument, tariff: CompiledTariff) -> SaleState:
    paid = _period(given.paid_through) if given.paid_through else None
    due: tuple[int, ...] = ()
    if given.months_due is not None:
        due = tuple(_period(month) for month in given.months_due)
    elif given.started is not None:
        rule = tariff.at(given.on).catch_up
        vacant = [_period(month) for month in given.vacant]
        began = max(_period(given.started), period_of(tariff.days[0]))
        due = periods_due(paid, began, period_of(given.on), rule, vacant)
    return SaleState(
        on=given.on,
        units_milli=given.units_this_month,
        fixed_due=due,
        fixed_through=paid,
        debts=tuple(debt.debt() for debt in given.debts),
        attributes=given.attributes,
        category=given.category,
        limits=Limits() if given.max_units is None else Limits(given.max_units),
    )


def describe(result: SaleResult, exponent: int) -> dict[str, object]:
    """A result as plain data in decimals, for people, JSON and comparison."""

    if isinstance(result, TooSmall):
        return {
            "refused": "too_small",
            "tender": decimal_text(result.tender, exponent),
            "smallest_useful": decimal_text(result.smallest_useful, exponent),
            "short_at": result.short_at,
        }
    if isinstance(result, Overflow):
        return {
            "refused": "overflow",
            "tender": decimal_text(result.tender, exponent),
            "largest_useful": decimal_text(result.largest_useful, exponent),
        }
    if isinstance(result, AtJump):
        return {
            "refused": "at_jump",
            "tender": decimal_text(result.tender, exponent),
            "up_to": decimal_text(result.up_to, exponent),
            "least": decimal_text(result.least, exponent),
            "units": decimal_text(result.units_milli, 3),
        }
    return _describe_priced(result, exponent)


def _describe_priced(result: Priced, exponent: int) -> dict[str, object]:
    return {
        "units": decimal_text(result.units_milli, 3),
        "tender": decimal_text(result.tender, exponent),
        "lines": [_describe_line(line, exponent) for line in result.lines],
        "carried_forward": decimal_text(result.carried_forward, exponent),
        "tariff_from": str(result.valid_from),
        "units_this_month": decimal_text(result.units_this_period, 3),
        "paid_through": month_text(result.fixed_through),
        "debts": [
            {"code": debt.code, "outstanding": decimal_text(debt.outstanding, exponent)}
            for debt in result.debts
        ],
    }


def _describe_line(line: Line, exponent: int) -> dict[str, object]:
    months = [month_text(period) for period in line.periods]
    return {
        "step": line.step,
        "code": line.code,
        "label": line.label,
        "block": str(line.block),
        "quantity": decimal_text(line.quantity_milli, 3),
        "unit": line.unit,
        "rate": f"{Decimal(line.rate_e8).scaleb(-8).normalize():f}",
        "base": decimal_text(line.base, exponent),
        "amount": decimal_text(line.amount, exponent),
        "tax_class": line.tax_class,
        "payee": line.payee,
        "months": months,
    }
