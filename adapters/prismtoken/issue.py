"""The life of one order at a module, from the first call to its tokens, as one table.

Data in, data out: the owner keeps an :class:`Issue` where it survives a crash, stores the step
ISSUING *before* the octets leave, and calls :func:`restarted` on what it finds after a crash. No
order is ever issued while it may have been issued before: first the module is asked, and only its
clear "never made", given while it still would know, opens the way back to WAITING.
"""

from dataclasses import dataclass, replace
from enum import Enum

from adapters.prismtoken.calls import Authorised
from adapters.prismtoken.check import Checked, check
from adapters.prismtoken.codes import Remedy, Verdict
from adapters.prismtoken.errors import NotAllowedError
from adapters.prismtoken.events import Outcome, Refused, Returned
from adapters.prismtoken.orders import Order, call_of, question_of

SECOND_US = 1_000_000


class Step(Enum):
    """Where an order is. The last four are ends; WRONG and UNDECIDED are for people."""

    WAITING = "waiting"  # surely not made (yet): may be issued
    ISSUING = "issuing"
    DOUBTFUL = "doubtful"  # may have been made: may only be asked about
    ASKING = "asking"
    MADE = "made"
    REFUSED = "refused"
    WRONG = "wrong"  # something else came back: an alarm, and nothing for the customer
    UNDECIDED = "undecided"  # the module does not know, and may have forgotten


class Move(Enum):
    """What may happen to an order."""

    SEND = "a call goes out"
    RETURN = "what was asked for came back"
    MISMATCH = "something else came back"
    REFUSE = "refused for good"
    LATER = "surely not done, may come again"
    LOSE = "the outcome is unknown"
    MISS = "the module says: never made"
    FORGOTTEN = "the module says so too late to be believed"
    RESTART = "our process ended meanwhile"


_S, _M = Step, Move
TABLE: dict[tuple[Step, Move], Step] = {
    (_S.WAITING, _M.SEND): _S.ISSUING,
    (_S.ISSUING, _M.RETURN): _S.MADE,
    (_S.ISSUING, _M.MISMATCH): _S.WRONG,
    (_S.ISSUING, _M.REFUSE): _S.REFUSED,
    (_S.ISSUING, _M.LATER): _S.WAITING,
    (_S.ISSUING, _M.LOSE): _S.DOUBTFUL,
    (_S.ISSUING, _M.RESTART): _S.DOUBTFUL,
    (_S.DOUBTFUL, _M.SEND): _S.ASKING,
    (_S.ASKING, _M.RETURN): _S.MADE,
    (_S.ASKING, _M.MISMATCH): _S.WRONG,
    (_S.ASKING, _M.MISS): _S.WAITING,
    (_S.ASKING, _M.FORGOTTEN): _S.UNDECIDED,
    # A question that is refused, late or lost says nothing about the order.
    (_S.ASKING, _M.REFUSE): _S.DOUBTFUL,
    (_S.ASKING, _M.LATER): _S.DOUBTFUL,
    (_S.ASKING, _M.LOSE): _S.DOUBTFUL,
    (_S.ASKING, _M.RESTART): _S.DOUBTFUL,
}
ENDS = frozenset({_S.MADE, _S.REFUSED, _S.WRONG, _S.UNDECIDED})


@dataclass(frozen=True, slots=True)
class Policy:
    """Times of doubt, in seconds."""

    # A call that we gave up may still wait inside the module: asked too early, it would say "never
    # made" and make it afterwards. Longer than any queue of a module in use.
    settle: float = 30.0
    # How long after the call a "never made" is believed. The API says "recent" and no more: the
    # vendor has to be asked for the module in use.
    remembered: float = 600.0
    again: float = 5.0  # before a call that was put off or a question comes again


@dataclass(frozen=True, slots=True)
class Issue:
    """One order and what is known of it. Instants are microseconds, `calls` counts issuing ones."""

    order: Order
    step: Step = Step.WAITING
    not_before_us: int = 0
    sent_us: int = 0  # when its last issuing call went out
    calls: int = 0
    verdict: Verdict | None = None
    result: Checked | None = None

    @property
    def over(self) -> bool:
        """Whether nothing more will be sent for it."""
        return self.step in ENDS


def next_call(issue: Issue, at_us: int) -> tuple[Issue, Authorised]:
    """The call that is due (not before `not_before_us`), and the issue to store before it leaves.

    Errors: NotAllowedError in a step without one, OrderError.
    """
    after = TABLE.get((issue.step, Move.SEND))
    if after is None:
        raise NotAllowedError(f"nothing is to be sent for an order that is {issue.step.value}")
    if after is Step.ISSUING:
        call = call_of(issue.order)
        return replace(issue, step=after, sent_us=at_us, calls=issue.calls + 1), call
    return replace(issue, step=after), question_of(issue.order)


def settled(issue: Issue, outcome: Outcome, at_us: int, policy: Policy) -> Issue:
    """The issue after the outcome of its call. Error: NotAllowedError where none was out."""
    result = check(issue.order, outcome.result) if isinstance(outcome, Returned) else None
    verdict = None if isinstance(outcome, Returned) else outcome.verdict
    move = _move(issue, outcome, result, at_us, policy)
    return replace(_moved(issue, move, at_us, policy), verdict=verdict, result=result)


def restarted(issue: Issue, at_us: int, policy: Policy) -> Issue:
    """The issue as it is found after a crash: what was out is doubtful."""
    if (issue.step, Move.RESTART) not in TABLE:
        return issue
    return _moved(issue, Move.RESTART, at_us, policy)


def _move(
    issue: Issue, outcome: Outcome, result: Checked | None, at_us: int, policy: Policy
) -> Move:
    if result is not None:
        return Move.MISMATCH if result.wrong else Move.RETURN
    if not isinstance(outcome, Refused):
        return Move.LOSE
    if outcome.verdict.remedy is Remedy.NEVER_MADE:
        if issue.step is not Step.ASKING:
            return Move.LOSE  # an answer to a question that was not asked
        # by a clock that was set back nothing can be said of how long ago it was
        believed = 0 <= at_us - issue.sent_us <= policy.remembered * SECOND_US
        return Move.MISS if believed else Move.FORGOTTEN
    return Move.REFUSE if outcome.verdict.remedy is Remedy.REFUSED else Move.LATER


def _moved(issue: Issue, move: Move, at_us: int, policy: Policy) -> Issue:
    step = TABLE.get((issue.step, move))
    if step is None:
        raise NotAllowedError(f"{move.value}, while the order is {issue.step.value}")
    pause = 0.0
    if step is Step.DOUBTFUL and issue.step is Step.ISSUING:
        pause = policy.settle
    elif step is Step.DOUBTFUL or move is Move.LATER:
        pause = policy.again
    not_before_us = at_us + int(pause * SECOND_US)
    return replace(issue, step=step, not_before_us=not_before_us)
