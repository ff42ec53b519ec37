"""A company's collection file → terms, with errors that name file, line and what is allowed.

The form is that of ``mappings/collection/*.yaml``; the structs here are that form, field by field.
Amounts are decimals of the currency's major unit, percentages as percent. Nothing that costs a
customer money has a default.
"""

from datetime import date
from typing import Annotated, Any, Literal

import msgspec

from core.collection.allocation import CLASSES, How, ItemClass, Rule
from core.collection.cases import check_cases
from core.collection.doc_base import Code, Days, Method, Money, Percent, Priority, check_method
from core.collection.doc_business import BusinessFeeDocument, business, check_business
from core.collection.doc_purchases import AdvanceDocument, CapDocument, PurchaseDocument
from core.collection.late import LateRule
from core.collection.terms import ADVANCE, CollectionTerms, Fee, FeeVersion, Recovery
from core.counter.document import CounterDocument
from core.documents import DocumentError, Misfit, nodes, read_node
from core.money import CURRENCIES
from core.tariffs.doc_base import PERCENT, Payee, Text
from core.yamlnodes import Node
from core.yamlvalues import OneOf, Scaled


class RuleDocument(msgspec.Struct, frozen=True, kw_only=True):
    """How payments are given out."""

    how: How
    order: tuple[ItemClass, ...] = CLASSES
    debts: bool = False

    def __post_init__(self) -> None:
        if sorted(self.order) != sorted(CLASSES):
            raise Misfit("order", f"must name each of {', '.join(CLASSES)} once")

    def rule(self) -> Rule:
        """As it is applied."""
        return Rule(how=self.how, order=self.order, debts=self.debts)


class RecoveryDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Purchases pay it: all at once, a share of each tender or of the debt, a fixed amount."""

    method: Method
    percent: Percent | None = None
    amount: Money | None = None
    priority: Priority = 10
    cap_per_sale: Money = 0

    def __post_init__(self) -> None:
        check_method(self.method, self.percent, self.amount)

    def recovery(self) -> Recovery:
        """As it is applied."""
        return Recovery(
            method=self.method,
            value=self.percent or self.amount or 0,
            priority=self.priority,
            cap_per_sale=self.cap_per_sale,
        )


class FeeVersionDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A fee's price from a day on. ``tax``: whether it lies in the amount or comes on top."""

    valid_from: date
    amount: Money
    tax_percent: Percent
    tax: Literal["included", "on_top", "none"]

    def __post_init__(self) -> None:
        if (self.tax == "none") != (self.tax_percent == 0):
            raise Misfit("tax", "tax: none goes with tax_percent: 0, and only with it")

    def version(self) -> FeeVersion:
        """As it is charged."""
        return FeeVersion(
            valid_from=self.valid_from,
            amount=self.amount,
            tax_e8=self.tax_percent,
            tax_included=self.tax != "on_top",
        )


class FeeDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A fee of the catalogue."""

    code: Code
    label: Text
    item_class: ItemClass
    payee: Payee
    versions: tuple[FeeVersionDocument, ...]
    tax_code: Code = "vat"
    due_days: Days = 0
    recovery: RecoveryDocument | None = None
    note: Any = None

    def __post_init__(self) -> None:
        if self.code == ADVANCE:
            raise Misfit("code", f"{ADVANCE} is what is owed for units on credit")
        _in_order([version.valid_from for version in self.versions])

    def fee(self) -> Fee:
        """As it is charged."""
        return Fee(
            code=self.code,
            label=self.label,
            item_class=self.item_class,
            versions=tuple(version.version() for version in self.versions),
            payee=self.payee,
            tax_code=self.tax_code,
            due_days=self.due_days,
            recovery=self.recovery.recovery() if self.recovery else None,
        )


class LateVersionDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A late fee from a day on. ``percent_per_day`` is of what is open; of later years than the
    due day's it may be another."""

    valid_from: date
    percent_per_day: Percent
    percent_per_day_later_years: Percent | None = None
    grace_days: Days
    minimum: Money
    cap_percent: Annotated[int, Scaled(PERCENT, low=0, high=10_000)] = 0
    cap: Money = 0

    def rule(self) -> LateRule:
        """As it is reckoned."""
        return LateRule(
            valid_from=self.valid_from,
            per_day_e8=self.percent_per_day,
            later_years_e8=self.percent_per_day_later_years,
            grace_days=self.grace_days,
            minimum=self.minimum,
            cap_e8=self.cap_percent,
            cap=self.cap,
        )


class LateDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The late fees of a customer class; empty: of every class without its own."""

    customer_class: str
    versions: tuple[LateVersionDocument, ...]

    def __post_init__(self) -> None:
        _in_order([version.valid_from for version in self.versions])


def _in_order(days: list[date]) -> None:
    if not days:
        raise Misfit("versions", "there is none")
    for place in range(1, len(days)):
        if days[place] <= days[place - 1]:
            raise Misfit(f"versions[{place}].valid_from", f"must be after {days[place - 1]}")


class CollectionDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A company's rules of collection."""

    rules: dict[str, RuleDocument]
    default_rule: str
    fees: tuple[FeeDocument, ...]
    customer_classes: dict[str, tuple[Text, ...]]
    late_fees: tuple[LateDocument, ...]
    late_fees_due_days: Days
    ageing: tuple[Days, ...]
    uncleared_ways: tuple[Text, ...]
    dishonour_fee: str
    purchases: tuple[PurchaseDocument, ...] = ()
    advances: AdvanceDocument | None = None
    purchases_cap: CapDocument | None = None
    counter: CounterDocument | None = None
    business_fees: tuple[BusinessFeeDocument, ...] = ()

    def __post_init__(self) -> None:
        if self.default_rule not in self.rules:
            raise Misfit("default_rule", f"no rule {self.default_rule!r}", sorted(self.rules))
        codes = [fee.code for fee in self.fees]
        for place, code in enumerate(codes):
            if code in codes[:place]:
                raise Misfit(f"fees[{place}].code", f"fee {code} is there already")
        if self.dishonour_fee not in ("", *codes):
            raise Misfit("dishonour_fee", f"no fee {self.dishonour_fee!r}", codes)
        if self.advances is not None and self.advances.fee not in ("", *codes):
            raise Misfit("advances.fee", f"no fee {self.advances.fee!r}", codes)
        named = [purchase.of for purchase in self.purchases]
        for place, of in enumerate(named):
            if of in named[:place]:
                raise Misfit(f"purchases[{place}]", f"{of} is there already")
        if list(self.ageing) != sorted(set(self.ageing)):
            raise Misfit("ageing", "days must rise")
        self._classes()
        check_business(self.business_fees, codes, [*self.customer_classes])

    def _classes(self) -> None:
        seen: dict[str, str] = {}
        for name, tariffs in self.customer_classes.items():
            for tariff in tariffs:
                if tariff in seen:
                    raise Misfit(
                        f"customer_classes.{name}", f"{tariff} is in {seen[tariff]} already"
                    )
                seen[tariff] = name
        known = ["", *self.customer_classes]
        named = [late.customer_class for late in self.late_fees]
        for place, name in enumerate(named):
            if name not in known or name in named[:place]:
                raise Misfit(
                    f"late_fees[{place}].customer_class", f"{name!r} is unknown, or twice", known
                )

    def terms(self) -> CollectionTerms:
        """As decisions use it."""
        rules = {name: rule.rule() for name, rule in self.rules.items()}
        return CollectionTerms(
            rules={**rules, "": rules[self.default_rule]},
            fees={fee.code: fee.fee() for fee in self.fees},
            classes=self.customer_classes,
            late={
                late.customer_class: tuple(version.rule() for version in late.versions)
                for late in self.late_fees
            },
            late_due_days=self.late_fees_due_days,
            ageing=self.ageing,
            uncleared=self.uncleared_ways,
            dishonour_fee=self.dishonour_fee,
            purchases={each.of: each.rule() for each in self.purchases},
            advances=self.advances.advances() if self.advances else None,
            debts_cap=self.purchases_cap.amount if self.purchases_cap else None,
            debts_cap_e8=self.purchases_cap.percent if self.purchases_cap else None,
            counter=self.counter.counter() if self.counter else None,
            business=business(self.business_fees),
        )


class FileDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A file of ``mappings/collection``; it is read in its currency, and must keep its cases."""

    mapping: Text
    format: Literal["collection"]
    version: Annotated[int, msgspec.Meta(ge=1, le=10**6)]
    effective: date
    currency: Annotated[str, OneOf(sorted(CURRENCIES))]
    collection: Node
    cases: tuple[Node, ...]
    source: Any = None
    note: Any = None


class CollectionFile(msgspec.Struct, frozen=True):
    """What a file says, and the currency that its amounts are in."""

    currency: str
    terms: CollectionTerms


def load_file(text: str, name: str) -> CollectionFile:
    """Read a mapping file; DocumentError lists everything that is wrong with it."""
    head = read_node(nodes(text, name), FileDocument, name).value
    minor = CURRENCIES[head.currency].scale
    body = read_node(head.collection, CollectionDocument, name, "collection", minor=minor)
    terms = body.value.terms()
    problems = check_cases(head.cases, terms, name, minor)
    if problems:
        raise DocumentError(problems)
    return CollectionFile(head.currency, terms)
