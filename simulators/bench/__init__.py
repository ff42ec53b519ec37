"""Benches, each beside its yardstick: ``wattbus bench``. They stand here for their far ends."""

from hub.simulator import SimulatorSpec
from simulators.bench.command import run

TOP_LEVEL = True
SIMULATOR = SimulatorSpec(
    name="bench",
    help=run.__doc__ or "",
    command=run,
)
