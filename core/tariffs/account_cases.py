"""Cases of an agent's or customer's account: what is owed after each event, and what is refused.

Money cases that are no tariff: sales on an agent's risk with commission, receipts, bills, voids.
The rules are those of docs/tariffs.md (*Cases of accounts*); everything is minor units.
"""

from dataclasses import dataclass, field
from typing import Annotated

import msgspec
from msgspec import UNSET

from core.documents import read_node
from core.money import currency, half_up
from core.tariffs.compiling import CompiledTariff
from core.tariffs.decimals import decimal_text
from core.tariffs.doc_base import Ratio, Text
from core.tariffs.expected import Said, differences
from core.tariffs.shapes import E8
from core.yamlnodes import Node
from core.yamlvalues import MINOR, Scaled

Money = Annotated[int, Scaled(MINOR, low=0)]


class AccountRules(msgspec.Struct, frozen=True, kw_only=True):
    """The most that may be owed, and the commission that is settled when money comes."""

    limit: Money | None = None
    commission_percent: Ratio = 0


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One of: a sale on risk, a receipt of money, a bill, the void of a sale or bill by its id.

    An event whose id was there before is the same event again and changes nothing.
    """

    sale: Money | None = None
    receipt: Money | None = None
    bill: Money | None = None
    void: Text | None = None
    id: Text | None = None

    def __post_init__(self) -> None:
        if [self.sale, self.receipt, self.bill, self.void].count(None) != 3:
            raise ValueError("needs exactly one of sale, receipt, bill, void")


class AccountInput(msgspec.Struct, frozen=True, kw_only=True):
    """The rules and the events in order."""

    account: AccountRules
    events: tuple[Event, ...]


class EventSaid(msgspec.Struct, frozen=True, kw_only=True):
    """The account after an event, as far as it is written."""

    balance: Said = UNSET
    commission: Said = UNSET
    outcome: Said = UNSET


class ExpectedAccount(msgspec.Struct, frozen=True, kw_only=True):
    """What must come of each event."""

    events: tuple[EventSaid, ...]
    entries: Said = UNSET


@dataclass(slots=True)
class _Account:
    rules: AccountRules
    balance: int = 0
    commission: int = 0
    entries: int = 0
    open: dict[str, tuple[int, int]] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)

    def apply(self, event: Event) -> str:
        """The outcome: done, repeated or refused."""
        if event.id is not None and event.id in self.seen:
            return "repeated"
        outcome = self._void(event.void) if event.void is not None else self._book(event)
        if outcome == "done":
            self.entries += 1
            self.seen.update({event.id} - {None})  # type: ignore[arg-type]
        return outcome

    def _book(self, event: Event) -> str:
        if event.receipt is not None:
            self.balance -= event.receipt + self.commission
            self.commission = 0
            return "done"
        amount = event.sale if event.sale is not None else event.bill or 0
        if self.rules.limit is not None and self.balance + amount > self.rules.limit:
            return "refused"
        earned = half_up(amount * self.rules.commission_percent, E8) if event.sale else 0
        self.balance += amount
        self.commission += earned
        if event.id is not None:
            self.open[event.id] = (amount, earned)
        return "done"

    def _void(self, id_: str) -> str:
        if id_ not in self.open:
            return "refused"  # never there, or void already: a second mirror would be money
        amount, earned = self.open.pop(id_)
        self.balance -= amount
        self.commission -= earned
        return "done"


def is_account(node: Node) -> bool:
    """Whether an input is that of an account."""
    return node.kind == "mapping" and any(key.value == "account" for key, _ in node.value)


def account_results(
    node: Node, tariff: CompiledTariff, name: str, path: str
) -> list[dict[str, object]]:
    """The account after each event, as plain data."""
    money = currency(tariff.tariff.currency)
    given = read_node(node, AccountInput, name, path, minor=money.scale).value
    account = _Account(given.account)
    found: list[dict[str, object]] = []
    for event in given.events:
        outcome = account.apply(event)
        found.append(
            {
                "balance": decimal_text(account.balance, money.exponent),
                "commission": decimal_text(account.commission, money.exponent),
                "outcome": outcome,
                "entries": str(account.entries),
            }
        )
    return found


def account_failures(
    case: tuple[Node, Node], tariff: CompiledTariff, name: str, path: str
) -> list[str]:
    """How the events of (input, expected) differ from what is expected."""
    below, where = (f"{path}.{part}" if path else part for part in ("input", "expected"))
    came = account_results(case[0], tariff, name, below)
    wanted = read_node(case[1], ExpectedAccount, name, where).value
    if len(wanted.events) != len(came):
        return [f"expected {len(wanted.events)} events, came {len(came)}"]
    failures = []
    for number, (event, now) in enumerate(zip(wanted.events, came, strict=True), 1):
        failures += differences(msgspec.to_builtins(event), now, f"event {number}")
    if wanted.entries is not UNSET and came:
        failures += differences(wanted.entries, came[-1]["entries"], "entries")
    return failures
