"""``wattbus check``: everything that is wrong with an installation, at once."""

from datetime import UTC, datetime
from importlib import metadata
from importlib.util import find_spec
from typing import Annotated

import typer
from msgspec import convert

from core.store.tx import StoreError
from core.store.upgrade import current, fits, is_sqlite
from hub import connections
from hub.channel import Site
from hub.companies import all_terms
from hub.config import Config, ConfigError
from hub.exposure import certificate, in_the_clear, readable_secrets
from hub.hostclock import ClockGuard
from hub.installed import channel_spec
from hub.pinrules import key_problems
from hub.verbs._shared import (
    DEFAULT,
    ConfigOption,
    JsonOption,
    configuration,
    die,
    reader_store,
)
from hub.verbs.bus import found_by
from hub.verbs.check_ledger import check_ledger
from hub.verbs.check_replay import check_replay
from hub.verbs.check_tokens import Asked, prove

NAME = "check"

#: Our top-level import names; no other installed distribution may claim one.
NAMES = ("adapters", "channels", "core", "hub", "mappings", "simulators")


TokensOption = Annotated[
    bool, typer.Option("--tokens", help="Prove that no token was made without a cause.")
]
LedgerOption = Annotated[bool, typer.Option("--ledger", help="Check every invariant of the books.")]
ReplayOption = Annotated[
    bool, typer.Option("--replay", help="Replay the journal on empty books and compare.")
]
SinceOption = Annotated[str, typer.Option(help="With --tokens: the first day, YYYY-MM-DD.")]
UntilOption = Annotated[str, typer.Option(help="With --tokens: the last day, YYYY-MM-DD.")]


def command(
    config: ConfigOption = DEFAULT,
    tokens: TokensOption = False,
    ledger: LedgerOption = False,
    replay: ReplayOption = False,
    since: SinceOption = "",
    until: UntilOption = "",
    as_json: JsonOption = False,
) -> None:
    """Check configuration, names, schema, keys, clock and mappings; exit 1 with every problem.

    With --tokens: compare the security modules' own logs with the tokens and the books instead.
    With --ledger: check that the books are whole (each transaction sums to zero, each balance is
    the sum of its postings, what is owed is what is posted, and so on).
    With --replay: decide every command of the journal again on empty books, and compare them with
    the books: balances, debts, open items, receipts, tokens, row by row.
    """
    if tokens + ledger + replay > 1:
        die("--tokens, --ledger or --replay, one at a time", 2)
    if not tokens and (since or until):
        die("--since and --until go with --tokens", 2)
    if as_json and not (tokens or ledger or replay):
        die("--json goes with --tokens, --ledger or --replay", 2)
    settings = configuration(config)
    if ledger:
        check_ledger(settings, as_json)
        return
    if replay:
        check_replay(settings, as_json)
        return
    if tokens:
        zones = {code: company.zone for code, company in settings.companies.items()}
        prove(settings, Asked(since, until, as_json, zones))
        return
    problems = [
        *name_clashes(),
        *(_schema(settings) or [*_clock(settings), *_pin_keys(settings), *_room(settings)]),
        *_bus(settings),
        *_companies(settings),
        *_channels(settings),
        *_wallets(settings),
    ]
    wrong, warnings = _exposed(settings)
    problems += wrong
    for warning in warnings:
        typer.secho(f"warning: {warning}", err=True, fg=typer.colors.YELLOW)
    if problems:
        die("\n".join(problems))
    channels, companies = len(settings.channels), len(settings.companies)
    typer.echo(f"{config}: fine (channels: {channels}, companies: {companies})")
    if room := _server_room(settings):
        typer.echo(room.sentence())


def _exposed(settings: Config) -> tuple[list[str], list[str]]:
    """Problems and warnings: readable secrets, what goes in the clear, the certificate's end."""
    readable = readable_secrets(settings)
    live = any(not company.test for company in settings.companies.values())
    wrong, soon = certificate(settings, datetime.now(UTC))
    warnings = [*in_the_clear(settings), *soon]
    return ([*wrong, *readable], warnings) if live else (wrong, [*warnings, *readable])


