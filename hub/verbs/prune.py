"""``wattbus prune``: what is older than it is kept for goes; by night the hub does it itself."""

import json
from time import perf_counter, sleep
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from core.store.tx import StoreError
from core.store.upgrade import is_sqlite, open_store, sqlite_path
from hub.archive import ArchiveError
from hub.clock import Sources
from hub.config import Config
from hub.engine import EngineError, lock_file
from hub.janitor import REST, Run, archive_of, begin, drop_months, dry_run, houses_of, jobs_of
from hub.pruning import Took
from hub.verbs._shared import (
    DEFAULT,
    ConfigOption,
    JsonOption,
    OperatorOption,
    ask_hub,
    configuration,
    die,
    hub_answers,
    operator_name,
)
from hub.verbs.check_replay import snapshot

NAME = "prune"


def command(
    config: ConfigOption = DEFAULT,
    dry: Annotated[bool, typer.Option("--dry-run", help="Say what would go.")] = False,
    operator: OperatorOption = "",
    as_json: JsonOption = False,
) -> None:
    """Prune now. Where a hub runs here it does it, between its other work; else this does.

    How long what is kept: [companies.X.retention]; docs/retention.md has every table. What is not
    finished never goes.
    """
    settings = configuration(config)
    if dry:
        _say(_would_go(settings), "would go", as_json)
        return
    actor = operator_name(operator)
    if hub_answers(settings):
        ask_hub(settings, {"do": "prune", "operator": actor})
        said = "the hub prunes, between its other work; wattbus audit has what went when it is done"
        typer.echo(json.dumps({"begun": True}) if as_json else said)
        return
    try:
        _say(_prune(settings, actor), "gone", as_json)
    except (StoreError, EngineError, ArchiveError, OSError) as error:
        die(f"not all is pruned: {error}; what is gone is gone whole, and the next run goes on")


def _would_go(settings: Config) -> Took:
    now, houses = Sources().now_us(), houses_of(settings)
    on_server = not is_sqlite(settings.database_url())
    jobs = [job for house in houses.values() for job in jobs_of(house, now, on_server)]
    with snapshot(settings) as reader:
        return dry_run(reader, jobs, now)


def _prune(settings: Config, actor: str) -> Took:
    url, sources = settings.database_url(), Sources()
    lock = lock_file(sqlite_path(url)) if is_sqlite(url) else None
    store = open_store(url, "wattbus-retention")
    try:
        houses, archive = list(houses_of(settings).values()), archive_of(settings)
        run = begin(store, houses, settings.retention, archive, sources)
        now, whole = sources.now_us(), False
        try:
            run.dropped += drop_months(store, houses, archive is not None, now)
            _walk(run, settings.retention.pause_ms / 1_000 if lock is None else None)
            run.dropped += drop_months(store, houses, archive is not None, now)
            whole = True
        finally:  # what went before a fault is on record too
            run.end(actor, settings.hub.name, whole)
        return run.took
    finally:
        store.close()
        if lock is not None:
            lock.close()


def _walk(run: Run, pause_s: float | None) -> None:
    """All chunks. ``pause_s``: other nodes may be at work on this server, so it rests after each as
    the hub does; None: the database is ours alone."""
    begun = perf_counter()
    while run.step():
        if pause_s is not None:
            sleep(pause_s + REST * (perf_counter() - begun))
        begun = perf_counter()


def _say(took: Took, word: str, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(took.as_facts()))
        return
    table = Table("tier", "table", word, "bytes", "left, not finished")
    for name in sorted({*took.rows, *took.left}):
        tier, _, what = name.partition(".")
        counts = (took.rows[name], took.size[name], took.left[name])
        table.add_row(tier, what, *(f"{count:,}" for count in counts))
    Console().print(table)
    typer.echo(f"{sum(took.rows.values()):,} rows, {sum(took.size.values()):,} bytes {word}")
