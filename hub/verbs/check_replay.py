"""``wattbus check --replay``: the journal decided again on empty books, compared with the books.

It reads one snapshot by a connection that can only read, beside a running hub or without one; what
it makes is in a private folder that is gone afterwards.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import typer
from rich.console import Console
from rich.progress import Progress

from core.store.sqlite import SqliteReader
from core.store.tx import Reader, StoreError
from core.sts.errors import ModuleAwayError
from hub.companies import all_terms
from hub.config import Config, ConfigError
from hub.replaycompare import Difference, differences
from hub.replaying import Replayed, ReplayError, private_books, replay
from hub.verbs._shared import die, reader_store

#: Differences shown; where there are more, these are enough to find out why.
SHOWN = 200
#: Said with every report, for a proof is worth what it covers.
COVERS = (
    "bill runs, usage, facts of agreements and key changes that were presumed are taken as given; "
    "commands are decided by the configuration of today"
)


def check_replay(settings: Config, as_json: bool) -> None:
    """Say what replay comes to; exit 1 with every difference named."""
    try:
        terms = all_terms(settings)
        with snapshot(settings) as live, private_books() as books, _progress() as watch:
            found = replay(live, terms, books, watch)
            unlike = list(differences(live, books))
    except ConfigError as error:
        die(str(error))
    except (ReplayError, ModuleAwayError) as error:
        die(f"the journal cannot be replayed: {error}")
    except StoreError as error:
        die(f"the database does not answer, or is not at this version's schema: {error}")
    if as_json:
        typer.echo(json.dumps(_report(found, unlike)))
    else:
        _say(found, unlike)
    if found.otherwise or unlike:
        raise typer.Exit(1)


@contextmanager
def snapshot(settings: Config) -> Iterator[Reader]:
    """The books as they are now, and stay for this reader as long as it looks."""
    store = reader_store(settings)
    try:
        if isinstance(store, SqliteReader):
            with store.patient_reader() as reader:
                reader.run("BEGIN")
                yield reader
        else:
            with store.reader() as reader:
                for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
                    reader.run(f"SET {limit} = 0")
                reader.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                try:
                    yield reader
                finally:
                    reader.run("ROLLBACK")
    finally:
        store.close()


@contextmanager
def _progress() -> Iterator[Any]:
    hidden = not sys.stderr.isatty()
    with Progress(console=Console(stderr=True), disable=hidden) as progress:
        bar = progress.add_task("replaying", total=None)
        yield lambda done, of: progress.update(bar, completed=done, total=of)


def _report(found: Replayed, unlike: list[Difference]) -> dict[str, Any]:
    return {
        "ok": not (found.otherwise or unlike),
        "commands": found.commands,
        "given": found.given,
        "covers": COVERS,
        "otherwise": msgspec.to_builtins(found.otherwise),
        "differences": msgspec.to_builtins(unlike),
    }


def _say(found: Replayed, unlike: list[Difference]) -> None:
    for each in found.otherwise:
        typer.secho(
            f"DECIDED OTHERWISE: message {each.message_id} ({each.handler}): {each.was} then, "
            f"{each.now} by replay",
            fg=typer.colors.RED,
        )
    for one in unlike[:SHOWN]:
        typer.secho(f"DIFFERENT: {one.what}: {one.detail}", fg=typer.colors.RED)
    if len(unlike) > SHOWN:
        typer.echo(f"… and {len(unlike) - SHOWN} more")
    came = "the same books" if not unlike else f"books with {len(unlike)} differences"
    typer.echo(f"{found.commands} commands replayed, {found.given} rows given: {came}")
    typer.echo(f"({COVERS})")
