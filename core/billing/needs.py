"""What a tariff wants to know beside readings, so that only this is looked up and frozen."""

from collections.abc import Mapping

import msgspec

from core.tariffs.shapes import (
    Allocation,
    Demand,
    Energy,
    KvaDifference,
    LateFee,
    Metered,
    Precision,
    Premium,
    Tariff,
    TariffVersion,
)


class Yearly(msgspec.Struct, frozen=True, gc=False):
    """How a bill rounds a quantity, and into what multiples the turn of the year cuts it."""

    precision: Precision | None
    resolution: int | None


class Needs(msgspec.Struct, frozen=True, gc=False):
    """``history``: quantity → closed months looked back at. ``yearly``: quantities whose blocks go
    on over the year, with how bills round and cut them. ``monthly``: quantities with blocks of the
    month; ``month_whole``: those of them that are never cut to a bill's days. ``shares``: name →
    amount or quantity. ``late``: whether delays are charged. ``category``: whether any version
    tells customers apart. ``peaks``: quantities that do not add up over time."""

    history: Mapping[str, int]
    yearly: Mapping[str, Yearly]
    monthly: frozenset[str]
    month_whole: frozenset[str]
    shares: Mapping[str, str]
    late: bool
    category: bool
    peaks: frozenset[str] = frozenset()

    @property
    def looks(self) -> bool:
        """Whether anything is looked up for every agreement under the tariff."""
        return bool(self.earlier or self.shares or self.late or self.category)

    @property
    def earlier(self) -> bool:
        """Whether earlier bills are looked at."""
        return bool(self.history or self.yearly)


def needs_of(tariff: Tariff) -> Needs:
    """Of all versions together: a bill may reach over two."""
    history: dict[str, int] = {}
    yearly: dict[str, Yearly] = {}
    monthly: dict[str, bool] = {}
    shares: dict[str, str] = {}
    late, peaks = False, set()
    for version in tariff.versions:
        _history(version, history)
        for each in version.components:
            if isinstance(each, Energy | Premium) and each.period == "calendar_year":
                cut = each.proration.resolution_milli if each.proration else None
                yearly |= dict.fromkeys(_names(each), Yearly(each.precision, cut))
            elif isinstance(each, Energy | Premium) and each.period == "calendar_month":
                whole = each.proration is not None and each.proration.method == "whole"
                for name in _names(each):
                    monthly[name] = monthly.get(name, True) and whole
            elif isinstance(each, Allocation):
                shares[each.share] = each.what
            elif isinstance(each, Demand):
                peaks.add(each.quantity)
            elif isinstance(each, KvaDifference):
                peaks |= {each.kva, each.kw}
            late = late or isinstance(each, LateFee)
    return Needs(
        history, yearly, frozenset(monthly), frozenset(n for n, whole in monthly.items() if whole),
        shares, late, any(version.category for version in tariff.versions), frozenset(peaks),
    )  # fmt: skip


def _history(version: TariffVersion, history: dict[str, int]) -> None:
    for each in version.components:
        if isinstance(each, Demand) and each.ratchet is not None:
            name, months = each.quantity, each.ratchet.months
            history[name] = max(history.get(name, 0), months)


def _names(shape: Metered) -> list[str]:
    """The quantities whose earlier units its limits count."""
    if shape.tou and shape.scope == "per_period":
        return [f"{shape.quantity}.{period.name}" for period in shape.tou]
    return [shape.quantity]
