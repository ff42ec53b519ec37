"""Random tariffs, states and policies: every shape of the engine, in odd but legal numbers."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from core.tariffs.compiling import CompiledTariff, TariffError, compile_tariff
from core.tariffs.encoding import sts_encodable, tenths_encodable
from core.tariffs.sale import Debt, DeductionPolicy, Fee, SaleState
from core.tariffs.shapes import (
    E8,
    Block,
    CatchUp,
    Component,
    Energy,
    Fixed,
    Levy,
    Percent,
    Tariff,
    TariffVersion,
    TaxInTender,
    TaxOnLines,
)

CURRENCY_CODES = ("UGX", "KES", "KWD")
ROUNDINGS = ("half_up", "half_up", "up", "down")
RATES = st.integers(0, 3000) | st.integers(1, 10**6)  # hundredths, and odd ones below
ON = date(2026, 2, 10)


def coarse(tenths: int) -> int:
    """Whole units only: a meter whose resolution is one unit."""
    return max(tenths, 0) // 10 * 10


ENCODINGS = (sts_encodable, tenths_encodable, coarse)


def posting(draw: st.DrawFn, code: str) -> dict[str, Any]:
    named = {"code": code, "label": code, "tax_class": "standard", "payee": "own"}
    return named | {"rounding": draw(st.sampled_from(ROUNDINGS))}


@st.composite
def components(draw: st.DrawFn, plain: bool) -> tuple[Component, ...]:
    """Components of one version; ``plain``: only what keeps split sales equal to the rounding."""
    limits = draw(st.lists(st.integers(1, 400_000), max_size=3, unique=True).map(sorted))
    rates = [draw(RATES) * draw(st.sampled_from((10**5, 10**6, 987_654))) for _ in limits]
    rates.append(draw(st.integers(100, 3000)) * draw(st.sampled_from((10**6, 10**7, 12_345_678))))
    blocks = tuple(Block(up, rate) for up, rate in zip([*limits, None], rates, strict=True))
    energy = posting(draw, "energy")
    found: list[Component] = [
        Energy(structure="graduated", period="calendar_month", blocks=blocks, **energy)
    ]
    for i in range(draw(st.integers(0, 2))):
        rate = draw(st.integers(-10, 300)) * 10**5
        found.append(Levy(rate_e8=rate, **posting(draw, f"levy{i}")))
    if plain:
        return tuple(found)
    for i, quantity in enumerate(draw(st.sampled_from(((), ("one",), ("one", "kw"))))):
        rate = draw(st.integers(0, 10**10))
        item = Fixed(rate_e8=rate, quantity=quantity, unit="m", **posting(draw, f"fixed{i}"))
        found.insert(draw(st.integers(0, len(found))), item)
    codes = [item.code for item in found]
    if draw(st.booleans()):
        bases = st.lists(st.sampled_from(codes), min_size=1, max_size=3, unique=True)
        rate = draw(st.integers(-20, 30)) * 500_000
        found.append(Percent(rate_e8=rate, of=tuple(draw(bases)), **posting(draw, "percent")))
        codes.append("percent")
    tax = draw(st.sampled_from(("none", "lines", "tender")))
    rate = draw(st.integers(0, 60)) * 500_000
    if tax == "lines":
        bases = st.lists(st.sampled_from(codes), min_size=1, unique=True)
        item2 = TaxOnLines(rate_e8=rate, of=tuple(draw(bases)), **posting(draw, "vat"))
        found.insert(0, item2)
    if tax == "tender":
        named = posting(draw, "vat") | {"rounding": "half_up"}
        found.append(TaxInTender(rate_e8=rate, on_debts=draw(st.booleans()), **named))
    return tuple(found)


@st.composite
def tariffs(draw: st.DrawFn, plain: bool = False) -> CompiledTariff:
    """A compiled tariff, sometimes of two versions; what cannot be compiled is drawn again."""
    days = [date(2025, 12, 1), date(2026, 2, 1)][: draw(st.integers(1, 2))]
    rule = CatchUp(3, "lapse")
    versions = tuple(TariffVersion(day, rule, draw(components(plain))) for day in days)
    try:
        code = draw(st.sampled_from(CURRENCY_CODES))
        return compile_tariff(Tariff("t", "random", code, "kWh", versions))
    except TariffError:
        assume(False)
        raise


@st.composite
def debts(draw: st.DrawFn) -> tuple[Debt, ...]:
    found = []
    for i in range(draw(st.integers(0, 3))):
        method = draw(
            st.sampled_from(("percent_of_tender", "percent_of_outstanding", "fixed", "all"))
        )
        value = draw(st.integers(0, 80)) * (1_234_567 if method.startswith("percent") else 7)
        outstanding = draw(st.integers(0, 300) | st.integers(0, 60_000))
        found.append(
            Debt(
                code=f"debt{i}",
                priority=draw(st.integers(0, 2)),
                method=method,
                value=value,
                outstanding=outstanding,
                cap_per_sale=draw(st.none() | st.integers(0, 5000)),
            )
        )
    return tuple(found)


@st.composite
def states(draw: st.DrawFn) -> SaleState:
    return SaleState(
        on=ON,
        units_milli=draw(st.just(0) | st.integers(0, 5000).map(lambda n: n * 100)),
        fixed_due=draw(st.sampled_from(((), (202602,), (202512, 202601, 202602)))),
        debts=draw(st.just(()) | debts()),
        attributes={"kw": draw(st.integers(0, 9000))},
    )


@st.composite
def policies(draw: st.DrawFn) -> DeductionPolicy:
    fee = st.builds(
        Fee,
        code=st.just("fee"),
        label=st.just("fee"),
        amount=st.integers(0, 50),
        rate_e8=st.integers(0, 50).map(lambda n: n * 234_567),
        cap=st.none() | st.integers(0, 200),
    )
    middle = draw(st.permutations(("debts", "fixed", "tax")))
    return DeductionPolicy(
        order=("fee", *middle, "energy"),
        fee=draw(st.none() | fee),
        debts_cap=draw(st.none() | st.integers(0, 9000)),
        debts_cap_rate_e8=draw(st.none() | st.integers(0, E8)),
    )


TENDERS = st.integers(0, 300) | st.integers(0, 100_000) | st.integers(0, 10**8)
