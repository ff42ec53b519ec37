"""What operators may do with agents: one table, kind → role, second person, evidence, limit.

The same kind of table as those of acts with tokens and with money, and the same life
(``core.vending.act_states``), approval and limits of the day.
"""

from collections.abc import Mapping
from typing import Final

from core.vending.act_kinds import Kind, Role, Two

_ROLE, _APPROVER = Role.AGENTS, Role.AGENT_APPROVER


def _kind(
    name: str, two: Two, says: str, *, evidence: bool = False, limit: str = "", role: Role = _ROLE
) -> Kind:
    return Kind(name, "", role, two, says, evidence=evidence, limit=limit, approver=_APPROVER)


AGENT_KINDS: Final[Mapping[str, Kind]] = {
    kind.name: kind
    for kind in (
        _kind("agent-enrol", Two.ALWAYS, "an agent is taken on"),
        _kind("agent-alter", Two.ALWAYS, "limits, scope or what else is known of it"),
        _kind("agent-block", Two.NEVER, "it sells and collects nothing for now"),
        _kind("agent-unblock", Two.ALWAYS, "it may sell again"),
        _kind("agent-close", Two.ALWAYS, "it is an agent no more; nothing may be left"),
        _kind("agent-topup", Two.ALWAYS, "money came for its float", evidence=True),
        _kind("agent-withdraw", Two.ALWAYS, "what is on its float is paid out", limit="money"),
        _kind("agent-transfer", Two.ALWAYS, "from its float to another of its tree"),
        _kind("agent-security", Two.NEVER, "a guarantee or equipment deposit came"),
        _kind("agent-security-refund", Two.ALWAYS, "a security is paid back", limit="money"),
        _kind("agent-commission", Two.ALWAYS, "commission that is owed is paid out", limit="money"),
        _kind("agent-commission-float", Two.ALWAYS, "commission that is owed goes to its float"),
        _kind("agent-commission-back", Two.ALWAYS, "commission that it owes comes from its float"),
        _kind("agent-topup-decline", Two.NEVER, "no money was found for what it asked for"),
        _kind("agent-surrender", Two.NEVER, "it hands our cash over, counted", role=Role.CASHIER),
        _kind("agent-statement", Two.NEVER, "a statement was made out: its declared fee is taken"),
    )
}
