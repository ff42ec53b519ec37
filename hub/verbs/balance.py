"""``wattbus balance``: accepted = done + refused + duplicate + dead + parked + pending."""

import json
from dataclasses import asdict

import typer
from rich.console import Console
from rich.table import Table

from hub import balance
from hub.verbs._shared import DEFAULT, ConfigOption, JsonOption, configuration, reading

NAME = "balance"


def command(config: ConfigOption = DEFAULT, as_json: JsonOption = False) -> None:
    """Show the balance per channel and handler; exit 1 when anything is unaccounted for."""
    with reading(configuration(config)) as reader:
        lines = balance.lines(reader)
    lost = sum(line.unaccounted for line in lines)
    if as_json:
        rows = [{**asdict(line), "unaccounted": line.unaccounted} for line in lines]
        typer.echo(json.dumps({"lines": rows, "unaccounted": lost}))
    else:
        _show(lines, lost)
    if lost:
        raise typer.Exit(1)


def _show(lines: list[balance.Line], lost: int) -> None:
    names = ("accepted", "done", "refused", "duplicate", "dead", "parked", "pending", "unaccounted")
    table = Table("channel", "handler", *names)
    for line in lines:
        counts = [str(getattr(line, name)) for name in names]
        table.add_row(line.channel, line.handler, *counts)
    Console().print(table)
    typer.echo(f"unaccounted: {lost}")
