"""A terminal of an agent: ``wattbus simulate pos``."""

from hub.simulator import SimulatorSpec
from simulators.pos.command import run

SIMULATOR = SimulatorSpec(
    name="pos",
    help="A terminal: sign on, sell, pay, lose the answer, reverse, settle, in the terminal.",
    command=run,
)
