"""The kinds of changes as one table, and the acts in which two people agree about their money."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from core.changes.states import ChangeMove
from core.vending.act_kinds import Kind, Role, Two


@dataclass(frozen=True, slots=True)
class ChangeKind:
    """``from_mode``: the payment mode that the agreement must have (empty: any). ``to_mode``: the
    one that it gets (empty: it keeps its own). ``closes`` the agreement; ``opens`` another one at
    the same service point; ``exchanges`` the meter; ``renames`` the account's holder. ``reads``:
    the meter must be read."""

    name: str
    says: str
    from_mode: str = ""
    to_mode: str = ""
    reads: bool = True
    closes: bool = False
    opens: bool = False
    exchanges: bool = False
    renames: bool = False


KINDS: Final[Mapping[str, ChangeKind]] = {
    kind.name: kind
    for kind in (
        ChangeKind("to-postpaid", "from tokens to bills, with the same meter",
                   "prepaid", "postpaid"),
        ChangeKind("to-prepaid", "from bills to tokens, with the same meter",
                   "postpaid", "prepaid"),
        ChangeKind("meter-exchange", "another meter at the same service point", exchanges=True),
        ChangeKind("move-out", "the customer leaves; the service point is vacant", closes=True),
        ChangeKind("move-in", "a customer at a vacant service point", reads=False, opens=True),
        ChangeKind("take-over", "one customer leaves, another comes, on one reading",
                   closes=True, opens=True),
        ChangeKind("holder", "the account with all that belongs to it gets another holder",
                   reads=False, renames=True),
    )
}  # fmt: skip

#: Who asks for a change and leads it to its end.
ROLE: Final = Role.SERVICE


def _act(move: ChangeMove, says: str) -> Kind:
    return Kind(f"change-{move}", "", ROLE, Two.ALWAYS, says, evidence=False, limit="money",
                approver=Role.COLLECTION_APPROVER)  # fmt: skip


#: Moves in which money moves are acts, approved like any other: ``wattbus act approve``.
ACTS: Final[Mapping[str, Kind]] = {
    kind.name: kind
    for kind in (
        _act(ChangeMove.SETTLE, "the money of a change: credit, charges, securities, debts"),
        _act(ChangeMove.UNDO, "a settled change is given up: its money goes back"),
    )
}
