"""Random tariffs and inputs of bills, over all kinds of component, from one seed.

Plain ``random`` and not Hypothesis: a million of them run in minutes, and a seed names each.
"""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from random import Random
from typing import Any

import msgspec

from core.tariffs.bills import BillInput, Overdue, Share
from core.tariffs.compiling import CompiledTariff, compile_tariff
from core.tariffs.shapes import (
    E8,
    Allocation,
    Area,
    AtLeast,
    Bands,
    Block,
    Category,
    Component,
    Demand,
    Energy,
    Excess,
    FactorRow,
    FactorStep,
    Fixed,
    Height,
    KvaDifference,
    LateFee,
    Levy,
    Minimum,
    Part,
    Percent,
    PowerFactor,
    Precision,
    Premium,
    Proration,
    Ratchet,
    Rebate,
    Schedule,
    Season,
    Tariff,
    TariffVersion,
    TaxIncluded,
    TaxOnLines,
    TouPrices,
    When,
)

PER = ("calendar_month", "billing_period", "day", "year")
SEASONS = (Season("warm", (4, 1), (9, 30)), Season("cold", (10, 1), (3, 31)))
CATEGORY = Category(
    quantity="units",
    months=3,
    least_months=2,
    default="small",
    limits="inclusive",
    bands=((150_000, "small"), (None, "large")),
)
CHANGE = date(2026, 3, 16)


