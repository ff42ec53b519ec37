"""``wattbus replay``: try dead letters again, after what was wrong is mended."""

import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from hub import deadletter
from hub.config import Config
from hub.deadletter import MAX_IDS, Filter
from hub.verbs._shared import (
    DEFAULT,
    ConfigOption,
    OperatorOption,
    ReasonOption,
    ask_hub,
    configuration,
    die,
    operator_name,
    reading,
)

NAME = "replay"

#: Dead letters replayed by one call: what is more is a second look before a second call.
AT_MOST = 100_000


def command(
    config: ConfigOption = DEFAULT,
    everything: Annotated[bool, typer.Option("--all", help="All dead letters that fit.")] = False,
    message_ids: Annotated[
        list[str] | None, typer.Option("--id", help="A message; may be repeated.")
    ] = None,
    handler: Annotated[str, typer.Option(help="Only this handler.")] = "",
    origin: Annotated[str, typer.Option("--channel", help="Only what came by this.")] = "",
    error_class: Annotated[str, typer.Option("--error", help="Only this class of error.")] = "",
    reason: ReasonOption = "",
    operator: OperatorOption = "",
) -> None:
    """Try dead letters again, oldest first: named by id, or --all that fit the filters."""
    settings = configuration(config)
    if not everything and not message_ids:
        die("name messages with --id, or say --all (with --handler, --channel, --error)", 2)
    with reading(settings) as reader:
        wanted = Filter(handler, origin, error_class)
        letters = deadletter.listed(reader, wanted, AT_MOST) if everything else []
    in_order = sorted(letters, key=lambda letter: letter.seq)
    found = [(letter.message_id, letter.handler) for letter in in_order]
    pairs = found or [(message_id, handler) for message_id in message_ids or []]
    if not pairs:
        die("no dead letters fit")
    told = {"reason": reason, "operator": operator_name(operator), "skip": everything}
    done = _replay(settings, pairs, told)
    typer.echo(f"replayed: {done}")


def _replay(settings: Config, pairs: list[tuple[str, str]], told: dict[str, Any]) -> int:
    done = 0
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        bar = progress.add_task("replay", total=len(pairs))
        for handler in dict.fromkeys(pair[1] for pair in pairs):
            ids = [message_id for message_id, of in pairs if of == handler]
            for first in range(0, len(ids), MAX_IDS):
                chunk = ids[first : first + MAX_IDS]
                request = {"do": "replay", "ids": chunk, "handler": handler, **told}
                reply = ask_hub(settings, request)
                done += len(reply["replayed"])
                progress.advance(bar, len(chunk))
    return done
