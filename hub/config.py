"""The configuration: one TOML file, declared, documented and checked before anything starts.

Each struct's fields carry their sentence in ``wattbus init``'s commented file. Secrets are never
here: they come by file or environment.
"""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec


class HubSection(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """``[hub]``: the node itself."""

    name: str = "wattbus"
    data: str = "var"
    workers: int = 0  # worker processes on PostgreSQL; 0: one per core
    open_messages: int = 20_000  # per channel: over it the edge is told to come again
    linger_ms: int = 5
    drain_s: float = 20.0
    log: Literal["json", "text"] = "json"


class DatabaseSection(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """``[database]``: ``sqlite:PATH`` or ``postgresql://…`` (the password by PGPASSFILE)."""

    url: str = "sqlite:var/wattbus.db"


class BusSection(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """``[bus]``: ``table`` is the queue in the database; ``rabbitmq`` needs ``url``."""

    kind: Literal["table", "rabbitmq"] = "table"
    url: str = ""
    prefix: str = "wattbus"


class HttpSection(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """``[http]``: the one HTTP server; loopback unless said otherwise. Port 0: none."""

    host: str = "127.0.0.1"
    port: int = 8080


class LimitsSection(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """``[companies.X.limits]`` in minor units; 0: no limit."""

    per_sale: int = 0
    per_day_meter: int = 0
    per_day_phone: int = 0


class CompanySection(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """``[companies.X]``: a utility. ``keys`` is the file of wrapped vending keys."""

    name: str
    zone: str
    currency: str
    tariffs: list[str]
    keys: str
    master_key_file: str = ""
    sta_tables: str = ""
    languages: list[str] = msgspec.field(default_factory=lambda: ["en"])
    country_code: str = ""
    help_line: str = ""
    tax_number: str = ""
    receipt_series: str = ""
    test: bool = False
    repeat_minutes: int = 10
    confirm_minutes: int = 10
    deductions: list[str] = msgspec.field(
        default_factory=lambda: ["fee", "debts", "fixed", "tax", "energy"]
    )
    limits: LimitsSection = msgspec.field(default_factory=LimitsSection)


@dataclass(frozen=True, slots=True)
class ChannelSection:
    """``[channels.X]``: an instance of a channel; ``options`` are its own struct's fields."""

    name: str
    kind: str
    company: str
    options: dict[str, Any]


@dataclass(frozen=True, slots=True)
class LinkSection:
    """``[links.X]``: a link that channels share."""

    name: str
    kind: str
    options: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration. ``base`` is the folder that relative paths start from."""

    base: Path
    hub: HubSection
    database: DatabaseSection
    bus: BusSection
    http: HttpSection
    companies: dict[str, CompanySection]
    channels: dict[str, ChannelSection]
    links: dict[str, LinkSection]
    file: Path = Path("wattbus.toml")

    def path(self, name: str) -> Path:
        """A path of the configuration, relative to the file's folder."""
        return self.base / name

    def database_url(self) -> str:
        """The database's URL with a SQLite path made absolute."""
        url = self.database.url
        if url.startswith("sqlite:"):
            return f"sqlite:{self.path(url.removeprefix('sqlite:'))}"
        return url


class ConfigError(Exception):
    """Everything that is wrong with a configuration, one sentence each, with file and line."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


_SINGLE: dict[str, type[msgspec.Struct]] = {
    "hub": HubSection,
    "database": DatabaseSection,
    "bus": BusSection,
    "http": HttpSection,
}
_TABLES = ("companies", "channels", "links")
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
        """Convert a table; a problem names the line and what is allowed."""
        try:
            return msgspec.convert(values, kind)
        except msgspec.ValidationError as error:
            key = _key_in(str(error))
            sentence = f"[{section}] {error}"
            if "unknown field" in str(error):
                sentence += f" (known: {', '.join(kind.__struct_fields__)})"
            self.problem(section, key, sentence)
            return None


def line_of(lines: list[str], section: str, key: str) -> int:
    """The line of ``key`` in ``[section]``, else of the section, else 1."""
    at, inside = 1, False
    for number, line in enumerate(lines, start=1):
        stripped = line.strip()
        if stripped.startswith("["):
            inside = stripped.strip("[]").strip() == section
            at = number if inside else at
        elif inside and key and re.match(rf'"?{re.escape(key)}"?\s*=', stripped):
            return number
    return at


def _key_in(message: str) -> str:
    found = re.search(r"unknown field `(\w+)`|`\$\.(\w+)|field `(\w+)`", message)
    return next((group for group in found.groups() if group), "") if found else ""


def parse(text: str, source: str, base: Path) -> Config:
    """Read a configuration; raises ConfigError with everything that is wrong."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{source}: {error}"]) from error
    reader = _Reader(text, source)
    for name in document.keys() - _SINGLE.keys() - set(_TABLES):
        known = ", ".join((*_SINGLE, *_TABLES))
        reader.problem(name, "", f"[{name}] is not a section (known: {known})")
    single = {
        name: reader.struct(kind, name, document.get(name, {})) for name, kind in _SINGLE.items()
    }
    companies = {
        name: section
        for name, values in document.get("companies", {}).items()
        if (section := reader.struct(CompanySection, f"companies.{name}", values))
    }
    channels = _channels(reader, document.get("channels", {}), companies)
    links = _links(reader, document.get("links", {}))
    if reader.problems:
        raise ConfigError(reader.problems)
    sections: dict[str, Any] = single  # no problems: none of them is None
    return Config(
        base=base,
        companies=companies,
        channels=channels,
        links=links,
        file=Path(source),
        **sections,
    )


def _channels(
    reader: _Reader, tables: dict[str, Any], companies: dict[str, CompanySection]
) -> dict[str, ChannelSection]:
    found = {}
    for name, values in tables.items():
        section = f"channels.{name}"
        options = dict(values)
        kind, company = options.pop("kind", ""), options.pop("company", "")
        if not re.fullmatch(r"[a-z][a-z0-9_]*", kind):
            reader.problem(
                section, "kind", f"[{section}] needs kind, the name of a channel package"
            )
        if company not in companies:
            known = ", ".join(companies) or "none"
            reader.problem(section, "company", f"[{section}] company {company!r} (known: {known})")
        found[name] = ChannelSection(name, kind, company, options)
    return found


def _links(reader: _Reader, tables: dict[str, Any]) -> dict[str, LinkSection]:
    found = {}
    for name, values in tables.items():
        options = dict(values)
        kind = options.pop("kind", "")
        if kind != "smpp":
            reader.problem(f"links.{name}", "kind", f"[links.{name}] kind {kind!r} (known: smpp)")
        found[name] = LinkSection(name, kind, options)
    return found


def read(path: Path) -> Config:
    """Read the file at ``path``. Raises ConfigError, also when there is no such file."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: {error}"]) from error
    return parse(text, str(path), path.resolve().parent)