class Draw:
    """Shapes of one random tariff."""

    def __init__(self, random: Random) -> None:
        self.r = random
        self.proration = self._proration()

    def posting(self, code: str, method: str = "") -> dict[str, Any]:
        rounding = self.r.choice(("half_up", "half_up", "up", "down"))
        rule = self.proration
        if method == "whole" or self.r.random() < 0.1:
            rule = Proration(method="whole", at=self.at)
        when = None
        if self.r.random() < 0.1 and method != "always":
            when = self.r.choice(
                (When(seasons=("warm",)), When(categories=("large",)), When(seasons=("cold",)))
            )
        named = {"code": code, "label": code, "tax_class": "s", "payee": "own"}
        return named | {"rounding": rounding, "proration": rule, "when": when}

    def _proration(self) -> Proration:
        self.at = self.r.choice(("first_day", "last_day"))
        month = self.r.choice((None, 30, 31))
        method = self.r.choice(("quantity_first", "two_bills", "per_day_price", "quantity_first"))
        if method == "quantity_first":
            resolution = self.r.choice((None, None, 1000, 10))
            return Proration(method=method, month_days=month, resolution_milli=resolution)
        if method == "two_bills":
            return Proration(method=method, month_days=month)
        decimals = self.r.choice((None, 2, 4, 8))
        return Proration(method="per_day_price", month_days=month, price_decimals=decimals)

    def rate(self) -> int:
        return self.r.randint(0, 4000) * self.r.choice((10**4, 10**5, 10**6, 123_457))

    def limits(self, most: int = 3) -> list[int | None]:
        found = {self.r.choice((self.r.randint(1, 300_000), 1000 * self.r.randint(1, 300)))}
        while len(found) < self.r.randint(0, most):
            found.add(self.r.randint(1, 400_000))
        return [*sorted(found)[: self.r.randint(0, most)], None]

    def blocks(self) -> tuple[Block, ...]:
        return tuple(Block(limit, self.rate()) for limit in self.limits())

    def schedules(self) -> tuple[Schedule, ...]:
        return tuple(Schedule(limit, self.blocks()) for limit in self.limits(2))

    def part(self) -> Part | None:
        if self.r.random() < 0.75:
            return None
        return self.r.choice(
            (
                Part(share_e8=self.r.randint(1, 100) * 10**6),
                Part(first_milli=self.r.randint(1, 200_000)),
                Part(beyond_milli=self.r.randint(0, 200_000)),
            )
        )

    def metered(self, kind: type, code: str) -> Any:
        structure = self.r.choice(
            ("graduated", "graduated", "volume", "schedule_by_total", "package")
        )
        prices: dict[str, Any] = {"blocks": self.blocks()}
        if structure == "schedule_by_total":
            prices = {"blocks": (), "schedules": self.schedules()}
        elif structure == "package":
            prices = {"blocks": (Block(None, self.rate()),)}
        size = self.r.randint(1, 90_000) if structure == "package" else 0
        tou: tuple[TouPrices, ...] = ()
        scope = None
        if self.r.random() < 0.3 and structure != "package":
            scope = self.r.choice(("per_period", "total_pro_rata"))
            if structure == "schedule_by_total":
                made = [((), self.schedules()) for _ in range(2)]
            else:
                made = [(self.blocks(), ()) for _ in range(2)]
            tou = tuple(TouPrices(n, *m) for n, m in zip(("peak", "off"), made, strict=True))
            prices = {"blocks": ()}
        precision = None
        if self.r.random() < 0.1:
            precision = Precision(self.r.choice((100, 1000, 10_000)), self.r.choice(("up", "down")))
        period = self.r.choice(
            ("calendar_month", "calendar_month", "billing_period", "day", "calendar_year")
        )
        return kind(
            structure=structure,
            period=period,
            limits=self.r.choice(("inclusive", "exclusive")),
            size_milli=size,
            tou=tou,
            scope=scope,
            part=None if tou else self.part(),
            precision=precision,
            one_line=self.r.random() < 0.1,
            **prices,
            **self.posting(code),
        )

    def bands(self, quantity: str) -> Bands:
        limits = self.r.choice(("inclusive", "exclusive"))
        steps = tuple(Block(limit, self.rate()) for limit in self.limits(2))
        return Bands(quantity, limits, steps)

    def fixed(self, code: str) -> Fixed:
        return Fixed(
            rate_e8=self.rate(),
            quantity=self.r.choice(("one", "kva")),
            unit="u",
            per=self.r.choice(PER),
            bands=self.bands("units") if self.r.random() < 0.3 else None,
            **self.posting(code),
        )

    def demand(self) -> Demand:
        ratchet = Ratchet(
            percent_e8=self.r.randint(1, 120) * 10**6,
            months=self.r.randint(1, 12),
            current=self.r.random() < 0.5,
            only=self.r.choice(((), (6, 7, 8, 12, 1))),
        )
        return Demand(
            quantity="max_kw",
            unit="kW",
            per=self.r.choice(PER),
            blocks=self.blocks(),
            ratchet=ratchet if self.r.random() < 0.5 else None,
            at_least=(AtLeast("kva", 40_000_000),) if self.r.random() < 0.4 else (),
            excess=Excess("kva", 105_000_000, self.rate()) if self.r.random() < 0.3 else None,
            precision=Precision(1000, "half_up") if self.r.random() < 0.3 else None,
            **self.posting("demand"),
        )

    def area(self) -> Area:
        height = self.r.choice(
            (
                None,
                Height(quantity="height", method="ratio", standard_milli=3000),
                Height(
                    quantity="height",
                    method="steps",
                    standard_milli=3000,
                    step_milli=self.r.randint(1, 500),
                    step_e8=self.rate(),
                    started=self.r.random() < 0.5,
                ),
                Height(
                    quantity="height",
                    method="bands",
                    standard_milli=0,
                    bands=(Block(3200, E8), Block(None, 130_000_000)),
                ),
            )
        )
        return Area(
            quantity="m2",
            unit="m2",
            per=self.r.choice(PER),
            rate_e8=self.rate(),
            height=height,
            **self.posting("area"),
        )

    def kva(self) -> KvaDifference:
        return KvaDifference(
            kva="kva",
            kw="max_kw",
            standard_e8=self.r.choice((90_000_000, 95_000_000, E8)),
            form=self.r.choice(("of_kva", "of_kw")),
            unit="kVA",
            per=self.r.choice(PER),
            rate_e8=self.rate(),
            **self.posting("kva"),
        )

    def allocation(self) -> Allocation:
        money = self.r.random() < 0.5
        return Allocation(
            share="common",
            what="amount" if money else "quantity",
            rate_e8=0 if money else self.rate(),
            unit="kWh",
            resolution_milli=1 if money else self.r.choice((1, 100, 1000)),
            **self.posting("common", "whole"),
        )

    def late_fee(self) -> LateFee:
        grace = self.r.choice((0, 0, 5))
        return LateFee(
            daily_e8=self.r.randint(0, 300) * 10**3,
            later_e8=self.r.randint(0, 300) * 10**3,
            least_e8=self.r.choice((0, E8)),
            cap_e8=self.r.choice((None, 5_000_000)),
            grace_days=grace,
            grace_counts=self.r.random() < 0.5,
            **self.posting("late", "whole"),
        )

    def power_factor(self, of: tuple[str, ...]) -> PowerFactor:
        read = (
            {"quantity": "pf"}
            if self.r.random() < 0.5
            else {"active": "units", "reactive": "kvarh"}
        )
        rounding = self.r.choice(("half_up", "up", "down"))
        more: dict[str, Any]
        if self.r.random() < 0.3:
            rows = tuple(FactorRow(n, self.r.randint(-50, 500) * 10**5) for n in (0, 70, 85, 95))
            more = {"method": "table", "table": rows}
        else:
            below = (FactorStep(80, 500_000), FactorStep(65, 10**6), FactorStep(None, 2 * 10**6))
            above = (FactorStep(95, -150_000),)
            more = {"method": "steps", "standard_e2": 90, "below": below, "above": above}
        named = self.posting("pf", "always")
        return PowerFactor(of=of, factor_rounding=rounding, **read, **more, **named)

    def some(self, codes: list[str]) -> tuple[str, ...]:
        return tuple(self.r.sample(codes, self.r.randint(1, min(3, len(codes)))))

    def components(self) -> tuple[Component, ...]:
        found: list[Component] = [self.metered(Energy, "energy")]
        makers = [
            lambda: self.metered(Energy, "other"),
            lambda: self.metered(Premium, "premium"),
            lambda: Levy(rate_e8=self.rate() - 10**6, part=self.part(), **self.posting("levy")),
            lambda: self.fixed("fixed"),
            lambda: self.fixed("rent"),
            self.demand,
            self.area,
            self.kva,
            self.allocation,
            self.late_fee,
        ]
        found += [make() for make in self.r.sample(makers, self.r.randint(0, 4))]
        found += self.made_of_lines([item.code for item in found])
        self.r.shuffle(found)
        return tuple(found)

    def made_of_lines(self, codes: list[str]) -> list[Component]:
        found: list[Component] = []
        if self.r.random() < 0.3:
            found.append(self.power_factor(self.some(codes)))
            codes.append("pf")
        if self.r.random() < 0.5:
            rate = self.r.randint(-30, 40) * 500_000
            found.append(Percent(rate_e8=rate, of=self.some(codes), **self.posting("percent")))
            codes.append("percent")
        if self.r.random() < 0.25:
            named = self.posting("rebate")
            per, quantity = self.r.choice(((None, "units"), ("calendar_month", "one")))
            top = self.r.choice((None, 60_000))
            rebate = Rebate(
                of=self.some(codes),
                rate_e8=self.rate(),
                quantity=quantity,
                per=per,
                up_to_milli=top,
                **named,
            )
            found.append(rebate)
            codes.append("rebate")
        if self.r.random() < 0.25:
            bands = self.bands("kva") if self.r.random() < 0.3 else None
            named = self.posting("minimum")
            least = Minimum(
                of=self.some(codes),
                rate_e8=self.rate(),
                quantity="one",
                per=self.r.choice(PER),
                bands=bands,
                **named,
            )
            found.append(least)
            codes.append("minimum")
        if self.r.random() < 0.6:
            tax = self.r.choice((TaxOnLines, TaxOnLines, TaxIncluded))
            rate = self.r.randint(0, 50) * 500_000
            found.append(tax(rate_e8=rate, of=self.some(codes), **self.posting("vat")))
        return found


