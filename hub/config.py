"""The configuration: one TOML file, read and checked before anything starts (``hub.sections``)."""

import re
import tomllib
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin
from zoneinfo import available_timezones

import msgspec

from core.money import CURRENCIES
from hub.busrules import check_bus
from hub.clock import DRILL, drilled
from hub.files import UnreadableError, read_text
from hub.groups import unlike_pins
from hub.modules.settings import (
    NETWORK,
    VIRTUAL,
    Modules,
    Pkcs11Section,
    check_group,
    check_master_key,
    check_module,
    check_module_name,
)
from hub.quotas import QuotaSection
from hub.sections import (
    LINKS,
    ROLES,
    BusSection,
    ChannelSection,
    CompanySection,
    Config,
    ConfigError,
    DatabaseSection,
    HttpSection,
    HubSection,
    LimitsSection,
    LinkSection,
    OperatorSection,
    TokensSection,
)

__all__ = [
    "LINKS",
    "BusSection",
    "ChannelSection",
    "CompanySection",
    "Config",
    "ConfigError",
    "DatabaseSection",
    "HttpSection",
    "HubSection",
    "LimitsSection",
    "LinkSection",
    "OperatorSection",
    "TokensSection",
    "boxes_of",
    "line_of",
    "parse",
    "read",
]

_SINGLE: dict[str, type[msgspec.Struct]] = {
    "hub": HubSection,
    "database": DatabaseSection,
    "bus": BusSection,
    "http": HttpSection,
    "tokens": TokensSection,
}
_TABLES = ("companies", "channels", "links", "modules", "operators")
T = TypeVar("T", bound=msgspec.Struct)


class _Reader:
    """Reads one file, collecting problems."""

    def __init__(self, text: str, source: str) -> None:
        self.lines = text.splitlines()
        self.source = source
        self.problems: list[str] = []

    def problem(self, section: str, key: str, sentence: str) -> None:
        """Note a problem at the line of a section's key."""
        self.problems.append(f"{self.source}:{line_of(self.lines, section, key)}: {sentence}")

    def struct(self, kind: type[T], section: str, values: Any) -> T | None:
        """Convert a table, field by field: everything that is wrong with it is said at once."""
        before = len(self.problems)
        if not self.table(section, values):
            return None
        fields = {field.name: field for field in msgspec.structs.fields(kind)}
        for name, value in values.items():
            if name not in fields:
                known = ", ".join(fields)
                self.problem(section, name, f"[{section}] has no field {name} (known: {known})")
            elif inner := _struct_of(fields[name].type):
                self.struct(inner, f"{section}.{name}", value)
            elif inner := _struct_of_items(fields[name].type):
                self.structs(inner, f"{section}.{name}", value)
            else:
                self._field(section, name, fields[name].type, value)
        for name, field in fields.items():
            if field.required and name not in values:
                self.problem(section, "", f"[{section}] needs {name}")
        return msgspec.convert(values, kind) if len(self.problems) == before else None

    def structs(self, kind: type[T], section: str, values: Any) -> dict[str, T]:
        """Convert a table of tables of one kind, those that are right."""
        named = values.items() if self.table(section, values) else ()
        found = {name: self.struct(kind, f"{section}.{name}", value) for name, value in named}
        return {name: value for name, value in found.items() if value is not None}

    def table(self, section: str, values: Any) -> bool:
        """Whether it is a table; a problem when it is not."""
        if not isinstance(values, dict):
            above, _, name = section.rpartition(".")
            self.problem(above, name, f"{section} is a section: write [{section}]")
        return isinstance(values, dict)

    def _field(self, section: str, name: str, kind: Any, value: Any) -> None:
        try:
            msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            allowed = _allowed(kind)
            shown = f" (allowed: {', '.join(allowed)})" if allowed else ""
            said = "(not shown)" if _SECRET.search(name) else repr(value)
            self.problem(section, name, f"[{section}] {name} = {said}: {error}{shown}")


def _struct_of(kind: Any) -> type[msgspec.Struct] | None:
    """The struct that a field is, may be left out or not."""
    for choice in (kind, *get_args(kind)) if get_origin(kind) is UnionType else (kind,):
        if isinstance(choice, type) and issubclass(choice, msgspec.Struct):
            return choice
    return None


def _struct_of_items(kind: Any) -> type[msgspec.Struct] | None:
    """The struct of a named table's items."""
    return _struct_of(get_args(kind)[1]) if get_origin(kind) is dict else None


def _allowed(kind: Any) -> tuple[str, ...]:
    """The words that a field may be, or its items: none when it is open."""
    if get_origin(kind) is list:
        return _allowed(get_args(kind)[0])
    return get_args(kind) if get_origin(kind) is Literal else ()


