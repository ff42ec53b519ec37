"""The tariff of case UG-VEND-1 as shapes, and short ways to sell under it."""

from __future__ import annotations

from datetime import date
from typing import Any

from core.tariffs.compiling import CompiledTariff, compile_tariff
from core.tariffs.encoding import sts_encodable
from core.tariffs.sale import Debt, DeductionPolicy, Priced, SaleResult, SaleState
from core.tariffs.shapes import (
    E8,
    Block,
    CatchUp,
    Component,
    Energy,
    Fixed,
    Tariff,
    TariffVersion,
    TaxInTender,
)
from core.tariffs.solving import solve

OWN_LINE: dict[str, Any] = {"tax_class": "standard", "payee": "own", "rounding": "half_up"}
STATE = {"tax_class": "standard", "payee": "tax_authority", "rounding": "half_up"}
POLICY = DeductionPolicy()
DAY = date(2026, 2, 3)
FIRST = SaleState(on=DAY, fixed_due=(202602,))


def energy(*blocks: tuple[int | None, int]) -> Energy:
    """Blocks of (whole units or None, rate in 10⁻⁴ of the major unit)."""
    return Energy(
        code="energy",
        label="Energy",
        structure="graduated",
        period="calendar_month",
        blocks=tuple(Block(up and up * 1000, rate * 10**4) for up, rate in blocks),
        **OWN_LINE,
    )


def service(amount: int) -> Fixed:
    return Fixed(
        code="service",
        label="Service fee",
        rate_e8=amount * E8,
        quantity="one",
        unit="month",
        **OWN_LINE,
    )


def vat(on_debts: bool = False) -> TaxInTender:
    return TaxInTender(code="vat", label="VAT", rate_e8=18_000_000, on_debts=on_debts, **STATE)


def tariff_of(*components: Component, code: str = "UGX") -> CompiledTariff:
    version = TariffVersion(date(2018, 1, 1), CatchUp(12, "lapse"), components)
    return compile_tariff(Tariff("test", "Test", code, "kWh", (version,)))


YAKA = energy((15, 2_500_000), (None, 7_509_000))
UGANDA = tariff_of(YAKA, service(3360), vat())


def sell(
    tender: int,
    state: SaleState = FIRST,
    tariff: CompiledTariff = UGANDA,
    policy: DeductionPolicy = POLICY,
) -> SaleResult:
    return solve(tariff, tender, state, policy, sts_encodable)


def sold(
    tender: int,
    state: SaleState = FIRST,
    tariff: CompiledTariff = UGANDA,
    policy: DeductionPolicy = POLICY,
) -> Priced:
    result = sell(tender, state, tariff, policy)
    assert isinstance(result, Priced), result
    return result


def amounts(sale: Priced) -> list[tuple[str, int]]:
    return [(line.code, line.amount) for line in sale.lines]


def debt(code: str = "old", **how: Any) -> Debt:
    return Debt(**{"code": code, "priority": 1, "value": 0, "outstanding": 50_000} | how)
