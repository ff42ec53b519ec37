import itertools
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters._session import CloseLink
from adapters.smpp import codec, tlv
from adapters.smpp.errors import EncodeError, LocalError, NotAllowedError, WindowFullError
from adapters.smpp.events import (
    Answered,
    BindRefused,
    BindRequested,
    Bound,
    Defect,
    Notified,
    Outbound,
    PeerLeaves,
    Requested,
    Throttled,
    Unknown,
)
from adapters.smpp.pdu import (
    COMMANDS,
    RESPONSE,
    AlertNotification,
    BindReceiver,
    BindTransceiver,
    BindTransceiverResp,
    BindTransmitter,
    DataSm,
    DataSmResp,
    DeliverSm,
    DeliverSmResp,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    Outbind,
    Pdu,
    QuerySm,
    QuerySmResp,
    SubmitSm,
    SubmitSmResp,
    Unbind,
    UnbindResp,
    response_of,
)
from adapters.smpp.session import SmppSession
from adapters.smpp.settings import Settings
from adapters.smpp.states import BOUND, TABLE, Side, State, move_of
from adapters.smpp.status import Status
from tests.adapters.smpp.pair import LOGIN, Bench, esme, frame, smsc
from tests.adapters.smpp.strategies import any_pdu

SUBMIT = SubmitSm(source_addr="12345", destination_addr="254700000001", short_message=b"hi")


# --- login -----------------------------------------------------------------------------------


def test_an_esme_logs_in_by_itself() -> None:
    bench = esme(bound=False)
    (login,) = bench.sent()
    assert (login.pdu, login.sequence) == (LOGIN, 1)
    assert bench.session.state is State.BINDING_TRX
    version = tlv.make(tlv.Tag.sc_interface_version, 0x34)
    (event,) = bench.get(BindTransceiverResp(system_id="smsc", tlvs=(version,)), 1)
    assert event == Bound("smsc", 0x34, (version,))
    assert bench.session.bound


@pytest.mark.parametrize(
    ("status", "pause"), [(0x0D, 60.0), (0x0E, 60.0), (0x0F, 60.0), (0x08, 0.0), (0x58, 0.0)]
)
def test_a_refused_login_closes_and_a_wrong_one_waits_longer(status: int, pause: float) -> None:
    bench = esme(bound=False)
    refused, closed = bench.get(BindTransceiverResp(), 1, status)
    assert refused == BindRefused(status)
    assert isinstance(closed, CloseLink)
    assert closed.pause == pause


def test_a_nacked_login_is_refused() -> None:
    refused, closed = esme(bound=False).get(GenericNack(), 1, 0x0E)
    assert refused == BindRefused(0x0E)
    assert isinstance(closed, CloseLink)


@pytest.mark.parametrize("bench", [esme(bound=False), smsc(bound=False)], ids=["ESME", "SMSC"])
def test_no_bind_in_time_closes(bench: Bench) -> None:
    events = bench.wait(31)
    assert events[-1] == CloseLink("no bind in time")


def test_a_login_that_cannot_be_sent_is_found_at_once() -> None:
    with pytest.raises(EncodeError, match="password"):
        SmppSession(Side.ESME, None, BindTransceiver(password="123456789"))
    SmppSession(Side.ESME, Settings(strict_texts=False), BindTransceiver(password="123456789"))


def test_an_smsc_accepts_and_refuses() -> None:
    bench = smsc(bound=False)
    (event,) = bench.get(BindTransmitter(system_id="hub"), 3)
    assert isinstance(event, BindRequested)
    assert bench.session.respond(event.handle, status=Status.ESME_RINVPASWD)
    (refused,) = bench.sent()
    assert (refused.pdu.command, refused.status, refused.sequence) == (
        "bind_transmitter_resp", 0x0E, 3,
    )  # fmt: skip
    assert not bench.session.bound
    (event,) = bench.get(BindTransmitter(system_id="hub"), 4)
    assert isinstance(event, BindRequested)
    assert bench.session.respond(event.handle)
    assert bench.session.state is State.BOUND_TX


