"""``wattbus balance``: accepted = done + refused + duplicate + dead + parked + pending."""

import json
import time
from dataclasses import asdict

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from core.queries.unknown import unknown_sums
from hub import balance
from hub.verbs._shared import DEFAULT, ConfigOption, JsonOption, configuration, reading
from hub.verbs.unknown import told

NAME = "balance"

#: No table is wider: what the names would need is measured within it.
WIDEST = 400
#: On a terminal too narrow for the table, these are said even when they are 0.
ALWAYS_TOLD = ("accepted", "done", "unaccounted")


def command(config: ConfigOption = DEFAULT, as_json: JsonOption = False) -> None:
    """Show the balance per channel and handler; exit 1 when anything is unaccounted for."""
    with reading(configuration(config)) as reader:
        lines = balance.lines(reader)
        sums = unknown_sums(reader, time.time_ns() // 1_000)
    lost = sum(line.unaccounted for line in lines)
    if as_json:
        rows = [{**asdict(line), "unaccounted": line.unaccounted} for line in lines]
        unknown = msgspec.to_builtins(sums)
        typer.echo(json.dumps({"lines": rows, "unaccounted": lost, "unknown": unknown}))
    else:
        _show(lines, lost)
        if sums:
            typer.echo(f"{told(sums)} (wattbus unknown)")
    if lost:
        raise typer.Exit(1)


def _show(lines: list[balance.Line], lost: int) -> None:
    names = ("accepted", "done", "refused", "duplicate", "dead", "parked", "pending", "unaccounted")
    table = Table("channel", "handler", *names)
    for line in lines:
        counts = [str(getattr(line, name)) for name in names]
        table.add_row(line.channel, line.handler, *counts)
    natural = Console(width=WIDEST).measure(table).maximum
    console = Console()
    if console.is_terminal and console.width < natural:
        for line in lines:
            told = [f"{n} {c}" for n in names if (c := getattr(line, n)) or n in ALWAYS_TOLD]
            typer.echo(f"{line.channel}  {line.handler}: {', '.join(told)}")
    else:
        Console(width=natural).print(table)
    typer.echo(f"unaccounted: {lost}")
