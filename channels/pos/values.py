"""What an answer can carry, by name: the closed list that ``gives`` of a dialect chooses from.

Each is a function of the :class:`Facts` of one answer; None or "" leaves its place out. Amounts are
digits as in DE4.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import ZoneInfo

from adapters.iso8583.amounts import to_wire
from adapters.iso8583.errors import EncodeError

Value = Callable[["Facts"], "str | bytes | None"]
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: Families of a receipt's lines, by the codes of ``mappings/texts``.
TAXES: Final = frozenset({"vat", "tax", "levy"})
DEBTS: Final = frozenset({"debt", "arrears", "old-debt", "advance", "bill", "late-fee", "fine"})


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one answer. ``data``: the content of the hub's answer, of a sale or a
    payment; ``extra``: what the channel adds under the value's own name."""

    now_us: int
    zone: ZoneInfo
    exponent: int
    wire_exponent: int | None
    data: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, str | bytes] = field(default_factory=dict)

    def local(self) -> datetime:
        """Now, in the company's zone."""
        return (_EPOCH + timedelta(microseconds=self.now_us)).astimezone(self.zone)

    def amount(self, minor: Any, size: int = 12) -> str:
        """Digits of an amount; nothing for what does not stand in them."""
        if not isinstance(minor, int):
            return ""
        try:
            return to_wire(max(minor, 0), self.wire_exponent, self.exponent, size)
        except EncodeError:
            return ""

    def lines(self) -> Iterable[Mapping[str, Any]]:
        """The lines of a receipt."""
        found = self.data.get("lines") or ()
        return [line for line in found if isinstance(line, Mapping)]

    def sum_of(self, families: frozenset[str]) -> str:
        """The sum of the lines of some families; nothing when there is none."""
        found = [line for line in self.lines() if _family(str(line.get("code", ""))) in families]
        return self.amount(sum(int(line.get("amount", 0)) for line in found)) if found else ""


def _family(code: str) -> str:
    return code.replace(":", ".").partition(".")[0]


def grouped(digits: Any) -> str:
    """A token in groups of four, as meters' keypads and people take it."""
    text = str(digits or "")
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def _kct(facts: Facts) -> str:
    """The tokens of a new key, in the order in which they are keyed in, before the token."""
    return "\n".join(grouped(each) for each in facts.data.get("kct") or ())


def _units(facts: Facts) -> str:
    tenths = facts.data.get("units_tenths")
    if not isinstance(tenths, int):
        return ""
    return f"{tenths // 10}.{tenths % 10}"


def _steps(facts: Facts) -> str:
    """One row a line of the receipt: code, milli-units, rate (10⁻⁸), amount in minor units."""
    return "\n".join(
        f"{line.get('label') or line.get('code')};{line.get('quantity_milli', 0)};"
        f"{line.get('rate_e8', 0)};{line.get('amount', 0)}"
        for line in facts.lines()
    )


def _meter(facts: Facts) -> str:
    meter = facts.data.get("meter", "")
    return str(meter.get("drn", "")) if isinstance(meter, Mapping) else str(meter)


def _holder(facts: Facts) -> str:
    """Masked, as a stranger may see it."""
    meter = facts.data.get("meter")
    inside = meter.get("holder", "") if isinstance(meter, Mapping) else ""
    return str(facts.data.get("holder") or inside)


def _number(name: str) -> Value:
    def value(facts: Facts) -> str:
        found = facts.data.get(name)
        if isinstance(found, str):  # the most
            return found
        return "" if found is None or isinstance(found, Mapping) else str(found)

    return value


def _money(name: str, size: int = 12) -> Value:
    return lambda facts: facts.amount(facts.data.get(name), size)


def _ours(name: str, size: int, *, money: bool = False) -> Value:
    """A number of our totals of a batch."""

    def value(facts: Facts) -> str:
        ours = facts.data.get("ours")
        if not isinstance(ours, Mapping):
            return ""
        number = ours.get(name, 0)
        return facts.amount(number, size) if money else f"{int(number):0{size}d}"

    return value


def _result(facts: Facts) -> str:
    """DE66: 1 in balance, 2 out of balance."""
    if "balanced" not in facts.data:
        return ""
    return "1" if facts.data["balanced"] else "2"


def _extra(name: str) -> Value:
    return lambda facts: facts.extra.get(name)


def _clock(pattern: str) -> Value:
    return lambda facts: facts.local().strftime(pattern)


def _sent(facts: Facts) -> str:
    """DE7: MMDDhhmmss in UTC."""
    return _sent_at(facts.now_us // 1_000_000)


@lru_cache(16)
def _sent_at(second: int) -> str:
    return (_EPOCH + timedelta(seconds=second)).strftime("%m%d%H%M%S")


VALUES: Final[Mapping[str, Value]] = MappingProxyType(
    {
        "sent": _sent,
        "time": _clock("%H%M%S"),
        "date": _clock("%m%d"),
        "datetime": _clock("%y%m%d%H%M%S"),
        "token": _number("token"),
        "tokens": lambda facts: grouped(facts.data.get("token")),
        "kct": _kct,
        "free_token": _number("free_token"),
        "units": _units,
        "receipt": _number("receipt"),
        "tender": _money("tender"),
        "carried": _money("carried_forward"),
        "credit": _money("credit"),
        "due": _money("due"),
        "tax": lambda facts: facts.sum_of(TAXES),
        "debts": lambda facts: facts.sum_of(DEBTS),
        "steps": _steps,
        "account": _number("account"),
        "meter": _meter,
        "holder": _holder,
        "payment": _number("payment"),
        "state": _number("state"),
        "cashier": _number("cashier"),
        "cashier_name": _number("name"),
        "shift": _number("shift"),
        "tries": _number("tries"),
        "differences": _number("differences"),
        "pending": _number("pending"),
        "result": _result,
        "our_debits": _ours("debits", 10),
        "our_reversals": _ours("debit_reversals", 10),
        "our_amount": _ours("debit_amount", 16, money=True),
        "our_reversed": _ours("debit_reversal_amount", 16, money=True),
        **{
            name: _extra(name)
            for name in (
                "text", "print", "key", "parameters", "parameters_version", "message",
                "message_number", "receipts", "bills", "next_page",
            )
        },
    }
)  # fmt: skip
#: What a terminal needs of a sale that was made, if there is no room for the rest.
ESSENTIAL: Final = frozenset({"token", "kct", "receipt", "payment", "key", "result", "sent"})