def test_a_second_bind_is_refused() -> None:
    bench = smsc()
    (defect,) = bench.get(LOGIN, 2)
    assert isinstance(defect, Defect)
    assert [p.status for p in bench.sent()] == [Status.ESME_RALYBND]
    assert bench.session.bound


def test_outbind() -> None:
    centre = Bench(SmppSession(Side.SMSC, None, Outbind(system_id="smsc")))
    centre.session.connected(centre.now)
    (packet,) = centre.sent()
    client = Bench(SmppSession(Side.ESME, None, BindReceiver(system_id="hub"), await_outbind=True))
    client.session.connected(client.now)
    assert client.sent() == []
    assert client.get(packet.pdu, packet.sequence) == [Outbound(Outbind(system_id="smsc"))]
    (login,) = client.sent()
    (event,) = centre.get(login.pdu, login.sequence)
    assert isinstance(event, BindRequested)
    centre.session.respond(event.handle)
    (answer,) = centre.sent()
    client.get(answer.pdu, answer.sequence)
    assert client.session.state is centre.session.state is State.BOUND_RX


# --- requests of ours ------------------------------------------------------------------------


def test_a_request_is_answered_with_its_token() -> None:
    bench = esme()
    sequence = bench.session.request(SUBMIT, "mine", bench.now)
    (packet,) = bench.sent()
    assert (packet.pdu, packet.sequence, packet.status) == (SUBMIT, sequence, 0)
    bench.now += 0.5
    response = SubmitSmResp(message_id="id-1")
    assert bench.get(response, packet.sequence) == [Answered("mine", SUBMIT, response, 0, 0.5)]
    assert bench.session.room == 10


def test_responses_come_in_any_order_and_errors_need_no_body() -> None:
    bench = esme()
    first, second = (bench.session.request(SUBMIT, token, bench.now) for token in "ab")
    assert first is not None
    assert second is not None
    (event,) = bench.raw(frame(0x80000004, status=0x0B, sequence=second))
    assert event == Answered("b", SUBMIT, SubmitSmResp(), 0x0B, 0.0)
    (event,) = bench.raw(frame(0x80000004, b"no NUL", sequence=first))
    assert isinstance(event, Answered)
    assert event.response == SubmitSmResp(message_id="no NUL")


@pytest.mark.parametrize("status", [0x58, 0x14])
def test_a_throttle_is_told(status: int) -> None:
    bench = esme()
    sequence = bench.session.request(SUBMIT, "mine", bench.now)
    assert sequence is not None
    assert bench.get(SubmitSmResp(), sequence, status) == [
        Throttled("mine", SUBMIT, status, bench.now)
    ]


def test_the_window_is_a_limit_and_enquire_link_is_outside() -> None:
    bench = esme(Settings(window=2, response_timeout=1000))
    for token in range(2):
        bench.session.request(SUBMIT, token, bench.now)
    with pytest.raises(WindowFullError):
        bench.session.request(SUBMIT, 2, bench.now)
    assert bench.session.room == 0
    bench.sent()
    bench.wait(31)
    assert [p.pdu for p in bench.sent()] == [EnquireLink()]


def test_no_response_in_time_is_an_unknown_outcome() -> None:
    bench = esme(Settings(enquire_interval=1000))
    sequence = bench.session.request(SUBMIT, "mine", bench.now)
    assert sequence is not None
    assert bench.wait(29.9) == []
    assert bench.wait(0.2) == [Unknown("mine", SUBMIT, "no response in 30 s")]
    (late,) = bench.get(SubmitSmResp(message_id="late"), sequence)
    assert isinstance(late, Defect)
    assert bench.session.room == 10


def test_a_lost_link_makes_everything_in_flight_unknown() -> None:
    bench = esme()
    for token in "ab":
        bench.session.request(SUBMIT, token, bench.now)
    events = bench.session.lost("gone", bench.now)
    assert events == [Unknown("a", SUBMIT, "gone"), Unknown("b", SUBMIT, "gone")]
    assert bench.session.deadline() is None
    assert bench.session.outgoing() == b""
    bench.session.connected(bench.now)
    assert [p.pdu for p in bench.sent()] == [LOGIN]


