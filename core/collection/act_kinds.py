"""What operators may do with money: one table, kind → role, second person, evidence, limit.

The same kind of table as that of acts with tokens (``core.vending.act_kinds``), and the same life
(``core.vending.act_states``), approval and limits of the day.
"""

from collections.abc import Mapping
from typing import Final

from core.agents.act_kinds import AGENT_KINDS
from core.changes.kinds import ACTS as CHANGE_ACTS
from core.counter.act_kinds import COUNTER_KINDS
from core.registration.act_kinds import PHONE_KINDS
from core.terminals.act_kinds import TERMINAL_KINDS
from core.vending.act_kinds import KINDS, Kind, Role, Two

_CASHIER, _COLLECTOR = Role.CASHIER, Role.COLLECTOR


def _kind(
    name: str,
    role: Role,
    two: Two,
    says: str,
    *,
    evidence: bool = False,
    limit: str = "",
    counts: bool = True,
) -> Kind:
    approver = Role.COLLECTION_APPROVER
    return Kind(
        name, "", role, two, says,
        evidence=evidence, limit=limit, approver=approver, counts=counts,
    )  # fmt: skip


MONEY_KINDS: Final[Mapping[str, Kind]] = {
    kind.name: kind
    for kind in (
        _kind("fee", _CASHIER, Two.NEVER, "a fee of the catalogue is owed"),
        _kind("settle", _CASHIER, Two.NEVER, "open items are paid out of the credit"),
        _kind("receipt", _CASHIER, Two.NEVER, "a receipt is written before its payment"),
        _kind("receipt-void", _CASHIER, Two.NEVER, "a receipt before payment is not used"),
        _kind("deposit", _CASHIER, Two.NEVER, "credit is kept as a security"),
        _kind("waiver", _CASHIER, Two.ABOVE, "small change that need not be paid",
              limit="waiver"),
        _kind("clear", _COLLECTOR, Two.ALWAYS, "the bank has honoured a cheque", evidence=True),
        _kind("dishonour", _COLLECTOR, Two.NEVER, "a cheque came back", evidence=True),
        _kind("reverse", _COLLECTOR, Two.ALWAYS, "a payment that was taken wrongly",
              evidence=True, limit="money"),
        _kind("plan", _COLLECTOR, Two.NEVER, "instalments are agreed"),
        _kind("plan-break", _COLLECTOR, Two.NEVER, "a plan was not kept: all is due"),
        _kind("plan-cancel", _COLLECTOR, Two.NEVER, "a plan is given up: all is due"),
        # at a pace so slow that it is a gift: so never by one person
        _kind("recover", _COLLECTOR, Two.ALWAYS, "purchases of tokens pay an open item"),
        _kind("opening-credit", _COLLECTOR, Two.ALWAYS, "credit in the books of an older system",
              evidence=True, counts=False),
        _kind("late-fees", _COLLECTOR, Two.NEVER, "late fees up to a day are owed", counts=False),
        _kind("deposit-use", _COLLECTOR, Two.NEVER, "a security pays open items"),
        _kind("deposit-refund", _COLLECTOR, Two.ALWAYS, "a security is paid back",
              limit="money"),
        _kind("pay-out", _COLLECTOR, Two.ALWAYS, "credit is paid back", limit="money"),
        _kind("write-off", _COLLECTOR, Two.ALWAYS, "an open item is given up", evidence=True,
              limit="write-off"),
        _kind("credit-note", _COLLECTOR, Two.ALWAYS, "what was charged is taken back",
              evidence=True, limit="credit-note"),
    )
}  # fmt: skip


def kind_named(name: str) -> Kind:
    """A kind of act: of money, changes, agents, desks, terminals, phones, or tokens."""
    families = (MONEY_KINDS, CHANGE_ACTS, AGENT_KINDS, COUNTER_KINDS, TERMINAL_KINDS, PHONE_KINDS)
    return next((family[name] for family in families if name in family), None) or KINDS[name]