def random_tariff(random: Random) -> CompiledTariff:
    """One or two versions with the same ways to prorate; some components unchanged."""
    draw = Draw(random)
    first = draw.components()
    versions = [TariffVersion(date(2025, 1, 1), None, first, SEASONS, (), (), CATEGORY)]
    if random.random() < 0.5:
        changed = [_changed(draw, item) for item in first]
        versions.append(TariffVersion(CHANGE, None, tuple(changed), SEASONS, (), (), CATEGORY))
    code = random.choice(("UGX", "KES", "KWD"))
    return compile_tariff(Tariff("t", "random", code, "kWh", tuple(versions), mode="postpaid"))


def _changed(draw: Draw, item: Any) -> Any:
    """The same, or with other rates."""
    if draw.r.random() < 0.4 or isinstance(item, LateFee | Allocation):
        return item
    more = draw.r.randint(0, 10**7)
    if getattr(item, "blocks", ()):
        blocks = tuple(Block(b.up_to_milli, b.rate_e8 + more) for b in item.blocks)
        return msgspec.structs.replace(item, blocks=blocks)
    if hasattr(item, "rate_e8") and not isinstance(item, TaxIncluded):
        return msgspec.structs.replace(item, rate_e8=item.rate_e8 + more)
    return item


def _of_the_year(random: Random) -> dict[str, int]:
    """Units of the year before the bill; mostly those of its month stand for them."""
    names = ("units", "units.peak", "units.off") if random.random() < 0.3 else ()
    return {name: random.randint(0, 900_000) for name in names}


