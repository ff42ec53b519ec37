"""``wattbus bus check``: the broker as it is, compared with what we want of it."""

import json

import typer

from hub.bus.access import Access
from hub.bus.checking import Found, look
from hub.config import Config
from hub.verbs._shared import DEFAULT, ConfigOption, JsonOption, configuration, die

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
    bus = settings.bus_section()
    return look(Access.of(bus), bus.prefix)
