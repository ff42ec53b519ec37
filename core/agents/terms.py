"""What a company declares about agents: the rules of their commission.

Read from ``mappings/agents`` (``core.agents.load``); by default nobody earns anything.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final, Literal

import msgspec

from core.money import half_up

E8: Final = 10**8

#: What a commission may be a share of. Of a purchase: our ``own`` income, ``tax``, ``third-party``
#: charges, ``debts`` that it pays; of a payment all that was ``collected``.
BaseOf = Literal["own", "tax", "third-party", "debts", "collected"]
#: ``withheld``: the seller's share is on his float at once; ``paid``: it is owed to him.
Settle = Literal["withheld", "paid"]


class Tier(msgspec.Struct, frozen=True, kw_only=True):
    """From this much of the month's base on (minor units), so much of it (10⁻⁸)."""

    above: int
    rate_e8: int


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """What a sale earns from a day on: an amount, and a share by the month's tiers."""

    valid_from: date
    fixed: int = 0
    tiers: tuple[Tier, ...] = ()

    def gross(self, base: int, month_base: int) -> int:
        """The commission of ``base`` when the month has had ``month_base``; rounded once, half up.

        Each part of the base has the rate of the tier that it lies in.
        """
        exact = 0
        for place, tier in enumerate(self.tiers):
            upper = self.tiers[place + 1].above if place + 1 < len(self.tiers) else None
            low = max(tier.above, month_base)
            high = month_base + base if upper is None else min(upper, month_base + base)
            exact += max(0, high - low) * tier.rate_e8
        return self.fixed + half_up(exact, E8)


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule of commission. ``rates`` by service; ``above_e8``: the shares of those above the
    seller, the nearest first; ``tax_e8`` is withheld of each share for the tax authority."""

    code: str
    base: frozenset[BaseOf]
    rates: Mapping[str, tuple[Rate, ...]]
    settle: Settle
    above_e8: tuple[int, ...] = ()
    tax_e8: int = 0
    tax_code: str = "withholding"

    def rate(self, service: str, day: date) -> Rate | None:
        """The rate in force on a day; None: this service earns nothing then."""
        found = None
        for rate in self.rates.get(service, ()):
            if rate.valid_from <= day:
                found = rate
        return found


class Fee(msgspec.Struct, frozen=True, kw_only=True):
    """What a movement costs the agent: an amount, and a share of what moves (10⁻⁸)."""

    fixed: int = 0
    share_e8: int = 0

    def of(self, amount: int) -> int:
        """The fee of so much, in minor units; rounded once, half up."""
        return self.fixed + half_up(amount * self.share_e8, E8)


class AgentTerms(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of commission by their codes, and what agents may do and cost.

    ``fees`` by what they are for (``core.agents.fees``). Of transfers that agents make themselves,
    in minor units (0: no limit): ``transfer_most`` at once, ``transfer_per_day``. What an agent
    says he has paid is waited for ``topup_hours``; cash is surrendered within ``surrender_hours``.
    ``tells``: the customer hears by SMS of each sale, where the agent's contract does not say.
    """

    rules: Mapping[str, Rule] = {}
    fees: Mapping[str, Fee] = {}
    transfer_most: int = 0
    transfer_per_day: int = 0
    topup_hours: int = 72
    surrender_hours: int = 24
    tells: bool = False


class Part(msgspec.Struct, frozen=True, gc=False):
    """One agent's part of a commission: ``gross`` is his, ``tax`` of it is withheld."""

    agent_id: int
    gross: int
    tax: int

    @property
    def net(self) -> int:
        """What he gets."""
        return self.gross - self.tax


def divided(rule: Rule, gross: int, line: Sequence[int]) -> list[Part]:
    """A commission along the hierarchy: ``line`` is the seller, then those above him.

    Each share is rounded once; what no one above takes is the seller's, so the parts are the whole.
    """
    seller, *above = line
    shares = [half_up(gross * share, E8) for share in rule.above_e8[: len(above)]]
    amounts = [gross - sum(shares), *shares]
    return [
        Part(agent, amount, half_up(amount * rule.tax_e8, E8))
        for agent, amount in zip((seller, *above), amounts, strict=False)
        if amount
    ]
