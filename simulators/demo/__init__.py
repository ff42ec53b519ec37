"""The story of one evening with Wattbus, live: ``wattbus demo``."""

from hub.simulator import SimulatorSpec
from simulators.demo.command import run

SIMULATOR = SimulatorSpec(
    name="demo",
    help="The story, live: hub and far ends on SQLite, every amount checked; stays up to play.",
    command=run,
)
#: ``wattbus demo``, not ``wattbus simulate demo``.
TOP_LEVEL = True