def test_a_nack_ends_the_request_it_names_and_no_other() -> None:
    bench = esme()
    sequence = bench.session.request(SUBMIT, "mine", bench.now)
    assert sequence is not None
    (stray,) = bench.get(GenericNack(), 0, 2)
    assert isinstance(stray, Defect)
    (event,) = bench.get(GenericNack(), sequence, 3)
    assert event == Answered("mine", SUBMIT, GenericNack(), 3, 0.0)


def test_a_response_of_another_kind_answers_nothing() -> None:
    bench = esme()
    sequence = bench.session.request(SUBMIT, "mine", bench.now)
    assert sequence is not None
    (event,) = bench.get(QuerySmResp(), sequence)
    assert isinstance(event, Defect)
    assert bench.session.room == 9


def test_a_garbled_response_still_ends_its_request() -> None:
    bench = esme()
    sequence = bench.session.request(SUBMIT, "mine", bench.now)
    assert sequence is not None
    defect, event = bench.raw(frame(0x80000004, b"x" * 90 + b"\0", sequence=sequence))
    assert isinstance(defect, Defect)
    assert event == Answered("mine", SUBMIT, SubmitSmResp(), 0, 0.0)


def test_sequences_wrap_and_skip_those_in_flight() -> None:
    bench = esme()
    first = bench.session.request(SUBMIT, "stays", bench.now)
    bench.session._window._sequence = 0x7FFFFFFE
    assert bench.session.request(SUBMIT, "last", bench.now) == 0x7FFFFFFF
    assert first == 2
    assert bench.session.request(SUBMIT, "wrapped", bench.now) == 1
    assert bench.session.request(SUBMIT, "skips", bench.now) == 3


# --- requests of the peer --------------------------------------------------------------------


@pytest.mark.parametrize("sequence", [0, 1, 0xFFFFFFFF])
def test_a_request_of_the_peer_is_answered_with_its_sequence(sequence: int) -> None:
    bench = esme()
    (event,) = bench.get(DeliverSm(short_message=b"BUY"), sequence)
    assert isinstance(event, Requested)
    assert bench.session.respond(event.handle)
    assert bench.sent() == [(DeliverSmResp(), sequence, 0)]
    assert not bench.session.respond(event.handle)


def test_data_sm_goes_both_ways_and_alerts_want_no_answer() -> None:
    bench = esme()
    (event,) = bench.get(DataSm(), 5)
    assert isinstance(event, Requested)
    with pytest.raises(LocalError, match="data_sm_resp"):
        bench.session.respond(event.handle, DeliverSmResp())
    bench.session.respond(event.handle, DataSmResp(message_id="7"), Status.ESME_RX_T_APPN)
    assert bench.sent() == [(DataSmResp(), 5, Status.ESME_RX_T_APPN)]
    alert = AlertNotification(source_addr="254700000001")
    assert bench.get(alert, 6) == [Notified(alert)]
    assert bench.sent() == []
    bench.session.request(DataSm(), "up", bench.now)
    assert smsc().session.request(alert, "", 0.0) is None


def test_the_same_sequence_twice_is_two_requests() -> None:
    bench = esme()
    events = [bench.get(DeliverSm(), 0)[0] for _ in range(2)]
    for event in events:
        assert isinstance(event, Requested)
        assert bench.session.respond(event.handle)
    assert [p.sequence for p in bench.sent()] == [0, 0]


def test_too_many_unanswered_requests_are_pushed_back() -> None:
    bench = esme(Settings(unanswered=2))
    for sequence in range(2):
        bench.get(DeliverSm(), sequence)
    (defect,) = bench.get(DeliverSm(), 2)
    assert isinstance(defect, Defect)
    assert [p.status for p in bench.sent()] == [Status.ESME_RMSGQFUL]


