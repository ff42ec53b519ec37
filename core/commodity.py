"""What a prepaid meter measures, and in which unit its tokens, prices and receipts count it.

The subclasses are those of IEC 62055-41, class 0: electricity in 0.1 kWh, water and gas in 0.1 m³,
time in 0.1 minutes. Heat has no token: it is sold by the balance of the account, and its meters are
billed after use.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from core.refusals import Refusal, refuse
from core.units import HEAT, SIGNS


@dataclass(frozen=True, slots=True)
class Commodity:
    """``subclass`` of the credit token (None: there is none), ``sign`` of the unit for operators,
    and how a tariff may write the unit that it is priced in."""

    name: str
    subclass: int | None
    priced_in: frozenset[str]

    @property
    def sign(self) -> str:
        """``kWh``."""
        return SIGNS[self.name]


_CUBIC: Final = frozenset({"m3", "m³"})

COMMODITIES: Final[Mapping[str, Commodity]] = {
    each.name: each
    for each in (
        Commodity("electricity", 0, frozenset({"kWh"})),
        Commodity("water", 1, _CUBIC),
        Commodity("gas", 2, _CUBIC),
        Commodity("time", 3, frozenset({"min"})),
        Commodity(HEAT, None, frozenset({"kWh", "MWh", "GJ"})),
    )
}
#: Those that are sold by token, in the order of their subclasses.
BY_TOKEN: Final = tuple(name for name, each in COMMODITIES.items() if each.subclass is not None)


def commodity_of(name: str) -> Commodity | None:
    """The commodity of that name, or None."""
    return COMMODITIES.get(name)


def subclass_of(commodity: str, meter: str) -> int:
    """The subclass of a credit token. A refusal for what is not sold by token."""
    found = COMMODITIES[commodity].subclass
    if found is None:
        raise refuse("heat-not-by-token", meter=meter)
    return found


def by_token(commodity: str, meter: str) -> None:
    """Refuses a meter that takes no tokens at all."""
    subclass_of(commodity, meter)


def wrong_unit(commodity: str, meter: str, tariff: str, unit: str) -> Refusal | None:
    """The refusal where a tariff counts in a unit that this meter's tokens do not carry."""
    if unit in COMMODITIES[commodity].priced_in:
        return None
    fits = " or ".join(sorted(COMMODITIES[commodity].priced_in))
    return refuse(
        "tariff-unit-wrong", meter=meter, commodity=commodity, tariff=tariff, per=unit, fits=fits
    )
