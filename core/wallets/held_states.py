"""Money that came by wallet and could not be booked at once: the one table of what is done with it.

``held``          nobody may have it yet; it is on ``suspense:wallet``
``overdue``       its deadline passed while people should have decided: it is theirs once more
``refund-due``    it goes back to the payer as soon as the provider is asked (``core.wallets`` acts)
``refunding``     he is asked; nothing else may be done with it
``refunded``      it went back
``released``      it was vended or booked after all
``waits``         too little for a token: credit of its account, used with the next payment
``used``          … and so it was
``credited``      plain credit of its account: it waited long enough
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, Literal

import msgspec

from core.entities import Entity
from core.wallets.terms import HeldRule, Unvendable, WalletTerms

#: The ledger of money whose use is not decided.
SUSPENSE: Final = "suspense:wallet"


class HeldState(StrEnum):
    """States of held money."""

    HELD = "held"
    OVERDUE = "overdue"
    REFUND_DUE = "refund-due"
    REFUNDING = "refunding"
    REFUNDED = "refunded"
    RELEASED = "released"
    WAITS = "waits"
    USED = "used"
    CREDITED = "credited"


class HeldMove(StrEnum):
    """What can happen to it."""

    RELEASE = "release"
    LAPSE_TO_LIST = "work-list"
    LAPSE_TO_REFUND = "refund"
    LAPSE_TO_CREDIT = "credit"
    ASK_BACK = "ask-back"
    GIVEN_BACK = "given-back"
    NOT_GIVEN = "not-given"
    USE = "use"
    KEEP = "keep"


S, M = HeldState, HeldMove
#: On the ledger of suspense.
SUSPENDED: Final = (S.HELD, S.OVERDUE, S.REFUND_DUE, S.REFUNDING)
#: What the clock looks at.
RUNNING: Final = (S.HELD, S.OVERDUE, S.WAITS)

MOVES: Final = {
    **{(state, M.RELEASE): S.RELEASED for state in (S.HELD, S.OVERDUE, S.REFUND_DUE)},
    **{(state, M.LAPSE_TO_CREDIT): S.CREDITED for state in (S.HELD, S.OVERDUE, S.WAITS)},
    **{(state, M.LAPSE_TO_LIST): S.OVERDUE for state in (S.HELD, S.OVERDUE, S.REFUND_DUE)},
    **{(state, M.LAPSE_TO_REFUND): S.REFUND_DUE for state in (S.HELD, S.OVERDUE)},
    **{(s, M.ASK_BACK): S.REFUNDING for s in (S.HELD, S.OVERDUE, S.REFUND_DUE)},
    # by our wish, or by the provider's own doing
    **{(state, M.GIVEN_BACK): S.REFUNDED for state in (*SUSPENDED, S.WAITS)},
    (S.REFUNDING, M.NOT_GIVEN): S.OVERDUE,
    (S.WAITS, M.USE): S.USED,
    (S.WAITS, M.KEEP): S.HELD,
}


def moved(state: str, move: str) -> HeldState | None:
    """The state after a move; None where the table has none: it comes too late."""
    return MOVES.get((HeldState(state), HeldMove(move)))


#: What is done at once: kept, credited to the account, paid to what the account owes, or first paid
#: to what may be deducted from a purchase.
AtOnce = Literal["hold", "credit", "bill", "debts"]


class Row(msgspec.Struct, frozen=True, gc=False):
    """One reason. ``again``: what stood against it may go by itself, so it is tried again."""

    at_once: AtOnce
    rule: HeldRule
    again: bool = False


def _rule(owner: str, hours: int, then: Literal["refund", "credit", "work-list"]) -> HeldRule:
    return HeldRule(owner=owner, hours=hours, then=then)


#: reason → what is done; owner, hours and what then are the company's to change.
TABLE: Final[Mapping[Unvendable, Row]] = {
    "unknown": Row("hold", _rule("wallets", 72, "work-list")),
    "small": Row("credit", _rule("wallets", 720, "credit")),
    "postpaid": Row("bill", _rule("billing", 72, "credit")),
    "blocked": Row("debts", _rule("revenue-protection", 168, "refund"), again=True),
    "vacant": Row("hold", _rule("wallets", 72, "refund"), again=True),
    "exchanging": Row("hold", _rule("field", 72, "refund"), again=True),
    "over-limit": Row("hold", _rule("wallets", 48, "refund"), again=True),
    "differs": Row("hold", _rule("wallets", 24, "work-list")),
    "refused": Row("hold", _rule("wallets", 24, "work-list"), again=True),
    "unproved": Row("hold", _rule("wallets", 24, "work-list")),
}

#: Why a sale was refused → the reason; what is not here is ``refused``.
REASON_OF: Final[Mapping[str, Unvendable]] = {
    "tender-too-small": "small",
    "meter-not-prepaid": "postpaid",
    "meter-blocked": "blocked",
    "sale-blocked": "blocked",
    "agreement-missing": "vacant",
    "meter-being-exchanged": "exchanging",
    "meter-changing": "exchanging",
    "limit-per-sale": "over-limit",
    "limit-per-day-meter": "over-limit",
    "limit-per-day-phone": "over-limit",
    "credit-above-meter": "over-limit",
    "meter-unknown": "unknown",
    "account-unknown": "unknown",
    "agent-unknown": "unknown",
    "payment-unknown": "unknown",
    "currency-wrong": "differs",
}


def reason_of(code: str) -> Unvendable:
    """The reason that a refusal is."""
    return REASON_OF.get(code, "refused")


def rule_of(terms: WalletTerms, reason: str) -> HeldRule:
    """Who owns it, how long, and what then: as the company says, else as the table has it."""
    return terms.held.get(reason) or TABLE[reason].rule  # type: ignore[index]


class HeldMoney(Entity, frozen=True, kw_only=True, gc=False):
    """A row of ``held_money``; ``core.store.tables.held`` says what each field holds."""

    company: str
    payment_id: int
    wallet: str
    receipt: str
    currency: str
    amount: int
    rest: int
    ledger: str
    reason: str
    code: str
    names: str
    target: str
    account_id: int
    item_id: int
    state: str
    owner: str
    next: str
    since: int
    deadline: int
    next_at: int
    lapses: int
    how: str
    message_id: str
    decision_id: str
    ended_at: int


class PhoneAsks(Entity, frozen=True, kw_only=True, gc=False):
    """How often a phone asked for payments since an instant: receipts can be guessed."""

    company: str
    phone: str
    since: int
    count: int
