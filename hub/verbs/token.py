"""`wattbus token decode` says what a token is; `wattbus token issue` makes one with test keys.

Without `--keys` and `-c` both use the public test keys (supply groups 201457 and 123456). Exit
codes: 0 the meter would take it, 1 it would not (or the token was not made), 2 wrong use.
"""

import json
import re
import secrets
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from core.commodity import BY_TOKEN
from core.sts.errors import StsError
from core.sts.keystore import (
    DEMO_SGC02,
    DEMO_SGC04,
    MASTER_KEY_BYTES,
    KeyFile,
    KeyRecord,
    demo_keys,
    load_key_file,
)
from core.sts.meter_id import meter_pan
from core.sts.module import CreditRequest, MeterKey, VirtualModule, open_module
from core.sts.sta import SAMPLE_TABLES, Tables
from core.sts.tid import tid_at
from core.sts.token import grouped
from hub.config import ConfigError
from hub.modules.opening import open_company_module, token_opener
from hub.verbs.conform import WrongUseError, read_tables, read_text
from hub.verbs.token_words import ALL_SERVICES, Asked, KeyChoice, best_explanation, candidates

NAME = "token"
app = typer.Typer(help="Tokens in words, and test tokens.", no_args_is_help=True)

TEST_COMPANY = "test"
TEST_GROUPS = (DEMO_SGC04, DEMO_SGC02)
ONLY_TESTS = (
    "token issue makes test tokens only. A token for a live meter is sold, or asked for by an "
    "operator: wattbus act request free-issue|compensation|replacement|… --help."
)
SERVICES = BY_TOKEN
_MICROSECOND = datetime.resolution
_UNITS = re.compile(r"(\d{1,8})(?:\.(\d))?", re.ASCII)
_MASTER = bytes(MASTER_KEY_BYTES)  # the test keys are public: wrapping them hides nothing

Meter = Annotated[str, typer.Option(help="The meter number (DRN), 11 or 13 digits.")]
Ea = Annotated[int | None, typer.Option(help="7 or 11; both are tried when absent.")]
Sgc = Annotated[str | None, typer.Option(help="Supply group; all of the keys when absent.")]
Krn = Annotated[int | None, typer.Option(help="Key revision number.")]
Ti = Annotated[str, typer.Option(help="Tariff index.")]
At = Annotated[str | None, typer.Option(help="As of this time (UTC), YYYY-MM-DDTHH:MM; else now.")]
TablesFile = Annotated[
    Path | None, typer.Option("--tables", help="Licensed tables of EA07; else the sample ones.")
]


def _now_us(at: str | None) -> int:
    if at is None:
        return time.time_ns() // 1000
    try:
        instant = datetime.fromisoformat(at)
    except ValueError as error:
        raise WrongUseError(f"--at {at!r} is not a time such as 2026-07-29T13:45.") from error
    instant = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // _MICROSECOND


def _test_module(tables: Tables | None) -> tuple[VirtualModule, KeyFile]:
    keys = demo_keys(_MASTER, TEST_COMPANY)
    return open_module("test", keys, _MASTER, tables or SAMPLE_TABLES, [TEST_COMPANY]), keys


def _file_module(
    keys: Path, master_key: Path | None, tables: Tables | None
) -> tuple[VirtualModule, KeyFile]:
    if master_key is None:
        raise WrongUseError("--keys needs --master-key-file, or -c with the company's own.")
    file = load_key_file(read_text(keys))
    try:
        master = bytes.fromhex(read_text(master_key).strip())
    except ValueError as error:
        raise WrongUseError(f"{master_key}: not {MASTER_KEY_BYTES * 2} hex digits.") from error
    tests = [record.company for record in file.keys if record.test]
    return open_module("decode", file, master, tables or SAMPLE_TABLES, tests), file


def _company_module(path: Path, company: str, keys: Path | None) -> tuple[VirtualModule, KeyFile]:
    """A company's module as it is configured: the keys may be in a token. ``keys``: another file
    of its keys. Exit 2 for what is wrong with the configuration."""
    from hub.verbs._shared import company_of, configuration  # with it comes the database's library

    config = configuration(path)
    code = company_of(config, company)
    section = config.companies[code]
    if keys is not None:
        section = msgspec.structs.replace(section, keys=str(keys.absolute()))
    try:
        module = open_company_module(config, code, section, token_opener(config))
    except ConfigError as error:
        raise WrongUseError("\n".join(f"[companies.{code}] {x}" for x in error.problems)) from error
    return module, load_key_file(read_text(config.path(section.keys)))


