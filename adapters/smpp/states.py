"""The life of an SMPP session as one table (SMPP 3.4, 2.2 and 2.3).

One table serves both ends: a move is what one side does, whoever looks at it. What is not in the
table cannot happen: done by us it raises, done by the peer it is answered ESME_RINVBNDSTS (or
ESME_RALYBND for a second bind).
"""

from enum import Enum

from adapters.smpp.pdu import (
    AlertNotification,
    BindReceiver,
    BindTransceiver,
    BindTransmitter,
    CancelSm,
    DataSm,
    DeliverSm,
    EnquireLink,
    Outbind,
    Pdu,
    QuerySm,
    ReplaceSm,
    SubmitMulti,
    SubmitSm,
    Unbind,
)


class Side(Enum):
    """The two ends of a session."""

    ESME = "ESME"
    SMSC = "SMSC"

    @property
    def other(self) -> "Side":
        return Side.SMSC if self is Side.ESME else Side.ESME


class State(Enum):
    """Where a session is. LEAVING: that side wants to go, or has sent unbind."""

    CLOSED = "closed"
    OPEN = "open"
    OUTBOUND = "outbound"
    BINDING_TX = "binding as transmitter"
    BINDING_RX = "binding as receiver"
    BINDING_TRX = "binding as transceiver"
    BOUND_TX = "bound as transmitter"
    BOUND_RX = "bound as receiver"
    BOUND_TRX = "bound as transceiver"
    ESME_LEAVING = "ESME leaving"
    SMSC_LEAVING = "SMSC leaving"

    __hash__ = object.__hash__  # Enum's own is a call of Python, for each PDU that is looked up


class Move(Enum):
    """What may happen to a session."""

    CONNECT = "connected"
    CLOSE = "closed"
    OUTBIND = "SMSC: outbind"
    BIND_TX = "ESME: bind_transmitter"
    BIND_RX = "ESME: bind_receiver"
    BIND_TRX = "ESME: bind_transceiver"
    ACCEPT = "SMSC: bind accepted"
    REFUSE = "SMSC: bind refused"
    SUBMIT = "ESME: submit_sm, submit_multi, query_sm, cancel_sm, replace_sm"
    DELIVER = "SMSC: deliver_sm"
    ALERT = "SMSC: alert_notification"
    DATA_UP = "ESME: data_sm"
    DATA_DOWN = "SMSC: data_sm"
    ENQUIRE = "enquire_link"
    ESME_LEAVE = "ESME: leaves or unbinds"
    SMSC_LEAVE = "SMSC: leaves or unbinds"

    __hash__ = object.__hash__  # see State


_S, _M = State, Move
BOUND = frozenset({_S.BOUND_TX, _S.BOUND_RX, _S.BOUND_TRX})
LEAVING = frozenset({_S.ESME_LEAVING, _S.SMSC_LEAVING})
BINDING = frozenset({_S.BINDING_TX, _S.BINDING_RX, _S.BINDING_TRX})

_UP = (_M.SUBMIT, _M.DATA_UP)
_DOWN = (_M.DELIVER, _M.ALERT, _M.DATA_DOWN)

TABLE: dict[tuple[State, Move], State] = {
    (_S.CLOSED, _M.CONNECT): _S.OPEN,
    (_S.OPEN, _M.OUTBIND): _S.OUTBOUND,
    **{
        (start, move): state
        for start in (_S.OPEN, _S.OUTBOUND)
        for move, state in (
            (_M.BIND_TX, _S.BINDING_TX),
            (_M.BIND_RX, _S.BINDING_RX),
            (_M.BIND_TRX, _S.BINDING_TRX),
        )
    },
    (_S.BINDING_TX, _M.ACCEPT): _S.BOUND_TX,
    (_S.BINDING_RX, _M.ACCEPT): _S.BOUND_RX,
    (_S.BINDING_TRX, _M.ACCEPT): _S.BOUND_TRX,
    **{(state, _M.REFUSE): _S.OPEN for state in BINDING},
    # Traffic: up from a transmitter, down to a receiver, both on a transceiver.
    **{(_S.BOUND_TX, move): _S.BOUND_TX for move in _UP},
    **{(_S.BOUND_RX, move): _S.BOUND_RX for move in _DOWN},
    **{(_S.BOUND_TRX, move): _S.BOUND_TRX for move in _UP + _DOWN},
    # While one side leaves, what the other sent before it knew is still good.
    **{(_S.ESME_LEAVING, move): _S.ESME_LEAVING for move in _DOWN},
    **{(_S.SMSC_LEAVING, move): _S.SMSC_LEAVING for move in _UP},
    # Either side may ask for life or leave whenever there is a link.
    **{(state, _M.ENQUIRE): state for state in State if state is not _S.CLOSED},
    **{(state, _M.ESME_LEAVE): _S.ESME_LEAVING for state in State if state is not _S.CLOSED},
    **{(state, _M.SMSC_LEAVE): _S.SMSC_LEAVING for state in State if state is not _S.CLOSED},
    **{(state, _M.CLOSE): _S.CLOSED for state in State},
}

_ESME_MOVES: dict[type[Pdu], Move] = {
    BindTransmitter: _M.BIND_TX,
    BindReceiver: _M.BIND_RX,
    BindTransceiver: _M.BIND_TRX,
    **dict.fromkeys((SubmitSm, SubmitMulti, QuerySm, CancelSm, ReplaceSm), _M.SUBMIT),
    DataSm: _M.DATA_UP,
    EnquireLink: _M.ENQUIRE,
    Unbind: _M.ESME_LEAVE,
}
_SMSC_MOVES: dict[type[Pdu], Move] = {
    Outbind: _M.OUTBIND,
    DeliverSm: _M.DELIVER,
    AlertNotification: _M.ALERT,
    DataSm: _M.DATA_DOWN,
    EnquireLink: _M.ENQUIRE,
    Unbind: _M.SMSC_LEAVE,
}


def move_of(side: Side, kind: type[Pdu]) -> Move | None:
    """The move that ``side`` makes by sending a request; None if that side never sends it."""
    return (_ESME_MOVES if side is Side.ESME else _SMSC_MOVES).get(kind)


def leave_of(side: Side) -> Move:
    """The move by which a side says goodbye."""
    return _M.ESME_LEAVE if side is Side.ESME else _M.SMSC_LEAVE


def after(state: State, move: Move) -> State | None:
    """The state after a move; None if the table does not allow it."""
    return TABLE.get((state, move))
