import itertools

from adapters.smpp import states
from adapters.smpp.pdu import COMMANDS, RESPONSE, AlertNotification, DataSm, DeliverSm, SubmitSm
from adapters.smpp.states import BINDING, BOUND, LEAVING, TABLE, Move, Side, State, after


def test_every_pair_is_in_the_table_or_refused() -> None:
    for state, move in itertools.product(State, Move):
        assert after(state, move) is TABLE.get((state, move))


def test_nothing_happens_on_a_closed_link_but_a_connection() -> None:
    assert {move for move in Move if after(State.CLOSED, move)} == {Move.CONNECT, Move.CLOSE}


def test_every_state_can_close_and_every_open_one_can_leave_and_enquire() -> None:
    for state in State:
        assert after(state, Move.CLOSE) is State.CLOSED
        if state is not State.CLOSED:
            assert after(state, Move.ENQUIRE) is state
            assert after(state, Move.ESME_LEAVE) is State.ESME_LEAVING
            assert after(state, Move.SMSC_LEAVE) is State.SMSC_LEAVING


def test_every_state_is_reached() -> None:
    reached, todo = {State.CLOSED}, [State.CLOSED]
    while todo:
        state = todo.pop()
        for move in Move:
            new = after(state, move)
            if new is not None and new not in reached:
                reached.add(new)
                todo.append(new)
    assert reached == set(State)


def test_traffic_only_when_bound_or_while_the_other_leaves() -> None:
    traffic = (Move.SUBMIT, Move.DELIVER, Move.DATA_UP, Move.DATA_DOWN, Move.ALERT)
    for state, move in itertools.product(State, traffic):
        if after(state, move) is not None:
            assert state in BOUND | LEAVING
    assert after(State.BOUND_TX, Move.DELIVER) is None
    assert after(State.BOUND_RX, Move.SUBMIT) is None
    assert after(State.BOUND_RX, Move.DATA_UP) is None
    assert after(State.ESME_LEAVING, Move.SUBMIT) is None
    assert after(State.SMSC_LEAVING, Move.DELIVER) is None


def test_binding_ends_bound_or_open() -> None:
    for state in BINDING:
        assert after(state, Move.ACCEPT) in BOUND
        assert after(state, Move.REFUSE) is State.OPEN


def test_each_request_belongs_to_a_side() -> None:
    for command, kind in COMMANDS.items():
        sides = [side for side in Side if states.move_of(side, kind) is not None]
        assert bool(sides) != bool(command & RESPONSE), kind.command
    assert states.move_of(Side.ESME, DeliverSm) is None
    assert states.move_of(Side.SMSC, SubmitSm) is None
    assert states.move_of(Side.ESME, AlertNotification) is None
    assert states.move_of(Side.ESME, DataSm) is not states.move_of(Side.SMSC, DataSm)
