"""Runs the story. Its help is the docstring of :func:`run`."""

import sys
from typing import Annotated

import typer


def run(
    once: Annotated[bool, typer.Option("--once", help="End after the story: exit 0 or 1.")] = False,
    slow: Annotated[bool, typer.Option("--slow", help="Paced for an audience.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object at the end; the story on stderr.")
    ] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the folder behind.")] = False,
) -> None:
    """The story, live: a customer buys, the meter takes the token, the plug is pulled.

    Starts a hub on SQLite, the network's and a purse's simulators in a temporary folder, plays ten
    acts and checks every amount in them. Then it stays up until Ctrl-C, to be played with.
    """
    import json

    from simulators.demo.evening import Options, evening

    out = sys.stderr if as_json else sys.stdout
    played = evening(Options(once=once, slow=slow, keep=keep), out)
    if as_json:
        typer.echo(json.dumps(played.as_object()))
    if played.failed:
        raise typer.Exit(1)
