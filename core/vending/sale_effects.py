"""What a sale changed in what the tariff remembers, kept with it; and taking it back. Pure.

Later sales keep their price: what they were priced on is never looked at again, only what the next
one will be priced on changes.
"""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from core.book import Stage
from core.entities import AgreementState, Debt

_encode = msgspec.json.Encoder().encode


class Effect(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """``before`` and ``after``: (period, milli-units of the period, months charged through);
    ``paid``: (debt id, minor units) of the debts that it paid, ``items`` of open items."""

    before: tuple[int, int, int]
    after: tuple[int, int, int]
    paid: tuple[tuple[int, int], ...] = ()
    items: tuple[tuple[int, int], ...] = ()


_effect = msgspec.json.Decoder(Effect)


class InterferesError(Exception):
    """A later sale stands upon this one: taking it back would leave a hole."""


def facts_of(state: AgreementState) -> tuple[int, int, int]:
    """What an effect compares."""
    return state.period, state.units_milli, state.fixed_through


def effect_text(effect: Effect) -> str:
    """As it is stored with the sale."""
    return _encode(effect).decode()


def stored_effect(text: str) -> Effect | None:
    """None for a sale of before effects were kept."""
    return _effect.decode(text) if text else None


def without(
    state: AgreementState, effect: Effect, sold_milli: int, counted: bool
) -> AgreementState:
    """What the tariff would remember without the sale.

    Where nothing came after it, exactly what it was before. Otherwise its units are taken off, as
    far as they still count (``counted``), and the months that it paid are due again. Raises
    InterferesError where later sales paid later months: a month between cannot become due again.
    """
    period, units, through = facts_of(state)
    if facts_of(state) == effect.after:
        period, units, through = effect.before
        return replace(state, period=period, units_milli=units, fixed_through=through)
    if effect.before[2] != effect.after[2]:
        if through != effect.after[2]:
            raise InterferesError("a later sale paid the charges of later months: cancel it first")
        through = effect.before[2]
    units -= sold_milli if counted else 0
    if units < 0:
        raise InterferesError("the units of the period do not hold those of the sale")
    return replace(state, units_milli=units, fixed_through=through)


def owe_again(stage: Stage, paid: tuple[tuple[int, int], ...]) -> None:
    """The debts that a sale paid are owed again."""
    for debt_id, amount in paid:
        debt = stage.need(Debt, debt_id)
        stage.put(debt_id, replace(debt, outstanding=debt.outstanding + amount))
