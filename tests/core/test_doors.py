"""Any module can be imported first: no module waits for another to have come before it."""

import ast
import graphlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PACKAGES = ("adapters", "core", "hub", "channels", "simulators")


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {
    _name(path): path
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
    if "migrations" not in path.parts
}


def _at_import(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run while a module is imported; a function's own are not among them."""
    for each in body:
        yield each
        for part in ("body", "orelse", "finalbody"):
            inner = getattr(each, part, [])
            if not isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.If):
                yield from _at_import(inner)


def _imported(body: list[ast.stmt]) -> Iterator[str]:
    for each in _at_import(body):
        if isinstance(each, ast.Import):
            yield from (alias.name for alias in each.names)
        elif isinstance(each, ast.ImportFrom) and each.module:
            yield each.module
            yield from (f"{each.module}.{alias.name}" for alias in each.names)


@cache
def _needs(name: str, text: str) -> set[str]:
    """What must be complete before ``name`` is: what it imports, and the packages around that."""
    wanted = set()
    for found in _imported(ast.parse(text).body):
        parts = found.split(".")
        wanted |= {".".join(parts[:end]) for end in range(1, len(parts) + 1)}
    around = {name[:at] for at, letter in enumerate(name) if letter == "."}
    return (wanted & MODULES.keys()) - around - {name}


def _cycle(texts: dict[str, str]) -> list[str]:
    needs = {name: _needs(name, text) for name, text in texts.items()}
    try:
        graphlib.TopologicalSorter(needs).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def test_no_module_needs_itself_through_others() -> None:
    assert len(MODULES) > 400
    assert _cycle({name: path.read_text() for name, path in MODULES.items()}) == []


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("core.money", "from core.tariffs.pricing import price"),
        ("core.handlers", "from core.handlers import vending"),
    ],
)
def test_a_cycle_is_found(module: str, line: str) -> None:
    texts = {name: path.read_text() for name, path in MODULES.items()}
    texts[module] = f"{line}\n{texts[module]}"
    assert module in _cycle(texts)
