"""Random sales from one seed: tariffs of every shape that can be sold, states, policies, codings.

Plain ``random`` as in ``random_bills``, whose shapes these are; a seed names a sale for good.
"""

from __future__ import annotations

from datetime import date
from random import Random
from typing import Any

import msgspec

from core.tariffs.compiling import CompiledTariff, TariffError, compile_tariff
from core.tariffs.encoding import coins_encodable, sts_encodable, tenths_encodable
from core.tariffs.sale import Debt, DeductionPolicy, Encodable, Fee, Limits, SaleState
from core.tariffs.shapes import (
    E8,
    Block,
    CatchUp,
    Component,
    Credit,
    Energy,
    Fixed,
    Levy,
    Part,
    Percent,
    Premium,
    Tariff,
    TariffVersion,
    TaxInTender,
    TaxOnLines,
)

from .random_bills import CATEGORY, SEASONS, Draw

CURRENCIES = ("UGX", "KES", "KWD")
BEGAN = (date(2025, 11, 10), date(2026, 2, 1))
ON = date(2026, 2, 10)
MONTHS = (202511, 202512, 202601, 202602)
METHODS = ("percent_of_tender", "percent_of_outstanding", "fixed", "all")
#: The slow side tries every package of a month: few and dear ones.
LEAST_PACKAGE, PACKAGE_RATE = 30_000, 40 * E8


def random_sold(random: Random) -> CompiledTariff:
    """A tariff that can be sold; draws that cannot be are drawn again."""
    while True:
        code = random.choice(CURRENCIES)
        draw = Draw(random)
        rule = CatchUp(random.randint(0, 4), random.choice(("lapse", "defer")))
        versions = tuple(
            TariffVersion(day, rule, _components(draw), seasons=SEASONS, category=CATEGORY)
            for day in BEGAN[: random.choice((1, 1, 2))]
        )
        try:
            unit = code if _of_money(versions) else "kWh"
            return compile_tariff(Tariff("t", "random", code, unit, versions))
        except TariffError:
            continue


def _of_money(versions: tuple[TariffVersion, ...]) -> bool:
    return any(isinstance(c, Credit) for version in versions for c in version.components)


def _components(draw: Draw) -> tuple[Component, ...]:
    random = draw.r
    found: list[Component] = _energies(draw)
    seasonal = random.random() < 0.3
    if random.random() < 0.2 and not isinstance(found[0], Credit):
        premium = sellable(draw, Premium, "premium", draw.part())
        found.append(msgspec.structs.replace(premium, period=found[0].period))  # type: ignore[union-attr]
    for i in range(random.choice((0, 0, 1, 2))):
        rate = draw.rate() // 20 * random.choice((1, 1, -1))
        found.append(Levy(rate_e8=rate, part=draw.part(), **_posting(draw, f"levy{i}")))
    for i in range(random.choice((0, 0, 1, 2))):
        quantity = random.choice(("one", "kw"))
        rate = random.randint(0, 10**10)
        found.append(
            Fixed(rate_e8=rate, quantity=quantity, unit="m", **_posting(draw, f"fixed{i}"))
        )
    codes = [component.code for component in found]
    for i in range(random.choice((0, 0, 1, 2))):
        rate = random.randint(-20, 30) * 500_000
        bases = tuple(draw.some(codes))
        found.append(Percent(rate_e8=rate, of=bases, **_posting(draw, f"percent{i}")))
        codes.append(f"percent{i}")
    tax = random.choice(("none", "lines", "tender"))
    rate = random.randint(0, 60) * 500_000
    if tax == "lines":
        found.append(TaxOnLines(rate_e8=rate, of=tuple(draw.some(codes)), **_posting(draw, "vat")))
    if tax == "tender":
        named = _posting(draw, "vat") | {"rounding": "half_up", "when": None}
        found.append(TaxInTender(rate_e8=rate, on_debts=random.random() < 0.5, **named))
    random.shuffle(found)
    if not seasonal:
        found = [msgspec.structs.replace(component, when=None) for component in found]
    return tuple(found)


def _posting(draw: Draw, code: str) -> dict[str, Any]:
    return draw.posting(code) | {"proration": None}


