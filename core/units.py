"""The signs of units by commodity, as operators read them; customers' texts have their own."""

from collections.abc import Mapping
from typing import Final

from core.money import CURRENCIES, format_amount

ELECTRICITY: Final = "electricity"
HEAT: Final = "heat"
#: commodity -> sign. What names no commodity is of before there were several: electricity.
SIGNS: Final[Mapping[str, str]] = {
    ELECTRICITY: "kWh",
    "water": "m³",
    "gas": "m³",
    "time": "min",
    HEAT: "kWh",
}
#: What a meter that holds its tariff itself measures, and counts as money: ``water-money``.
MONEY: Final = "-money"


def is_money(commodity: object) -> bool:
    """Whether tokens of this commodity carry money; tenths are then tenths of a smallest coin."""
    return str(commodity).endswith(MONEY)


def sign_of(commodity: object) -> str:
    """The unit's sign; electricity's where the commodity is not told."""
    return SIGNS.get(str(commodity or ELECTRICITY), "units")


def quantity(tenths: int, commodity: object = ELECTRICITY, currency: str = "") -> str:
    """``28.1 kWh`` of tenths; ``645.63 KES`` where the meter holds money."""
    if is_money(commodity):
        coins = tenths // 10
        known = currency in CURRENCIES
        return (
            f"{format_amount(coins, currency)} {currency}" if known else f"{coins} smallest coins"
        )
    return f"{tenths // 10}.{tenths % 10} {sign_of(commodity)}"