def test_an_answer_after_a_reconnect_goes_nowhere() -> None:
    bench = esme()
    (event,) = bench.get(DeliverSm(), 1)
    assert isinstance(event, Requested)
    bench.session.lost("gone", bench.now)
    bench.session.connected(bench.now)
    assert not bench.session.respond(event.handle)


# --- the malformed and the misplaced -----------------------------------------------------------

HEAD = b"\0\0\112345\0\1\1254700000001\0"
BAD_REQUESTS = [
    ("unknown command", frame(0x12345), GenericNack, Status.ESME_RINVCMDID),
    ("vendor command with a body", frame(0x10200, b"abc"), GenericNack, Status.ESME_RINVCMDID),
    ("text without NUL", frame(4, b"\0\0\1" b"12345"), SubmitSmResp, Status.ESME_RINVSRCADR),
    ("no body", frame(4), SubmitSmResp, Status.ESME_RINVSERTYP),
    ("sm_length beyond the end", frame(4, HEAD + bytes(9) + b"\x20a"), SubmitSmResp,
     Status.ESME_RINVMSGLEN),
    ("TLV beyond the end", frame(4, HEAD + bytes(10) + b"\x04\x24\xff\xffhi"), SubmitSmResp,
     Status.ESME_RINVOPTPARSTREAM),
    ("half a TLV head", frame(4, HEAD + bytes(10) + b"\x04"), SubmitSmResp,
     Status.ESME_RINVOPTPARSTREAM),
    ("deliver_sm to an SMSC", codec.encode(DeliverSm(), 7), DeliverSmResp, Status.ESME_RINVBNDSTS),
]  # fmt: skip


@pytest.mark.parametrize(
    ("raw", "answer", "status"), [row[1:] for row in BAD_REQUESTS], ids=[r[0] for r in BAD_REQUESTS]
)
def test_a_bad_request_gets_its_answer_and_the_link_lives(
    raw: bytes, answer: type[Pdu], status: Status
) -> None:
    bench = smsc()
    defect, event = bench.raw(raw + codec.encode(SUBMIT, 8))
    assert isinstance(defect, Defect)
    assert defect.status == status
    assert defect.evidence == raw[:64]
    assert isinstance(event, Requested)
    assert bench.sent() == [(answer(), 7, status)]


@pytest.mark.parametrize("length", [0, 8, 15, 70_000, 0x7FFFFFFF, 0xFFFFFFFF])
def test_an_impossible_length_is_nacked_and_closes(length: int) -> None:
    bench = smsc()
    events = bench.raw(codec.encode(SUBMIT, 8) + struct.pack(">IIII", length, 4, 0, 9))
    assert isinstance(events[0], Requested)
    assert isinstance(events[1], Defect)
    assert isinstance(events[2], CloseLink)
    assert bench.sent() == [(GenericNack(), 0, Status.ESME_RINVCMDLEN)]
    assert bench.raw(codec.encode(SUBMIT, 10)) == []
    with pytest.raises(NotAllowedError):
        bench.session.request(DeliverSm(), "", bench.now)


def test_a_pdu_that_is_begun_and_not_ended_closes() -> None:
    bench = smsc()
    assert bench.raw(codec.encode(SUBMIT, 8)[:20]) == []
    bench.wait(5)
    assert bench.raw(b"\0") == []
    (closed,) = bench.wait(5.1)
    assert closed == CloseLink("a PDU was begun and not ended", abort=True)


@pytest.mark.parametrize("raw", [frame(0x80012345), frame(0x80000004, b"x\0")])
def test_an_unasked_response_is_only_noted(raw: bytes) -> None:
    bench = esme()
    (event,) = bench.raw(raw)
    assert isinstance(event, Defect)
    assert bench.sent() == []


def test_unbind_and_enquire_link_with_a_body_are_still_understood() -> None:
    bench = smsc()
    bench.raw(frame(0x15, b"x"))
    assert bench.sent() == [(EnquireLinkResp(), 7, 0)]
    bench.raw(frame(6, b"x"))
    assert bench.sent() == [(UnbindResp(), 7, 0)]


