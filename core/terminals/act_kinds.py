"""What operators may do with terminals and cashiers: one table, kind → role and second person.

The same kind of table as that of acts with agents, and the same life (``core.vending.act_states``),
approval and limits of the day. What only takes away needs one person: a terminal in wrong hands
must not wait for a second one.
"""

from collections.abc import Mapping
from typing import Final

from core.vending.act_kinds import Kind, Role, Two


def _kind(name: str, two: Two, says: str) -> Kind:
    return Kind(name, "", Role.AGENTS, two, says, approver=Role.AGENT_APPROVER)


TERMINAL_KINDS: Final[Mapping[str, Kind]] = {
    kind.name: kind
    for kind in (
        _kind("terminal-register", Two.ALWAYS, "an agent gets a terminal"),
        _kind("terminal-bind", Two.ALWAYS, "it is another agent's from now on"),
        _kind("terminal-block", Two.NEVER, "nothing goes there for now; its shift ends"),
        _kind("terminal-unblock", Two.ALWAYS, "it may be used again, or was found"),
        _kind("terminal-lost", Two.NEVER, "somebody else may have it; its shift ends"),
        _kind("terminal-retire", Two.NEVER, "it is used no more, for ever; its shift ends"),
        _kind("terminal-parameters", Two.ALWAYS, "what it shall work with, name and value"),
        _kind("terminal-message", Two.NEVER, "what it shall show"),
        _kind("terminal-emergency", Two.ALWAYS,
              "what it may collect without the line: limit of a day, receipt numbers"),
        _kind("cashier-add", Two.ALWAYS, "somebody may sign on at the agent's terminals"),
        _kind("cashier-pin", Two.ALWAYS, "the cashier has another PIN"),
        _kind("cashier-block", Two.NEVER, "the cashier may not sign on; his shifts end"),
        _kind("cashier-unlock", Two.ALWAYS, "the cashier may sign on again"),
        _kind("cashier-remove", Two.NEVER, "the cashier is one no more; his shifts end"),
    )
}  # fmt: skip
