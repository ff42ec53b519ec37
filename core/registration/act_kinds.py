"""What operators may do with customers' phones: one table, kind → role, second person, evidence.

The same kind of table as that of acts with money, and the same life (``core.vending.act_states``),
approval and limits of the day. What only takes away needs one person; a request that would not
spend anybody's credit is approved by one person too (``core.handlers.registration``).
"""

from collections.abc import Mapping
from typing import Final

from core.vending.act_kinds import Kind, Role, Two

APPROVE: Final = "phone-approve"


def _kind(name: str, two: Two, says: str, *, evidence: bool = False) -> Kind:
    return Kind(name, "", Role.SERVICE, two, says, evidence=evidence, approver=Role.APPROVER)


PHONE_KINDS: Final[Mapping[str, Kind]] = {
    kind.name: kind
    for kind in (
        _kind(APPROVE, Two.ALWAYS, "a phone has the meter that it asked for, and may spend",
              evidence=True),
        _kind("phone-refuse", Two.NEVER, "a phone's request is refused"),
        _kind("phone-remove", Two.NEVER, "a phone has a meter, or may spend an account, no more"),
        _kind("phone-pin-clear", Two.NEVER, "a phone's PIN is forgotten: it sets a first one",
              evidence=True),
    )
}  # fmt: skip
