from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters._session import CloseLink
from adapters.prismtoken import message, states
from adapters.prismtoken.api import SignInResult
from adapters.prismtoken.calls import CALLS, Call, FetchTokenResult, GetStatus, Ping, SignIn
from adapters.prismtoken.codes import Remedy
from adapters.prismtoken.errors import EncodeError, NotAllowedError
from adapters.prismtoken.events import Defect, Lost, Ready, Refused, Returned, SignInRefused
from adapters.prismtoken.framing import Framer
from adapters.prismtoken.message import ApiError, ApplicationException, Fault, MessageType
from adapters.prismtoken.orders import call_of
from adapters.prismtoken.session import TokenSession
from adapters.prismtoken.settings import Login, Settings
from adapters.prismtoken.states import Move, State
from tests.adapters.prismtoken.orders import CREDIT, token

LOGIN = Login("hub", "secret")
CALL = call_of(CREDIT)
EXPIRED = ApiError("EAuthentication.Token", "expired")


class Far:
    """The module's end: reads what the session sends, writes what a test wants."""

    def __init__(self, session: TokenSession) -> None:
        self.session = session
        self._framer = Framer()
        self.asked: list[tuple[int, Call]] = []

    def hear(self) -> tuple[int, Call]:
        """What was sent last."""
        for frame in self._framer.feed(self.session.outgoing()):
            head = message.decode_head(frame)
            self.asked.append((head.sequence, message.decode_struct(head, CALLS[head.method])))
        return self.asked[-1]

    def reply(self, result: Any, now: float, sequence: int | None = None) -> list[Any]:
        number, call = self.hear()
        wire = message.encode_result(
            call.method, number if sequence is None else sequence, result, call.result
        )
        return self.session.receive(wire, now)

    def fault(self, fault: Fault, now: float) -> list[Any]:
        number, call = self.hear()
        body = ApplicationException("no", fault)
        wire = message.encode_struct(MessageType.EXCEPTION, call.method, number, body)
        return self.session.receive(wire, now)


def signed_in(**settings: float) -> tuple[TokenSession, Far]:
    session = TokenSession(LOGIN, Settings(**settings))  # type: ignore[arg-type]
    far = Far(session)
    assert session.connected(0.0) == []
    assert far.reply(SignInResult("t-1"), 0.1) == [Ready()]
    return session, far


def calling(**settings: float) -> tuple[TokenSession, Far]:
    session, far = signed_in(**settings)
    session.call(CALL, "tag", 1.0)
    far.hear()
    return session, far


def test_it_signs_in_first() -> None:
    session = TokenSession(LOGIN)
    far = Far(session)
    session.connected(0.0)
    _, asked = far.hear()
    assert isinstance(asked, SignIn)
    assert (asked.realm, asked.username, asked.password) == ("local", "hub", "secret")
    assert (asked.session_opts.version, asked.session_opts.culture) == ("1.1", "en")
    assert session.deadline() == 10.0
    assert not session.ready
    assert far.reply(SignInResult("t-1"), 0.1) == [Ready()]
    assert session.ready


def test_a_call_goes_out_with_the_access_token_and_its_result_comes_back() -> None:
    session, far = calling()
    _, asked = far.asked[-1]
    assert asked.access_token == "t-1"  # type: ignore[attr-defined]
    assert session.deadline() == 11.0
    returned, ready = far.reply((token(CREDIT),), 1.5)
    assert returned == Returned("tag", CALL, (token(CREDIT),), 0.5)
    assert ready == Ready()


def test_one_call_at_a_time() -> None:
    session, _ = calling()
    with pytest.raises(NotAllowedError, match="issueCreditToken while calling"):
        session.call(CALL, "other", 1.0)


