"""What a session tells its owner, in the order in which it happened.

Every call ends in exactly one of :class:`Returned`, :class:`Refused` and :class:`Lost`.
"""

from typing import Any

import msgspec

from adapters._session import CloseLink
from adapters.prismtoken.calls import Call
from adapters.prismtoken.codes import Verdict


class Event(msgspec.Struct, frozen=True, gc=False):
    """The root of all events but CloseLink, which every protocol shares."""


class Ready(Event, frozen=True, gc=False):
    """Signed in and free: the session takes one call now."""


class SignInRefused(Event, frozen=True, gc=False):
    """The module does not let us in; CloseLink follows."""

    error_id: str
    sentence: str
    verdict: Verdict


class Returned(Event, frozen=True, gc=False):
    """A call was done. What came back is not compared with what was asked: see :mod:`.check`."""

    tag: object
    call: Call
    result: Any  # as the call's class says
    seconds: float


class Refused(Event, frozen=True, gc=False):
    """A call was surely not done. The verdict says why and whether it may come again.

    ``error_id`` is empty where the module never saw the call.
    """

    tag: object
    call: Call
    error_id: str
    sentence: str
    verdict: Verdict


class Lost(Event, frozen=True, gc=False):
    """Nobody knows whether a call was done: no answer in time, the connection gone, or nonsense."""

    tag: object
    call: Call
    reason: str
    verdict: Verdict


class Defect(Event, frozen=True, gc=False):
    """The module broke the protocol, or answered what nobody waits for. For the log."""

    why: str
    evidence: bytes  # the first octets of the frame, without a token in them


Outcome = Returned | Refused | Lost
AnyEvent = Event | CloseLink
