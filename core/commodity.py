"""What a prepaid meter measures, and in which unit its tokens, prices and receipts count it.

The subclasses are those of IEC 62055-41, class 0: electricity in 0.1 kWh, water and gas in 0.1 m³,
time in 0.1 minutes; subclasses 4 to 7 are the same services in money, for meters that hold the
tariff themselves. Heat has no token: it is sold by the balance of the account, and its meters are
billed after use.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from core.money import CURRENCIES
from core.refusals import Refusal, refuse
from core.sts.layouts import FIRST_CURRENCY_SUBCLASS
from core.units import HEAT, MONEY, is_money, sign_of


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
        return sign_of(self.name)


_CUBIC: Final = frozenset({"m3", "m³"})

_UNITS: Final = (
    Commodity("electricity", 0, frozenset({"kWh"})),
    Commodity("water", 1, _CUBIC),
    Commodity("gas", 2, _CUBIC),
    Commodity("time", 3, frozenset({"min"})),
)
_IN_MONEY: Final = tuple(
    Commodity(f"{each.name}{MONEY}", subclass, frozenset(CURRENCIES))
    for subclass, each in enumerate(_UNITS, FIRST_CURRENCY_SUBCLASS)
)

COMMODITIES: Final[Mapping[str, Commodity]] = {
    each.name: each
    for each in (
        *_UNITS,
        Commodity(HEAT, None, frozenset({"kWh", "MWh", "GJ"})),
        *_IN_MONEY,
    )
}
#: Those whose tokens carry units, in the order of their subclasses.
BY_TOKEN: Final = tuple(each.name for each in _UNITS)
#: The largest credit of a meter that holds money, in tenths of a smallest coin: any module's
#: numbers hold it exactly in 10^-5 of a currency without decimals.
MOST_MONEY_TENTHS: Final = 10 * 10**9


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
    money = is_money(commodity)
    fits = "money" if money else " or ".join(sorted(COMMODITIES[commodity].priced_in))
    return refuse(
        "tariff-unit-wrong", meter=meter, commodity=commodity, tariff=tariff, per=unit, fits=fits
    )


def units_only(commodity: str, meter: str) -> None:
    """Refuses what is done with units, at a meter that holds money."""
    if is_money(commodity):
        raise refuse("meter-holds-money", meter=meter)


def wrong_most(commodity: str, tenths: int) -> str:
    """What is wrong with the largest credit of a meter (tenths); empty: nothing."""
    if tenths < 1:
        return "takes no credit at all (max_credit_tenths)"
    if is_money(commodity) and (tenths % 10 or tenths > MOST_MONEY_TENTHS):
        return (
            "holds money: max_credit_tenths is ten for each smallest coin, at most 10,000,000,000"
        )
    return ""
