"""From the configuration's companies to the terms that decisions are made on."""

import os
from pathlib import Path

from core.company import Operator, SaleLimits, Terms
from core.money import currency
from core.sts.keystore import load_key_file
from core.sts.module import VirtualModule, open_module
from core.sts.sta import SAMPLE_TABLES, Tables, load_tables
from core.tariffs.compiling import CompiledTariff
from core.tariffs.load import load_file
from core.tariffs.sale import DeductionPolicy
from hub.config import CompanySection, Config, ConfigError

MASTER_KEY = "WATTBUS_MASTER_KEY"


def all_terms(config: Config) -> dict[str, Terms]:
    """The terms of every company. Raises ConfigError with everything that is wrong."""
    terms: dict[str, Terms] = {}
    problems: list[str] = []
    for code, section in config.companies.items():
        try:
            terms[code] = _terms(config, code, section)
        except (OSError, ValueError, LookupError, ConfigError) as error:
            problems += [f"[companies.{code}] {line}" for line in str(error).splitlines()]
    if problems:
        raise ConfigError(problems)
    return terms


def _terms(config: Config, code: str, section: CompanySection) -> Terms:
    money = currency(section.currency)
    return Terms(
        code=code,
        name=section.name,
        zone=section.zone,
        currency=section.currency,
        exponent=money.exponent,
        module=_module(config, code, section),
        tariffs=_tariffs(config, section),
        languages=tuple(section.languages),
        country_code=section.country_code,
        help_line=section.help_line,
        tax_number=section.tax_number,
        test=section.test,
        receipt_series=section.receipt_series,
        deductions=DeductionPolicy(order=tuple(section.deductions)),
        limits=SaleLimits(
            section.limits.per_sale, section.limits.per_day_meter, section.limits.per_day_phone
        ),
        repeat_minutes=section.repeat_minutes,
        confirm_minutes=section.confirm_minutes,
        operators=_operators(config, code),
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


def _tariffs(config: Config, section: CompanySection) -> dict[str, CompiledTariff]:
    found: dict[str, CompiledTariff] = {}
    for name in section.tariffs:
        path = find_mapping(config, "tariffs", name)
        tariff = load_file(path.read_text(encoding="utf-8"), path.name).tariff
        if tariff.tariff.currency != section.currency:
            raise ValueError(f"tariff {name} is in {tariff.tariff.currency}")
        found[tariff.tariff.code] = tariff
    return found


def master_key(config: Config, section: CompanySection) -> bytes:
    """The key that wraps the vending keys: hex, by file or by environment."""
    if section.master_key_file:
        text = config.path(section.master_key_file).read_text(encoding="ascii")
    else:
        text = os.environ.get(MASTER_KEY, "")
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) not in (16, 24, 32):
        raise ConfigError(
            [f"the master key must be 32, 48 or 64 hex digits, in master_key_file or {MASTER_KEY}"]
        )
    return key


def _module(config: Config, code: str, section: CompanySection) -> VirtualModule:
    file = load_key_file(config.path(section.keys).read_bytes())
    tested = {code} if section.test else set()
    return open_module(
        f"virtual-{code}", file, master_key(config, section), _tables(config, section), tested
    )


def _tables(config: Config, section: CompanySection) -> Tables:
    if section.sta_tables:
        return load_tables(config.path(section.sta_tables).read_text(encoding="ascii"))
    return SAMPLE_TABLES
