"""A company's agents file → terms, with errors that name file, line and what is allowed.

The form is that of ``mappings/agents/*.yaml``; the structs here are that form, field by field.
Amounts are decimals of the currency's major unit, percentages as percent. Nothing that costs the
company money has a default.
"""

from datetime import date
from typing import Annotated, Any, Final, Literal, get_args

import msgspec

from core.agents.states import MAX_DEPTH, SERVICES
from core.agents.terms import E8, AgentTerms, BaseOf, Fee, Rate, Rule, Settle, Tier, divided
from core.documents import DocumentError, Misfit, Problem, nodes, read_node
from core.money import CURRENCIES
from core.tariffs.doc_base import PERCENT, Text
from core.yamlnodes import Node
from core.yamlvalues import MINOR, OneOf, Scaled

Money = Annotated[int, Scaled(MINOR, low=0)]
Percent = Annotated[int, Scaled(PERCENT, low=0, high=100)]
#: A code is part of a ledger's name.
Code = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[a-z][a-z0-9-]{0,31}\Z", description="small letters, digits and -, at most 32"
    ),
]
Service = Annotated[str, OneOf(SERVICES)]
#: Up to a month: what is older is looked for by people.
Hours = Annotated[int, msgspec.Meta(ge=1, le=744)]
FeeOf = Literal["topup", "transfer", "statement"]
_BASES: Final = get_args(BaseOf)


class TierDocument(msgspec.Struct, frozen=True, kw_only=True):
    """So much of what the month's base is above an amount."""

    above: Money
    percent: Percent


class RateDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What a sale earns from a day on."""

    valid_from: date
    fixed: Money
    tiers: tuple[TierDocument, ...]

    def __post_init__(self) -> None:
        if self.tiers and self.tiers[0].above != 0:
            raise Misfit("tiers[0].above", "the first tier begins at 0")
        for place in range(1, len(self.tiers)):
            if self.tiers[place].above <= self.tiers[place - 1].above:
                raise Misfit(f"tiers[{place}].above", "tiers must rise")

    def rate(self) -> Rate:
        """As it is reckoned."""
        tiers = tuple(Tier(above=tier.above, rate_e8=tier.percent) for tier in self.tiers)
        return Rate(valid_from=self.valid_from, fixed=self.fixed, tiers=tiers)


class ServiceDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The rates of a service."""

    service: Service
    versions: tuple[RateDocument, ...]

    def __post_init__(self) -> None:
        days = [version.valid_from for version in self.versions]
        if not days:
            raise Misfit("versions", "there is none")
        for place in range(1, len(days)):
            if days[place] <= days[place - 1]:
                raise Misfit(f"versions[{place}].valid_from", f"must be after {days[place - 1]}")


class RuleDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A rule of commission."""

    code: Code
    base: tuple[Annotated[str, OneOf(_BASES)], ...]
    settle: Settle
    above_percent: tuple[Percent, ...]
    tax_percent: Percent
    services: tuple[ServiceDocument, ...]
    tax_code: Code = "withholding"
    note: Any = None

    def __post_init__(self) -> None:
        if not self.base:
            raise Misfit("base", "say what it is a share of", _BASES)
        if len(self.above_percent) >= MAX_DEPTH or sum(self.above_percent) > E8:
            raise Misfit("above_percent", f"less than {MAX_DEPTH} shares, at most 100 together")
        names = [each.service for each in self.services]
        for place, name in enumerate(names):
            if name in names[:place]:
                raise Misfit(f"services[{place}].service", f"{name} is there already")

    def rule(self) -> Rule:
        """As it is reckoned."""
        rates = {
            each.service: tuple(version.rate() for version in each.versions)
            for each in self.services
        }
        return Rule(
            code=self.code,
            base=frozenset(self.base),  # type: ignore[arg-type]
            rates=rates,
            settle=self.settle,
            above_e8=self.above_percent,
            tax_e8=self.tax_percent,
            tax_code=self.tax_code,
        )


class FeeDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What a movement costs the agent."""

    of: FeeOf
    fixed: Money
    percent: Percent

    def __post_init__(self) -> None:
        if self.of == "statement" and self.percent:
            raise Misfit("percent", "a statement moves nothing: its fee is an amount")


class TransfersDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of what agents transfer themselves; 0: none."""

    most: Money
    per_day: Money


class AgentsDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A company's rules about agents."""

    rules: tuple[RuleDocument, ...]
    fees: tuple[FeeDocument, ...] = ()
    transfers: TransfersDocument | None = None
    topup_hours: Hours = 72
    surrender_hours: Hours = 24
    tell_customers: bool = False

    def __post_init__(self) -> None:
        kinds = [fee.of for fee in self.fees]
        for place, kind in enumerate(kinds):
            if kind in kinds[:place]:
                raise Misfit(f"fees[{place}].of", f"the fee of a {kind} is there already")
        codes = [rule.code for rule in self.rules]
        for place, code in enumerate(codes):
            if code in codes[:place]:
                raise Misfit(f"rules[{place}].code", f"rule {code} is there already")

    def terms(self) -> AgentTerms:
        """As decisions use it."""
        return AgentTerms(
            rules={rule.code: rule.rule() for rule in self.rules},
            fees={fee.of: Fee(fixed=fee.fixed, share_e8=fee.percent) for fee in self.fees},
            transfer_most=self.transfers.most if self.transfers else 0,
            transfer_per_day=self.transfers.per_day if self.transfers else 0,
            topup_hours=self.topup_hours,
            surrender_hours=self.surrender_hours,
            tells=self.tell_customers,
        )


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """What a sale earns: ``base`` after a month that has had ``month``, with ``above`` agents above
    the seller; ``gross`` and ``tax`` of each, the seller first."""

    rule: str
    service: Service
    on: date
    base: Money
    month: Money
    gross: tuple[Money, ...]
    tax: tuple[Money, ...]
    above: Annotated[int, msgspec.Meta(ge=0, le=MAX_DEPTH)] = 0

    def wrong(self, terms: AgentTerms) -> str:
        """What is wrong; empty: nothing."""
        rule = terms.rules.get(self.rule)
        rate = rule.rate(self.service, self.on) if rule is not None else None
        if rule is None or rate is None:
            return f"rule {self.rule} has no rate for {self.service} on {self.on}"
        gross = rate.gross(self.base, self.month)
        parts = divided(rule, gross, range(1, self.above + 2))
        amounts = tuple(part.gross for part in parts), tuple(part.tax for part in parts)
        if amounts == (self.gross, self.tax):
            return ""
        return f"it comes to {list(amounts[0])}, tax {list(amounts[1])}, in minor units"


class FileDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A file of ``mappings/agents``; it is read in its currency, and must keep its cases."""

    mapping: Text
    format: Literal["agents"]
    version: Annotated[int, msgspec.Meta(ge=1, le=10**6)]
    effective: date
    currency: Annotated[str, OneOf(sorted(CURRENCIES))]
    agents: Node
    cases: tuple[Node, ...]
    source: Any = None
    note: Any = None


class AgentsFile(msgspec.Struct, frozen=True):
    """What a file says, and the currency that its amounts are in."""

    currency: str
    terms: AgentTerms


def load_file(text: str, name: str) -> AgentsFile:
    """Read a mapping file; DocumentError lists everything that is wrong with it."""
    head = read_node(nodes(text, name), FileDocument, name).value
    minor = CURRENCIES[head.currency].scale
    body = read_node(head.agents, AgentsDocument, name, "agents", minor=minor)
    terms = body.value.terms()
    problems: list[Problem] = []
    for place, node in enumerate(head.cases):
        path = f"cases[{place}]"
        case = read_node(node, Case, name, path, minor=minor)
        wrong = case.value.wrong(terms)
        if wrong:
            problems.append(Problem(name, node.line, path, wrong))
    if problems:
        raise DocumentError(problems)
    return AgentsFile(head.currency, terms)