@app.command()
def decode(
    digits: Annotated[list[str], typer.Argument(help="The 20 digits, with or without blanks.")],
    meter: Meter,
    ea: Ea = None,
    sgc: Sgc = None,
    krn: Krn = None,
    ti: Ti = "01",
    service: Annotated[
        str, typer.Option(help=f"What the meter measures: {', '.join(SERVICES)}; any when absent.")
    ] = "",
    entered: Annotated[
        list[str] | None, typer.Option(help="A token known to have been keyed in; may be repeated.")
    ] = None,
    at: At = None,
    keys: Annotated[Path | None, typer.Option(help="A key file; else the test keys.")] = None,
    master_key_file: Annotated[Path | None, typer.Option(help="Master key in hex.")] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", help="Ask the module of a company of this configuration."),
    ] = None,
    company: Annotated[str, typer.Option(help="Which company, where there are several.")] = "",
    tables: TablesFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Say in words what a token is, and whether this meter would take it now."""
    try:
        live = read_tables(tables)
        if config is not None:
            if master_key_file or tables:
                raise WrongUseError("-c brings master key and tables itself.")
            module, file = _company_module(config, company, keys)
        elif keys:
            module, file = _file_module(keys, master_key_file, live)
        else:
            module, file = _test_module(live)
        choices = candidates(file, KeyChoice(meter_pan(meter), ea, sgc, krn, ti))
        asked = Asked(" ".join(digits), tuple(entered or ()), _services(service), _now_us(at))
        words = best_explanation(module, choices, asked)
    except WrongUseError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    except StsError as refusal:
        typer.echo(str(refusal), err=True)
        raise typer.Exit(1) from refusal
    typer.echo(json.dumps(words.as_object()) if as_json else "\n".join(words.lines()))
    if not words.explanation.taken:
        raise typer.Exit(1)


def _service(name: str) -> tuple[int]:
    """The subclass of units of a service. Error: WrongUseError."""
    if name not in SERVICES:
        hint = " Heat is sold by account balance, not by token." if name == "heat" else ""
        raise WrongUseError(f"No service {name!r}: {', '.join(SERVICES)}.{hint}")
    return (SERVICES.index(name),)


def _services(name: str) -> frozenset[int]:
    """The credit subclasses that a meter takes: units and money of its service, or of all."""
    if not name:
        return ALL_SERVICES
    (units,) = _service(name)
    return frozenset({units, units + len(SERVICES)})


def parse_tenths(text: str) -> int:
    """Tenths of a unit in `28.1`. Error: WrongUseError."""
    found = _UNITS.fullmatch(text)
    if found is None:
        raise WrongUseError(f"{text!r} units: a number with at most one decimal, such as 28.1.")
    return int(found[1]) * 10 + int(found[2] or 0)


@app.command()
def issue(
    meter: Meter,
    units: Annotated[str, typer.Option(help="kWh, m³ or minutes, such as 28.1.")],
    service: Annotated[str, typer.Option(help=f"One of {', '.join(SERVICES)}.")] = "electricity",
    ea: Annotated[int, typer.Option(help="7 or 11.")] = 11,
    ti: Ti = "01",
    at: At = None,
    tables: TablesFile = None,
    keys: Annotated[Path | None, typer.Option(hidden=True)] = None,
    sgc: Annotated[str | None, typer.Option(hidden=True)] = None,
) -> None:
    """Make a token with the public test keys. It works on test meters and simulators only.

    Tokens for live meters have a cause, a role, a reason and limits: wattbus act request --help.
    """
    try:
        if keys is not None or sgc not in (None, *TEST_GROUPS):
            raise WrongUseError(ONLY_TESTS)
        (subclass,) = _service(service)
        module, file = _test_module(read_tables(tables))
        now_us = _now_us(at)
        record = next(key for key in file.keys if key.sgc == (sgc or file.keys[0].sgc))
        request = CreditRequest(
            _meter_key(record, meter_pan(meter), ea, ti),
            tid=tid_at(now_us, record.base_date),
            rnd=secrets.randbelow(16),
            tenths=parse_tenths(units),
            subclass=subclass,
        )
        (result,) = module.issue_credit([request], now_us)
        if isinstance(result, StsError):
            raise result
    except WrongUseError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    except StsError as refusal:
        typer.echo(str(refusal), err=True)
        raise typer.Exit(1) from refusal
    typer.echo(f"{grouped(result.digits)}  TEST")


def _meter_key(record: KeyRecord, pan: str, ea: int, ti: str) -> MeterKey:
    return MeterKey(record.company, pan, ea, record.sgc, record.krn, ti, record.kt)
