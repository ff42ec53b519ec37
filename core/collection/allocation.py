"""Which of the things that a customer owes a payment pays: a declared rule, applied exactly.

The rule is stored with the payment, so that anyone can see years later why it went where it went;
a reversal does not apply it again but mirrors the rows that it made.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Literal

import msgspec

from core.money import allocate

ItemClass = Literal["penalty", "fee", "energy", "tax"]
CLASSES: Final[tuple[ItemClass, ...]] = ("penalty", "fee", "energy", "tax")
#: class-first: each class in the order, the oldest of it first. oldest-first: by due day, of one
#: day by class. pro-rata: by what is open on each. named-only: what the payer names and no more.
#: credit: nothing, all of it becomes credit. recovery: after what is named, the debts that
#: purchases recover and nothing else.
How = Literal["class-first", "oldest-first", "pro-rata", "named-only", "credit", "recovery"]


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """How a payment is given out. What the payer ``named`` (item ids) comes first, in his order.

    ``debts``: whether it also pays debts that purchases recover; they have their own agreed pace,
    and a customer who pays for tokens shall get tokens.
    """

    how: How = "class-first"
    order: tuple[ItemClass, ...] = CLASSES
    debts: bool = False
    named: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if sorted(self.order) != sorted(CLASSES):
            raise ValueError(f"order must name each of {', '.join(CLASSES)} once")


class Owed(msgspec.Struct, frozen=True, gc=False):
    """Something that can be paid: an open item, or (``debt``) one that purchases recover."""

    id: int
    code: str
    item_class: str
    due: str  # ISO
    open: int
    debt: bool = False


class Share(msgspec.Struct, frozen=True, gc=False):
    """What of the money goes where."""

    owed: Owed
    amount: int


def give_out(amount: int, owed: Iterable[Owed], rule: Rule) -> tuple[list[Share], int]:
    """The shares of ``amount`` (each above 0, none above what is open), and what is left over."""
    rest = sorted((each for each in owed if each.open > 0), key=_age)
    names = {each.id: each for each in rest if not each.debt}
    first = [names[id_] for id_ in dict.fromkeys(rule.named) if id_ in names]
    shares, left = _in_turn(amount, first)
    others = [each for each in rest if each not in first]
    more, left = _SPREAD[rule.how](left, others, rule)
    return [*shares, *more], left


def _age(owed: Owed) -> tuple[str, bool, int]:
    return owed.due, owed.debt, owed.id


def _in_turn(amount: int, owed: Sequence[Owed]) -> tuple[list[Share], int]:
    shares = []
    for each in owed:
        taken = min(amount, each.open)
        if taken > 0:
            shares.append(Share(each, taken))
            amount -= taken
    return shares, amount


def _by_class(amount: int, owed: Sequence[Owed], rule: Rule) -> tuple[list[Share], int]:
    place = rule.order.index
    return _in_turn(amount, sorted(owed, key=lambda o: (place(o.item_class), *_age(o))))


def _by_age(amount: int, owed: Sequence[Owed], rule: Rule) -> tuple[list[Share], int]:
    place = rule.order.index
    key: Callable[[Owed], tuple[str, int, bool, int]] = lambda o: (  # noqa: E731
        o.due, place(o.item_class), o.debt, o.id,
    )  # fmt: skip
    return _in_turn(amount, sorted(owed, key=key))


def _pro_rata(amount: int, owed: Sequence[Owed], _rule: Rule) -> tuple[list[Share], int]:
    """Largest remainder, ties to the older: no share can be above what is open."""
    total = sum(each.open for each in owed)
    if amount >= total or not owed:
        return _in_turn(amount, owed)
    parts = allocate(amount, [each.open for each in owed])
    return [Share(each, part) for each, part in zip(owed, parts, strict=True) if part], 0


def _nothing(amount: int, _owed: Sequence[Owed], _rule: Rule) -> tuple[list[Share], int]:
    return [], amount


def _recovery(amount: int, owed: Sequence[Owed], _rule: Rule) -> tuple[list[Share], int]:
    return _in_turn(amount, [each for each in owed if each.debt])


_SPREAD: Final[Mapping[How, Callable[[int, Sequence[Owed], Rule], tuple[list[Share], int]]]] = {
    "class-first": _by_class,
    "oldest-first": _by_age,
    "pro-rata": _pro_rata,
    "named-only": _nothing,
    "credit": _nothing,
    "recovery": _recovery,
}
