"""After 60 days in which nobody complained, a set is presumed to be in the meter."""

from core.store.tx import Tx
from core.vending.key_change_states import LAPSE_US, MOVES, Event, KeyChangeState

#: Rows of one transaction: they are locked together, and sales to these meters wait.
AT_ONCE = 500

_FROM = KeyChangeState.ISSUED
_TO = MOVES[_FROM, Event.LAPSE]

# The state is asked for again where the row is locked: what a sale or an operator has moved
# meanwhile stays as it was moved.
_PRESUME = (
    "UPDATE key_change SET state = :after, presumed_at = :now WHERE state = :before AND id IN ("
    "SELECT id FROM key_change WHERE state = :before AND issued_at <= :since "
    "ORDER BY id LIMIT :count)"
)


def presume(tx: Tx, now_us: int, count: int = AT_ONCE) -> int:
    """Move what was issued 60 days ago or earlier on; how many rows were moved."""
    return tx.run(
        _PRESUME,
        before=str(_FROM),
        after=str(_TO),
        now=now_us,
        since=now_us - LAPSE_US,
        count=count,
    )
