"""From the configuration's companies to the terms that decisions are made on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from core.agents.load import load_file as load_agents
from core.agents.terms import AgentTerms
from core.changes.terms import ChangeTerms
from core.collection.load import load_file as load_collection
from core.collection.terms import CollectionTerms, Recovery
from core.company import Operator, SaleLimits, Terms
from core.money import currency
from core.sts.errors import ModuleAwayError
from core.sts.module import SecurityModule
from core.sts.remote import RemoteModule
from core.tariffs.compiling import CompiledTariff
from core.tariffs.load import load_file
from core.tariffs.sale import DeductionPolicy
from core.wallets.load import load_file as load_wallets
from core.wallets.terms import WalletTerms
from hub.config import CompanySection, Config, ConfigError
from hub.files import read_text
from hub.modules.opening import (
    boxes,
    open_company_module,
    remote_modules,
    token_opener,
)


@dataclass(frozen=True, slots=True)
class Keys:
    """Where a company's keys are: its security module, and those on the network by group."""

    module: SecurityModule
    remotes: Mapping[str, RemoteModule]
    boxes: tuple[str, ...]


def all_terms(config: Config) -> dict[str, Terms]:
    """The terms of every company. Raises ConfigError with everything that is wrong."""
    token_of = token_opener(config)

    def opened(code: str, section: CompanySection) -> Keys:
        return Keys(
            open_company_module(config, code, section, token_of),
            remote_modules(config, code, section),
            tuple(sorted(boxes(config, code))),
        )

    return _all(config, opened)


def terms_again(config: Config, old: Mapping[str, Terms]) -> dict[str, Terms]:
    """The same companies as a changed configuration has them; their keys stay where they are.
    Raises ConfigError."""
    return _all(config, lambda code, _: Keys(old[code].module, old[code].remotes, old[code].boxes))


def _all(config: Config, keys_of: Callable[[str, CompanySection], Keys]) -> dict[str, Terms]:
    terms: dict[str, Terms] = {}
    problems: list[str] = []
    for code, section in config.companies.items():
        try:
            terms[code] = _terms(config, code, section, keys_of(code, section))
        except (OSError, ValueError, LookupError, ConfigError, ModuleAwayError) as error:
            problems += [f"[companies.{code}] {line}" for line in str(error).splitlines()]
    if problems:
        raise ConfigError(problems)
    return terms


def _terms(config: Config, code: str, section: CompanySection, keys: Keys) -> Terms:
    money = currency(section.currency)
    collection = collection_terms(config, section)
    return Terms(
        code=code,
        name=section.name,
        zone=section.zone,
        currency=section.currency,
        exponent=money.exponent,
        module=keys.module,
        remotes=keys.remotes,
        boxes=keys.boxes,
        tariffs=tariffs_of(config, section),
        languages=tuple(section.languages),
        country_code=section.country_code,
        help_line=section.help_line,
        tax_number=section.tax_number,
        test=section.test,
        receipt_series=section.receipt_series,
        deductions=DeductionPolicy(
            order=tuple(section.deductions),
            debts_cap=collection.debts_cap,
            debts_cap_rate_e8=collection.debts_cap_e8,
        ),
        limits=SaleLimits(
            section.limits.per_sale,
            section.limits.per_day_meter,
            section.limits.per_day_phone,
            section.limits.pin_above,
        ),
        repeat_minutes=section.repeat_minutes,
        confirm_minutes=section.confirm_minutes,
        operators=_operators(config, code),
        collection=collection,
        changes=change_terms(section),
        agents=agent_terms(config, section),
        wallets=wallet_terms(config, section),
        approval_hours=section.approval_hours,
        key_changes={sgc: group.key_change for sgc, group in section.supply_groups.items()},
    )


def _operators(config: Config, code: str) -> dict[str, Operator]:
    """Whole units become tenths: what tokens count in."""
    return {
        name: Operator(
            roles=frozenset(section.roles),
            acts_per_day=section.acts_per_day,
            free_issue_tenths_per_day=section.free_issue_units_per_day * 10,
            alone_tenths=section.alone_units * 10,
            refund_per_day=section.refund_per_day,
            waive_alone=section.waive_alone,
            waive_per_day=section.waive_per_day,
            write_off_per_day=section.write_off_per_day,
            credit_note_per_day=section.credit_note_per_day,
        )
        for name, section in config.operators.items()
        if not section.companies or code in section.companies
    }


def find_mapping(config: Config, kind: str, name: str) -> Path:
    """A mapping file: beside the configuration first, else one that ships with Wattbus."""
    own = config.path(name)
    if own.exists():
        return own
    shipped = Path(__file__).parent.parent / "mappings" / kind / name
    if shipped.exists():
        return shipped
    raise FileNotFoundError(f"no {kind} mapping {name}: looked for {own} and {shipped}")


def tariffs_of(config: Config, section: CompanySection) -> dict[str, CompiledTariff]:
    """The company's tariffs by code, compiled. OSError, ValueError."""
    found: dict[str, CompiledTariff] = {}
    for name in section.tariffs:
        path = find_mapping(config, "tariffs", name)
        tariff = load_file(read_text(path), path.name).tariff
        if tariff.tariff.currency != section.currency:
            raise ValueError(f"tariff {name} is in {tariff.tariff.currency}")
        found[tariff.tariff.code] = tariff
    return found


def collection_terms(config: Config, section: CompanySection) -> CollectionTerms:
    """The company's rules of collection; those that charge nothing, where it names no file."""
    if not section.collection:
        return CollectionTerms()
    path = find_mapping(config, "collection", section.collection)
    found = load_collection(read_text(path), path.name)
    if found.currency != section.currency:
        raise ValueError(f"collection {section.collection} is in {found.currency}")
    return found.terms


def change_terms(section: CompanySection) -> ChangeTerms | None:
    """What the company declares about changes in a customer's life, if anything."""
    if section.changes is None:
        return None
    said = msgspec.to_builtins(section.changes)
    recovery = Recovery(**said.pop("recovery"))
    return ChangeTerms(**said, recovery=recovery)


def agent_terms(config: Config, section: CompanySection) -> AgentTerms:
    """What the company's agents earn; nothing, where it names no file."""
    if not section.agents:
        return AgentTerms()
    path = find_mapping(config, "agents", section.agents)
    found = load_agents(read_text(path), path.name)
    if found.currency != section.currency:
        raise ValueError(f"agents {section.agents} is in {found.currency}")
    return found.terms


def wallet_terms(config: Config, section: CompanySection) -> WalletTerms:
    """The company's wallets; none, where it names no file."""
    if not section.wallets:
        return WalletTerms()
    path = find_mapping(config, "wallets", section.wallets)
    found = load_wallets(read_text(path), path.name)
    if found.currency != section.currency:
        raise ValueError(f"wallets {section.wallets} are in {found.currency}")
    return found.terms
