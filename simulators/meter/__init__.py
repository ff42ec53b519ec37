"""The STS meter as a far end: takes and refuses tokens as the standard says."""

from hub.simulator import SimulatorSpec
from simulators.meter.keypad import command

SIMULATOR = SimulatorSpec(
    name="meter",
    help="An STS prepayment meter with a keypad: type tokens, see what its display says.",
    command=command,
)
