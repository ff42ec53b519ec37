"""The link: frames, times, numbers; whatever octets come, it never raises and stays small."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock

from adapters._session import CloseLink
from adapters.iso8583.framing import frame, keepalive
from adapters.iso8583.message import Message as Iso
from channels.pos.profile import loaded
from channels.pos.session import MOST_WAITING, Came, Limits, Session, Unreadable
from channels.pos.states import ALLOWED, LINK, Link, Saw, Standing, Verdict, after
from hub.files import read_text
from hub.iso8583 import shipped
from tests.channels.pos.fakes import TODAY, VEND, PosPorts, Shopfront

DIALECTS = sorted(shipped())
ECHO = Iso("0800", {11: "000001", 41: "T0000001", 70: "301"})


def session(dialect: str = "generic-1987-ascii", **limits: float) -> Session:
    profile = loaded(read_text(shipped()[dialect]), dialect)
    made = Session(profile.dialect, Limits(**limits))  # type: ignore[arg-type]
    assert made.connected(0.0) == []
    return made


def octets(link: Session, message: Iso = ECHO) -> bytes:
    return frame(link.dialect.framing, link.dialect.codec.encode(message))


def test_every_pair_of_the_links_table() -> None:
    for state in Link:
        for saw in Saw:
            assert after(state, saw) is LINK.get((state, saw), state)
    assert {state for state, _ in LINK} == set(Link)


def test_every_standing_has_a_verdict_for_every_operation() -> None:
    operations = {operation for _, operation in ALLOWED}
    assert len(ALLOWED) == len(operations) * len(Standing)
    for standing in Standing:
        moving = ALLOWED[standing, "reversal"]
        assert (moving is Verdict.NO) == (standing is Standing.UNKNOWN)


def test_messages_come_whole_however_they_are_cut() -> None:
    link = session()
    data = octets(link) * 3
    events = [event for at in range(len(data)) for event in link.receive(data[at : at + 1], 1.0)]
    assert [type(event) for event in events] == [Came] * 3
    assert link.state is Link.UP


def test_a_slow_sender_inside_a_frame_is_closed() -> None:
    link = session(frame_s=10.0)
    data = octets(link)
    assert link.receive(data[:9], 1.0) == []
    assert link.state is Link.FRAME
    assert link.receive(data[9:12], 10.0) == []  # dripping wins no time
    assert link.deadline() == 11.0
    assert link.tick(10.9) == []
    (closed,) = link.tick(11.0)
    assert "longer than 10 s" in closed.reason
    assert link.receive(data, 12.0) == []


def test_a_silent_link_is_closed() -> None:
    link = session(idle_s=60.0)
    link.receive(octets(link), 5.0)
    assert link.tick(64.0) == []
    assert isinstance(link.tick(65.0)[0], CloseLink)
    assert link.deadline() is None


def test_a_bad_frame_closes_the_link_after_what_came_before_it() -> None:
    link = session()
    events = link.receive(octets(link) + b"99999999", 1.0)
    assert [type(event) for event in events] == [Came, CloseLink]
    assert "over 4096" in events[1].reason


def test_a_flood_is_closed() -> None:
    link = session(per_second=10)
    events = link.receive(octets(link) * 200, 1.0)
    assert sum(isinstance(event, Came) for event in events) <= 110
    assert isinstance(events[-1], CloseLink)


def test_keepalives_are_echoed_where_the_dialect_says_so_but_no_flood_of_them() -> None:
    profile = loaded(read_text(shipped()["tpdu-1987-bcd"]), "tpdu-1987-bcd")
    link = Session(profile.dialect, Limits(), echo_keepalives=True)
    link.connected(0.0)
    assert link.receive(keepalive(profile.dialect.framing), 1.0) == []
    assert link.outgoing() == b"\0\0"
    assert isinstance(link.receive(b"\0" * 60_000, 1.0)[0], CloseLink)


def test_who_does_not_read_is_closed() -> None:
    link = session()
    link.receive(octets(link), 1.0)
    closed = []
    for _ in range(MOST_WAITING // 3_900 + 2):
        closed += link.answer(b"x" * 4_000)
    assert closed
    assert closed[0].abort


@given(
    dialect=st.sampled_from(DIALECTS),
    pieces=st.lists(st.binary(max_size=200), max_size=20),
    good=st.booleans(),
)
@settings(max_examples=100, deadline=None)
def test_whatever_comes_nothing_is_raised(dialect: str, pieces: list[bytes], good: bool) -> None:
    link = session(dialect)
    if good:
        layout = link.dialect.codec.layout
        message = Iso("0800", {11: "000001", 41: "T0000001"}, bytes(layout.header))
        whole = octets(link, message)
        pieces = [whole, *(whole[: len(piece)] + piece for piece in pieces)]
    for at, piece in enumerate(pieces):
        for event in link.receive(piece, float(at)):
            assert isinstance(event, Came | Unreadable | CloseLink)
        assert link._framer.waiting <= link.dialect.framing.longest + 16
        link.tick(float(at))
    link.lost("gone", 99.0)
    assert link.receive(b"\0\0", 100.0) == []


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_sale_cut_or_changed_anywhere_ends_in_an_answer_or_a_closed_link(
    data: st.DataObject,
) -> None:
    shop = Shopfront(ports=PosPorts(Clock()))
    whole = bytearray(shop.profile.dialect.codec.encode(shop.message("0200", **VEND)))
    if data.draw(st.booleans()):
        whole = whole[: data.draw(st.integers(1, len(whole)))]
    else:
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at] = data.draw(st.integers(0, 255))
    shop.octets(bytes(whole))
    answers = shop.answers()
    ended = bool(answers) or shop.wire.closed is not None or bool(shop.counts["not asked"])
    assert ended
    assert shop.counts["failed"] == 0


def test_an_unreadable_message_is_answered_while_its_number_can_be_read() -> None:
    shop = Shopfront()
    whole = shop.profile.dialect.codec.encode(shop.message("0200", **VEND, f70="001"))
    shop.octets(whole[:-2])
    (answer,) = shop.answers()
    assert (answer.mti, answer.fields[39], answer.fields[11]) == ("0210", "30", "000001")
    shop.octets(whole[:30])
    assert shop.answers() == []
    assert shop.wire.closed is not None
    assert shop.counts["malformed"] == 2


def test_a_peer_of_another_kind_is_closed_after_a_while() -> None:
    shop = Shopfront()
    whole = shop.profile.dialect.codec.encode(shop.message("0200", **VEND))
    for _ in range(21):
        shop.octets(whole[:-2])
    assert len(shop.answers()) == 20
    assert shop.wire.closed is not None


def test_pin_blocks_are_refused_and_nobody_sees_them() -> None:
    shop = Shopfront()
    data = shop.profile.dialect.codec.encode(shop.message("0200", **VEND, f51="800"))
    # the bitmap names field 52, and its octets follow field 51
    bits = int(data[4:20], 16) & ~(1 << (64 - 60)) | 1 << (64 - 52)
    at = data.index(b"800800") + 6
    block = b"A1B2C3D4E5F60718"
    shop.octets(data[:4] + b"%016X" % bits + data[20:at] + block + data[at + 9 :])
    (answer,) = shop.answers()
    assert answer.fields[39] == "30"
    assert shop.counts["alarm pin-block"] == 1
    assert block.decode() not in str(shop.ports.notes)
    assert TODAY in str(answer.fields)
