"""A USSD gateway with phones behind it: ``wattbus simulate ussd``."""

from hub.simulator import SimulatorSpec
from simulators.ussd.command import run

SIMULATOR = SimulatorSpec(
    name="ussd",
    help="A phone behind a USSD gateway that calls back by HTTP: dial and answer in the terminal.",
    command=run,
)