def test_traffic_before_the_bind_is_refused_and_enquire_link_is_not() -> None:
    bench = smsc(bound=False)
    bench.get(SUBMIT, 1)
    bench.get(EnquireLink(), 2)
    assert bench.sent() == [
        (SubmitSmResp(), 1, Status.ESME_RINVBNDSTS),
        (EnquireLinkResp(), 2, 0),
    ]


REQUESTS = [kind for code, kind in COMMANDS.items() if not code & RESPONSE]
BY_SIDE = list(itertools.product(REQUESTS, Side))


@pytest.mark.parametrize(("kind", "side"), BY_SIDE)
def test_every_request_in_every_state_moves_or_is_refused(kind: type[Pdu], side: Side) -> None:
    """The peer sends each request in each state: the table's state, or an answer that says no."""
    for state in State:
        if state is State.CLOSED:
            continue
        bench = Bench(SmppSession(side))
        bench.session.connected(bench.now)
        bench.session.state = state
        events = bench.get(kind(), 7)
        move = move_of(side.other, kind)
        new = TABLE.get((state, move)) if move else None
        if new is None:
            assert bench.session.state is state
            assert isinstance(events[0], Defect)
            want = Status.ESME_RALYBND, Status.ESME_RINVBNDSTS
            answers = [p for p in bench.sent() if p.pdu.command_id & RESPONSE]
            assert all(p.status in want for p in answers)
            assert len(answers) == (response_of(kind) is not None)
        else:
            assert bench.session.state is new
            assert not any(isinstance(event, Defect) for event in events)


@pytest.mark.parametrize(("kind", "side"), BY_SIDE)
def test_what_the_table_forbids_us_raises(kind: type[Pdu], side: Side) -> None:
    for state in State:
        session = SmppSession(side)
        session.connected(0.0)
        session.state = state
        move = move_of(side, kind)
        if state in BOUND and move is not None and (state, move) in TABLE:
            session.request(kind(), "", 0.0)
        else:
            with pytest.raises(NotAllowedError):
                session.request(kind(), "", 0.0)
            assert session.outgoing() == b""


# --- life and goodbye --------------------------------------------------------------------------


def test_a_silent_peer_is_asked_three_times_and_dropped() -> None:
    bench = esme()
    events = bench.wait(29)
    assert bench.sent() == []
    events = bench.wait(1 + 30)
    assert [p.pdu for p in bench.sent()] == [EnquireLink()] * 3
    assert events == [CloseLink("the peer was silent to 3 enquire_link", abort=True)]
    assert bench.session.deadline() is None


def test_any_pdu_counts_as_life() -> None:
    bench = esme()
    for _ in range(20):
        bench.wait(9)
        bench.get(DeliverSm(), 1)
    assert not any(isinstance(p.pdu, EnquireLink) for p in bench.sent())
    bench.wait(31)
    (asked,) = bench.sent()
    bench.get(DeliverSm(), 2)
    assert bench.wait(25) == []
    bench.get(EnquireLinkResp(), asked.sequence)  # late, and of no more use
    assert bench.wait(28) == []


def test_leaving_waits_for_what_is_in_flight() -> None:
    bench = esme()
    sequence = bench.session.request(SUBMIT, "mine", bench.now)
    assert sequence is not None
    (delivered,) = bench.get(DeliverSm(), 1)
    assert isinstance(delivered, Requested)
    bench.sent()
    assert bench.session.leave(bench.now) == []
    with pytest.raises(NotAllowedError):
        bench.session.request(SUBMIT, "no more", bench.now)
    bench.get(SubmitSmResp(message_id="1"), sequence)
    assert bench.sent() == []
    bench.session.respond(delivered.handle)
    bench.wait(0.001)
    response, goodbye = bench.sent()
    assert response.pdu == DeliverSmResp()
    assert goodbye.pdu == Unbind()
    assert bench.get(UnbindResp(), goodbye.sequence) == [CloseLink("unbound")]