def test_a_call_that_cannot_be_written_is_not_sent() -> None:
    session, _ = signed_in()
    with pytest.raises(EncodeError, match="messageId"):
        session.call(GetStatus("no spaces"), "tag", 1.0)
    with pytest.raises(EncodeError, match="reqMessageId"):
        session.call(FetchTokenResult("m", req_message_id="x" * 70_000), "tag", 1.0)
    assert session.outgoing() == b""
    assert session.ready


def test_a_wrong_login_is_found_at_once() -> None:
    with pytest.raises(EncodeError, match="username"):
        TokenSession(Login("no spaces", "x"))


@pytest.mark.parametrize(
    ("error_id", "kind", "remedy"),
    [
        ("EParamRange", Refused, Remedy.REFUSED),
        ("ESm", Refused, Remedy.LATER),
        ("EService", Lost, Remedy.ASK),
        ("ENobodyKnows", Lost, Remedy.ASK),
        ("ECacheMiss", Lost, Remedy.ASK),  # nobody asked whether it was made
    ],
)
def test_an_error_id_says_what_the_outcome_is(error_id: str, kind: type, remedy: Remedy) -> None:
    _, far = calling()
    outcome, ready = far.reply(ApiError(error_id, "words"), 2.0)
    assert type(outcome) is kind
    assert outcome.verdict.remedy is remedy
    assert ready == Ready()


def test_never_made_is_an_answer_to_the_question_only() -> None:
    session, far = signed_in()
    session.call(FetchTokenResult("q", req_message_id="m-1"), "tag", 1.0)
    outcome, _ = far.reply(ApiError("ECacheMiss", "words"), 2.0)
    assert isinstance(outcome, Refused)
    assert outcome.verdict.remedy is Remedy.NEVER_MADE


def test_an_expired_access_token_is_renewed_once_and_the_call_goes_again() -> None:
    session, far = calling()
    assert far.reply(EXPIRED, 2.0) == []
    assert session.state is State.RENEWING
    assert isinstance(far.hear()[1], SignIn)
    assert far.reply(SignInResult("t-2"), 3.0) == []
    assert far.hear()[1].access_token == "t-2"  # type: ignore[attr-defined]
    assert session.deadline() == 11.0  # of the call as it was made
    refused, ready = far.reply(EXPIRED, 4.0)
    assert isinstance(refused, Refused)
    assert refused.verdict.code == "module_signed_out"
    assert ready == Ready()


@pytest.mark.parametrize("how", ["lost", "late", "refused", "leave"])
def test_a_call_held_back_while_signing_in_again_is_surely_not_done(how: str) -> None:
    session, far = calling()
    far.reply(EXPIRED, 2.0)
    if how == "lost":
        events = session.lost("gone", 3.0)
    elif how == "late":
        events = session.tick(11.0)
    elif how == "leave":
        events = session.leave(3.0)
    else:
        events = far.reply(ApiError("ESignin.Subject", "who?"), 3.0)
    assert isinstance(events[0], Refused)
    assert events[0].verdict.remedy is Remedy.LATER


def test_a_refused_sign_in_pauses() -> None:
    session = TokenSession(LOGIN)
    far = Far(session)
    session.connected(0.0)
    refused, closed = far.reply(ApiError("ESignin.Authentication", "wrong"), 0.1)
    assert isinstance(refused, SignInRefused)
    assert refused.verdict.code == "module_password"
    assert closed == CloseLink("sign-in refused: ESignin.Authentication", pause=60.0)
    assert session.deadline() is None


def test_a_lost_connection_leaves_the_call_unknown() -> None:
    session, _ = calling()
    (lost,) = session.lost("reset", 2.0)
    assert lost == Lost("tag", CALL, "reset", lost.verdict)
    assert lost.verdict.remedy is Remedy.ASK
    assert session.state is State.CLOSED
    assert session.lost("again", 3.0) == []