#: Of what may be a secret in a wrong place only the name is said.
_SECRET = re.compile(r"key|secret|password|pin|url|token")
_HEADER = re.compile(r"\[\[?\s*([^\[\]]+?)\s*\]\]?\s*(#.*)?")


def line_of(lines: list[str], section: str, key: str) -> int:
    """The line of ``key`` in ``[section]`` (empty: before any), else of the section, else of the
    key above that holds it as an inline table, else 1."""
    at, inside = 0, not section
    for number, line in enumerate(lines, start=1):
        stripped = line.strip()
        header = _HEADER.fullmatch(stripped)
        if header is not None:
            inside = header[1].replace('"', "") == section
            at = number if inside else at
        elif inside and key and re.match(rf'"?{re.escape(key)}"?\s*=', stripped):
            return number
    above, _, name = section.rpartition(".")
    return at or (line_of(lines, above, name) if above else 1)


def parse(text: str, source: str, base: Path) -> Config:
    """Read a configuration; raises ConfigError with everything that is wrong."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{source}: {error}"]) from error
    reader = _Reader(text, source)
    for name in sorted(document.keys() - _SINGLE.keys() - set(_TABLES)):
        known = ", ".join((*_SINGLE, *_TABLES))
        reader.problem(name, "", f"[{name}] is not a section (known: {known})")
    single = {
        name: reader.struct(kind, name, document.get(name, {})) for name, kind in _SINGLE.items()
    }
    tables = {name: document.get(name, {}) for name in _TABLES}
    tables = {name: value if reader.table(name, value) else {} for name, value in tables.items()}
    companies = reader.structs(CompanySection, "companies", tables["companies"])
    modules = reader.structs(Pkcs11Section, "modules", tables["modules"])
    for name, module in modules.items():
        for key, sentence in check_module(name, module):
            reader.problem(f"modules.{name}", key, sentence)
    for name, company in companies.items():
        _check_company(reader, name, company)
        boxes = boxes_of(name, tables["channels"])
        _check_keys(reader, f"companies.{name}", company, tables["modules"], boxes)
    channels = _channels(reader, tables["channels"], tuple(tables["companies"]))
    links = _links(reader, tables["links"])
    operators = _operators(reader, tables["operators"], companies)
    _check_engine(reader, single["database"], single["bus"])
    _check_roles(reader, single["database"], single["hub"])
    for name, other in unlike_pins(channels, links):
        sentence = f"[channels.{name}] nodes: on one link with {other}, so they must be the same"
        reader.problem(f"channels.{name}", "nodes", sentence)
    if reader.problems:
        raise ConfigError(reader.problems)
    sections: dict[str, Any] = single  # no problems: none of them is None
    return Config(
        base=base,
        companies=companies,
        channels=channels,
        links=links,
        modules=modules,
        operators=operators,
        file=Path(source),
        **sections,
    )


@cache
def _zones() -> frozenset[str]:
    """The zones that this machine knows: hundreds of files are looked at, once per process."""
    return frozenset(available_timezones())


def _check_company(reader: _Reader, name: str, company: CompanySection) -> None:
    section = f"companies.{name}"
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name):
        reader.problem(
            section, "", f"[{section}]: a company's code has small letters, digits, - and _ only"
        )
    if company.currency not in CURRENCIES:
        known = ", ".join(sorted(CURRENCIES))
        reader.problem(
            section, "currency", f"[{section}] currency = {company.currency!r} (known: {known})"
        )
    if company.zone not in _zones():
        reader.problem(
            section,
            "zone",
            f"[{section}] zone = {company.zone!r} is no IANA time zone such as Africa/Kampala",
        )
    if drilled() and not company.test:
        sentence = f"[{section}] is no test company, and {DRILL} moves the clock: unset it"
        reader.problem(section, "test", sentence)


def boxes_of(company: str, channels: dict[str, Any]) -> list[str]:
    """A company's channels to security modules on the network."""
    return [
        name
        for name, values in channels.items()
        if isinstance(values, dict)
        and values.get("kind") == NETWORK
        and values.get("company") == company
    ]


def _check_keys(
    reader: _Reader, where: str, company: CompanySection, modules: Modules, boxes: list[str]
) -> None:
    """Where a company's keys are: one master key, and modules that are declared."""
    holders = [*modules, *boxes]
    if company.master_key is not None:
        for key, sentence in check_master_key(where, company.master_key, modules):
            reader.problem(where, key, sentence)
        if company.master_key_file:
            sentence = f"[{where}] has master_key and master_key_file: one will do"
            reader.problem(where, "master_key_file", sentence)
    if company.module != VIRTUAL:
        for key, sentence in check_module_name(where, "module", company.module, holders):
            reader.problem(where, key, sentence)
    for sgc, group in company.supply_groups.items():
        section = f"{where}.supply_groups.{sgc}"
        for key, sentence in check_group(section, sgc, group, holders):
            reader.problem(section, key, sentence)


