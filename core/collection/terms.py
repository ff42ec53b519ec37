"""What a company declares about collection: rules, fees, late fees, ageing, ways of paying.

Read from ``mappings/collection`` (``core.collection.load``); the defaults charge nothing.
"""

from collections.abc import Collection, Mapping
from datetime import date

import msgspec

from core.collection.allocation import ItemClass, Rule
from core.collection.late import E8, LateRule
from core.counter.terms import CounterTerms
from core.money import half_up
from core.tariffs.shapes import OWN

#: The code of what is owed for units on credit.
ADVANCE = "advance"
#: Ways of paying that are money at once. Another spelling is another ledger, and credit at once.
AT_ONCE = ("cash", "card", "transfer", "mobile")


class FeeVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A fee from a day on. ``amount`` in minor units; the tax is in it or comes on top."""

    valid_from: date
    amount: int
    tax_e8: int = 0
    tax_included: bool = True

    def parts(self) -> tuple[int, int]:
        """(net, tax), each rounded once: what the customer owes is their sum."""
        if not self.tax_included:
            return self.amount, half_up(self.amount * self.tax_e8, E8)
        net = half_up(self.amount * E8, E8 + self.tax_e8)
        return net, self.amount - net


class Recovery(msgspec.Struct, frozen=True, kw_only=True):
    """How purchases pay a debt: the method of ``core.tariffs.sale.Debt``."""

    method: str = "all"
    value: int = 0
    priority: int = 10
    cap_per_sale: int = 0


class Fee(msgspec.Struct, frozen=True, kw_only=True):
    """A fee of the catalogue. ``recovery``: where the agreement is prepaid, purchases pay it."""

    code: str
    label: str
    item_class: ItemClass
    versions: tuple[FeeVersion, ...]
    payee: str = OWN
    tax_code: str = "vat"
    due_days: int = 0
    recovery: Recovery | None = None

    def at(self, day: date) -> FeeVersion | None:
        """The version in force on a day, or None."""
        found = [version for version in self.versions if version.valid_from <= day]
        return found[-1] if found else None


class Taking(msgspec.Struct, frozen=True, kw_only=True):
    """What purchases take of open items: the method of ``core.tariffs.sale.Debt``, of all of them
    together. Only items that are ``overdue_days`` past their due day (0: due or not). ``taxed``:
    whether a tax inside the tender that lies on debts lies on these."""

    method: str
    value: int
    priority: int
    cap_per_sale: int
    overdue_days: int
    taxed: bool


class Blocking(msgspec.Struct, frozen=True, kw_only=True):
    """No sale while more than ``above`` minor units are open that are so many days overdue."""

    above: int
    overdue_days: int


class PurchaseRule(msgspec.Struct, frozen=True, kw_only=True):
    """What sales do about what is owed under a code, or in a class of items."""

    of: str
    take: Taking | None = None
    block: Blocking | None = None


class AdvanceTerms(msgspec.Struct, frozen=True, kw_only=True):
    """Units on credit: worth at most ``limit`` minor units each, ``per_month`` times in a month;
    ``fee`` names a fee of the catalogue, or nothing."""

    limit: int
    per_month: int
    fee: str


class BusinessFee(msgspec.Struct, frozen=True, kw_only=True):
    """A fee of the catalogue that an event raises (``core.collection.business``): who pays it, and
    of which customer classes nobody does."""

    fee: str
    pays: str
    waived: tuple[str, ...] = ()


class CollectionTerms(msgspec.Struct, frozen=True, kw_only=True):
    """All of it. ``classes``: customer class -> tariff codes; what is in none is of class ''.

    ``late``: customer class -> rules in order of date. ``ageing``: days overdue from which a bucket
    begins. ``uncleared``: ways of paying whose money may still come back. ``dishonour_fee`` names a
    fee of the catalogue, or nothing. ``purchases``: by code or class, what sales do about it.
    ``debts_cap`` (minor units) and ``debts_cap_e8`` (of the tender) bound what all debts together
    take from one sale; units on credit are not among them. ``counter``: of desks with shifts;
    None: there are none. ``business``: by event, what it raises.
    """

    rules: Mapping[str, Rule] = msgspec.field(default_factory=lambda: {"": Rule()})
    fees: Mapping[str, Fee] = {}
    classes: Mapping[str, tuple[str, ...]] = {}
    late: Mapping[str, tuple[LateRule, ...]] = {}
    late_due_days: int = 0
    ageing: tuple[int, ...] = (1, 31, 61, 91)
    uncleared: tuple[str, ...] = ("cheque",)
    dishonour_fee: str = ""
    purchases: Mapping[str, PurchaseRule] = {}
    advances: AdvanceTerms | None = None
    debts_cap: int | None = None
    debts_cap_e8: int | None = None
    counter: CounterTerms | None = None
    business: Mapping[str, tuple[BusinessFee, ...]] = {}

    @property
    def ways(self) -> tuple[str, ...]:
        """The ways of paying that are taken."""
        return tuple(dict.fromkeys((*AT_ONCE, *self.uncleared)))

    def purchase_rule(self, code: str, item_class: str) -> PurchaseRule | None:
        """The rule of sales about an item: that of its code goes before that of its class."""
        return self.purchases.get(code) or self.purchases.get(item_class)

    def raised_by(
        self, event: str, pays: str, classes: Collection[str], day: date
    ) -> tuple[str, ...]:
        """The fees that an event of a day raises of who pays in that part, as a customer of these
        classes: waived where all of them are, and none without a price on that day."""
        found = []
        for rule in self.business.get(event, ()):
            version = self.fees[rule.fee].at(day)
            priced = version is not None and version.amount
            if rule.pays == pays and priced and not {*classes} <= {*rule.waived}:
                found.append(rule.fee)
        return tuple(found)

    def class_of(self, tariff: str) -> str:
        """The customer class of a tariff's customers."""
        return next((name for name, codes in self.classes.items() if tariff in codes), "")

    def late_rules(self, customer_class: str) -> tuple[LateRule, ...]:
        """The late fee rules of a class; those of '' are for every class without its own."""
        return self.late.get(customer_class, self.late.get("", ()))
