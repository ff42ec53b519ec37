"""``wattbus db``: the database's schema, its backups."""

import json
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from core.store.tx import StoreError
from core.store.upgrade import current, head, upgrade
from hub.backup import BackupError, Manifest, back_up, restore
from hub.clock import Sources
from hub.engine import EngineError
from hub.lastbackup import note
from hub.verbs._shared import DEFAULT, ConfigOption, JsonOption, configuration, die

NAME = "db"
app = typer.Typer(help="The database: its schema, its backups.", no_args_is_help=True)

FileArgument = Annotated[Path, typer.Argument(help="The backup; FILE.json stands beside it.")]


@app.command("upgrade")
def upgrade_schema(config: ConfigOption = DEFAULT) -> None:
    """Bring the database to this version's schema (makes it when there is none)."""
    url = configuration(config).database_url()
    try:
        before = current(url)
        upgrade(url)
    except StoreError as error:
        die(f"not upgraded: {error}")
    typer.echo(f"schema {before or 'none'} -> {head()}")


@app.command("current")
def current_schema(config: ConfigOption = DEFAULT) -> None:
    """Print the schema's revision; exit 1 when it is not this version's."""
    found = current(configuration(config).database_url())
    typer.echo(found or "none")
    if found != head():
        raise typer.Exit(1)


@app.command("backup")
def backup_database(
    file: FileArgument, config: ConfigOption = DEFAULT, as_json: JsonOption = False
) -> None:
    """Write a backup of one moment beside the running hub; nobody waits for it.

    It holds tokens and names: only your user can read it, keep it so. Keys and configuration are
    not in it. docs/operations/runbook.md says how often, and how a restore is practised.
    """
    settings, now_us = configuration(config), Sources().now_us()
    try:
        made = back_up(settings.database_url(), file, now_us)
    except (BackupError, StoreError, OSError) as error:
        die(f"no backup: {error}")
    note(settings.path(settings.hub.data), now_us)
    if as_json:
        typer.echo(json.dumps(msgspec.to_builtins(made)))
    else:
        typer.echo(f"{file}: {made.size:,} bytes, {_words(made)}")


@app.command("restore")
def restore_database(
    file: FileArgument, config: ConfigOption = DEFAULT, as_json: JsonOption = False
) -> None:
    """Bring a backup back into an empty database, and prove that it is what was saved.

    Exit 1: nothing was brought back, or what came back is not what was saved. What happened after
    the backup's moment is not in it: docs/operations/runbook.md says what to do about it before
    anything is sold.
    """
    url = configuration(config).database_url()
    try:
        found = restore(url, file)
    except (BackupError, EngineError, StoreError, OSError) as error:
        die(f"not restored: {error}")
    if as_json:
        typer.echo(json.dumps(msgspec.to_builtins(found)))
        return
    typer.echo(f"restored and counted: {_words(found)}")
    if found.schema != head():
        typer.echo(f"it is at schema {found.schema}: run `wattbus db upgrade`")
    typer.echo("run `wattbus check --ledger` and `wattbus check --tokens` before the hub starts")


def _words(found: Manifest) -> str:
    counts = found.totals
    newest = f"the newest posting of {found.newest}" if found.newest else "no posting yet"
    return (
        f"{counts['sales']:,} sales, {counts['tokens']:,} tokens, "
        f"{counts['transactions']:,} transactions, {newest}"
    )
