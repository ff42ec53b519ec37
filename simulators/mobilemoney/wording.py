"""What dialects share: amounts and times as providers write them, and notices made wrong."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from core.money import currency
from simulators.mobilemoney.wire import Notice

#: By how much an altered notice lies: ten times what was paid.
LIE = 10


def major(minor: int, code: str, places: int | None = None) -> str:
    """An amount in major units; ``places`` None: as many decimals as the currency has."""
    unit = currency(code)
    shown = unit.exponent if places is None else places
    whole, part = divmod(minor, unit.scale)
    digits = f"{part:0{unit.exponent}d}" if unit.exponent else ""
    tail = digits.ljust(shown, "0")[:shown]
    return f"{whole}.{tail}" if tail else str(whole)


def minor(text: Any, code: str) -> int:
    """Minor units of what a merchant sent. Raises ValueError: no amount of this currency."""
    unit = currency(code)
    whole, _, part = str(text).strip().partition(".")
    if not whole.isascii() or not whole.isdigit() or (part and not part.isdigit()):
        raise ValueError(f"{text!r} is no amount")
    if part.rstrip("0")[unit.exponent :]:
        raise ValueError(f"{text!r} has more decimals than {code}")
    return int(whole) * unit.scale + int(part.ljust(unit.exponent, "0")[: unit.exponent] or 0)


def compact(at: float, hours: int) -> str:
    """``yyyyMMddHHmmss`` in the provider's zone."""
    return datetime.fromtimestamp(at, timezone(timedelta(hours=hours))).strftime("%Y%m%d%H%M%S")


def changed(notice: Notice, fields: Mapping[str, Any]) -> Notice:
    """The notice with other fields."""
    return replace(notice, fields=fields)


def retyped(value: Any) -> Any:
    """Numbers as text, text of digits as numbers, through everything that is inside."""
    if isinstance(value, Mapping):
        return {name: retyped(each) for name, each in value.items()}
    if isinstance(value, list):
        return [retyped(each) for each in value]
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 4:
        return int(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and value < 10_000:
        return str(value)
    return value
