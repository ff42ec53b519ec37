"""``wattbus terminalkey add``: a terminal's master key, of components, wrapped into a key file."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
import typer

from adapters.iso8583.errors import KeyFault
from adapters.iso8583.keys import combine
from hub import terminalkeys
from hub.files import UnreadableError, read_text
from hub.keys import files
from hub.terminalkeys import TerminalKeyError, TerminalKeyFile
from hub.verbs._shared import die

NAME = "terminalkey"
app = typer.Typer(
    help="Master keys of terminals: brought by two people or more, kept wrapped; only check values "
    "are shown. See channels/pos/README.md.",
    no_args_is_help=True,
)


@app.callback()
def _group() -> None:
    """Master keys of terminals."""


@app.command()
def add(
    terminal: Annotated[str, typer.Argument(help="Its number (DE41); * for all others of a link.")],
    company: Annotated[str, typer.Option(help="The company's code.")],
    keys: Annotated[Path, typer.Option(help="The file of wrapped keys; made if there is none.")],
    master_key_file: Annotated[Path, typer.Option(help="64 hex digits that wrap them.")],
    kcv: Annotated[str, typer.Option(help="The whole key's check value, 6 hex digits.")],
    cipher: Annotated[str, typer.Option(help="des or aes.")] = "des",
    component: Annotated[
        list[Path] | None, typer.Option(help="A component in hex, once for each; else asked for.")
    ] = None,
) -> None:
    """Put a terminal's key in the place of its old one. The hub reads the file when it starts."""
    if cipher not in ("des", "aes"):
        die("--cipher is des or aes", 2)
    kind: Literal["des", "aes"] = "aes" if cipher == "aes" else "des"
    try:
        key = combine(_components(component))
        if terminalkeys.kcv_of(kind, key) != kcv.upper():
            die("the components fit together to a key with another check value: nothing written")
        master = terminalkeys.read_master(master_key_file)
        record = terminalkeys.wrap(master, company, terminal, kind, key)
        with files.locked(keys):
            kept = [each for each in _kept(keys) if each.terminal != terminal]
            file = TerminalKeyFile(version=1, keys=(*kept, record))
            files.write(keys, msgspec.json.format(msgspec.json.encode(file)).decode() + "\n")
    except (KeyFault, TerminalKeyError, UnreadableError, OSError, ValueError) as error:
        die(f"nothing written: {error}")
    typer.echo(f"{terminal}: {record.cipher} key {record.kcv} in {keys} ({len(kept) + 1} keys)")


def _components(paths: list[Path] | None) -> list[bytes]:
    """Each custodian's. ValueError does not show what was typed."""
    given = [read_text(path) for path in paths or ()]
    while not paths and len(given) < 2:
        given.append(typer.prompt(f"Component {len(given) + 1}", hide_input=True))
    try:
        return [bytes.fromhex(text.strip()) for text in given]
    except ValueError:
        raise ValueError("a component is no hex") from None


def _kept(path: Path) -> tuple[terminalkeys.TerminalKey, ...]:
    if not path.exists():
        return ()
    try:
        return msgspec.json.decode(path.read_bytes(), type=TerminalKeyFile).keys
    except msgspec.DecodeError as error:
        raise TerminalKeyError(f"{path}: {error}") from None