def test_no_answer_in_time_leaves_the_call_unknown_and_ends_the_connection() -> None:
    session, far = calling()
    assert session.tick(10.9) == []
    lost, closed = session.tick(11.0)
    assert isinstance(lost, Lost)
    assert closed == CloseLink("no answer within 10 s", abort=True)
    assert far.reply((token(CREDIT),), 12.0) == []  # too late for anybody
    assert session.tick(13.0) == []


def test_the_owner_s_own_deadline() -> None:
    session, _ = signed_in()
    session.call(CALL, "tag", 1.0, within=3.0)
    assert session.deadline() == 4.0


def test_a_second_answer_ends_nothing() -> None:
    session, far = calling()
    sequence = far.asked[-1][0]
    far.reply((token(CREDIT),), 1.5)
    (defect,) = far.reply((token(CREDIT),), 1.6, sequence)
    assert isinstance(defect, Defect)
    assert "answers nothing that waits" in defect.why
    session.call(CALL, "next", 2.0)
    (defect,) = far.reply((token(CREDIT, 5),), 2.1, sequence)
    assert isinstance(defect, Defect)
    assert session.state is State.CALLING
    returned, _ = far.reply((token(CREDIT, 6),), 2.2)
    assert returned.tag == "next"
    assert returned.result == (token(CREDIT, 6),)


def test_a_late_answer_of_an_earlier_connection_ends_nothing() -> None:
    session, far = calling()
    sequence = far.asked[-1][0]
    session.lost("gone", 2.0)
    session.connected(3.0)
    far.reply(SignInResult("t"), 3.1)
    session.call(CALL, "again", 4.0)
    (defect,) = far.reply((token(CREDIT),), 4.1, sequence)
    assert isinstance(defect, Defect)


@pytest.mark.parametrize(
    "octets",
    [
        "7fffffff",
        "0000000d 0000000470696e67 00000001 00",
        "00000011 80010002 00000004 70696e67 {} 00",
    ],
)
def test_nonsense_leaves_the_call_unknown_and_ends_the_connection(octets: str) -> None:
    session, far = calling()
    filled = octets.format(f"{far.asked[-1][0]:08x}").replace(" ", "")
    defect, lost, closed = session.receive(bytes.fromhex(filled), 2.0)
    assert isinstance(defect, Defect)
    assert isinstance(lost, Lost)
    assert isinstance(closed, CloseLink)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [(Fault.UNKNOWN_METHOD, Refused), (Fault.INTERNAL_ERROR, Lost), (Fault.MISSING_RESULT, Lost)],
)
def test_what_thrift_itself_says(fault: Fault, kind: type) -> None:
    _, far = calling()
    outcome, _ = far.fault(fault, 2.0)
    assert type(outcome) is kind


def test_silence_is_asked_for_life() -> None:
    session, far = signed_in()
    assert session.deadline() == pytest.approx(30.1)
    assert session.tick(30.1) == []
    assert isinstance(far.hear()[1], Ping)
    assert not session.ready
    assert far.reply("4", 30.2) == [Ready()]
    assert session.tick(60.2) == []
    assert isinstance(far.hear()[1], Ping)
    (closed,) = session.tick(65.2)
    assert closed == CloseLink("no answer while asking for life", abort=True)


def test_a_sign_in_without_an_answer() -> None:
    session = TokenSession(LOGIN)
    session.connected(0.0)
    (closed,) = session.tick(10.0)
    assert closed == CloseLink("no answer while signing in", abort=True)


def test_a_frame_that_does_not_end() -> None:
    session, _ = signed_in()
    session.receive(b"\0\0", 5.0)
    assert session.deadline() == 15.0
    (closed,) = session.tick(15.0)
    assert closed.reason == "a frame was begun and not ended"


def test_leaving_waits_for_the_answer() -> None:
    session, far = calling()
    assert session.leave(2.0) == []
    assert session.leave(2.0) == []
    returned, closed = far.reply((token(CREDIT),), 3.0)
    assert isinstance(returned, Returned)
    assert closed == CloseLink("we leave")
    idle, _ = signed_in()
    assert idle.leave(2.0) == [CloseLink("we leave")]
    assert idle.leave(2.0) == []