def _energies(draw: Draw) -> list[Component]:
    random = draw.r
    if random.random() < 0.05:
        return [Credit(**_posting(draw, "energy0") | {"when": None})]
    parts: list[Part | None] = [None]
    drawn = random.random()
    if drawn < 0.1:
        share = random.randint(1, 99) * 10**6
        parts = [Part(share_e8=share), Part(share_e8=E8 - share)]
    elif drawn < 0.2:
        limit = random.randint(1, 200_000)
        parts = [Part(first_milli=limit), Part(beyond_milli=limit)]
    period = random.choice(("calendar_month", "calendar_month", "calendar_year"))
    made = [sellable(draw, Energy, f"energy{i}", part) for i, part in enumerate(parts)]
    return [msgspec.structs.replace(each, period=period) for each in made]


def sellable(draw: Draw, kind: type, code: str, part: Part | None) -> Any:
    """Energy or a premium as a sale may have it."""
    while True:
        shape = draw.metered(kind, code)
        if not shape.tou and not (
            shape.structure == "package" and shape.size_milli < LEAST_PACKAGE
        ):
            break
    if shape.structure == "package":
        rate = PACKAGE_RATE + draw.rate()
        shape = msgspec.structs.replace(shape, blocks=(Block(None, rate),))
    return msgspec.structs.replace(
        shape,
        period="calendar_month",
        part=part,
        precision=None,
        proration=None,
        when=None,
        at_jump=draw.r.choice(("stop", "stop", "ask")),
    )


def random_state(random: Random) -> SaleState:
    """What earlier sales left: units, months due, debts of every method, what the meter takes."""
    month = random.randint(0, len(MONTHS))
    due = MONTHS[month:] if random.random() < 0.6 else ()
    most = Limits()
    if random.random() < 0.15:
        most = Limits(100 * random.choice((random.randint(1, 5_000), 16_390, 200_000)))
    return SaleState(
        on=ON,
        units_milli=random.choice((0, 100 * random.randint(0, 5_000), random.randint(0, 10**6))),
        fixed_due=due,
        fixed_through=random.choice((None, *MONTHS[:1])) if due else MONTHS[-1],
        debts=tuple(_debt(random, i) for i in range(random.choice((0, 0, 1, 2, 3)))),
        attributes={"kw": random.randint(0, 9_000)},
        limits=most,
        category=random.choice(("", "small", "large")),
    )


def _debt(random: Random, number: int) -> Debt:
    method: Any = random.choice(METHODS)
    percent = random.choice((random.randint(0, 80) * 1_234_567, random.randint(0, E8)))
    fixed = random.choice((random.randint(0, 300), random.randint(0, 50_000)))
    return Debt(
        code=f"debt{number}",
        priority=random.randint(0, 2),
        method=method,
        value=percent if method.startswith("percent") else fixed,
        outstanding=random.choice((random.randint(0, 300), random.randint(0, 60_000))),
        cap_per_sale=random.choice((None, None, random.randint(0, 5_000))),
    )


def random_policy(random: Random) -> DeductionPolicy:
    """The company's order, its fee, its caps on debts."""
    middle: list[Any] = ["debts", "fixed", "tax"]
    random.shuffle(middle)
    fee = None
    if random.random() < 0.3:
        fee = Fee(
            code="fee",
            label="fee",
            amount=random.randint(0, 50),
            rate_e8=random.randint(0, 50) * 234_567,
            cap=random.choice((None, random.randint(0, 200))),
        )
    return DeductionPolicy(
        order=("fee", *middle, "energy"),
        fee=fee,
        debts_cap=random.choice((None, None, random.randint(0, 9_000))),
        debts_cap_rate_e8=random.choice((None, None, random.randint(0, E8))),
    )


def random_tender(random: Random, scale: int) -> int:
    """Small ones, that deductions eat; usual ones; large ones."""
    most = random.choice((300, 300, *(5_000,) * 8, *(60_000,) * 9, 10**6))
    return random.randint(0, most * scale // 100 + 20)


def random_coding(random: Random, tariff: CompiledTariff) -> Encodable:
    """What a token can say: units of STS, any tenth; money where the meter holds the tariff."""
    if any(isinstance(c, Credit) for c in tariff.tariff.versions[-1].components):
        return coins_encodable
    return random.choice((sts_encodable, sts_encodable, tenths_encodable))
