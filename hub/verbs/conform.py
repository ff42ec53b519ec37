"""`wattbus conform KIND FILE`: run a file of vectors, print each failure and a closing line.

A kind is one entry of `KINDS`: a function from the file's text and the options to verdicts. Exit
codes: 0 all passed, 1 something failed, 2 wrong use (no such kind, no such file, no vectors).
"""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from adapters.iso8583 import conform as iso8583_conform
from adapters.mobilemoney import conform as mobile_conform
from core.documents import DocumentError
from core.sts import conform as sts_conform
from core.sts.errors import TablesFormError
from core.sts.sta import Tables, load_tables
from core.tariffs import conform as tariff_conform
from hub import files

NAME = "conform"


class WrongUseError(Exception):
    """Exit 2 with this sentence."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line gives beside the file; each kind takes what it needs."""

    name: str
    tables: Path | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one vector; texts are short, `reason` is that of a skip or of an error."""

    id: str
    result: Literal["ok", "failed", "skipped"]
    expected: str = ""
    got: str = ""
    reason: str = ""

    def line(self) -> str:
        """For a failure: the id, what was expected and what came."""
        if not (self.expected or self.got):
            return f"{self.id}: {self.reason}"
        got = self.got or "nothing"
        return f"{self.id}: expected {self.expected}, got {got}" + (
            f" ({self.reason})" if self.reason else ""
        )


def read_text(path: Path) -> str:
    """The text of a file. Error: WrongUseError."""
    try:
        return files.read_text(path)
    except files.UnreadableError as error:
        raise WrongUseError(str(error)) from error


def read_tables(path: Path | None) -> Tables | None:
    """The licensed substitution tables of EA07, if a file is named. Error: WrongUseError."""
    if path is None:
        return None
    try:
        return load_tables(read_text(path))
    except TablesFormError as error:
        raise WrongUseError(f"{path}: {error}") from error


def _sts(text: str, options: Options) -> list[Verdict]:
    try:
        root = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WrongUseError(f"{options.name}: not JSON: {error}") from error
    vectors = root.get("vectors") if isinstance(root, dict) else root
    if not isinstance(vectors, list):
        raise WrongUseError(f'{options.name}: neither a list nor {{"vectors": [...]}}')
    outcomes = sts_conform.run(vectors, read_tables(options.tables))
    return [Verdict(**asdict(outcome)) for outcome in outcomes]


def _tariff(text: str, options: Options) -> list[Verdict]:
    try:
        report = tariff_conform.conform(text, options.name)
    except DocumentError as error:
        raise WrongUseError(str(error)) from error
    return [
        Verdict(result.id, "failed", reason="; ".join(result.failures))
        if result.failures
        else Verdict(result.id, "ok")
        for result in report.results
    ]


def _mobile_money(text: str, options: Options) -> list[Verdict]:
    try:
        outcomes = mobile_conform.run(text)
    except mobile_conform.FormError as error:
        raise WrongUseError(f"{options.name}: {error}") from error
    return [
        Verdict(found.id, "failed", expected=found.expected, got=found.got)
        if found.got
        else Verdict(found.id, "ok")
        for found in outcomes
    ]


def _iso8583(text: str, options: Options) -> list[Verdict]:
    try:
        root = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WrongUseError(f"{options.name}: not JSON: {error}") from error
    if not isinstance(root, dict):
        raise WrongUseError(f'{options.name}: not {{"samples": [...], "framing": [...], …}}')
    return [Verdict(**asdict(outcome)) for outcome in iso8583_conform.run(root)]


KINDS: dict[str, Callable[[str, Options], list[Verdict]]] = {
    "iso8583": _iso8583,
    "mobile-money": _mobile_money,
    "sts": _sts,
    "tariff": _tariff,
}


def closing_line(verdicts: list[Verdict]) -> str:
    """`N passed, M failed`, and `, K skipped` with the reasons by count."""
    counts = Counter(verdict.result for verdict in verdicts)
    line = f"{counts['ok']} passed, {counts['failed']} failed"
    if not counts["skipped"]:
        return line
    reasons = Counter(verdict.reason for verdict in verdicts if verdict.result == "skipped")
    why = "; ".join(f"{count}: {reason}" for reason, count in reasons.most_common())
    return f"{line}, {counts['skipped']} skipped ({why})"


def run(kind: str, file: Path, tables: Path | None = None) -> list[Verdict]:
    """The verdicts on every vector of a file. Error: WrongUseError."""
    if kind not in KINDS:
        raise WrongUseError(f"There is no kind {kind!r}; there are: {', '.join(sorted(KINDS))}.")
    verdicts = KINDS[kind](read_text(file), Options(str(file), tables))
    if not verdicts:
        raise WrongUseError(f"{file}: there are no vectors in it.")
    return verdicts


def _as_json(kind: str, verdicts: list[Verdict]) -> str:
    counts = Counter(verdict.result for verdict in verdicts)
    told = [asdict(verdict) for verdict in verdicts if verdict.result != "ok"]
    return json.dumps(
        {
            "kind": kind,
            "passed": counts["ok"],
            "failed": counts["failed"],
            "skipped": counts["skipped"],
            "outcomes": told,
        }
    )


def command(
    kind: Annotated[str, typer.Argument(help=f"What the vectors are of: {', '.join(KINDS)}.")],
    file: Annotated[Path, typer.Argument(help="The file of vectors.")],
    tables: Annotated[
        Path | None, typer.Option(help="sts: the licensed substitution tables of EA07.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Run a file of vectors: prints each failure, then `N passed, M failed`."""
    try:
        verdicts = run(kind, file, tables)
    except WrongUseError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    if as_json:
        typer.echo(_as_json(kind, verdicts))
    else:
        for verdict in verdicts:
            if verdict.result == "failed":
                typer.echo(verdict.line())
        typer.echo(closing_line(verdicts))
    if any(verdict.result == "failed" for verdict in verdicts):
        raise typer.Exit(1)
