"""PINs of cashiers: proofs compared, wrong ones counted, and the lock that they bring. Pure.

What comes is a keyed hash; the PIN itself is known to the terminal and the edge for a moment only.
"""

import hmac
import re
from typing import Any, Final

from msgspec.structs import replace

from core.agents.entities import Agent
from core.calendars import local_time
from core.handlers.base import Context
from core.messages import Answer, Outcome
from core.refusals import refuse
from core.terminals.entities import Cashier
from core.terminals.states import CashierState

#: HMAC-SHA256, hex.
_PROOF: Final = re.compile(r"[0-9a-f]{64}")
#: A slip of the finger, and another: who is wrong a third time guesses.
TRIES: Final = 3
#: As long as a guesser does not wait and a shop can. Each lock is twice as long as the one before,
#: until a right PIN or an operator ends it: half of the 10,000 PINs of 4 digits take a guesser
#: years at a day each; at a quarter of an hour always, 17 days.
LOCK_US: Final = 15 * 60 * 1_000_000
LONGEST_US: Final = 24 * 3600 * 1_000_000
#: A count that goes on for ever would not: the lock is at its longest long before.
MAX_WRONG: Final = 3_000


def is_proof(text: str) -> bool:
    """Whether this has the form of a PIN's proof."""
    return _PROOF.fullmatch(text) is not None


def lock_us(wrong: int) -> int:
    """How long so many wrong PINs in a row lock, in microseconds; 0: not yet, or not again."""
    locks, more = divmod(wrong, TRIES)
    if more or not locks:
        return 0
    return min(LOCK_US << min(locks - 1, 10), LONGEST_US)


def right_pin(ctx: Context, agent: Agent, cashier: Cashier, proof: str) -> Answer | None:
    """Nothing if it is right; else the answer, with the wrong one counted on the stage.

    Raises Refusal for who may not sign on whatever his PIN is: then none is compared or counted.
    """
    who = {"agent": agent.number, "cashier": cashier.code}
    if cashier.state == CashierState.REMOVED:
        raise refuse("cashier-unknown", **who)
    if cashier.state != CashierState.ACTIVE:
        raise refuse("cashier-blocked", state=cashier.state, **who)
    if cashier.locked_until > ctx.now_us:
        raise refuse("cashier-locked", until=_shown(ctx, cashier.locked_until), **who)
    if hmac.compare_digest(cashier.pin_proof.encode(), proof.encode()):
        if cashier.wrong or cashier.locked_until:
            _put(ctx, replace(cashier, wrong=0, locked_until=0))
        return None
    wrong = min(cashier.wrong + 1, MAX_WRONG)
    until = ctx.now_us + lock_us(wrong) if lock_us(wrong) else 0
    _put(ctx, replace(cashier, wrong=wrong, locked_until=until))
    if until:
        args = {**who, "until": _shown(ctx, until)}
        return Answer(outcome=Outcome.REFUSED, code="cashier-locked", args=args)
    left: dict[str, Any] = {**who, "tries": TRIES - wrong % TRIES}
    return Answer(outcome=Outcome.REFUSED, code="pin-wrong", args=left)


def _put(ctx: Context, cashier: Cashier) -> None:
    ctx.stage.put((cashier.agent_id, cashier.code), cashier)


def _shown(ctx: Context, at_us: int) -> str:
    return local_time(at_us, ctx.terms.zone).strftime("%Y-%m-%d %H:%M")
