import pytest

from adapters.smpp import codec
from adapters.smpp.errors import EncodeError, NotAllowedError, QueueFullError
from adapters.smpp.esme import EsmeLink
from adapters.smpp.events import Answered, AnyEvent, Bound, Requested, Throttled, Unknown
from adapters.smpp.framing import Framer
from adapters.smpp.pdu import (
    BindReceiver,
    BindTransceiver,
    BindTransceiverResp,
    DeliverSm,
    DeliverSmResp,
    Pdu,
    SubmitSm,
    SubmitSmResp,
    Unbind,
)
from adapters.smpp.settings import Settings

LOGIN = BindTransceiver(system_id="hub", password="secret")


def text(number: int) -> SubmitSm:
    return SubmitSm(destination_addr="254700000001", short_message=b"%d" % number)


class Bench:
    """An EsmeLink and its SMSC, played by the test."""

    def __init__(self, window: int = 3, queue_limit: int = 1000) -> None:
        self.link = EsmeLink(LOGIN, Settings(window=window), queue_limit)
        self.now = 50.0
        self.up()

    def up(self) -> list[AnyEvent]:
        self.link.connected(self.now)
        (login,) = self.sent()
        return self.get(BindTransceiverResp(system_id="smsc"), login.sequence)

    def sent(self) -> list[codec.Packet]:
        return [codec.decode(one) for one in Framer().feed(self.link.outgoing())]

    def texts(self) -> list[bytes]:
        return [getattr(packet.pdu, "short_message", b"") for packet in self.sent()]

    def get(self, pdu: Pdu, sequence: int, status: int = 0) -> list[AnyEvent]:
        return self.link.receive(codec.encode(pdu, sequence, status), self.now)

    def submit(self, *numbers: int) -> None:
        for number in numbers:
            self.link.submit(text(number), number, self.now)

    def wait(self, seconds: float) -> list[AnyEvent]:
        until, events = self.now + seconds, []
        while (due := self.link.deadline()) is not None and due <= until:
            self.now = max(self.now, due)
            events += self.link.tick(self.now)
        self.now = until
        return events


def test_the_queue_waits_for_bind_and_window() -> None:
    link = EsmeLink(LOGIN, Settings(window=2))
    bench = Bench.__new__(Bench)
    bench.link, bench.now = link, 50.0
    bench.submit(1, 2, 3)
    assert link.outgoing() == b""
    (bound,) = bench.up()
    assert isinstance(bound, Bound)
    first, second = bench.sent()
    assert link.waiting == 1
    (answered,) = bench.get(SubmitSmResp(message_id="x"), second.sequence)
    assert isinstance(answered, Answered)
    assert (answered.token, answered.request) == (2, text(2))
    assert bench.texts() == [b"3"]
    assert first.pdu == text(1)


def test_the_throttled_go_first_and_in_their_order() -> None:
    bench = Bench(window=3)
    bench.submit(1, 2, 3, 4, 5)
    one, two, three = bench.sent()
    answers = [
        codec.encode(SubmitSmResp(), two.sequence, 0x58),
        codec.encode(SubmitSmResp(), one.sequence, 0x58),
        codec.encode(SubmitSmResp(message_id="x"), three.sequence),
    ]
    events = bench.link.receive(b"".join(answers), bench.now)
    assert [type(event) for event in events] == [Throttled, Throttled, Answered]
    assert [event.token for event in events] == [2, 1, 3]  # type: ignore[union-attr]
    assert bench.texts() == [b"1", b"2", b"4"]


def test_a_link_that_is_throttled_all_the_time_pauses_and_goes_on() -> None:
    bench = Bench(window=2)
    bench.submit(1, 2, 3)
    while packets := bench.sent():
        for packet in packets:
            bench.get(SubmitSmResp(), packet.sequence, 0x58)
    due = bench.link.deadline()
    assert due is not None
    assert 0.05 < due - bench.now < 1.0
    seen = []
    for _ in range(20):
        bench.wait(0.5)
        for packet in bench.sent():
            seen.append(packet.pdu.short_message)  # type: ignore[attr-defined]
            bench.get(SubmitSmResp(message_id="x"), packet.sequence)
    assert seen == [b"1", b"2", b"3"]


