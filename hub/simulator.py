"""How a simulator presents itself to the command line."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SimulatorSpec:
    """A far end that can be started by itself: ``wattbus simulate NAME``.

    ``command`` is a plain function with typed keyword parameters (an option each, its docstring
    is the help); it installs the reactor, runs until it is interrupted, and returns.
    """

    name: str
    help: str
    command: Callable[..., None]
