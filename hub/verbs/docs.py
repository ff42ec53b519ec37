"""``wattbus docs``: documents that are made of the code."""

import json
from importlib import metadata

import typer

from hub.asyncapi import document

NAME = "docs"
app = typer.Typer(help="Documents made of the code itself.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Documents made of the code itself."""


@app.command()
def asyncapi() -> None:
    """Write the AsyncAPI 3.0 document of the bus to standard output, as JSON."""
    typer.echo(json.dumps(document(version()), indent=2, ensure_ascii=False))


def version() -> str:
    """The installed version; 0 in a tree that is not installed."""
    try:
        return metadata.version("wattbus")
    except metadata.PackageNotFoundError:
        return "0"
