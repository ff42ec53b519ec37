"""What an act with agents needs loaded: when it is asked for, and when it is decided about."""

from core.book import Wants
from core.messages import RequestAgentAct


def wants_of(command: RequestAgentAct) -> Wants:
    """The agents that it names, with what operators ask of their books."""
    named = (command.agent, command.other, command.parent or "")
    return Wants(
        agents=tuple(filter(None, named)),
        agent_books=(command.agent,),
        deposits=(command.reference,) if command.reference else (),
    )
