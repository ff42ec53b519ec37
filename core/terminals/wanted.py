"""What a message about terminals and cashiers needs loaded."""

from core.book import Wants
from core.messages import RequestTerminalAct, SignOffCashier, SignOnCashier


def wants_of(command: RequestTerminalAct) -> Wants:
    """The terminal with its shift, the agent, the cashier with the terminals that he is at."""
    terminals = (command.terminal,) if command.terminal else ()
    return Wants(
        agents=(command.agent,) if command.agent else (),
        terminals=terminals,
        shifts=terminals,
        rebinds=terminals if command.kind == "terminal-bind" else (),
        cashiers=((command.agent, command.cashier),) if command.cashier else (),
    )


def wants_of_sign(command: SignOnCashier | SignOffCashier) -> Wants:
    """The agent, his terminal with its shift, and who signs on."""
    cashier = command.cashier if isinstance(command, SignOnCashier) else ""
    return Wants(
        agents=(command.agent,),
        terminals=(command.terminal,),
        shifts=(command.terminal,),
        cashiers=((command.agent, cashier),) if cashier else (),
    )
