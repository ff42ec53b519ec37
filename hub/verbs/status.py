"""``wattbus status``: what runs, from the hub itself."""

import json
from collections.abc import Mapping
from typing import Any

import typer

from hub.verbs._shared import DEFAULT, ConfigOption, JsonOption, ask_hub, configuration

NAME = "status"


def command(config: ConfigOption = DEFAULT, as_json: JsonOption = False) -> None:
    """Say what runs: node, links, channels; exit 1 when it is not well or nothing answers."""
    state = ask_hub(configuration(config), {"do": "status"})
    if as_json:
        typer.echo(json.dumps(state))
    else:
        well = "well" if state["ok"] else "NOT WELL: the store does not answer"
        typer.echo(f"{state['node']}: {well} (process {state['pid']})")
        if "bus" in state:
            typer.echo(f"  bus: {_words(state['bus'])}")
        for kind in ("links", "channels"):
            for name, facts in state[kind].items():
                typer.echo(f"  {kind[:-1]} {name}: {_words(facts)}")
    if not state["ok"]:
        raise typer.Exit(1)


def _words(facts: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_value(value)}" for name, value in facts.items()) or "running"


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"({_words(value)})" if value else "none"
    return "; ".join(map(str, value)) if isinstance(value, list) else str(value)
