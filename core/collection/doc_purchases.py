"""What a collection file says of purchases: what they pay, what stands against them, credit."""

from typing import Annotated, Any, Literal

import msgspec

from core.collection.allocation import CLASSES, ItemClass
from core.collection.doc_base import Code, Days, Method, Money, Percent, Priority, check_method
from core.collection.terms import ADVANCE, AdvanceTerms, Blocking, PurchaseRule, Taking
from core.documents import Misfit
from core.yamlvalues import MINOR, Scaled


class DeductDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Purchases pay it too: how much, in which place, from which age on."""

    method: Method
    priority: Priority
    overdue_days: Days
    tax_in_tender: Literal["by_tariff", "never"]
    percent: Percent | None = None
    amount: Money | None = None
    cap_per_sale: Money = 0

    def __post_init__(self) -> None:
        check_method(self.method, self.percent, self.amount)

    def taking(self) -> Taking:
        """As it is applied."""
        return Taking(
            method=self.method,
            value=self.percent or self.amount or 0,
            priority=self.priority,
            cap_per_sale=self.cap_per_sale,
            overdue_days=self.overdue_days,
            taxed=self.tax_in_tender == "by_tariff",
        )


class BlockDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing is sold while more than that is owed, so many days overdue."""

    above: Money
    overdue_days: Days


class PurchaseDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What purchases do about what is owed: of an item class, or of a code."""

    deduct: Literal["never"] | DeductDocument
    block: Literal["never"] | BlockDocument
    item_class: ItemClass | None = None
    code: Code | None = None
    note: Any = None

    def __post_init__(self) -> None:
        if (self.item_class is None) == (self.code is None):
            raise Misfit("", "says one of item_class and code")
        if self.code == ADVANCE:
            raise Misfit("code", f"what {ADVANCE} does to purchases is law: it is taken first")
        if self.code in CLASSES:
            raise Misfit("code", f"{self.code} is a class: say item_class")

    @property
    def of(self) -> str:
        """Its class or its code."""
        return self.code or self.item_class or ""

    def rule(self) -> PurchaseRule:
        """As it is applied."""
        take, block = self.deduct, self.block
        return PurchaseRule(
            of=self.of,
            take=take.taking() if isinstance(take, DeductDocument) else None,
            block=(
                Blocking(above=block.above, overdue_days=block.overdue_days)
                if isinstance(block, BlockDocument)
                else None
            ),
        )


class CapDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What all debts together take from one purchase at most: an amount, a share of it, or both."""

    amount: Money | None = None
    percent: Percent | None = None

    def __post_init__(self) -> None:
        if self.amount is None and self.percent is None:
            raise Misfit("", "says an amount, a percent, or both")


class AdvanceDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Units on credit."""

    limit: Annotated[int, Scaled(MINOR, low=1)]
    per_month: Annotated[int, msgspec.Meta(ge=1, le=31)]
    fee: str

    def advances(self) -> AdvanceTerms:
        """As they are given."""
        return AdvanceTerms(limit=self.limit, per_month=self.per_month, fee=self.fee)
