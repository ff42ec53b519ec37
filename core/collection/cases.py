"""What a collection file promises, checked with it: fees on a day, late fees, where money goes.

A case that comes out otherwise is a problem of the file, with the line of the case.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Annotated

import msgspec

from core.collection.allocation import ItemClass, Owed, Rule, give_out
from core.collection.late import Paid, late_fee
from core.collection.terms import CollectionTerms
from core.documents import Problem, read_node
from core.yamlnodes import Node
from core.yamlvalues import MINOR, Scaled

Money = Annotated[int, Scaled(MINOR, low=0)]


class FeeCase(msgspec.Struct, frozen=True, kw_only=True, tag="fee", tag_field="case"):
    """What a fee comes to on a day."""

    code: str
    on: date
    net: Money
    tax: Money

    def wrong(self, terms: CollectionTerms) -> str:
        """What is wrong; empty: nothing."""
        version = terms.fees[self.code].at(self.on) if self.code in terms.fees else None
        if version is None:
            return f"there is no fee {self.code} on {self.on}"
        net, tax = version.parts()
        same = (net, tax) == (self.net, self.tax)
        return "" if same else f"it comes to {net} and {tax} of tax, in minor units"


class PaidCase(msgspec.Struct, frozen=True, kw_only=True):
    """A payment of a case."""

    on: date
    amount: Money


class LateCase(msgspec.Struct, frozen=True, kw_only=True, tag="late", tag_field="case"):
    """What being late costs a customer of a class."""

    customer_class: str
    amount: Money
    due: date
    until: date
    fee: Money
    paid: tuple[PaidCase, ...] = ()

    def wrong(self, terms: CollectionTerms) -> str:
        """What is wrong; empty: nothing."""
        paid = [Paid(each.on, each.amount) for each in self.paid]
        rules = terms.late_rules(self.customer_class)
        fee = late_fee(self.amount, self.due, paid, rules, self.until)
        return "" if fee == self.fee else f"it comes to {fee}, in minor units"


class OwedCase(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is owed, and what of the payment it gets."""

    item_class: ItemClass
    due: date
    open: Money
    gets: Money


class PaymentCase(msgspec.Struct, frozen=True, kw_only=True, tag="payment", tag_field="case"):
    """Where a payment goes by a rule of the file."""

    rule: str
    amount: Money
    owed: tuple[OwedCase, ...]
    credit: Money

    def wrong(self, terms: CollectionTerms) -> str:
        """What is wrong; empty: nothing."""
        rule: Rule | None = terms.rules.get(self.rule)
        if rule is None:
            return f"there is no rule {self.rule}"
        owed = [
            Owed(place, "case", each.item_class, each.due.isoformat(), each.open)
            for place, each in enumerate(self.owed)
        ]
        shares, rest = give_out(self.amount, owed, rule)
        given = {share.owed.id: share.amount for share in shares}
        gets = [given.get(place, 0) for place in range(len(owed))]
        same = gets == [each.gets for each in self.owed] and rest == self.credit
        return "" if same else f"they get {gets}, {rest} are over, in minor units"


class BusinessCase(msgspec.Struct, frozen=True, kw_only=True, tag="business", tag_field="case"):
    """What an event of a day costs a customer of a class."""

    event: str
    pays: str
    customer_class: str
    on: date
    raises: tuple[str, ...]

    def wrong(self, terms: CollectionTerms) -> str:
        """What is wrong; empty: nothing."""
        raised = terms.raised_by(self.event, self.pays, (self.customer_class,), self.on)
        return "" if raised == self.raises else f"it raises {', '.join(raised) or 'nothing'}"


Case = FeeCase | LateCase | PaymentCase | BusinessCase


def check_cases(
    cases: Iterable[Node], terms: CollectionTerms, source: str, minor: int
) -> Sequence[Problem]:
    """The cases that come out otherwise. Raises DocumentError for one that is none."""
    problems = []
    for place, node in enumerate(cases):
        path = f"cases[{place}]"
        case = _read(node, source, path, minor)
        what = case.wrong(terms)
        if what:
            problems.append(Problem(source, node.line, path, what))
    return problems


_KINDS: dict[str, type[Case]] = {
    "fee": FeeCase,
    "late": LateCase,
    "payment": PaymentCase,
    "business": BusinessCase,
}


def _read(node: Node, source: str, path: str, minor: int) -> Case:
    """The case by its word; a case without one is read as a fee, whose problems say so."""
    pairs = node.value if node.kind == "mapping" else []
    word = next((child.value for key, child in pairs if key.value == "case"), "fee")
    kind = _KINDS.get(word if isinstance(word, str) else "fee", FeeCase)
    return read_node(node, kind, source, path, minor=minor).value