def _operators(
    reader: _Reader, tables: dict[str, Any], companies: dict[str, CompanySection]
) -> dict[str, OperatorSection]:
    live = [code for code, company in companies.items() if not company.test]
    found = {}
    for name, values in tables.items():
        section = f"operators.{name}"
        operator = reader.struct(OperatorSection, section, values)
        if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,31}", name):
            reader.problem(
                section, "", f"[{section}]: a name has small letters, digits and . - _, at most 32"
            )
        if operator is None:
            continue
        found[name] = operator
        same = [
            other
            for other, known in found.items()
            if other != name
            and operator.secret_file
            and Path(known.secret_file) == Path(operator.secret_file)
        ]
        if same:
            sentence = f"[{section}] secret_file is that of {same[0]}: each has one of his own"
            reader.problem(section, "secret_file", sentence)
        strange = sorted(set(operator.companies) - companies.keys())
        if strange:
            known = ", ".join(companies)
            reader.problem(
                section, "companies", f"[{section}] company {strange[0]!r} (known: {known})"
            )
        if live and not operator.secret_file:
            reader.problem(
                section, "", f"[{section}] needs secret_file: {live[0]} is no test company"
            )
    return found


def _check_engine(reader: _Reader, database: Any, bus: Any) -> None:
    """The database and the bus must be a pair that there is an engine for."""
    if database is None or bus is None:
        return
    sqlite = database.url.startswith("sqlite:")
    if not sqlite and not database.url.startswith(("postgresql://", "postgres://")):
        reader.problem(
            "database", "url", "[database] url (allowed: sqlite:PATH, postgresql://user@host/name)"
        )
    for key, sentence in check_bus(bus, sqlite):
        reader.problem("bus", key, sentence)


def _check_roles(reader: _Reader, database: Any, hub: Any) -> None:
    """On SQLite there is one node, and it does all."""
    if database is None or hub is None or not database.url.startswith("sqlite:"):
        return
    missing = [role for role in ROLES if role not in hub.roles]
    if missing:
        sentence = f"[hub] roles without {missing[0]}: the one node on SQLite has all of them"
        reader.problem("hub", "roles", sentence)


def _channels(
    reader: _Reader, tables: dict[str, Any], companies: tuple[str, ...]
) -> dict[str, ChannelSection]:
    found = {}
    for name, values in tables.items():
        section = f"channels.{name}"
        if not reader.table(section, values):
            continue
        options = dict(values)
        kind, company = options.pop("kind", ""), options.pop("company", "")
        if not re.fullmatch(r"[a-z][a-z0-9_]*", str(kind)):
            reader.problem(
                section, "kind", f"[{section}] needs kind, the name of a channel package"
            )
        if company not in companies:
            known = ", ".join(companies) or "none"
            reader.problem(section, "company", f"[{section}] company {company!r} (known: {known})")
        nodes = _nodes(reader, section, options.pop("nodes", []))
        quota = _quota(reader, section, options.pop("quota", None))
        found[name] = ChannelSection(name, str(kind), str(company), options, nodes, quota)
    return found


def _nodes(reader: _Reader, section: str, nodes: Any) -> tuple[str, ...]:
    """The nodes that may hold a channel."""
    if isinstance(nodes, list) and all(isinstance(name, str) and name for name in nodes):
        return tuple(nodes)
    reader.problem(section, "nodes", f"[{section}] nodes is a list of nodes' names")
    return ()


def _quota(reader: _Reader, section: str, values: Any) -> QuotaSection | None:
    if values is None:
        return None
    quota = reader.struct(QuotaSection, f"{section}.quota", values)
    if quota is not None and quota.burst and not quota.per_second:
        reader.problem(
            f"{section}.quota", "burst", f"[{section}.quota] burst needs per_second: a rate"
        )
    return quota


def _links(reader: _Reader, tables: dict[str, Any]) -> dict[str, LinkSection]:
    found = {}
    for name, values in tables.items():
        if not reader.table(f"links.{name}", values):
            continue
        options = dict(values)
        kind = str(options.pop("kind", ""))
        if kind not in LINKS:
            known = ", ".join(LINKS)
            reader.problem(
                f"links.{name}", "kind", f"[links.{name}] kind {kind!r} (known: {known})"
            )
        found[name] = LinkSection(name, kind, options)
    return found


def read(path: Path) -> Config:
    """Read the file at ``path``. Raises ConfigError, also when there is no such file."""
    try:
        text = read_text(path)
    except UnreadableError as error:
        raise ConfigError([str(error)]) from error
    return parse(text, str(path), path.resolve().parent)
