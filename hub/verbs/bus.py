"""``wattbus bus check``: the broker as it is, compared with what we want of it."""

import json
from contextlib import closing, suppress

import typer

from core.store.tx import StoreError
from core.store.upgrade import is_sqlite
from hub.bus.access import Access
from hub.bus.checking import Found, look
from hub.config import Config
from hub.partitions import PartitioningError, stands, use
from hub.verbs._shared import (
    DEFAULT,
    ConfigOption,
    JsonOption,
    configuration,
    die,
    reader_store,
)

NAME = "bus"
app = typer.Typer(
    help="The broker: is it there, does it let us in, is everything as we want it.",
    no_args_is_help=True,
)


@app.callback()
def _group() -> None:
    """The broker: is it there, does it let us in, is everything as we want it."""


@app.command()
def check(config: ConfigOption = DEFAULT, as_json: JsonOption = False) -> None:
    """Say what waits in each queue, and everything that is not as it must be; exit 1 then.

    Nothing is changed: a node declares what is missing when it starts.
    """
    found = found_by(configuration(config))
    if found is None:
        die("[bus] kind is not rabbitmq: there is nothing to look at", 2)
    if as_json:
        said = {"waiting": found.waiting, "missing": found.missing}
        typer.echo(json.dumps({**said, "problems": found.problems, "away": found.away}))
    else:
        for name, waiting in found.waiting.items():
            typer.echo(f"{name}: {waiting}")
        for name in found.missing:
            typer.echo(f"{name}: not there yet")
        for sentence in filter(None, (*found.problems, found.away)):
            typer.secho(sentence, err=True, fg=typer.colors.RED)
    if found.problems or found.away:
        raise typer.Exit(1)


def found_by(settings: Config) -> Found | None:
    """What a look at the configured broker finds; None: it is no RabbitMQ."""
    if settings.bus.kind != "rabbitmq":
        return None
    _learn_partitions(settings)
    bus = settings.bus_section()
    return look(Access.of(bus), bus.prefix)


def _learn_partitions(settings: Config) -> None:
    """How many queues there are to be; a database that is away has its own sentence elsewhere."""
    if is_sqlite(settings.database_url()):
        return
    with (
        suppress(StoreError, PartitioningError),
        closing(reader_store(settings)) as store,
        store.reader() as reader,
    ):
        use(stands(reader)[0])
