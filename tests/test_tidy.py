"""The repository's own rules: what matters here is a test that fails."""

import ast
import configparser
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
CODE = ("adapters", "channels", "core", "hub", "mappings", "simulators")
FOLDERS = {*CODE, "tests", "twisted_plugins", "docs", ".ci"}
MODULE_LINES, FUNCTION_LINES, ARGUMENTS = 500, 50, 7
#: tables of labelled cases may be a little longer than what they test
TEST_LINES = 600
#: spelled apart, so that this file does not find itself
BANNED = tuple(a + b for a, b in (("TO", "DO"), ("FIX", "ME"), ("XX", "X"), ("HA", "CK")))
#: written by Alembic: a schema is one list
GENERATED = "core/store/migrations/versions/"


def tracked(*patterns: str) -> list[Path]:
    """Files of the repository, also those that are new and not ignored."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    paths = [ROOT / line for line in sorted(set(listed.stdout.splitlines()))]
    return [path for path in paths if path.is_file()]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


PYTHON = tracked("*.py")


def test_there_is_something_to_look_at() -> None:
    assert len(PYTHON) > 100


def test_no_module_is_too_long() -> None:
    lines = {name(path): len(path.read_text().splitlines()) for path in PYTHON}
    limits = {each: TEST_LINES if each.startswith("tests/") else MODULE_LINES for each in lines}
    assert [each for each in lines if lines[each] > limits[each]] == [], "split it"


class Function(NamedTuple):
    """What the rules ask of a function."""

    name: str
    lineno: int
    lines: int
    arguments: list[str]


class Module(NamedTuple):
    """What the rules ask of a module; its tree would take a hundred times the memory."""

    docstring: str | None
    functions: list[Function]


@cache
def module(path: Path) -> Module:
    """A file, parsed once for all rules."""
    tree = ast.parse(path.read_text())
    found = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    functions = [
        Function(
            f.name,
            f.lineno,
            (f.end_lineno or 0) - f.lineno + 1,
            [a.arg for a in f.args.args + f.args.posonlyargs],
        )
        for f in found
    ]
    return Module(ast.get_docstring(tree), functions)


def test_no_function_is_too_long() -> None:
    long = [
        f"{name(path)}:{f.lineno} {f.name}"
        for path in PYTHON
        if not name(path).startswith(GENERATED)
        for f in module(path).functions
        if f.lines > FUNCTION_LINES
    ]
    assert long == [], f"more than {FUNCTION_LINES} lines"


def test_no_function_takes_too_much() -> None:
    """Verbs of the command line are excused: an option each is their form."""
    greedy = [
        f"{name(path)}:{f.lineno} {f.name}"
        for path in PYTHON
        if name(path).startswith(CODE) and not name(path).startswith(("hub/verbs/", "simulators/"))
        for f in module(path).functions
        if len([a for a in f.arguments if a not in ("self", "cls")]) > ARGUMENTS
    ]
    assert greedy == [], f"more than {ARGUMENTS} arguments"


def test_no_banned_word() -> None:
    word = re.compile(rf"\b({'|'.join(BANNED)})\b")
    files = tracked("*.py", "*.md", "*.yaml", "*.toml", "Makefile")
    found = [
        f"{name(path)}:{number}"
        for path in files
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if word.search(line)
    ]
    assert found == [], "do it, or say in words why it is not done"


def test_no_machine_path_is_written_down() -> None:
    found = [
        name(path)
        for path in tracked("*.py", "*.md", "*.yaml", "*.toml", "Makefile")
        if re.search(r"(/home/|/root/|/work/|C:\\\\Users)", path.read_text(encoding="utf-8"))
        and path != Path(__file__)
    ]
    assert found == []


def packages() -> list[Path]:
    folders = {path.parent for path in PYTHON if name(path).startswith(CODE)}
    return sorted(folders)


@pytest.mark.parametrize("folder", packages(), ids=name)
def test_every_package_says_what_it_is(folder: Path) -> None:
    init = folder / "__init__.py"
    docstring = ast.get_docstring(ast.parse(init.read_text())) if init.exists() else None
    assert docstring or (folder / "README.md").exists()


def test_every_public_module_says_what_it_is() -> None:
    silent = [
        name(path)
        for path in PYTHON
        if name(path).startswith(CODE) and path.name != "__init__.py" and not module(path).docstring
    ]
    assert silent == []


def test_the_folders_at_the_top_are_fixed() -> None:
    top = {name(path).split("/")[0] for path in tracked() if "/" in name(path)}
    assert top <= FOLDERS


@pytest.mark.parametrize("file", ["LICENSE", "CHANGELOG.md", "README.md"])
def test_the_conventional_files_are_there(file: str) -> None:
    assert (ROOT / file).stat().st_size > 0


def test_the_licence_is_apache_2() -> None:
    assert "Apache License" in (ROOT / "LICENSE").read_text()


def targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def verbs() -> set[str]:
    from typer.main import get_command

    from hub.__main__ import app, mount

    mount()
    return set(getattr(get_command(app), "commands"))  # noqa: B009 - typed as a plain command


def commands_in(text: str) -> tuple[set[str], set[str]]:
    """(make targets, wattbus verbs) that are named as code in a document."""
    code = " ".join(re.findall(r"```.*?```|`[^`\n]+`", text, re.DOTALL))
    made = set(re.findall(r"\bmake ([a-z][a-z-]*)", code))
    said = set(re.findall(r"(?<!twist )\bwattbus ([a-z][a-z|]*)", code))
    return made, {verb for each in said for verb in each.split("|")}


def test_every_command_of_the_documents_exists() -> None:
    known_targets, known_verbs = targets(), verbs()
    wrong = []
    for path in tracked("*.md"):
        made, said = commands_in(path.read_text(encoding="utf-8"))
        wrong += [f"{name(path)}: make {each}" for each in made - known_targets]
        wrong += [f"{name(path)}: wattbus {each}" for each in said - known_verbs]
    assert wrong == []


def test_commands_are_found_in_documents() -> None:
    text = "Type `make demo` or\n```\nwattbus journal|replay -c x\n```\nnot make tea."
    assert commands_in(text) == ({"demo"}, {"journal", "replay"})


def test_every_room_of_the_core_is_open_to_channels_or_closed_by_name() -> None:
    open_rooms = {
        "documents",
        "messages",
        "money",
        "queries",
        "refusals",
        "units",
        "yamlnodes",
        "yamlvalues",
    }
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter")
    section = contracts["importlinter:contract:channels-read-the-core-by-its-doors"]
    closed = {line.removeprefix("core.") for line in section["forbidden_modules"].split()}
    rooms = {
        name(p).split("/")[1].removesuffix(".py") for p in PYTHON if name(p).startswith("core/")
    }
    assert rooms - {"__init__"} <= open_rooms | closed
    assert not open_rooms & closed
