"""Providers of mobile money with payers behind them: ``wattbus simulate mobilemoney``."""

from hub.simulator import SimulatorSpec
from simulators.mobilemoney.command import run

SIMULATOR = SimulatorSpec(
    name="mobilemoney",
    help="M-Pesa, MTN or Airtel with payers, pushes and notices; friendly or not.",
    command=run,
)
