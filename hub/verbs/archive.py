"""``wattbus archive``: the files that pruning wrote before rows went: verified, and read again."""

import json
from pathlib import Path
from typing import Annotated

import typer

from hub import archive
from hub.archive import ArchiveError
from hub.janitor import archive_of
from hub.observe import masked_raw
from hub.verbs._shared import DEFAULT, ConfigOption, JsonOption, configuration, die

NAME = "archive"
app = typer.Typer(help="What pruning has archived: verify it, read it.", no_args_is_help=True)

FolderOption = Annotated[Path | None, typer.Option(help="Where it is, if not as configured.")]


def _folder(config: Path, folder: Path | None) -> Path:
    """The archive; exit 2 when there is none."""
    found = folder or archive_of(configuration(config))
    if found is None:
        die("there is no archive: [retention] names none, nor does --folder", 2)
    if not found.is_dir():
        die(f"there is nothing at {found} yet")
    return found


@app.command("verify")
def verify(
    config: ConfigOption = DEFAULT, folder: FolderOption = None, as_json: JsonOption = False
) -> None:
    """Check every file against its note; exit 1 when one is not as it was written."""
    place = _folder(config, folder)
    found, wrong = [], []
    for path in archive.files(place):
        try:
            found.append(archive.verify(path))
        except ArchiveError as error:
            wrong.append(str(error))
    open_now = [str(path) for path in archive.unfinished(place)]
    rows = sum(note.rows for note in found)
    if as_json:
        facts = {"files": len(found), "rows": rows, "unfinished": open_now, "wrong": wrong}
        typer.echo(json.dumps(facts))
    else:
        typer.echo(f"{len(found):,} files are as they were written, with {rows:,} rows")
        for part in open_now:
            typer.echo(f"not closed yet, by its run or a day later by the next: {part}")
        for sentence in wrong:
            typer.secho(sentence, err=True, fg=typer.colors.RED)
    if wrong:
        raise typer.Exit(1)


@app.command("show")
def show(
    config: ConfigOption = DEFAULT,
    folder: FolderOption = None,
    table: Annotated[str, typer.Option(help="Only rows of this table.")] = "",
    day: Annotated[str, typer.Option(help="Only of this day (UTC), as 2026-10-01.")] = "",
    text: Annotated[str, typer.Option(help="Only rows with this in them.")] = "",
    raw: Annotated[bool, typer.Option("--raw", help="Tokens and phones as they are.")] = False,
) -> None:
    """Print archived rows, a JSON object a line; phones and tokens are masked unless --raw."""
    try:
        for path in archive.files(_folder(config, folder)):
            named, _, rest = path.name.partition("-")
            if (table and named != table) or (day and not rest.startswith(day)):
                continue
            for row in archive.read(path):
                line = json.dumps({"table": named, **row}, ensure_ascii=False)
                if text in line:
                    typer.echo(line if raw else masked_raw(line, False))
    except ArchiveError as error:
        die(str(error))
