"""Cases: what an analyst writes as the input of a sale, and how a result reads beside it.

The form is described in docs/tariffs.md. Amounts are decimals of the major unit, quantities whole
units, months ``YYYY-MM``; results are written the same way, so that they compare as numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import get_args

from core.calendars import first_day, period_of
from core.money import currency
from core.tariffs.accrual import periods_due
from core.tariffs.compiling import CompiledTariff
from core.tariffs.document import Field, FieldError
from core.tariffs.encoding import sts_encodable, tenths_encodable
from core.tariffs.sale import (
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
from core.tariffs.shapes import E8, MILLI, OWN

ENCODINGS: Mapping[str, Encodable] = {"sts": sts_encodable, "tenths": tenths_encodable}
_PERCENT = E8 // 100
_STATE = (
    "units_this_month",
    "months_due",
    "paid_through",
    "started",
    "vacant",
    "attributes",
    "debts",
    "policy",
    "encoding",
    "max_units",
)


@dataclass(frozen=True, slots=True)
class CaseInput:
    """A read input: one sale, a chain of sales of one month (``tenders``), or given units."""

    tenders: tuple[int, ...]
    units_milli: int | None
    state: SaleState
    policy: DeductionPolicy
    encodable: Encodable


def read_input(field: Field, tariff: CompiledTariff) -> CaseInput:
    """The input of a case; FieldError says which field is wrong and what is allowed."""
    fields = field.mapping(("on",), ("tender", "sales", "units", *_STATE))
    scale = currency(tariff.tariff.currency).scale
    chosen = [key for key in ("tender", "sales", "units") if key in fields]
    if len(chosen) != 1:
        raise FieldError(field, "needs exactly one of tender, sales, units")
    tenders: list[Field] = []
    if "tender" in fields:
        tenders = [fields["tender"]]
    elif "sales" in fields:
        tenders = [item.mapping(("tender",))["tender"] for item in fields["sales"].items()]
    policy = fields.get("policy")
    encoding = fields["encoding"].one_of(ENCODINGS) if "encoding" in fields else "sts"
    return CaseInput(
        tenders=tuple(item.scaled(scale) for item in tenders),
        units_milli=fields["units"].scaled(MILLI) if "units" in fields else None,
        state=_state(field, fields, tariff),
        policy=_policy(policy, scale) if policy else DeductionPolicy(),
        encodable=ENCODINGS[encoding],
    )


def _state(field: Field, fields: Mapping[str, Field], tariff: CompiledTariff) -> SaleState:
    scale = currency(tariff.tariff.currency).scale
    on = fields["on"].day()
    version = tariff.at(on)
    month_keys = [key for key in ("months_due", "started") if key in fields]
    if version.fixed and len(month_keys) != 1:
        raise FieldError(field, "the tariff has month charges: give months_due, or started")
    paid = _month(fields["paid_through"]) if "paid_through" in fields else None
    if "months_due" in fields:
        due = tuple(_month(item) for item in fields["months_due"].items())
    elif "started" in fields:
        vacant = [_month(item) for item in fields["vacant"].items()] if "vacant" in fields else []
        now = period_of(on)
        due = periods_due(paid, _month(fields["started"]), now, version.catch_up, vacant)
    else:
        due = ()
    attributes = fields["attributes"].value if "attributes" in fields else {}
    if not isinstance(attributes, dict):
        raise FieldError(fields["attributes"], "must be a mapping of quantities")
    debts = fields["debts"].items() if "debts" in fields else []
    most = fields["max_units"].scaled(MILLI) if "max_units" in fields else None
    return SaleState(
        on=on,
        units_milli=fields["units_this_month"].scaled(MILLI) if "units_this_month" in fields else 0,
        fixed_due=due,
        fixed_through=paid,
        debts=tuple(_debt(item, scale) for item in debts),
        attributes={name: value.scaled(MILLI) for name, value in attributes.items()},
        limits=Limits() if most is None else Limits(most),
    )


def _month(field: Field) -> int:
    year, _, month = field.text().partition("-")
    try:
        period = int(year) * 100 + int(month)
        first_day(period)
    except ValueError:
        raise FieldError(field, f"{field.value!r} is not a month like 2026-02") from None
    return period


def _debt(field: Field, scale: int) -> Debt:
    fields = field.mapping(
        ("code", "priority", "method", "outstanding"), ("percent", "amount", "cap_per_sale")
    )
    words: tuple[Method, ...] = get_args(Method)
    method = words[words.index(fields["method"].one_of(words))]
    wanted = {"fixed": "amount", "all": None}.get(method, "percent")
    if any((key in fields) != (key == wanted) for key in ("percent", "amount")):
        raise FieldError(field, f"method {method} needs {wanted or 'no percent and no amount'}")
    value = 0
    if wanted:
        value = fields[wanted].scaled(_PERCENT if wanted == "percent" else scale)
    cap = fields.get("cap_per_sale")
    return Debt(
        code=fields["code"].text(),
        priority=fields["priority"].integer(0, 10**6),
        method=method,
        value=value,
        outstanding=fields["outstanding"].scaled(scale),
        cap_per_sale=cap.scaled(scale) if cap else None,
    )


def _policy(field: Field, scale: int) -> DeductionPolicy:
    fields = field.mapping((), ("order", "fee", "debts_cap", "debts_cap_percent"))
    steps: tuple[Step, ...] = get_args(Step)
    order = DeductionPolicy().order
    if "order" in fields:
        names = [item.one_of(steps) for item in fields["order"].items()]
        order = tuple(step for name in names for step in steps if step == name)
    cap, rate = fields.get("debts_cap"), fields.get("debts_cap_percent")
    try:
        return DeductionPolicy(
            order=order,
            fee=_fee(fields["fee"], scale) if "fee" in fields else None,
            debts_cap=cap.scaled(scale) if cap else None,
            debts_cap_rate_e8=rate.scaled(_PERCENT) if rate else None,
        )
    except FieldError:
        raise
    except ValueError as error:
        raise FieldError(field, str(error)) from None


def _fee(field: Field, scale: int) -> Fee:
    fields = field.mapping(("code", "label"), ("amount", "percent", "cap", "payee"))
    amount, percent, cap = (fields.get(key) for key in ("amount", "percent", "cap"))
    return Fee(
        code=fields["code"].text(),
        label=fields["label"].text(),
        amount=amount.scaled(scale) if amount else 0,
        rate_e8=percent.scaled(_PERCENT) if percent else 0,
        cap=cap.scaled(scale) if cap else None,
        payee=fields["payee"].text() if "payee" in fields else OWN,
    )


def describe(result: SaleResult, exponent: int) -> dict[str, object]:
    """A result as plain data in decimals, for people, JSON and comparison."""

    if isinstance(result, TooSmall):
        return {
            "refused": "too_small",
            "tender": _decimal(result.tender, exponent),
            "smallest_useful": _decimal(result.smallest_useful, exponent),
            "short_at": result.short_at,
        }
    if isinstance(result, Overflow):
        return {
            "refused": "overflow",
            "tender": _decimal(result.tender, exponent),
            "largest_useful": _decimal(result.largest_useful, exponent),
        }
    return _describe_priced(result, exponent)


def _describe_priced(result: Priced, exponent: int) -> dict[str, object]:
    return {
        "units": _decimal(result.units_milli, 3),
        "tender": _decimal(result.tender, exponent),
        "lines": [_describe_line(line, exponent) for line in result.lines],
        "carried_forward": _decimal(result.carried_forward, exponent),
        "tariff_from": str(result.valid_from),
        "units_this_month": _decimal(result.units_this_period, 3),
        "paid_through": _month_text(result.fixed_through),
        "debts": [
            {"code": debt.code, "outstanding": _decimal(debt.outstanding, exponent)}
            for debt in result.debts
        ],
    }


def _describe_line(line: Line, exponent: int) -> dict[str, object]:
    months = [_month_text(period) for period in line.periods]
    return {
        "step": line.step,
        "code": line.code,
        "label": line.label,
        "block": str(line.block),
        "quantity": _decimal(line.quantity_milli, 3),
        "unit": line.unit,
        "rate": f"{Decimal(line.rate_e8).scaleb(-8).normalize():f}",
        "base": _decimal(line.base, exponent),
        "amount": _decimal(line.amount, exponent),
        "tax_class": line.tax_class,
        "payee": line.payee,
        "months": months,
    }


def _decimal(value: int, places: int) -> str:
    return f"{Decimal(value).scaleb(-places):f}"


def _month_text(period: int | None) -> str:
    return "" if period is None else str(first_day(period))[:7]


def rounded_text(exact: Fraction, like: str) -> str:
    """An exact number to as many decimals as ``like`` has, halves away from zero."""
    places = len(like.partition(".")[2])
    scaled = exact * 10**places
    nearest = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return _decimal(nearest, places)
