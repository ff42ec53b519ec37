"""What an act with agents needs loaded: when it is asked for, and when it is decided about."""

from core.book import Wants
from core.counter.wanted import cash_at
from core.messages import ReceiveDeposit, RequestAgentAct, RequestTopUp


def reference_of(command: RequestAgentAct | ReceiveDeposit | RequestTopUp) -> str:
    """The bank's reference as it counts once: blanks do not make another one."""
    return command.reference.strip()


def wants_of(command: RequestAgentAct) -> Wants:
    """The agents that it names, with what operators ask of their books."""
    named = (command.agent, command.other, command.parent or "")
    return Wants(
        agents=tuple(filter(None, named)),
        agent_books=(command.agent,),
        deposits=tuple(filter(None, (reference_of(command),))),
        counter=cash_at(command.way, command.desk),
    )
