"""What the verbs share: reading the configuration, saying what is wrong, opening a reader."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from core.store.tx import Reader, StoreError
from core.store.upgrade import open_store
from hub.config import Config, ConfigError
from hub.config import read as read_config

ConfigOption = Annotated[
    Path, typer.Option("--config", "-c", help="The configuration file.", show_default=True)
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object, for programs.")]
DEFAULT = Path("wattbus.toml")


def die(sentence: str, code: int = 1) -> NoReturn:
    """Say what is wrong and leave."""
    typer.secho(sentence, err=True, fg=typer.colors.RED)
    raise typer.Exit(code)


def configuration(path: Path) -> Config:
    """The configuration, or every problem with it and exit 2."""
    try:
        return read_config(path)
    except ConfigError as error:
        die(str(error), 2)


@contextmanager
def reading(config: Config) -> Iterator[Reader]:
    """A read-only look at the database, beside a running hub or without one."""
    try:
        store = reader_store(config)
        with store.reader() as reader:
            yield reader
    except StoreError as error:
        die(f"the database does not answer: {error}")


def reader_store(config: Config) -> Any:
    """A store that is only read from."""
    from core.store.sqlite import SqliteReader
    from core.store.upgrade import is_sqlite, sqlite_path

    url = config.database_url()
    if is_sqlite(url):
        if not sqlite_path(url).exists():
            die(f"there is no database at {sqlite_path(url)}: run `wattbus db upgrade`")
        return SqliteReader(sqlite_path(url))
    return open_store(url, "wattbus-cli")


def ask_hub(config: Config, request: dict[str, Any]) -> dict[str, Any]:
    """One request over the control socket; exit 1 when no hub runs or it says no."""
    path = config.path(config.hub.data) / "control.sock"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
            link.settimeout(60)
            link.connect(str(path))
            link.sendall(json.dumps(request).encode() + b"\n")
            reply: dict[str, Any] = json.loads(link.makefile("rb").readline())
    except OSError as error:
        die(f"no hub answers at {path} ({error}); start it with `wattbus run`")
    if "error" in reply:
        die(str(reply["error"]))
    return reply
