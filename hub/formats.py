"""How values look to people: the closed list of converters of the customers' texts.

Whole numbers only: money in minor units, units in tenths, other quantities in milli-units,
instants in microseconds UTC. What is already text (a core that sends a ready value) stays as it is.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from core.money import CURRENCIES

#: A word of which only a letter or nothing is left.
_MASKED: Final = re.compile(r".?\*+")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Forms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A phrase that changes with its number ``{n}``; no ``one``: it does not change."""

    other: str
    one: str = ""

    def __post_init__(self) -> None:
        if "{n}" not in self.other:
            raise ValueError("{n} is missing in 'other'")


class Counted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Phrases with a number, and which numbers take the form ``one``: a rule of the language."""

    minutes_ago: Forms
    singular: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Style:
    """How one language in one company writes: marks, order of a money text, time, zone."""

    thousands: str
    decimal: str
    money: str  # "{currency} {amount}"
    time: str  # of DD MM YYYY YY HH mm
    zone: ZoneInfo
    currency: str
    exponent: int
    counted: Counted = field(default_factory=lambda: Counted(Forms("{n}")))


def number(value: Any, style: Style, places: int = 0, trim: bool = False) -> str:
    """An integer of ``10**-places``; ``trim`` drops zeros at the end of the fraction."""
    if not isinstance(value, int):
        return str(value)
    if not places:
        return f"{value:,}".replace(",", style.thousands)
    sign = "-" if value < 0 else ""
    whole, part = divmod(abs(value), 10**places)
    grouped = f"{whole:,}".replace(",", style.thousands)
    fraction = f"{part:0{places}d}"
    if trim:
        fraction = fraction.rstrip("0")
    return f"{sign}{grouped}{style.decimal}{fraction}" if fraction else f"{sign}{grouped}"


def amount(value: Any, style: Style, currency: str = "") -> str:
    """Minor units without the currency's name, as on the lines of a receipt."""
    other = CURRENCIES.get(currency) if currency != style.currency else None
    return number(value, style, style.exponent if other is None else other.exponent)


def money(value: Any, style: Style, currency: str = "") -> str:
    """Minor units with their currency: ``UGX 20,000``."""
    if not isinstance(value, int):
        return str(value)
    shown = amount(value, style, currency)
    return style.money.replace("{currency}", currency or style.currency).replace("{amount}", shown)


def kwh(value: Any, style: Style, currency: str = "") -> str:  # noqa: ARG001 - one signature
    """Tenths of a unit (kWh, m³, …): ``28.1``."""
    return number(value, style, 1)


def coins(value: Any, style: Style, currency: str = "") -> str:
    """Tenths of a smallest coin, as a meter that holds money counts: ``645.63``."""
    return amount(value // 10 if isinstance(value, int) else value, style, currency)


def kwh_milli(value: Any, style: Style, currency: str = "") -> str:  # noqa: ARG001
    """Milli-units: ``12.5``."""
    return number(value, style, 3, trim=True)


def token(value: Any, style: Style, currency: str = "") -> str:  # noqa: ARG001
    """Twenty digits as five groups of four, as meters' keypads and people take them."""
    digits = str(value)
    return " ".join([digits[at : at + 4] for at in range(0, len(digits), 4)])


def numbered(value: Any, style: Style, currency: str = "") -> str:
    """Tokens in the order in which they are keyed in, a numbered line each."""
    lines = enumerate(value, 1)
    return "\n".join(f"{at}) {token(each, style, currency)}" for at, each in lines)


def after(value: Any, style: Style, currency: str = "") -> str:  # noqa: ARG001
    """The number that comes after a numbered list."""
    return str(len(value) + 1)


def time(value: Any, style: Style, currency: str = "") -> str:  # noqa: ARG001
    """An instant in the company's zone."""
    if not isinstance(value, int):
        return str(value)
    local = (_EPOCH + timedelta(microseconds=value)).astimezone(style.zone)
    parts = {"YYYY": "%Y", "YY": "%y", "MM": "%m", "DD": "%d", "HH": "%H", "mm": "%M"}
    pattern = style.time
    for name, code in parts.items():
        pattern = pattern.replace(name, code)
    return local.strftime(pattern)


def minutes_ago(value: Any, style: Style, currency: str = "") -> str:  # noqa: ARG001
    """Whole minutes as a phrase: ``1 minute ago``, ``5 minutes ago``."""
    forms = style.counted.minutes_ago
    form = forms.one if forms.one and value in style.counted.singular else forms.other
    return form.replace("{n}", number(value, style))


def masked(value: Any, style: Style, currency: str = "") -> str:  # noqa: ARG001
    """A name as ``J*** O***``, a number as ``+256***678``; what is masked stays so."""
    shown = str(value)
    if any(letter.isdigit() for letter in shown):
        return f"{shown[:4]}***{shown[-3:]}" if len(shown) > 7 else "***"
    return " ".join(word if _MASKED.fullmatch(word) else f"{word[0]}***" for word in shown.split())


def text(value: Any, style: Style, currency: str = "") -> str:  # noqa: ARG001
    """As it is, without line ends that would change the look of the message."""
    return " ".join(str(value).split())


Converter = Callable[[Any, Style, str], str]

#: Everything that a placeholder can be turned by. ``lines``, ``sales``, ``unit`` and ``reason``
#: need the sheet of the language and live with it in ``hub.texts``.
CONVERTERS: Final[Mapping[str, Converter]] = {
    "after": after,
    "amount": amount,
    "kwh": kwh,
    "kwh_milli": kwh_milli,
    "masked": masked,
    "minutes_ago": minutes_ago,
    "money": money,
    "numbered": numbered,
    "text": text,
    "time": time,
    "token": token,
}