def name_clashes() -> list[str]:
    """Distributions other than ours that bring a package with one of our names."""
    claimed = metadata.packages_distributions()
    return [
        f"package {name} is also brought by {other}: use an environment for Wattbus alone"
        for name in NAMES
        for other in sorted(set(claimed.get(name, [])) - {"wattbus"})
    ]


def _schema(settings: Config) -> list[str]:
    try:
        found = current(settings.database_url())
    except Exception as error:  # any driver's own way to say no
        return [f"[database] does not answer: {error}"]
    if not fits(settings.database_url()):
        return [f"[database] is at schema {found or 'none'}: run `wattbus db upgrade`"]
    return []


def _bus(settings: Config) -> list[str]:
    """A broker that does not answer may only not be started yet; one that answers must fit."""
    if settings.bus.kind == "kombu" and find_spec("kombu") is None:
        return ["[bus] kind = 'kombu' needs wattbus[brokers]: kombu is not installed"]
    found = found_by(settings)
    if found is None:
        return []
    if found.away:
        typer.secho(f"[bus] {found.away}: not checked", err=True, fg=typer.colors.YELLOW)
    return [f"[bus] {sentence.removeprefix('[bus] ')}" for sentence in found.problems]


def _clock(settings: Config) -> list[str]:
    """This host's clock against the database's and the last token's."""
    limit_us = settings.tokens.clock_limit_s * 1_000_000
    store = reader_store(settings)
    guard = ClockGuard(store.reader, not is_sqlite(settings.database_url()), limit_us)
    try:
        found = [guard.difference(), guard.behind_the_tokens()]
    except StoreError as error:
        return [f"[database] does not answer: {error}"]
    finally:
        store.close()
    return [sentence for sentence in found if sentence]


def _pin_keys(settings: Config) -> list[str]:
    """Cashiers who could not sign on."""
    store = reader_store(settings)
    try:
        with store.reader() as reader:
            return key_problems(settings, reader)
    except StoreError as error:
        return [f"[database] does not answer: {error}"]
    finally:
        store.close()


def _server_room(settings: Config) -> connections.Room | None:
    """Connections of a node and of its server; None: there is no server."""
    if is_sqlite(settings.database_url()):
        return None
    store = reader_store(settings)
    try:
        with store.reader() as reader:
            return connections.room(settings, reader)
    finally:
        store.close()


def _room(settings: Config) -> list[str]:
    try:
        room = _server_room(settings)
    except StoreError as error:
        return [f"[database] does not answer: {error}"]
    return [room.problem()] if room and room.problem() else []


def _companies(settings: Config) -> list[str]:
    try:
        all_terms(settings)
    except ConfigError as error:
        return error.problems
    return []


def _channels(settings: Config) -> list[str]:
    problems = []
    try:
        terms = all_terms(settings)
    except ConfigError:
        terms = {}  # said by _companies
    for name, section in settings.channels.items():
        try:
            spec = channel_spec(section.kind)
            options = convert(section.options, spec.config)
            if spec.check is not None and section.company in terms:
                spec.check(Site(name, terms[section.company], settings.base), options)
        except ConfigError as error:
            problems += [f"[channels.{name}] {problem}" for problem in error.problems]
        except (ValueError, OSError) as error:  # an option, a mapping, a file of keys
            problems.append(f"[channels.{name}] {error}")
    return problems


def _wallets(settings: Config) -> list[str]:
    """Wallets that are offered to payers, and nobody would ask: a purchase would wait for ever."""
    try:
        terms = all_terms(settings)
    except ConfigError:
        return []  # said by _companies
    return [
        f"[companies.{code}] wallet {wallet.name}: there is no [channels.{wallet.channel}] of kind "
        "mobilemoney; write one, or take the wallet out of a copy of the file"
        for code, company in terms.items()
        for wallet in company.wallets.wallets.values()
        if (wallet.ask or wallet.refunds) and not _asks(settings, code, wallet.channel)
    ]


def _asks(settings: Config, company: str, channel: str) -> bool:
    section = settings.channels.get(channel)
    return section is not None and (section.kind, section.company) == ("mobilemoney", company)
