"""What a collection file says of business that costs a fee by itself."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec

from core.collection.business import EVENTS, MAX_FEES
from core.collection.doc_base import Code
from core.collection.terms import BusinessFee
from core.documents import Misfit
from core.tariffs.doc_base import Text
from core.yamlvalues import OneOf


class BusinessFeeDocument(msgspec.Struct, frozen=True, kw_only=True):
    """An event, the fee of the catalogue that it raises, who pays, which classes do not."""

    event: Annotated[str, OneOf(sorted(EVENTS))]
    fee: Code
    pays: str
    waived_for: tuple[Text, ...]
    note: Any = None

    def __post_init__(self) -> None:
        allowed = EVENTS.get(self.event, ())
        if allowed and self.pays not in allowed:
            raise Misfit("pays", f"{self.event} is paid by one of these", allowed)
        if len(set(self.waived_for)) != len(self.waived_for):
            raise Misfit("waived_for", "a class is there twice")


def check_business(
    rules: Sequence[BusinessFeeDocument], fees: Sequence[str], classes: Sequence[str]
) -> None:
    """Fees and classes that the file knows; nothing twice. Raises Misfit."""
    known = ["", *classes]
    for place, rule in enumerate(rules):
        at, before = f"business_fees[{place}]", rules[:place]
        if rule.fee not in fees:
            raise Misfit(f"{at}.fee", f"no fee {rule.fee!r}", fees)
        for number, name in enumerate(rule.waived_for):
            if name not in known:
                raise Misfit(f"{at}.waived_for[{number}]", f"no class {name!r}", known)
        same = [each for each in before if each.event == rule.event]
        if any((each.fee, each.pays) == (rule.fee, rule.pays) for each in same):
            raise Misfit(at, f"{rule.event} raises {rule.fee} already")
        if len(same) == MAX_FEES:
            raise Misfit(at, f"an event raises at most {MAX_FEES} fees")


def business(rules: Sequence[BusinessFeeDocument]) -> Mapping[str, tuple[BusinessFee, ...]]:
    """As they are raised: by event, in the order of the file."""
    found: dict[str, tuple[BusinessFee, ...]] = {}
    for rule in rules:
        fee = BusinessFee(fee=rule.fee, pays=rule.pays, waived=rule.waived_for)
        found[rule.event] = (*found.get(rule.event, ()), fee)
    return found
