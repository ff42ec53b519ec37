"""``wattbus``: the command line. Exit codes: 0 fine, 1 the answer is no, 2 wrong use.

Verbs are found by name: every module of ``hub.verbs`` brings one (``NAME`` and ``app`` or
``command``); ``inspect`` asks the channels, ``simulate`` and ``demo`` the simulators.
"""

import importlib
import inspect
import pkgutil
import sys
from functools import cache

import typer

from hub.simulator import SimulatorSpec

app = typer.Typer(
    help="Wattbus: the message gateway of a utility.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
simulate = typer.Typer(
    name="simulate",
    help="The far ends, each by itself: networks, phones, meters.",
    no_args_is_help=True,
)


def _modules(package: str) -> list[str]:
    """The public modules of a package, by name."""
    found = pkgutil.iter_modules(importlib.import_module(package).__path__)
    return [info.name for info in found if not info.name.startswith("_")]


def _mount_verb(name: str) -> None:
    module = importlib.import_module(f"hub.verbs.{name}")
    if hasattr(module, "app"):
        app.add_typer(module.app, name=module.NAME)
    elif hasattr(module, "command"):
        app.command(module.NAME)(module.command)


def _mount_simulator(name: str) -> None:
    """Simulators stand above the hub: they are found by name, never imported by name."""
    module = importlib.import_module(f"simulators.{name}")
    spec = getattr(module, "SIMULATOR", None)
    if isinstance(spec, SimulatorSpec):
        home = app if getattr(module, "TOP_LEVEL", False) else simulate
        home.command(spec.name, help=_told(spec), short_help=spec.help)(spec.command)


def _told(spec: SimulatorSpec) -> str:
    """Its command's docstring, which says what each word means, in lines of any width."""
    parts = (inspect.getdoc(spec.command) or spec.help).split("\n\n")
    return "\n\n".join(" ".join(part.split()) for part in parts)


@cache
def mount(arguments: tuple[str, ...] = ()) -> None:
    """Make the command line for these arguments, once.

    A module has the name of its verb, so only the one that is asked for is imported: it starts in
    a third of the time. Anything else (``--help``, a mistyped name) gets all of them.
    """
    first, second = (*arguments, "", "")[:2]
    verbs, simulators = _modules("hub.verbs"), _modules("simulators")
    if first in verbs:
        verbs, simulators = [first], []
    elif first == simulate.info.name and second in simulators:
        verbs, simulators = [], [second]
    elif first in simulators:
        verbs, simulators = [], [first]
    for name in verbs:
        _mount_verb(name)
    for name in simulators:
        _mount_simulator(name)
    app.add_typer(simulate)
    app.callback()(_group)


def _group() -> None:
    """Wattbus: the message gateway of a utility."""


def main() -> None:
    """The console script."""
    mount(tuple(sys.argv[1:]))
    app(prog_name="wattbus")


if __name__ == "__main__":
    main()
