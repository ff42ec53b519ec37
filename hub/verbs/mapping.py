"""``wattbus mapping lint|test|explain FILE``: a mapping checked as it is when the hub starts.

``test`` runs the cases that the file carries, ``explain`` shows what happens in them.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from core.agents.load import load_file as load_agents
from core.collection.load import load_file as load_collection
from core.tariffs.load import load_file
from core.wallets.load import load_file as load_wallets
from core.wallets.statement_layout import load_layout
from hub import iso8583
from hub.files import UnreadableError, read_text
from hub.verbs._shared import die
from hub.verbs.inspect import channel_specs

NAME = "mapping"
app = typer.Typer(help="Mappings: the data that integrators edit.", no_args_is_help=True)

Loader = Callable[[str], Any]


@app.callback()
def _group() -> None:
    """Mappings: the data that integrators edit."""


@app.command()
def lint(
    files: Annotated[list[Path], typer.Argument(help="YAML files.")],
    kind: Annotated[
        str, typer.Option(help="tariffs, texts, ussd, …; else the name of a folder above.")
    ] = "",
) -> None:
    """Check mapping files; exit 1 with everything that is wrong, by file and line."""
    known = dict(loaders())
    problems = []
    for file in files:
        found = kind or next((part for part in reversed(file.resolve().parts) if part in known), "")
        if found not in known:
            die(f"{file}: of which kind? --kind is one of: {', '.join(sorted(known))}", 2)
        problems += check(file, found, known[found])
    if problems:
        die("\n".join(problems))
    typer.echo(f"{len(files)} fine")


@app.command()
def test(files: Annotated[list[Path], typer.Argument(help="YAML files.")]) -> None:
    """Run the cases in dialects (mappings/pos); exit 1 with each that does not hold, by line."""
    runners = [iso8583.checked, *(spec.cases["pos"] for spec in channel_specs() if spec.cases)]
    problems = [line for file in files for runner in runners for line in check(file, "pos", runner)]
    if problems:
        die("\n".join(dict.fromkeys(problems)))
    count = sum(runner(read_text(file)) for file in files for runner in runners)
    typer.echo(f"{count} passed, 0 failed")


@app.command()
def explain(
    file: Annotated[Path, typer.Argument(help="A dialect (mappings/pos).")],
    line: Annotated[int, typer.Option(help="Only the case that stands at this line.")] = 0,
) -> None:
    """Show the cases of a dialect field by field: offset, octets, form and value, as JSON."""
    problems = check(file, "pos", iso8583.load)
    if problems:
        die("\n".join(problems))
    seen = iso8583.explained(read_text(file), "pos", line)
    if not seen:
        die(f"{file}:{line}: no case stands there")
    typer.echo(json.dumps(seen, indent=2, ensure_ascii=False))


def loaders() -> Iterator[tuple[str, Loader]]:
    """Every kind of mapping there is, and what reads its text."""
    yield "pos", iso8583.load
    yield "agents", lambda text: load_agents(text, "agents")
    yield "collection", lambda text: load_collection(text, "collection")
    yield "wallets", lambda text: load_wallets(text, "wallets")
    yield "statements", lambda text: load_layout(text, "statements")
    yield "tariffs", lambda text: load_file(text, "tariffs")
    for spec in channel_specs():
        yield from spec.mappings.items()


def check(file: Path, kind: str, loader: Loader) -> list[str]:
    """What is wrong with one file, a line each; loaders call their source by its kind."""
    try:
        text = read_text(file)
    except UnreadableError as error:
        return [str(error)]
    try:
        loader(text)
    except (OSError, ValueError, LookupError) as error:
        told = [line.removeprefix(kind) for line in str(error).splitlines() if line]
        return [f"{file}{line}" if line.startswith(":") else f"{file}: {line}" for line in told]
    return []
