"""What operators may do with payments by wallet: one table, kind → role, second person, evidence.

The same kind of table as that of acts with money, and the same life (``core.vending.act_states``),
approval and limits of the day. What moves money needs a second person above ``alone`` of the
company's wallets file; what only opens or closes a case moves none.
"""

from collections.abc import Mapping
from typing import Final

from core.vending.act_kinds import Kind, Role, Two

ASSIGN: Final = "wallet-assign"
REFUND: Final = "wallet-refund"
WRONG_METER: Final = "wallet-wrong-meter"
WRONG_AMOUNT: Final = "wallet-wrong-amount"
PAID_TWICE: Final = "wallet-paid-twice"
CASE_CLOSE: Final = "wallet-case-close"


def _kind(name: str, two: Two, says: str, *, evidence: bool = True, limit: str = "") -> Kind:
    return Kind(
        name, "", Role.COLLECTOR, two, says,
        evidence=evidence, limit=limit, approver=Role.COLLECTION_APPROVER,
    )  # fmt: skip


WALLET_KINDS: Final[Mapping[str, Kind]] = {
    kind.name: kind
    for kind in (
        _kind(ASSIGN, Two.ABOVE, "held money is somebody's: a meter, an account or an agent"),
        _kind(REFUND, Two.ABOVE, "the provider gives it back, before there is a token",
              limit="money"),
        _kind(WRONG_METER, Two.ABOVE,
              "it was for another meter: moved before there is a token, else a case"),
        _kind(WRONG_AMOUNT, Two.NEVER, "the payer says that he paid another amount: a case"),
        _kind(PAID_TWICE, Two.ABOVE,
              "it is the second of two: given back before there is a token, else a case",
              limit="money"),
        _kind(CASE_CLOSE, Two.NEVER, "somebody has looked, and says why it is over",
              evidence=False),
    )
}  # fmt: skip
