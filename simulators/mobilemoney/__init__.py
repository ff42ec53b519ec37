"""Providers of mobile money with payers behind them: ``wattbus simulate mobilemoney``."""

from hub.simulator import SimulatorSpec
from simulators.mobilemoney.command import run

SIMULATOR = SimulatorSpec(
    name="mobilemoney",
    help="A provider of mobile money with payers, pushes or codes, and notices; friendly or not.",
    command=run,
)
