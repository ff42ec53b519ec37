"""The signs of units by commodity, as operators read them; customers' texts have their own."""

from collections.abc import Mapping
from typing import Final

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


def sign_of(commodity: object) -> str:
    """The unit's sign; electricity's where the commodity is not told."""
    return SIGNS.get(str(commodity or ELECTRICITY), "units")


def quantity(tenths: int, commodity: object = ELECTRICITY) -> str:
    """``28.1 kWh`` of tenths."""
    return f"{tenths // 10}.{tenths % 10} {sign_of(commodity)}"
