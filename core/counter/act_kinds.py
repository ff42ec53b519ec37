"""What operators may do at desks: one table, kind → role, second person, evidence.

The same kind of table as those of acts with tokens and with money, and the same life
(``core.vending.act_states``) and approval. None counts among the acts of the day: they are the
day's work of a cashier.
"""

from collections.abc import Mapping
from typing import Final

from core.vending.act_kinds import Kind, Role, Two

#: Every kind begins with it.
PREFIX: Final = "counter-"
_CASHIER, _COLLECTOR = Role.CASHIER, Role.COLLECTOR


def _kind(name: str, role: Role, two: Two, says: str, *, evidence: bool = False) -> Kind:
    approver = Role.COLLECTION_APPROVER
    return Kind(
        PREFIX + name, "", role, two, says, evidence=evidence, approver=approver, counts=False
    )


COUNTER_KINDS: Final[Mapping[str, Kind]] = {
    kind.name: kind
    for kind in (
        _kind("desk", _COLLECTOR, Two.NEVER, "a desk is set up"),
        _kind("series", _COLLECTOR, Two.ALWAYS, "numbers are registered for a desk's receipts, "
              "or for credit notes"),
        _kind("open", _CASHIER, Two.NEVER, "a shift begins, with cash that was counted"),
        _kind("paid-in", _CASHIER, Two.NEVER, "the cash office brings money"),
        _kind("paid-out", _CASHIER, Two.ABOVE, "money leaves the till against a voucher"),
        _kind("drop", _CASHIER, Two.NEVER, "money goes from the till to the safe"),
        _kind("spoil", _CASHIER, Two.NEVER, "the next receipt's number cannot be used"),
        _kind("x", _CASHIER, Two.NEVER, "what the shift has taken up to now"),
        _kind("void", _CASHIER, Two.ALWAYS, "a receipt of this shift is taken back"),
        _kind("count", _CASHIER, Two.NEVER, "the cash is counted, blind"),
        _kind("recount", _COLLECTOR, Two.NEVER, "somebody else counts", evidence=True),
        _kind("close", _CASHIER, Two.ABOVE, "the shift ends: the Z report"),
        _kind("handover", _CASHIER, Two.NEVER, "the cash is counted for the next cashier"),
        _kind("takeover", _CASHIER, Two.ABOVE, "the next cashier has counted the same"),
        _kind("withdraw", _CASHIER, Two.NEVER, "the next cashier does not come"),
        _kind("deposit", _CASHIER, Two.NEVER, "cash of the safe goes to the bank, with a slip"),
        _kind("hand-in", _CASHIER, Two.NEVER, "cash of the safe goes to the cash office"),
        _kind("cleared", _COLLECTOR, Two.ALWAYS, "the bank has credited a slip", evidence=True),
    )
}  # fmt: skip
