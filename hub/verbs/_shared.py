"""What the verbs share: reading the configuration, saying what is wrong, opening a reader."""

import getpass
import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NoReturn

import msgspec
import typer

from core.messages import Answer, Message
from core.refusals import OPERATOR, operator_sentence
from core.store.tx import Reader, StoreError
from core.store.upgrade import open_store
from hub.config import Config, ConfigError
from hub.config import read as read_config

ConfigOption = Annotated[
    Path, typer.Option("--config", "-c", help="The configuration file.", show_default=True)
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object, for programs.")]
OperatorOption = Annotated[str, typer.Option(help="Your name for the record; else your user's.")]
ReasonOption = Annotated[str, typer.Option(help="Why; it goes on record.")]
CompanyOption = Annotated[str, typer.Option(help="Which company, where there are several.")]
KeyOption = Annotated[
    str, typer.Option(help="A name of your own for it: under it a repeat is done once.")
]
DEFAULT = Path("wattbus.toml")
#: The environment may hold the passphrase, where nobody sits at the keyboard.
SECRET = "WATTBUS_OPERATOR_SECRET"  # noqa: S105 - the variable's name


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


def company_of(config: Config, code: str) -> str:
    """The company that was named, or the only one; exit 2 when that is not clear."""
    if not code and len(config.companies) == 1:
        return next(iter(config.companies))
    if code not in config.companies:
        die(f"which company? --company is one of: {', '.join(config.companies)}", 2)
    return code


def operator_name(given: str) -> str:
    """The operator's name for the audit trail; the hub adds what the kernel says of him."""
    return given or getpass.getuser()


def passphrase(settings: Config, operator: str) -> str:
    """The passphrase, where the configuration asks for one."""
    section = settings.operators.get(operator)
    if section is None:
        known = ", ".join(settings.operators) or "none"
        die(f"no operator {operator}; [operators.NAME] has: {known}", 2)
    if not section.secret_file:
        return ""
    if SECRET in os.environ:
        return os.environ[SECRET]
    if not sys.stdin.isatty():
        die(f"the passphrase of {operator} is needed: at a terminal, or in {SECRET}", 2)
    return getpass.getpass(f"Passphrase of {operator}: ")


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


def hub_answers(config: Config) -> bool:
    """Whether a hub runs here: something listens at its control socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.settimeout(5)
        try:
            link.connect(str(config.path(config.hub.data) / "control.sock"))
        except OSError:
            return False
    return True


#: Said when the hub has heard a request and did not answer.
ASK_AGAIN = "look whether it was done before you ask again"


def ask_hub(config: Config, request: dict[str, Any], unknown: str = ASK_AGAIN) -> dict[str, Any]:
    """One request over the control socket; exit 1 when no hub runs or it says no.

    ``unknown``: what to do when the hub went away with the request, and may have done it.
    """
    path = config.path(config.hub.data) / "control.sock"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
            link.settimeout(60)
            link.connect(str(path))
            reply = _asked(link, request, unknown)
    except OSError as error:
        die(f"no hub answers at {path} ({error}); start it with `wattbus run`")
    if "error" in reply:
        die(str(reply["error"]))
    return reply


def _asked(link: socket.socket, request: dict[str, Any], unknown: str) -> dict[str, Any]:
    """The reply; exit 1 with ``unknown`` when there is none, or not all of it."""
    try:
        link.sendall(json.dumps(request).encode() + b"\n")
        reply: dict[str, Any] = json.loads(link.makefile("rb").readline())
    except (OSError, ValueError) as error:  # ValueError: the line ends before its time
        die(f"outcome unknown: the hub went away before it answered ({error}); {unknown}")
    return reply


@dataclass(frozen=True, slots=True)
class Submitted:
    """What came of a command; ``answer`` None: not known yet."""

    message_id: str
    repeat: bool
    answer: Answer | None


def submit(config: Config, company: str, key: str, type_name: str, message: Message) -> Submitted:
    """Put a command on the bus by the control socket and wait for its answer."""
    request = {"do": "submit", "company": company, "key": key, "type": type_name}
    return submitted(ask_hub(config, {**request, "data": msgspec.to_builtins(message)}))


def submitted(reply: dict[str, Any]) -> Submitted:
    """What the hub said of a command."""
    answer = reply["answer"]
    return Submitted(
        reply["message_id"],
        bool(reply["repeat"]),
        msgspec.convert(answer, Answer) if answer is not None else None,
    )


def said_no(answer: Answer) -> str:
    """The operator's sentence of an answer that is not done."""
    if answer.code in OPERATOR:
        return operator_sentence(answer.code, answer.args)
    return f"{answer.outcome}: {answer.code}"


def done_or_die(done: Submitted, besides: str = "") -> Answer:
    """The answer of a command that is done; exit 1 when it was refused, or is not known yet.

    ``besides``: what is to be said behind a no.
    """
    if done.answer is None:
        die(f"the outcome is not known yet; look for it: wattbus find {done.message_id}")
    if done.answer.outcome != "done":
        die(said_no(done.answer) + besides)
    return done.answer


def as_facts(done: Submitted, answer: Answer) -> str:
    """What a program reads of a command that is done."""
    return json.dumps({"message": done.message_id, "repeat": done.repeat, **answer.data})
