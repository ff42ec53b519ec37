"""Sales under every structure: the exact solution is the reference's, the sale the largest."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from random import Random
from typing import Any

import msgspec
import pytest

from core.tariffs.compiling import CompiledTariff, TariffError, compile_tariff
from core.tariffs.encoding import sts_encodable, tenths_encodable
from core.tariffs.reference import exact_cost, exact_units
from core.tariffs.sale import AtJump, DeductionPolicy, Priced, SaleState, TooSmall
from core.tariffs.shapes import (
    E8,
    Block,
    CatchUp,
    Component,
    Credit,
    Energy,
    Levy,
    Part,
    Percent,
    Premium,
    Schedule,
    Tariff,
    TariffVersion,
    TaxOnLines,
)
from core.tariffs.solving import price, solve

from .random_bills import Draw

DAY = date(2026, 2, 3)
POLICY = DeductionPolicy()
OWN: dict[str, Any] = {"tax_class": "s", "payee": "own", "rounding": "half_up"}


def sold(*components: Component, currency: str = "GHS") -> CompiledTariff:
    version = TariffVersion(date(2026, 1, 1), CatchUp(0, "lapse"), components)
    return compile_tariff(Tariff("t", "T", currency, "kWh", (version,)))


def lifeline(at_jump: str = "stop", limits: str = "inclusive") -> Energy:
    """30 units at 0.40 for all if no more are used; otherwise 0.90 for all."""
    schedules = (
        Schedule(30_000, (Block(None, 40_000_000),)),
        Schedule(None, (Block(None, 90_000_000),)),
    )
    return Energy(
        code="energy",
        label="Energy",
        structure="schedule_by_total",
        period="calendar_month",
        blocks=(),
        schedules=schedules,
        limits=limits,  # type: ignore[arg-type]
        at_jump=at_jump,  # type: ignore[arg-type]
        **OWN,
    )


def sale(tariff: CompiledTariff, tender: int, units: int = 0) -> Any:
    state = SaleState(on=DAY, units_milli=units)
    return solve(tariff, tender, state, POLICY, sts_encodable)


def test_at_the_cliff_a_sale_stops_and_carries_the_rest() -> None:
    tariff = sold(lifeline())
    result = sale(tariff, 20_00)
    assert (result.units_milli, result.carried_forward) == (30_000, 8_00)
    over = sale(tariff, 36_00)
    assert over.units_milli == 40_000
    assert [(line.amount, line.block) for line in over.lines] == [(36_00, 1)]


def test_crossing_later_pays_for_the_units_of_before() -> None:
    tariff = sold(lifeline())
    refused = sale(tariff, 15_00, units=30_000)
    assert isinstance(refused, TooSmall)
    assert refused.smallest_useful == 15_09
    crossed = sale(tariff, 24_00, units=30_000)
    assert crossed.units_milli == 10_000
    assert [(x.amount, x.quantity_milli, x.block) for x in crossed.lines] == [
        (9_00, 10_000, 1),
        (15_00, 30_000, 0),
    ]


def test_or_it_asks_for_what_is_missing() -> None:
    result = sale(sold(lifeline("ask")), 20_00)
    assert result == AtJump(20_00, 12_00, 27_01, 30_000)
    assert isinstance(sale(sold(lifeline("ask")), 12_00), Priced)


def test_an_exclusive_limit_belongs_to_the_dearer_schedule() -> None:
    result = sale(sold(lifeline(limits="exclusive")), 20_00)
    assert (result.units_milli, result.carried_forward) == (29_900, 8_04)


def test_a_falling_price_for_all_units_sells_beyond_the_step() -> None:
    blocks = (Block(100_000, E8), Block(None, 80_000_000))
    volume = Energy(
        code="energy",
        label="E",
        structure="volume",
        period="calendar_month",
        blocks=blocks,
        at_jump="stop",
        **OWN,
    )
    tariff = sold(volume)
    assert sale(tariff, 79_00).units_milli == 79_000
    assert sale(tariff, 90_00).units_milli == 112_500
    later = sale(tariff, 1, units=100_000)
    assert [line.amount for line in later.lines if line.block == 0] == [-20_00]


def test_packages_are_sold_whole() -> None:
    package = Energy(
        code="energy",
        label="E",
        structure="package",
        period="calendar_month",
        blocks=(Block(None, 12 * E8),),
        size_milli=100_000,
        at_jump="stop",
        **OWN,
    )
    result = sale(sold(package), 30_00)
    assert (result.units_milli, result.carried_forward) == (200_000, 6_00)


def mixed(*parts: Part) -> CompiledTariff:
    energies = [
        Energy(
            code=f"use{i}",
            label="E",
            structure="graduated",
            period="calendar_month",
            blocks=(Block(10_000, E8), Block(None, (3 + i) * E8)),
            part=part,
            **OWN,
        )
        for i, part in enumerate(parts)
    ]
    return sold(*energies)


def test_mixed_use_by_share_and_by_quantity() -> None:
    by_share = mixed(Part(share_e8=75_000_000), Part(share_e8=25_000_000))
    assert sale(by_share, 20_00).units_milli == 16_000  # 12 at 1 and then 3, 4 at 1
    by_quantity = mixed(Part(first_milli=15_000), Part(beyond_milli=15_000))
    assert sale(by_quantity, 30_00).units_milli == 20_000  # 10 + 15 for the first 15, then 5 at 1
    with pytest.raises(TariffError, match="each once"):
        mixed(Part(share_e8=75_000_000))


def test_money_for_a_meter_that_holds_the_tariff() -> None:
    """115.00 with 15 % VAT on top: 100.00 goes into the token."""
    credit = Credit(code="credit", label="Credit", **OWN)
    tax = TaxOnLines(code="vat", label="VAT", rate_e8=15_000_000, of=("credit",), **OWN)
    with pytest.raises(TariffError, match="unit is then 'GHS', not 'kWh'"):
        sold(credit, tax)
    version = TariffVersion(date(2026, 1, 1), CatchUp(0, "lapse"), (credit, tax))
    tariff = compile_tariff(Tariff("t", "T", "GHS", "GHS", (version,)))
    state = SaleState(on=DAY)
    result = solve(tariff, 115_00, state, POLICY, lambda tenths: tenths // 10 * 10)
    assert isinstance(result, Priced)
    assert result.units_milli // 1000 == 100_00  # minor units for the token
    assert {line.code: line.amount for line in result.lines} == {"credit": 100_00, "vat": 15_00}


def random_sold(seed: int) -> CompiledTariff | None:
    """A tariff of any structure that can be sold, or None if this draw cannot."""
    random = Random(seed)
    draw = Draw(random)
    parts: list[Part | None] = random.choice(
        [
            [None],
            [None],
            [Part(share_e8=30_000_000), Part(share_e8=70_000_000)],
            [Part(first_milli=40_000), Part(beyond_milli=40_000)],
        ]
    )
    found: list[Component] = []
    for i, part in enumerate(parts):
        found.append(_sellable(draw, Energy, f"energy{i}", part))
    if random.random() < 0.3:
        found.append(_sellable(draw, Premium, "premium", None))
    if random.random() < 0.5:
        found.append(Levy(rate_e8=draw.rate(), code="levy", label="l", **OWN))
    codes = [component.code for component in found]
    if random.random() < 0.5:
        rate = random.randint(-20, 30) * 10**6
        found.append(Percent(rate_e8=rate, of=draw.some(codes), code="p", label="p", **OWN))
    try:
        return sold(*found, currency=random.choice(("KES", "KWD")))
    except TariffError:
        return None


def _sellable(draw: Draw, kind: type, code: str, part: Part | None) -> Any:
    while True:
        shape = draw.metered(kind, code)
        if not shape.tou and not (shape.structure == "package" and shape.size_milli < 40_000):
            break
    if shape.structure == "package":  # few packages, or the slow reference is too slow
        shape = msgspec.structs.replace(shape, blocks=(Block(None, 9 * E8),))
    return msgspec.structs.replace(
        shape,
        period="calendar_month",
        part=part,
        precision=None,
        proration=None,
        when=None,
        at_jump="stop",
    )


@pytest.mark.parametrize("start", range(0, 160, 40))
def test_random_sales_of_any_structure(start: int) -> None:
    compared = 0
    for seed in range(start, start + 40):
        tariff = random_sold(seed)
        if tariff is None:
            continue
        random = Random(seed + 10**6)
        state = SaleState(on=DAY, units_milli=random.choice((0, 100 * random.randint(0, 3000))))
        for _ in range(4):
            compared += _one_sale(tariff, random.choice((500, 9_000, 60_000)), state, random)
    assert compared > 40


def _one_sale(tariff: CompiledTariff, most: int, state: SaleState, random: Random) -> int:
    tender = random.randint(1, most)
    result = solve(tariff, tender, state, POLICY, tenths_encodable)
    exact = exact_units(tariff.tariff, tender, state, POLICY)
    if isinstance(result, TooSmall):
        useful = result.smallest_useful
        assert useful > tender
        assert isinstance(solve(tariff, useful, state, POLICY, tenths_encodable), Priced)
        assert isinstance(solve(tariff, useful - 1, state, POLICY, tenths_encodable), TooSmall)
        return 1
    if not isinstance(result, Priced):
        return 0
    assert result.units_exact == exact
    if not tariff.at(DAY).jumps:  # split in two, the exact solutions add up to the whole
        one = exact_units(tariff.tariff, tender // 3, state, POLICY)
        before = one + Fraction(state.units_milli, 1000)
        two = exact_units(tariff.tariff, tender - tender // 3, state, POLICY, before)
        assert one + two == exact
    assert sum(line.amount for line in result.lines) + result.carried_forward == tender
    assert result.carried_forward >= 0
    before = Fraction(state.units_milli, 1000)
    cost = exact_cost(tariff.tariff, state, before, Fraction(result.units_milli, 1000))
    assert abs(cost - sum(line.amount for line in result.lines)) <= 2 * len(result.lines)
    priced = price(tariff, result.units_milli, state, POLICY)
    assert priced.lines == result.lines
    return 1