def test_leaving_does_not_wait_for_ever() -> None:
    bench = esme()
    bench.session.request(SUBMIT, "mine", bench.now)
    bench.session.leave(bench.now)
    bench.sent()
    bench.wait(2.1)
    assert [p.pdu for p in bench.sent()] == [Unbind()]
    assert bench.wait(5.1) == [CloseLink("no unbind_resp in time")]
    assert bench.session.lost("closed", bench.now) == [Unknown("mine", SUBMIT, "closed")]


def test_leaving_before_the_bind_just_closes() -> None:
    (event,) = esme(bound=False).session.leave(100.0)
    assert isinstance(event, CloseLink)


def test_the_peer_unbinds_with_requests_in_flight() -> None:
    bench = esme()
    sequence = bench.session.request(SUBMIT, "mine", bench.now)
    assert sequence is not None
    bench.sent()
    assert bench.get(Unbind(), 9) == [PeerLeaves()]
    assert bench.sent() == []
    answered, closed = bench.get(SubmitSmResp(message_id="1"), sequence)
    assert isinstance(answered, Answered)
    assert closed == CloseLink("the peer unbound")
    assert bench.sent() == [(UnbindResp(), 9, 0)]


def test_the_peer_unbinds_and_never_answers() -> None:
    bench = esme()
    bench.session.request(SUBMIT, "mine", bench.now)
    bench.sent()
    bench.get(Unbind(), 9)
    assert bench.wait(2.1) == [CloseLink("the peer unbound")]
    assert bench.sent() == [(UnbindResp(), 9, 0)]


def test_submit_and_unbind_in_one_go_are_answered_in_order() -> None:
    bench = smsc()
    requested, leaves = bench.raw(codec.encode(SUBMIT, 1) + codec.encode(Unbind(), 2))
    assert isinstance(requested, Requested)
    assert leaves == PeerLeaves()
    bench.session.respond(requested.handle, SubmitSmResp(message_id="1"))
    assert bench.wait(0.001) == [CloseLink("the peer unbound")]
    assert [p.sequence for p in bench.sent()] == [1, 2]


def test_both_leave_at_once() -> None:
    bench = esme()
    bench.session.leave(bench.now)
    bench.sent()
    assert bench.get(Unbind(), 9) == [PeerLeaves(), CloseLink("the peer unbound")]
    assert bench.sent() == [(UnbindResp(), 9, 0)]


def test_query_sm_is_answered_like_any_other() -> None:
    bench = smsc()
    (event,) = bench.get(QuerySm(message_id="1"), 3)
    assert isinstance(event, Requested)
    bench.session.respond(event.handle, QuerySmResp(message_id="1", message_state=2))
    assert bench.sent() == [(QuerySmResp(message_id="1", message_state=2), 3, 0)]


# --- whatever comes -----------------------------------------------------------------------------


@given(chunks=st.lists(st.binary(max_size=80), max_size=6), side=st.sampled_from(Side))
@settings(max_examples=150, deadline=None)
def test_random_bytes_never_raise_and_never_stick(chunks: list[bytes], side: Side) -> None:
    bench = esme() if side is Side.ESME else smsc()
    for chunk in chunks:
        bench.raw(chunk)
    bench.wait(300)
    assert bench.session.over()


@given(pdus=st.lists(st.tuples(any_pdu, st.integers(0, 4)), max_size=8), side=st.sampled_from(Side))
@settings(max_examples=150, deadline=None)
def test_any_pdus_never_raise_and_requests_get_one_answer(
    pdus: list[tuple[Pdu, int]], side: Side
) -> None:
    bench = esme() if side is Side.ESME else smsc()
    for pdu, sequence in pdus:
        for event in bench.raw(codec.encode(pdu, sequence)):
            if isinstance(event, Requested | BindRequested):
                assert bench.session.respond(event.handle)
    bench.wait(20)
    wanted = sum(response_of(type(pdu)) is not None for pdu, _ in pdus)
    answers = [p for p in bench.sent() if p.pdu.command_id & RESPONSE]
    assert len(answers) <= wanted
    assert bench.session.over() or len(answers) == wanted
