"""``wattbus channel``: pause a channel, and let it go on; stop it, and start it again."""

import json
from pathlib import Path
from typing import Annotated

import typer

from hub.verbs._shared import (
    DEFAULT,
    ConfigOption,
    JsonOption,
    OperatorOption,
    ReasonOption,
    ask_hub,
    configuration,
    operator_name,
)

NAME = "channel"
app = typer.Typer(
    help="Pause a channel, and let it go on; stop it, and start it again: while a counterpart has "
    "trouble of its own, or until a mistake in a mapping is mended. Both outlive a restart.",
    no_args_is_help=True,
)
Name = Annotated[str, typer.Argument(help="As in the configuration: \\[channels.NAME].")]


@app.command()
def pause(
    name: Name,
    reason: ReasonOption,
    config: ConfigOption = DEFAULT,
    operator: OperatorOption = "",
    as_json: JsonOption = False,
) -> None:
    """Take nothing more from it, and hand nothing to it; what was taken is done.

    The counterpart hears that we are busy (SMPP throttle, terminals 91, HTTP 503) and comes again;
    what is to go out waits. It is on record; `wattbus status` shows it.
    """
    _do("pause", config, name, reason, operator, as_json)


@app.command()
def resume(
    name: Name,
    config: ConfigOption = DEFAULT,
    reason: ReasonOption = "it can go on",
    operator: OperatorOption = "",
    as_json: JsonOption = False,
) -> None:
    """Let a paused channel go on; what has waited goes out."""
    _do("resume", config, name, reason, operator, as_json)


@app.command()
def stop(
    name: Name,
    reason: ReasonOption,
    config: ConfigOption = DEFAULT,
    operator: OperatorOption = "",
    as_json: JsonOption = False,
) -> None:
    """Close its link or listener, wherever it is open; what was taken is done first.

    Channels that share its link are closed and opened again with it. It is on record.
    """
    _do("stop", config, name, reason, operator, as_json)


@app.command()
def start(
    name: Name,
    config: ConfigOption = DEFAULT,
    reason: ReasonOption = "it can go on",
    operator: OperatorOption = "",
    as_json: JsonOption = False,
) -> None:
    """Open a stopped channel again, on the node that holds its seat."""
    _do("start", config, name, reason, operator, as_json)


def _do(verb: str, config: Path, name: str, reason: str, operator: str, as_json: bool) -> None:
    who = operator_name(operator)
    request = {"do": verb, "channel": name, "reason": reason, "operator": who}
    reply = ask_hub(configuration(config), request)
    ((said, words),) = ((key, reply[key]) for key in ("paused", "stopped") if key in reply)
    typer.echo(
        json.dumps(reply)
        if as_json
        else f"channel {name} {f'{said} {words}' if words else 'goes on'}"
    )
