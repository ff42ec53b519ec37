"""The life of a connection to a module as one table.

What is not in the table cannot happen: done by us it raises, done by the module it is a defect.
"""

from enum import Enum


class State(Enum):
    """Where a connection is."""

    CLOSED = "closed"
    SIGNING_IN = "signing in"
    READY = "ready"
    PINGING = "asking for life"
    CALLING = "calling"
    RENEWING = "signing in again, with a call held back"
    LEAVING = "leaving after the answer"
    ENDING = "waiting for the transport to close"


class Move(Enum):
    """What may happen to a connection."""

    CONNECT = "connected"
    SIGNED_IN = "the module gave an access token"
    CALL = "we call"
    ANSWER = "the call ended, well or not"
    EXPIRED = "the access token is no longer good"
    PING = "we ping"
    PONG = "the module answered the ping"
    LEAVE = "we want to go"
    END = "nothing more may be sent or taken"
    CLOSE = "the transport is closed"


_S, _M = State, Move

TABLE: dict[tuple[State, Move], State] = {
    (_S.CLOSED, _M.CONNECT): _S.SIGNING_IN,
    (_S.SIGNING_IN, _M.SIGNED_IN): _S.READY,
    (_S.READY, _M.CALL): _S.CALLING,
    (_S.CALLING, _M.ANSWER): _S.READY,
    (_S.CALLING, _M.EXPIRED): _S.RENEWING,
    (_S.RENEWING, _M.SIGNED_IN): _S.CALLING,
    (_S.READY, _M.PING): _S.PINGING,
    (_S.PINGING, _M.PONG): _S.READY,
    # Whoever leaves while a call is out waits for its answer: else its outcome were unknown.
    (_S.CALLING, _M.LEAVE): _S.LEAVING,
    (_S.LEAVING, _M.ANSWER): _S.ENDING,
    (_S.LEAVING, _M.LEAVE): _S.LEAVING,
    **{
        (state, _M.LEAVE): _S.ENDING for state in (_S.SIGNING_IN, _S.READY, _S.PINGING, _S.RENEWING)
    },
    **{(state, _M.END): _S.ENDING for state in State if state is not _S.CLOSED},
    **{(state, _M.CLOSE): _S.CLOSED for state in State},
}


def after(state: State, move: Move) -> State | None:
    """The state after a move; None if the table does not allow it."""
    return TABLE.get((state, move))
