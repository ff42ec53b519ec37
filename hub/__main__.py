"""``wattbus``: the command line. Exit codes: 0 fine, 1 the answer is no, 2 wrong use.

Verbs are found by name: every module of ``hub.verbs`` brings one (``NAME`` and ``app`` or
``command``); ``inspect`` asks the channels, ``simulate`` and ``demo`` the simulators.
"""

import importlib
import pkgutil
from functools import cache

import typer

import hub.verbs
from hub.simulator import SimulatorSpec

app = typer.Typer(
    help="Wattbus: the message gateway of a utility.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
simulate = typer.Typer(
    help="The far ends, each by itself: networks, phones, meters.", no_args_is_help=True
)


def _mount_verbs() -> None:
    for info in pkgutil.iter_modules(hub.verbs.__path__):
        if info.name.startswith("_"):
            continue
        module = importlib.import_module(f"hub.verbs.{info.name}")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=module.NAME)
        elif hasattr(module, "command"):
            app.command(module.NAME)(module.command)


def _mount_simulators() -> None:
    """Simulators stand above the hub: they are found by name, never imported by name."""
    package = importlib.import_module("simulators")
    for info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"simulators.{info.name}")
        spec = getattr(module, "SIMULATOR", None)
        if isinstance(spec, SimulatorSpec):
            home = app if getattr(module, "TOP_LEVEL", False) else simulate
            home.command(spec.name, help=spec.help)(spec.command)
    app.add_typer(simulate, name="simulate")


@cache
def mount() -> None:
    """Bring every verb and simulator to the command line, once."""
    _mount_verbs()
    _mount_simulators()


def main() -> None:
    """The console script."""
    mount()
    app(prog_name="wattbus")


if __name__ == "__main__":
    main()
