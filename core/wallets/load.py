"""A company's wallets file → terms, with errors that name file, line and what is allowed.

The form is that of ``mappings/wallets/*.yaml``; the structs here are that form, field by field.
Amounts are decimals of the currency's major unit.
"""

import re
from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Literal, get_args

import msgspec

from core.documents import DocumentError, Misfit, Problem, nodes, read_node
from core.money import CURRENCIES
from core.tariffs.doc_base import Text
from core.wallets.routing import readings
from core.wallets.terms import HeldRule, Names, ReferenceRule, Unvendable, Wallet, WalletTerms
from core.yamlnodes import Node
from core.yamlvalues import MINOR, OneOf, Scaled

Money = Annotated[int, Scaled(MINOR, low=0)]
#: More than any rule of a reference needs; a pattern is tried on every payment.
MAX_PATTERN = 200
#: A name is part of a ledger's name and of a payment's ``desk``.
Name = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[a-z][a-z0-9-]{0,31}\Z", description="small letters, digits and -, at most 32"
    ),
]
Prefix = Annotated[
    str, msgspec.Meta(pattern=r"^[1-9][0-9]{0,14}\Z", description="digits of E.164, without +")
]


class WalletDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One account of ours with a provider."""

    name: Name
    channel: Text
    provider: Name
    label: Text
    prefixes: tuple[Prefix, ...] = ()
    least: Money = 1
    most: Money = 0
    large: Money = 1  # unsaid: no notice is believed by itself; 0, said: every one is
    settle_days: Annotated[int, msgspec.Meta(ge=0, le=60)] = 1
    asks_s: Annotated[int, msgspec.Meta(ge=10, le=86_400)] = 120
    short_code: str = ""
    ask: bool = True
    pay_in: bool = True
    refunds: bool = True

    def __post_init__(self) -> None:
        if self.least < 1:
            raise Misfit("least", "money is more than nothing")
        if self.most and self.most < self.least:
            raise Misfit("most", "less than least")

    def wallet(self, currency: str) -> Wallet:
        """As decisions use it."""
        said = {name: getattr(self, name) for name in self.__struct_fields__}
        return Wallet(currency=currency, **said)


class ReferenceDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One way to read what people type."""

    names: Annotated[str, OneOf(get_args(Names))]
    pattern: Text
    strip: tuple[str, ...] = ()
    pad: Annotated[int, msgspec.Meta(ge=0, le=40)] = 0

    def __post_init__(self) -> None:
        if len(self.pattern) > MAX_PATTERN:
            raise Misfit("pattern", f"at most {MAX_PATTERN} characters")
        try:
            re.compile(self.pattern, re.ASCII)
        except re.error as error:
            raise Misfit("pattern", f"no regular expression: {error}") from None

    def rule(self) -> ReferenceRule:
        """As decisions use it."""
        return ReferenceRule(
            names=self.names,  # type: ignore[arg-type]
            pattern=self.pattern,
            strip=self.strip,
            pad=self.pad,
        )


class HeldDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What is done with money held for a reason."""

    reason: Annotated[str, OneOf(get_args(Unvendable))]
    owner: Text
    hours: Annotated[int, msgspec.Meta(ge=1, le=8_784)]
    then: Literal["refund", "credit", "work-list"]


class WalletsDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A company's wallets and the rules that they share."""

    wallets: tuple[WalletDocument, ...]
    references: tuple[ReferenceDocument, ...] = ()
    held: tuple[HeldDocument, ...] = ()
    smallest: Money = 0
    alone: Money = 0
    copies_per_hour: Annotated[int, msgspec.Meta(ge=1, le=100)] = 5

    def __post_init__(self) -> None:
        if not self.wallets:
            raise Misfit("wallets", "there is none")
        _once("wallets", "name", [wallet.name for wallet in self.wallets])
        _once("held", "reason", [held.reason for held in self.held])
        asking = [wallet.prefixes if wallet.ask else () for wallet in self.wallets]
        for place, mine in enumerate(asking):
            others = {prefix for prefixes in asking[:place] for prefix in prefixes}
            for which, prefix in enumerate(mine):
                if prefix in others:
                    at = f"wallets[{place}].prefixes[{which}]"
                    raise Misfit(at, f"{prefix}: a wallet before this one serves it too")

    def terms(self, currency: str) -> WalletTerms:
        """As decisions use it."""
        return WalletTerms(
            wallets={each.name: each.wallet(currency) for each in self.wallets},
            references=tuple(each.rule() for each in self.references),
            held={
                each.reason: HeldRule(owner=each.owner, hours=each.hours, then=each.then)
                for each in self.held
            },
            smallest=self.smallest,
            alone=self.alone,
            copies_per_hour=self.copies_per_hour,
        )


def _once(field: str, name: str, given: Sequence[str]) -> None:
    for place, each in enumerate(given):
        if each in given[:place]:
            raise Misfit(f"{field}[{place}].{name}", f"{each} is there already")


class FileDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A file of ``mappings/wallets``; it is read in its currency, and must keep its cases."""

    mapping: Text
    format: Literal["wallets"]
    version: Annotated[int, msgspec.Meta(ge=1, le=10**6)]
    effective: date
    currency: Annotated[str, OneOf(sorted(CURRENCIES))]
    terms: Node
    cases: tuple[Node, ...]
    source: Any = None
    note: Any = None


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """Who is asked by which wallet (empty: none of ours serves him), or what a typed text may be:
    ``reads``, in the order of the rules, as ``meter 04123456784``."""

    payer: str = ""
    wallet: str = ""
    typed: str = ""
    reads: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if bool(self.payer) == bool(self.typed):
            raise Misfit("payer", "a case has a payer or a typed text")

    def wrong(self, terms: WalletTerms) -> str:
        """What is wrong; empty: nothing."""
        if self.payer:
            found = terms.serving(self.payer)
            name = found.name if found else ""
            return "" if name == self.wallet else f"{self.payer} is served by {name or 'none'}"
        reads = [f"{each.names} {each.number}" for each in readings(terms.references, self.typed)]
        return "" if reads == [*self.reads] else f"it reads {reads}"


class WalletsFile(msgspec.Struct, frozen=True):
    """What a file says, and the currency that its amounts are in."""

    currency: str
    terms: WalletTerms


def load_file(text: str, name: str) -> WalletsFile:
    """Read a mapping file; DocumentError lists everything that is wrong with it."""
    head = read_node(nodes(text, name), FileDocument, name).value
    minor = CURRENCIES[head.currency].scale
    body = read_node(head.terms, WalletsDocument, name, "terms", minor=minor)
    terms = body.value.terms(head.currency)
    problems: list[Problem] = []
    for place, node in enumerate(head.cases):
        path = f"cases[{place}]"
        wrong = read_node(node, Case, name, path, minor=minor).value.wrong(terms)
        if wrong:
            problems.append(Problem(name, node.line, path, wrong))
    if problems:
        raise DocumentError(problems)
    return WalletsFile(head.currency, terms)
