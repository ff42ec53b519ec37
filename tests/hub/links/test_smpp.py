"""The shared link: binds, dispatch, answers after the deferred, every end of a submit."""

from pathlib import Path

import msgspec
import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from adapters.smpp.errors import EncodeError
from adapters.smpp.pdu import (
    BindReceiver,
    BindTransceiver,
    BindTransmitter,
    DeliverSm,
    SubmitSm,
    SubmitSmResp,
)
from hub.channel import Overloaded
from hub.links.smpp import (
    Handler,
    Incoming,
    SubmitNotSent,
    SubmitRefused,
    SubmitUnknown,
    make_link,
)
from hub.links.smpp_config import SmppLinkConfig
from hub.links.surroundings import read_password
from tests.hub.links.memory_smsc import MemorySmsc, outcome, text

PDU = SubmitSm(destination_addr="256772123456", short_message=b"hello")


def config(**changes: object) -> SmppLinkConfig:
    plain = {"endpoint": "tcp:127.0.0.1:2775", "system_id": "hub", **changes}
    return msgspec.convert(plain, SmppLinkConfig)


def noting(seen: list[object]) -> Handler:
    def handler(pdu: Incoming) -> "Deferred[int]":
        seen.append(pdu)
        return succeed(0)

    return handler


def test_it_binds_and_submits() -> None:
    smsc = MemorySmsc().start()
    (bind,) = smsc.binds
    assert isinstance(bind, BindTransceiver)
    assert (bind.system_id, bind.password) == ("hub", "secret")
    assert smsc.link.free() == 20
    done = smsc.link.submit(PDU)
    smsc.run()
    assert outcome(done) == SubmitSmResp(message_id="00000001")
    assert smsc.link.status()["accepted"] == 1


def test_a_pair_of_binds_sends_by_one_and_receives_by_the_other() -> None:
    smsc = MemorySmsc(config(bind="tx+rx")).start()
    assert [type(bind) for bind in smsc.binds] == [BindTransmitter, BindReceiver]
    seen: list[object] = []
    smsc.link.subscribe(lambda _: True, noting(seen))
    done = smsc.link.submit(PDU)
    smsc.deliver(text("hi"), "a", peer=1)
    assert isinstance(outcome(done), SubmitSmResp)
    assert (seen, smsc.answers) == ([text("hi")], {"a": 0})


def test_a_message_is_answered_when_it_is_safe_and_not_before() -> None:
    smsc = MemorySmsc().start()
    journaled: Deferred[int] = Deferred()
    smsc.link.subscribe(lambda _: True, lambda _: journaled)
    smsc.deliver(text("hi"), "a")
    smsc.run(5)
    assert smsc.answers == {}
    journaled.callback(0)
    smsc.run()
    assert smsc.answers == {"a": 0}


def test_messages_go_to_the_first_who_wants_them() -> None:
    smsc = MemorySmsc().start()
    ussd: list[object] = []
    sms: list[object] = []
    smsc.link.subscribe(lambda pdu: pdu.service_type == "USSD", noting(ussd))
    smsc.link.subscribe(lambda pdu: pdu.service_type == "", noting(sms))
    smsc.deliver(msgspec.structs.replace(text("*1#"), service_type="USSD"), "a")
    smsc.deliver(text("hi"), "b")
    smsc.deliver(msgspec.structs.replace(text("?"), service_type="CMT"), "c")
    assert (len(ussd), len(sms)) == (1, 1)
    assert smsc.answers == {"a": 0, "b": 0, "c": 0x66}


def test_what_comes_before_the_channels_comes_again() -> None:
    smsc = MemorySmsc().start()
    smsc.deliver(text("hi"), "a")
    assert smsc.answers == {"a": 0x64}


@pytest.mark.parametrize(("error", "status"), [(Overloaded(), 0x14), (OSError("disk"), 0x64)])
def test_what_could_not_be_stored_comes_again(error: Exception, status: int) -> None:
    smsc = MemorySmsc().start()
    smsc.link.subscribe(lambda _: True, lambda _: fail(error))
    smsc.deliver(text("hi"), "a")
    assert smsc.answers == {"a": status}


def test_a_handler_that_raises_is_trouble_too() -> None:
    smsc = MemorySmsc().start()

    def broken(_: object) -> "Deferred[int]":
        raise ValueError("bug")

    smsc.link.subscribe(lambda _: True, broken)
    smsc.deliver(text("hi"), "a")
    assert smsc.answers == {"a": 0x64}


def test_the_number_of_unanswered_messages_is_bounded() -> None:
    smsc = MemorySmsc(config(unanswered=2)).start()
    smsc.link.subscribe(lambda _: True, lambda _: Deferred())
    for token in "abc":
        smsc.deliver(text(token), token)
    assert smsc.answers == {"c": 0x14}


@pytest.mark.parametrize(
    ("status", "statuses", "permanent"),
    [
        (0x0B, {}, True),
        (0x08, {}, False),
        (0x45, {}, False),
        (0x45, {"0x45": "refused"}, True),
        (0x0B, {"0xB": "retry"}, False),
        (0x400, {}, False),
    ],
)
def test_refusals(status: int, statuses: dict[str, str], permanent: bool) -> None:
    smsc = MemorySmsc(config(statuses=statuses)).start()
    smsc.statuses = [status]
    done = smsc.link.submit(PDU)
    smsc.run()
    refused = outcome(done)
    assert isinstance(refused, SubmitRefused)
    assert (refused.status, refused.permanent) == (status, permanent)


