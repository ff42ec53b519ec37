"""``wattbus check --ledger``: every invariant of the books, by a connection that can only read."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import typer

from core.store.invariants import INVARIANTS, MOST, Offence, offences
from core.store.sqlite import SqliteReader
from core.store.tx import Reader, StoreError
from hub.config import Config
from hub.verbs._shared import die, reader_store


def check_ledger(settings: Config, as_json: bool) -> None:
    """Say which invariants hold; exit 1 with every offender named."""
    found: dict[str, list[Offence]] = {}
    try:
        with _patient(settings) as (reader, dialect):
            for invariant in INVARIANTS:
                found[invariant.name] = list(offences(reader, dialect, (invariant,)))
    except StoreError as error:
        die(f"the database does not answer, or is not at this version's schema: {error}")
    if as_json:
        typer.echo(json.dumps(_report(found)))
    else:
        _say(found)
    if any(found.values()):
        raise typer.Exit(1)


@contextmanager
def _patient(settings: Config) -> Iterator[tuple[Reader, str]]:
    """A reader whose statements may take as long as the books are large."""
    store = reader_store(settings)
    try:
        if isinstance(store, SqliteReader):
            with store.patient_reader() as reader:
                yield reader, "sqlite"
        else:
            with store.reader() as reader:
                reader.rows("SELECT set_config('statement_timeout', '0', false)")
                yield reader, "postgresql"
    finally:
        store.close()


def _report(found: dict[str, list[Offence]]) -> dict[str, Any]:
    wrong = [msgspec.to_builtins(offence) for listed in found.values() for offence in listed]
    return {"ok": not wrong, "checked": list(found), "offences": wrong}


def _say(found: dict[str, list[Offence]]) -> None:
    for invariant in INVARIANTS:
        listed = found[invariant.name]
        if not listed:
            continue
        typer.secho(f"NOT TRUE: {invariant.sentence} ({invariant.name})", fg=typer.colors.RED)
        for offence in listed:
            typer.echo(f"  {offence.what}: {offence.detail}")
        if len(listed) == MOST:
            typer.echo("  … and perhaps more")
    wrong = sum(1 for listed in found.values() if listed)
    typer.echo(f"{len(found) - wrong} of {len(found)} invariants hold")
