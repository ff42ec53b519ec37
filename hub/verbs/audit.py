"""``wattbus audit``: what operators did, and whether its record is whole."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from core.calendars import local_time
from hub import audit
from hub.verbs._shared import DEFAULT, ConfigOption, JsonOption, configuration, reading

NAME = "audit"
app = typer.Typer(help="What operators did, and why.", no_args_is_help=True)


@app.command("list")
def list_them(
    config: ConfigOption = DEFAULT,
    limit: Annotated[int, typer.Option(min=1, help="The newest of each node.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List what operators did, oldest first."""
    settings = configuration(config)
    zone = next((section.zone for section in settings.companies.values()), "UTC")
    with reading(settings) as reader:
        rows = audit.read(reader, limit)
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows]))
        return
    for row in sorted(rows, key=lambda row: row.at):
        at = local_time(row.at, zone).isoformat(timespec="seconds")
        typer.echo(f"{at}  {row.actor}  {row.act}  {row.subject}  {row.detail}")


@app.command()
def verify(config: ConfigOption = DEFAULT, as_json: JsonOption = False) -> None:
    """Check the chains of seals; exit 1 when a row was changed, dropped or put in."""
    with reading(configuration(config)) as reader:
        chains = audit.verify(audit.read(reader))
    if as_json:
        typer.echo(json.dumps([asdict(chain) for chain in chains]))
    else:
        for chain in chains:
            whole = "whole" if chain.broken_at is None else f"BROKEN at row {chain.broken_at}"
            typer.echo(f"{chain.writer}: {chain.rows} rows, {whole}, last seal {chain.last_seal}")
        if not chains:
            typer.echo("no rows yet")
    if any(chain.broken_at is not None for chain in chains):
        raise typer.Exit(1)
