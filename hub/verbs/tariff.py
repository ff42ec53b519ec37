"""`wattbus tariff price` prices a case, `wattbus tariff lint` says all that is wrong with a file.

The forms are described in docs/tariffs.md. Exit codes: 0 fine; 1 the answer is no (the sale is
refused, the file has problems); 2 wrong use (no such file, a case that cannot be priced).
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from core.documents import DocumentError, nodes, read_node
from core.tariffs.compiling import NoTariffError
from core.tariffs.conform import SIZE, CaseResult, case_results, conform_file, run_case
from core.tariffs.load import TariffDocument, load_file
from core.tariffs.pricing import MissingQuantityError
from core.yamlnodes import Node
from hub.verbs._shared import JsonOption, die
from hub.verbs.conform import WrongUseError, read_text

NAME = "tariff"
app = typer.Typer(help="Prices and tariff files.", no_args_is_help=True)


@app.command()
def price(
    case: Annotated[Path, typer.Argument(help="A case (tariff and input), or a list of cases.")],
    as_json: JsonOption = False,
) -> None:
    """Print what a case's input comes to: units, every line, the rest. `expected` is not judged."""
    try:
        answers = _priced(read_text(case), str(case))
    except (WrongUseError, DocumentError) as error:
        die(str(error), 2)
    except (NoTariffError, MissingQuantityError, ValueError) as error:
        die(f"{case}: {error}", 2)
    answer = answers[0] if len(answers) == 1 else {"sales": answers}
    typer.echo(json.dumps(answer, indent=None if as_json else 2, ensure_ascii=False))
    if any("refused" in each for each in answers):
        raise typer.Exit(1)


def _priced(text: str, name: str) -> list[dict[str, object]]:
    root = nodes(text, name, SIZE)
    if root.kind != "list":
        return case_results(root, name)
    cases = [case_results(each, name, f"[{i}]") for i, each in enumerate(root.value)]
    if not cases:
        raise WrongUseError(f"{name}: there are no cases in it.")
    return [answer for answers in cases for answer in answers]


@app.command()
def lint(
    file: Annotated[Path, typer.Argument(help="A tariff file, a tariff document, or cases.")],
    as_json: JsonOption = False,
) -> None:
    """Say everything that is wrong with a file, with its line; its cases are run, too."""
    try:
        problems, found = check(read_text(file), str(file))
    except WrongUseError as error:
        die(str(error), 2)
    if as_json:
        typer.echo(json.dumps({"file": str(file), "fine": not problems, "problems": problems}))
    else:
        typer.echo("\n".join(problems) or f"{file}: fine ({found})")
    if problems:
        raise typer.Exit(1)


def check(text: str, name: str) -> tuple[list[str], str]:
    """The problems of a file, one sentence each, and what was found in it."""
    try:
        root = nodes(text, name, SIZE)
        keys = {key.value for key, _ in root.value} if root.kind == "mapping" else set()
        if root.kind == "list":
            results = [run_case(case, name, f"[{i}]") for i, case in enumerate(root.value)]
            return _failures(results, root.value, name), _count(len(results), "case")
        if "input" in keys:
            return _failures([run_case(root, name, "")], [root], name), "1 case"
        if "versions" in keys:
            tariff = read_node(root, TariffDocument, name).value
            return [], _count(len(tariff.versions), "version")
        file = load_file(text, name)
        failures = _failures(conform_file(file, name).results, file.tests, name)
        versions = _count(len(file.tariff.days), "version")
        return failures, f"{versions}, {_count(len(file.tests), 'case')}"
    except DocumentError as error:
        return [str(problem) for problem in error.problems], ""


def _failures(results: Sequence[CaseResult], cases: Sequence[Node], name: str) -> list[str]:
    """What was misread has its line already; what came out otherwise gets the line of its case."""
    return [
        text if text.startswith(f"{name}:") else f"{name}:{case.line}: {result.id}: {text}"
        for result, case in zip(results, cases, strict=True)
        for text in result.failures
    ]


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
