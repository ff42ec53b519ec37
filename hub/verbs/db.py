"""``wattbus db``: the database's schema, its backups, its partitions."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from core.store.tx import StoreError
from core.store.upgrade import current, head, is_sqlite, open_store, sqlite_path, upgrade
from hub.backup import BackupError, Manifest, back_up, restore
from hub.bus.access import Access
from hub.bus.oldqueues import Cleared, clear
from hub.clock import Sources
from hub.config import Config
from hub.engine import EngineError, lock_file
from hub.installed import check_schema
from hub.lastbackup import note
from hub.partitions import LEAST, MOST, PartitioningError
from hub.repartition import SESSION, Moved, Repartition, RepartitionError
from hub.verbs._shared import (
    DEFAULT,
    ConfigOption,
    JsonOption,
    OperatorOption,
    configuration,
    die,
    operator_name,
)

NAME = "db"
app = typer.Typer(help="The database: its schema, backups, partitions.", no_args_is_help=True)

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


@app.command("partitions")
def change_partitions(
    count: Annotated[int, typer.Argument(help=f"{LEAST} to {MOST}; more than worker processes.")],
    config: ConfigOption = DEFAULT,
    operator: OperatorOption = "",
    as_json: JsonOption = False,
) -> None:
    """Change how many partitions the work is dealt out by, while every node is stopped.

    A worker process has one at least, so there can be as many workers as partitions. What was
    interrupted is run again, to the same count or another; no node starts before it has ended.
    """
    settings = configuration(config)
    cleared: list[Cleared] = []
    try:
        with _work_of(settings) as run:
            run.emptied = lambda before, after: cleared.extend(_queues(settings, before, after))
            if not as_json:
                run.told = lambda done, of: typer.echo(f"{done:,} of {of:,} deliveries")
            found = run.run(count, operator_name(operator))
    except (RepartitionError, PartitioningError, EngineError, StoreError) as error:
        die(f"not changed: {error}")
    _tell(found, cleared, as_json)


@contextmanager
def _work_of(settings: Config) -> Iterator[Repartition]:
    url = settings.database_url()
    check_schema(url)
    lock = lock_file(sqlite_path(url)) if is_sqlite(url) else None
    store = open_store(url, SESSION)
    try:
        yield Repartition(store, settings.hub.name, Sources().now_us)
    finally:
        store.close()
        if lock is not None:
            lock.close()


def _queues(settings: Config, before: int, after: int) -> Iterator[Cleared]:
    if settings.bus.kind == "rabbitmq":
        bus = settings.bus_section()
        yield clear(Access.of(bus), bus.prefix, before, after)


def _tell(found: Moved, cleared: list[Cleared], as_json: bool) -> None:
    if as_json:
        told = {"broker": asdict(cleared[0])} if cleared else {}
        typer.echo(json.dumps({**msgspec.to_builtins(found), **told}))
        return
    if found.before == found.after and not found.deliveries:
        typer.echo(f"there are {found.after} partitions")
    else:
        typer.echo(
            f"{found.before} -> {found.after} partitions: {found.moved:,} of "
            f"{found.deliveries:,} deliveries that are not done have another one; start the nodes"
        )
    for each in cleared:
        if each.bundles or each.deleted:
            gone = f", queues deleted: {', '.join(each.deleted)}" if each.deleted else ""
            typer.echo(f"broker: {each.bundles:,} bundles of before dropped{gone}")
        if each.away:
            typer.secho(
                f"queues of before are left: {each.away}. They do no harm; the same command again "
                "deletes those that are too many",
                err=True, fg=typer.colors.YELLOW,
            )  # fmt: skip


def _words(found: Manifest) -> str:
    counts = found.totals
    newest = f"the newest posting of {found.newest}" if found.newest else "no posting yet"
    return (
        f"{counts['sales']:,} sales, {counts['tokens']:,} tokens, "
        f"{counts['transactions']:,} transactions, {newest}"
    )