def test_a_request_throttled_for_a_minute_is_given_back() -> None:
    bench = Bench(window=1)
    bench.submit(1)
    began = bench.now
    final: list[AnyEvent] = []
    for _ in range(1000):
        for packet in bench.sent():
            final += [
                event
                for event in bench.get(SubmitSmResp(), packet.sequence, 0x58)
                if isinstance(event, Answered)
            ]
        if final:
            break
        bench.wait(1.0)
    (event,) = final
    assert isinstance(event, Answered)
    assert (event.token, event.status) == (1, 0x58)
    assert 60 <= bench.now - began <= 70
    assert bench.link.waiting == 0


def test_a_full_handset_does_not_hold_up_the_others() -> None:
    bench = Bench(window=1)
    bench.submit(1, 2)
    for number in range(3):
        (packet,) = bench.sent()
        events = bench.get(SubmitSmResp(), packet.sequence, 0x14)
        bench.wait(1.0)
        assert isinstance(events[0], Answered if number == 2 else Throttled)
    assert bench.texts() == [b"2"]


def test_a_loss_keeps_the_queue_and_gives_back_what_was_in_flight() -> None:
    bench = Bench(window=2)
    bench.submit(1, 2, 3)
    bench.sent()
    assert bench.link.lost("gone", bench.now) == [
        Unknown(1, text(1), "gone"),
        Unknown(2, text(2), "gone"),
    ]
    assert bench.link.deadline() is None
    bench.up()
    assert bench.texts() == [b"3"]


def test_no_response_in_time_frees_the_window() -> None:
    bench = Bench(window=1)
    bench.submit(1, 2)
    bench.sent()
    bench.wait(29)
    bench.get(DeliverSm(), 1)
    events = bench.wait(1.1)
    assert [type(event) for event in events] == [Unknown]
    assert b"2" in bench.texts()


def test_what_cannot_be_sent_is_refused_at_once() -> None:
    bench = Bench(queue_limit=2, window=1)
    with pytest.raises(EncodeError):
        bench.link.submit(SubmitSm(source_addr="1" * 30), 0, bench.now)
    with pytest.raises(NotAllowedError):
        bench.link.submit(DeliverSm(), 0, bench.now)
    bench.submit(1, 2, 3)
    with pytest.raises(QueueFullError):
        bench.submit(4)
    assert bench.link.withdraw() == [2, 3]
    receiver = EsmeLink(BindReceiver(system_id="hub"))
    with pytest.raises(NotAllowedError):
        receiver.submit(text(1), 1, 0.0)


def test_requests_of_the_smsc_are_answered() -> None:
    bench = Bench()
    (event,) = bench.get(DeliverSm(short_message=b"BUY"), 9)
    assert isinstance(event, Requested)
    assert bench.link.respond(event.handle)
    assert bench.sent() == [(DeliverSmResp(), 9, 0)]


def test_leaving_stops_the_queue() -> None:
    bench = Bench(window=1)
    bench.submit(1, 2)
    (packet,) = bench.sent()
    assert bench.link.leave(bench.now) == []
    bench.get(SubmitSmResp(), packet.sequence)
    assert [p.pdu for p in bench.sent()] == [Unbind()]
    assert bench.link.waiting == 1


def test_nothing_is_sent_on_a_link_that_closes() -> None:
    bench = Bench(window=1)
    bench.submit(1, 2)
    (packet,) = bench.sent()
    answer = codec.encode(SubmitSmResp(), packet.sequence)
    events = bench.link.receive(answer + b"\0\0\0\0", bench.now)
    assert [type(event).__name__ for event in events] == ["Answered", "Defect", "CloseLink"]
    assert [p.pdu.command for p in bench.sent()] == ["generic_nack"]
    assert bench.link.waiting == 1