def test_leaving_with_an_expired_token_is_a_refusal() -> None:
    session, far = calling()
    session.leave(2.0)
    refused, closed = far.reply(EXPIRED, 3.0)
    assert isinstance(refused, Refused)
    assert isinstance(closed, CloseLink)


def test_every_state_but_the_ends_can_end_and_close() -> None:
    for state in State:
        assert states.after(state, Move.CLOSE) is State.CLOSED
        ended = states.after(state, Move.END)
        assert ended is (None if state is State.CLOSED else State.ENDING)


# --- a call has one outcome, whatever happens -----------------------------------------------------

ANSWERS: list[Any] = [
    (),
    SignInResult("t"),
    EXPIRED,
    ApiError("EService", "x"),
    ApiError("EParamRange", "x"),
    Fault.INTERNAL_ERROR,
]
steps = st.lists(
    st.one_of(
        st.sampled_from(["connected", "lost", "call", "leave", "again"]),
        st.tuples(st.just("answer"), st.integers(0, len(ANSWERS) - 1)),
        st.tuples(st.just("octets"), st.binary(max_size=20)),
        st.tuples(st.just("wait"), st.floats(0.0, 20.0)),
    ),
    max_size=40,
)


class Story:
    """A session to which anything may happen; counts the outcomes of each call."""

    def __init__(self) -> None:
        self.session = TokenSession(LOGIN)
        self.far = Far(self.session)
        self.now = 0.0
        self.made: list[int] = []
        self.outcomes: list[Any] = []
        self.last: bytes = b""

    def do(self, step: Any) -> None:
        session = self.session
        if step == "connected":
            if session.state is State.CLOSED:
                self.take(session.connected(self.now))
        elif step == "lost":
            self.take(session.lost("gone", self.now))
        elif step == "leave":
            self.take(session.leave(self.now))
        elif step == "call":
            if session.ready:
                session.call(CALL, len(self.made), self.now)
                self.made.append(len(self.made))
        elif step == "again":
            self.take(session.receive(self.last, self.now))
        elif step[0] == "wait":
            self.now += step[1]
            self.take(session.tick(self.now))
        elif step[0] == "octets":
            self.take(session.receive(step[1], self.now))
        else:
            self.answer(ANSWERS[step[1]])

    def answer(self, answer: Any) -> None:
        self.far._framer = Framer() if self.far._framer.defect else self.far._framer
        octets = self.session.outgoing()
        for frame in self.far._framer.feed(octets):
            head = message.decode_head(frame)
            self.far.asked.append((head.sequence, CALLS[head.method]))  # type: ignore[arg-type]
        if not self.far.asked:
            return
        sequence, call = self.far.asked[-1]
        if isinstance(answer, Fault):
            body = ApplicationException("x", answer)
            kind = MessageType.EXCEPTION
            self.last = message.encode_struct(kind, call.method, sequence, body)
        elif isinstance(answer, SignInResult) != (call is SignIn) and not isinstance(
            answer, ApiError
        ):
            self.last = message.encode(MessageType.REPLY, call.method, sequence, b"\0")
        else:
            self.last = message.encode_result(call.method, sequence, answer, call.result)
        self.take(self.session.receive(self.last, self.now))

    def take(self, events: list[Any]) -> None:
        self.outcomes += [e.tag for e in events if isinstance(e, Returned | Refused | Lost)]


@settings(max_examples=150, deadline=None)
@given(steps)
def test_a_call_never_has_two_outcomes_and_always_gets_one(story: list[Any]) -> None:
    told = Story()
    for step in story:
        told.do(step)
        assert sorted(set(told.outcomes)) == sorted(told.outcomes)
        due = told.session.deadline()
        assert due is None or due >= 0
    told.take(told.session.lost("end", told.now))
    assert sorted(told.outcomes) == told.made
