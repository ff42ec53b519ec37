"""``wattbus deadletters``: what could not be handled, why, and what to do about it."""

import json
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from core.calendars import local_time
from core.store.tx import Reader
from hub import deadletter, stories
from hub.config import Config
from hub.deadletter import DeadLetter, Filter
from hub.envelope import EnvelopeError
from hub.files import UnreadableError, read_text
from hub.observe import masked_raw
from hub.verbs._shared import (
    DEFAULT,
    ConfigOption,
    JsonOption,
    OperatorOption,
    ReasonOption,
    ask_hub,
    configuration,
    die,
    operator_name,
    reading,
)

NAME = "deadletters"
app = typer.Typer(help="What could not be handled: see, replay, discard, edit.")

#: Shown unless more are asked for.
SHOWN = 50

Id = Annotated[str, typer.Argument(help="The message's id.")]
HandlerOption = Annotated[str, typer.Option(help="Only this handler.")]


@app.callback(invoke_without_command=True)
def default(context: typer.Context, config: ConfigOption = DEFAULT) -> None:
    """List the dead letters."""
    if context.invoked_subcommand is None:
        list_them(config)


@app.command("list")
def list_them(
    config: ConfigOption = DEFAULT,
    handler: HandlerOption = "",
    origin: Annotated[str, typer.Option("--channel", help="Only what came by this.")] = "",
    error_class: Annotated[str, typer.Option("--error", help="Only this class of error.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="The newest.")] = SHOWN,
    as_json: JsonOption = False,
) -> None:
    """List dead letters, newest first."""
    settings = configuration(config)
    with reading(settings) as reader:
        letters = deadletter.listed(reader, Filter(handler, origin, error_class), limit)
        parked = [deadletter.parked_behind(reader, letter) for letter in letters]
    if as_json:
        rows = zip(letters, parked, strict=True)
        typer.echo(json.dumps([{**_object(settings, x), "parked": n} for x, n in rows]))
        return
    for letter, behind in zip(letters, parked, strict=True):
        waiting = f", {behind} parked behind it" if behind else ""
        typer.echo(
            f"{_when(settings, letter)}  {letter.message_id}  {letter.handler} by {letter.origin}, "
            f"{letter.attempt} attempts{waiting}\n    {letter.error_class}: {letter.error}"
        )
    if not letters:
        typer.echo("no dead letters")


@app.command()
def show(message_id: Id, config: ConfigOption = DEFAULT, as_json: JsonOption = False) -> None:
    """Show a message with its deliveries and the evidence; exit 1 when there is none."""
    settings = configuration(config)
    with reading(settings) as reader:
        letters = deadletter.of_message(reader, message_id)
        if not letters:
            die(f"there is no message {message_id}")
        shown = _evidence(reader, message_id)
    shown["deliveries"] = [_object(settings, letter) for letter in letters]
    typer.echo(json.dumps(shown) if as_json else json.dumps(shown, indent=2, ensure_ascii=False))


def _evidence(reader: Reader, message_id: str) -> dict[str, Any]:
    """What arrived (masked), and the message as it would be edited."""
    rows = reader.rows(f"{stories.JOURNAL_ROWS} WHERE id = :id", id=message_id)
    arrivals = [stories.arrived(row) for row in rows]
    try:
        envelope = deadletter.envelope_of(reader, message_id)
        data, problem = msgspec.json.decode(envelope.data), ""
    except (EnvelopeError, msgspec.DecodeError) as error:
        data, problem = None, str(error)
    shown: dict[str, Any] = {"message": message_id, "data": data}
    if problem:
        shown["unreadable"] = problem
    if arrivals:
        shown["arrived"] = {
            "channel": arrivals[0].channel,
            "key": arrivals[0].key,
            "raw": masked_raw(arrivals[0].raw, arrivals[0].raw_is_hex),
        }
    return shown


@app.command()
def replay(
    message_ids: Annotated[list[str], typer.Argument(help="Ids of messages.")],
    config: ConfigOption = DEFAULT,
    handler: HandlerOption = "",
    reason: ReasonOption = "",
    operator: OperatorOption = "",
) -> None:
    """Try messages again under their ids; what was done already is not done twice."""
    request = {"do": "replay", "ids": message_ids, "handler": handler, "reason": reason}
    done = ask_hub(configuration(config), {**request, "operator": operator_name(operator)})
    typer.echo(f"replayed: {len(done['replayed'])}")


@app.command()
def discard(
    message_ids: Annotated[list[str], typer.Argument(help="Ids of messages.")],
    reason: Annotated[str, typer.Option(help="Why; it goes on record.")],
    config: ConfigOption = DEFAULT,
    handler: HandlerOption = "",
    operator: OperatorOption = "",
) -> None:
    """End messages without doing them; the reason stands in the audit trail."""
    request = {"do": "discard", "ids": message_ids, "handler": handler, "reason": reason}
    done = ask_hub(configuration(config), {**request, "operator": operator_name(operator)})
    typer.echo(f"discarded: {len(done['discarded'])}")


@app.command()
def edit(
    message_id: Id,
    reason: Annotated[str, typer.Option(help="Why; it goes on record.")],
    config: ConfigOption = DEFAULT,
    changes: Annotated[
        list[str] | None, typer.Option("--set", help="field=value; may be repeated.")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="A JSON file with the whole message.")] = None,
    operator: OperatorOption = "",
) -> None:
    """Send a corrected message under a new id, and discard the old one."""
    settings = configuration(config)
    if bool(changes) == (data is not None):
        die("say what to change: --set field=value, or --data FILE", 2)
    corrected = _read_json(data) if data else _changed(settings, message_id, changes or [])
    request = {"do": "edit", "ids": [message_id], "data": corrected, "reason": reason}
    done = ask_hub(settings, {**request, "operator": operator_name(operator)})
    typer.echo(f"sent {done['sent']}, discarded {done['discarded']}")


def _read_json(path: Path) -> Any:
    try:
        return json.loads(read_text(path))
    except UnreadableError as error:
        die(str(error), 2)
    except ValueError as error:
        die(f"{path}: {error}", 2)


def _changed(settings: Config, message_id: str, changes: list[str]) -> dict[str, Any]:
    with reading(settings) as reader:
        if not deadletter.of_message(reader, message_id):
            die(f"there is no message {message_id}")
        data = _evidence(reader, message_id)["data"]
    if not isinstance(data, dict):
        die("the message cannot be read; give the whole of it with --data FILE")
    for change in changes:
        name, sign, text = change.partition("=")
        if not sign or not name:
            die(f"'{change}' is not field=value", 2)
        data[name] = _value(text, data.get(name))
    return data


def _value(text: str, was: Any) -> Any:
    """A text where a text was: ``04123456784`` and ``100001`` are no numbers; else JSON."""
    if isinstance(was, str):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _when(settings: Config, letter: DeadLetter) -> str:
    section = settings.companies.get(letter.company)
    moment = local_time(letter.updated_us, section.zone if section else "UTC")
    return moment.isoformat(timespec="seconds")


def _object(settings: Config, letter: DeadLetter) -> dict[str, Any]:
    return {
        "message": letter.message_id,
        "at": _when(settings, letter),
        "type": letter.type,
        "handler": letter.handler,
        "channel": letter.origin,
        "state": letter.state_name,
        "attempts": letter.attempt,
        "error_class": letter.error_class,
        "error": letter.error,
        "party": letter.party,
        "key": letter.partitionkey,
    }