def test_no_response_is_unknown() -> None:
    smsc = MemorySmsc(config(request_timeout_s=30)).start()
    smsc.hold = True
    done = smsc.link.submit(PDU)
    smsc.run(29)
    assert outcome(done) is None
    smsc.run(2)
    assert isinstance(outcome(smsc.link.submit(PDU)), type(None))
    assert isinstance(outcome(done), SubmitUnknown)


def test_a_lost_link_says_what_is_unknown_and_what_never_left() -> None:
    smsc = MemorySmsc(config(window=1)).start()
    smsc.hold = True
    first, second = smsc.link.submit(PDU), smsc.link.submit(PDU)
    smsc.run()
    smsc.peers[-1].drop()
    assert isinstance(outcome(first), SubmitUnknown)
    assert isinstance(outcome(second), SubmitNotSent)
    assert smsc.link.free() == 0
    assert isinstance(outcome(smsc.link.submit(PDU)), SubmitNotSent)


def test_it_comes_back() -> None:
    smsc = MemorySmsc().start()
    grown: list[int] = []
    smsc.link.on_free(lambda: grown.append(smsc.link.free()))
    smsc.peers[-1].drop()
    smsc.run(60)
    assert smsc.link.free() == 20
    assert grown[-1] == 20
    assert len(smsc.binds) == 2


def test_a_refused_login_waits_long() -> None:
    smsc = MemorySmsc()
    smsc.bind_status = 0x0E
    smsc.start()
    smsc.run(30)
    assert len(smsc.binds) == 1
    smsc.bind_status = 0
    smsc.run(31)
    assert smsc.link.up


def test_throttled_messages_are_sent_again_in_order() -> None:
    smsc = MemorySmsc(config(window=1)).start()
    smsc.statuses = [0, 0x58, 0x14]
    pdus = [msgspec.structs.replace(PDU, short_message=b"%d" % at) for at in range(4)]
    done = [smsc.link.submit(pdu) for pdu in pdus]
    for _ in range(200):
        smsc.run(0.05)
    assert all(isinstance(outcome(one), SubmitSmResp) for one in done)
    assert [pdu.short_message for pdu in smsc.submits] == [b"0", b"1", b"1", b"1", b"2", b"3"]
    assert smsc.link.status()["throttled"] == 2


def test_the_agreed_rate_is_kept() -> None:
    smsc = MemorySmsc(config(window=50, submit_rate=10)).start()
    smsc.run(5)
    done = [smsc.link.submit(PDU) for _ in range(20)]
    smsc.run()
    assert len(smsc.submits) <= 2
    for _ in range(10):
        smsc.run(0.1)
    assert 9 <= len(smsc.submits) <= 13
    for _ in range(12):
        smsc.run(0.1)
    assert all(isinstance(outcome(one), SubmitSmResp) for one in done)


def test_what_waits_for_its_turn_is_not_sent_when_the_link_goes() -> None:
    smsc = MemorySmsc(config(submit_rate=1)).start()
    done = [smsc.link.submit(PDU) for _ in range(3)]
    smsc.run()
    smsc.peers[-1].drop()
    assert isinstance(outcome(done[2]), SubmitNotSent)


def test_a_message_that_cannot_be_encoded_is_our_own_mistake() -> None:
    smsc = MemorySmsc().start()
    done = smsc.link.submit(msgspec.structs.replace(PDU, service_type="LONGER"))
    assert isinstance(outcome(done), EncodeError)
    assert smsc.link.free() == 20


def test_stop_waits_for_what_is_in_flight() -> None:
    smsc = MemorySmsc().start()
    smsc.hold = True
    sent = smsc.link.submit(PDU)
    smsc.run()
    stopped = smsc.link.stop()
    smsc.run(1)
    assert smsc.link.free() == 0
    smsc.answer()
    smsc.run(0.1)
    assert isinstance(outcome(sent), SubmitSmResp)
    smsc.run(5)
    assert stopped.called
    smsc.run(120)
    assert len(smsc.binds) == 1


def test_stop_when_it_never_connected() -> None:
    smsc = MemorySmsc()
    assert smsc.link.stop().called


def test_the_password_is_the_first_line_of_its_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("secret\nsecond\n")
    assert read_password("password", tmp_path) == "secret"
    assert read_password(str(file), Path("/nowhere")) == "secret"
    assert read_password("", tmp_path) == ""


def test_a_link_is_made_of_its_section(tmp_path: Path) -> None:
    options = {"endpoint": "tcp:127.0.0.1:1", "system_id": "hub", "window": 7}
    link = make_link("mno", options, Clock(), tmp_path)
    assert link.config.window == 7
    assert link.status()["state"] == "down"


@pytest.mark.parametrize(
    "changes",
    [
        {"bind": "trx+rx"},
        {"window": 0},
        {"mo_id_tlv": "1400"},
        {"alphabet_in": "utf8"},
        {"statuses": {"0x45": "throttled"}},
        {"widow": 10},
    ],
)
def test_a_wrong_configuration_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        config(**changes)


def test_deliver_without_a_word_from_a_dead_link_hurts_nobody() -> None:
    """The answer comes after the connection is gone: it belongs to no link any more."""
    smsc = MemorySmsc().start()
    journaled: Deferred[int] = Deferred()
    smsc.link.subscribe(lambda pdu: isinstance(pdu, DeliverSm), lambda _: journaled)
    smsc.deliver(text("hi"), "a")
    smsc.peers[-1].drop()
    smsc.run(60)
    journaled.callback(0)
    smsc.run()
    assert smsc.link.up
