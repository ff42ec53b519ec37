"""The life of a terminal on one screen: what it is doing, and what may happen to it then.

=============  =======================================================================
state          it is
=============  =======================================================================
OFF            signed off, or fresh from the box: nobody is at it
SIGNING_ON     waiting for the answer to its sign-on
IDLE           ready: nothing is under way
ASKING         waiting for an answer that books nothing (enquiry, trial, reprint, echo)
WAITING        waiting for the answer to a sale or payment: money may move
REVERSING      its journal has items without an answer: each is taken back, again and
               again until it is answered (store and forward)
SETTLING       waiting for the answer to its totals
UPLOADING      its totals did not balance: it sends item by item
FORWARDING     the line is back: it sends what was collected without one
CLOSING        waiting for the answer to its totals after the upload
SIGNING_OFF    waiting for the answer to its sign-off
=============  =======================================================================

An answer that is not known (late, away) counts as none: what a terminal cannot be sure of, it takes
back. A lost line is a time that is over at once.
"""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final


class State(Enum):
    """What a terminal is doing."""

    OFF = "signed off"
    SIGNING_ON = "signing on"
    IDLE = "idle"
    ASKING = "asking"
    WAITING = "waiting"
    REVERSING = "reversing"
    SETTLING = "settling"
    UPLOADING = "uploading"
    FORWARDING = "forwarding"
    CLOSING = "closing"
    SIGNING_OFF = "signing off"


class Event(Enum):
    """What happens to it: a key is pressed, an answer comes, or none does."""

    SIGN_ON = "sign on"
    ASK = "ask"
    BOOK = "book"
    REVERSE = "reverse"
    SETTLE = "settle"
    FORWARD = "forward"
    SIGN_OFF = "sign off"
    APPROVED = "approved"
    DECLINED = "declined"
    UNBALANCED = "out of balance"
    EMPTY = "nothing is left to send"
    SILENCE = "no answer"


_S, _E = State, Event

#: What is not here cannot happen. Of an answer in a state that stays the same, more is to be sent.
TABLE: Final[Mapping[tuple[State, Event], State]] = MappingProxyType(
    {
        (_S.OFF, _E.SIGN_ON): _S.SIGNING_ON,
        (_S.SIGNING_ON, _E.APPROVED): _S.IDLE,
        (_S.SIGNING_ON, _E.DECLINED): _S.OFF,
        (_S.SIGNING_ON, _E.SILENCE): _S.OFF,
        (_S.IDLE, _E.SIGN_ON): _S.SIGNING_ON,  # a change of cashier
        (_S.IDLE, _E.ASK): _S.ASKING,
        (_S.IDLE, _E.BOOK): _S.WAITING,
        (_S.IDLE, _E.REVERSE): _S.REVERSING,
        (_S.IDLE, _E.SETTLE): _S.SETTLING,
        (_S.IDLE, _E.FORWARD): _S.FORWARDING,
        (_S.IDLE, _E.SIGN_OFF): _S.SIGNING_OFF,
        (_S.ASKING, _E.APPROVED): _S.IDLE,
        (_S.ASKING, _E.DECLINED): _S.IDLE,
        (_S.ASKING, _E.SILENCE): _S.IDLE,
        (_S.WAITING, _E.APPROVED): _S.IDLE,
        (_S.WAITING, _E.DECLINED): _S.IDLE,
        (_S.WAITING, _E.SILENCE): _S.REVERSING,
        (_S.WAITING, _E.REVERSE): _S.REVERSING,  # the cashier does not wait
        (_S.REVERSING, _E.APPROVED): _S.REVERSING,
        (_S.REVERSING, _E.DECLINED): _S.REVERSING,  # answered: it is not sent again
        (_S.REVERSING, _E.SILENCE): _S.REVERSING,
        (_S.REVERSING, _E.EMPTY): _S.IDLE,
        (_S.SETTLING, _E.APPROVED): _S.IDLE,
        (_S.SETTLING, _E.UNBALANCED): _S.UPLOADING,
        (_S.SETTLING, _E.DECLINED): _S.IDLE,
        (_S.SETTLING, _E.SILENCE): _S.SETTLING,
        (_S.UPLOADING, _E.APPROVED): _S.UPLOADING,
        (_S.UPLOADING, _E.DECLINED): _S.UPLOADING,
        (_S.UPLOADING, _E.SILENCE): _S.UPLOADING,
        (_S.UPLOADING, _E.EMPTY): _S.CLOSING,
        (_S.FORWARDING, _E.APPROVED): _S.FORWARDING,
        (_S.FORWARDING, _E.DECLINED): _S.FORWARDING,
        (_S.FORWARDING, _E.SILENCE): _S.FORWARDING,
        (_S.FORWARDING, _E.EMPTY): _S.IDLE,
        (_S.CLOSING, _E.APPROVED): _S.IDLE,
        (_S.CLOSING, _E.UNBALANCED): _S.IDLE,  # differences are the office's matter now
        (_S.CLOSING, _E.DECLINED): _S.IDLE,
        (_S.CLOSING, _E.SILENCE): _S.CLOSING,
        (_S.SIGNING_OFF, _E.APPROVED): _S.OFF,
        (_S.SIGNING_OFF, _E.DECLINED): _S.OFF,
        (_S.SIGNING_OFF, _E.SILENCE): _S.OFF,
    }
)


def after(state: State, event: Event) -> State | None:
    """What it does then; None: that cannot happen now."""
    return TABLE.get((state, event))
