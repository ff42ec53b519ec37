"""``wattbus reload``: a running node takes up a changed configuration without a restart."""

import json

import typer

from hub.verbs._shared import (
    DEFAULT,
    ConfigOption,
    JsonOption,
    OperatorOption,
    ask_hub,
    configuration,
    operator_name,
)

NAME = "reload"
LATER = ("channels", "links", "companies")


def command(
    config: ConfigOption = DEFAULT, operator: OperatorOption = "", as_json: JsonOption = False
) -> None:
    """Have the running node read its configuration again: all of it, or nothing at all.

    At once: tariffs, fees, agents' commission, limits, operators, quotas, and what the files say
    that are named there. Options of a channel or link, and names of a company: when the channel is
    started again (`wattbus channel stop`, `start`). Everything else needs a restart of the node,
    and is refused with its name. Nothing that was accepted waits: worker processes are replaced
    one after the other. Each node is told by itself. It is on record.
    """
    reply = ask_hub(configuration(config), {"do": "reload", "operator": operator_name(operator)})
    if as_json:
        typer.echo(json.dumps(reply))
        return
    typer.echo(f"in force: {', '.join(reply['at_once']) or 'what the named files say'}")
    later = [f"{kind}: {', '.join(reply[kind])}" for kind in LATER if reply[kind]]
    if later:
        typer.echo(f"when started again (wattbus channel stop, start): {'; '.join(later)}")