def _overdue(random: Random) -> tuple[Overdue, ...]:
    return tuple(
        Overdue(random.randint(0, 10**6), random.randint(0, 40), random.choice((0, 9)))
        for _ in range(random.randint(0, 2))
    )


def _part_of(random: Random, overdue: tuple[Overdue, ...]) -> tuple[Overdue, ...]:
    """Some of the delays, as far as earlier bills charged them."""
    return tuple(
        Overdue(each.amount, random.randint(0, each.days), 0)
        for each in overdue
        if random.random() < 0.5
    )


def random_input(random: Random) -> BillInput:
    """A month, several, or days across the change, the season or the year's end."""
    first, last = random.choice(
        (
            (date(2026, 2, 1), date(2026, 2, 28)),
            (date(2026, 1, 1), date(2026, 3, 31)),
            (date(2026, 3, 1), date(2026, 3, 31)),
            (date(2025, 12, 10), date(2026, 1, 8)),
            (date(2026, 3, 5), date(2026, 3, 5) + timedelta(days=random.choice((0, 16, 29, 60)))),
        )
    )
    peak = random.randint(0, 400_000)
    off = random.choice((0, random.randint(0, 300_000)))
    units: int | Fraction = peak + off
    if random.random() < 0.05:
        peak, off = Fraction(peak * 7 + 1, 7), Fraction(off)  # type: ignore[assignment]
        units = peak + off
    quantities: dict[str, int | Fraction] = {
        "units": units,
        "units.peak": peak,
        "units.off": off,
        "max_kw": random.randint(0, 200_000),
        "kva": random.randint(0, 250_000),
        "kvarh": random.randint(0, 300_000),
        "pf": random.randint(300, 1000),
        "m2": random.randint(0, 200_000),
        "height": random.randint(2000, 6000),
    }
    known = random.sample([*range(202501, 202513), 202601, 202602], random.randint(0, 14))
    before = {}
    if (first, last) == (date(2026, 2, 1), date(2026, 2, 28)):
        before = {"units": random.choice((0, random.randint(0, 300_000)))}
    shares = {"common": Share(random.randint(0, 10**6), (333, 333, 666, 1), random.randint(0, 3))}
    overdue = _overdue(random)
    return BillInput(
        first=first,
        last=last,
        quantities=quantities,
        before=before,
        before_year=_of_the_year(random),
        overdue_billed=_part_of(random, overdue),
        history={
            "units": {month: random.randint(0, 400_000) for month in known},
            "max_kw": {month: random.randint(0, 400_000) for month in known},
        },
        shares=shares,
        overdue=overdue,
    )
