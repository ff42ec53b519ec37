"""An SMSC with phones behind it: ``wattbus simulate smsc``."""

from hub.simulator import SimulatorSpec
from simulators.smsc.command import run

SIMULATOR = SimulatorSpec(
    name="smsc",
    help="An SMSC: SMPP 3.4 on one port, phones by JSON lines on another; friendly or not.",
    command=run,
)
