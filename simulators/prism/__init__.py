"""A PrismToken security module with test keys: ``wattbus simulate prism``."""

from hub.simulator import SimulatorSpec
from simulators.prism.command import run

SIMULATOR = SimulatorSpec(
    name="prism",
    help="A security module (PrismToken's TokenApi) with test keys; friendly or not.",
    command=run,
)
