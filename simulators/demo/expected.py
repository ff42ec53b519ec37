"""What must come out, as data. The first sale is the published case UG-VEND-1 of the tariff's file;
the second is UG-VEND-2, the clinic's and bakery's the first again; the school's follows from the
same rule.

Money in minor units (UGX has no decimals), units in tenths of kWh.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Sale:
    """One sale's figures; ``steps``: kWh in tenths and price in cents of UGX for each block."""

    tender: int
    units: int
    energy: int
    service: int
    vat: int
    carried: int
    steps: tuple[tuple[int, int], ...]

    def figures(self) -> dict[str, int]:
        """The amounts that a receipt shows, by the words of ``reading.figures``."""
        shown = {
            "tender": self.tender,
            "units": self.units,
            "energy": self.energy,
            "service": self.service,
            "vat": self.vat,
            "carried": self.carried,
        }
        return {name: amount for name, amount in shown.items() if amount}


@dataclass(frozen=True, slots=True)
class Expected:
    """The whole story's figures."""

    received: int = 50_000
    received_school: int = 15_000
    first: Sale = Sale(20_000, 281, 13_587, 3_360, 3_051, 2, steps=((150, 25_000), (131, 75_090)))
    second: Sale = Sale(20_000, 225, 16_895, 0, 3_051, 54, steps=((225, 75_090),))
    school: Sale = Sale(15_000, 224, 9_307, 3_360, 2_288, 45, steps=((150, 25_000), (74, 75_090)))
    received_clinic: int = 20_000
    clinic: Sale = Sale(20_000, 281, 13_587, 3_360, 3_051, 2, steps=((150, 25_000), (131, 75_090)))
    bakery: Sale = Sale(20_000, 281, 13_587, 3_360, 3_051, 2, steps=((150, 25_000), (131, 75_090)))
    register: int = 281  # what the meter shows after the first token
    tokens: int = 5
    key_change_tokens: int = 3
    first_token_s: float = 5.0
    act_s: float = 12.0
    refusals: dict[str, tuple[str, ...]] = field(
        default_factory=lambda: {
            "run out": ("cannot make tokens for this meter now", "No money was taken"),
            "check digit": ("check digit does not fit", "No money was taken"),
            "blocked": ("is blocked: tampering", "call 0800 100 100", "No money was taken"),
            "stranger": ("O***** D*****", "nothing was sold", "register", "0800 100 100"),
        }
    )

    def sales(self) -> tuple[Sale, ...]:
        """Every sale of the story."""
        return (self.first, self.second, self.school, self.clinic, self.bakery)

    def left(self) -> int:
        """HOME's credit at the end."""
        home = (self.first, self.second)
        return self.received - sum(sale.tender - sale.carried for sale in home)

    def books(self) -> dict[str, int]:
        """What the ledger must hold, by account of the chart; debit positive."""
        came = self.received + self.received_school + self.received_clinic
        sales, purse = self.sales(), self.bakery.tender
        return {
            "cash:main": came,
            "wallet:mtn": purse,
            "customer-credit": sum(sale.tender - sale.carried for sale in sales) - came - purse,
            "revenue:energy": -sum(sale.energy for sale in sales),
            "revenue:service": -sum(sale.service for sale in sales),
            "tax:vat": -sum(sale.vat for sale in sales),
        }
