"""A phone in the terminal: ``wattbus simulate phone``."""

from hub.simulator import SimulatorSpec
from simulators.phone.command import run

SIMULATOR = SimulatorSpec(
    name="phone",
    help="A phone: dial, answer menus, send and read SMS, in the terminal.",
    command=run,
)
