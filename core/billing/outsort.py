"""Outsorting: which bills a person looks at before they go out. Rules are data, per run.

Always held, whatever the rules say: what could not be calculated, and a bill below nothing.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec

Measure = Literal["net", "consumption", "total"]
_Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,31}\Z")]
#: Rules of a run: more than a clerk can keep apart helps nobody.
MAX_RULES = 50


class OutsortRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hold a bill whose ``measure`` lies outside ``low`` … ``high`` (both allowed; None: no limit).

    Minor units; consumption in milli-units. ``of_previous``: the limits are percent of the
    consumption of the period before; who has none before is not held by it. ``tariffs``: only of
    these (empty: all).
    """

    name: _Name
    measure: Measure
    low: int | None = None
    high: int | None = None
    of_previous: bool = False
    tariffs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.low is None and self.high is None:
            raise ValueError(f"rule {self.name}: needs low or high")
        if self.of_previous and self.measure != "consumption":
            raise ValueError(
                f"rule {self.name}: only consumption is compared with the period before"
            )

    def holds(self, tariff: str, value: int, previous: int | None) -> bool:
        """Whether a bill with this value is held."""
        if self.tariffs and tariff not in self.tariffs:
            return False
        low, high = self.low, self.high
        if self.of_previous:
            if previous is None:
                return False
            value *= 100  # compared as products: nothing is rounded
            low = None if low is None else low * previous
            high = None if high is None else high * previous
        return (low is not None and value < low) or (high is not None and value > high)


class Measured(msgspec.Struct, frozen=True, gc=False):
    """What the rules look at."""

    tariff: str
    net: int
    consumption: int
    total: int
    previous: int | None = None


def reasons(rules: Sequence[OutsortRule], of: Measured) -> str:
    """The names of the rules that hold a bill, with a blank between; empty: it passes."""
    found = ["below-nothing"] if of.total < 0 else []
    found += [
        rule.name for rule in rules if rule.holds(of.tariff, getattr(of, rule.measure), of.previous)
    ]
    return " ".join(found)


def read_rules(text: str) -> tuple[OutsortRule, ...]:
    """Rules from JSON (a list). ValueError says where it is wrong."""
    try:
        rules = msgspec.json.decode(text, type=tuple[OutsortRule, ...])
    except msgspec.MsgspecError as error:
        raise ValueError(f"outsorting rules: {error}") from error
    if len(rules) > MAX_RULES:
        raise ValueError(f"outsorting rules: {len(rules)}, at most {MAX_RULES}")
    return rules
