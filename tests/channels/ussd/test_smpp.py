"""The SMPP face: messages of a shared link in, screens with the profile's marks out."""

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from twisted.internet.defer import Deferred, fail, succeed

from adapters.smpp import gsm0338, tlv
from adapters.smpp.pdu import DataSm, DeliverSm, SubmitSm, SubmitSmResp
from adapters.smpp.status import Status
from channels.ussd.service import CHANNEL, UssdConfig
from channels.ussd.smpp import wanted
from core.queries import customer
from tests.channels.ussd.fakes import CALLER, FakePorts, done, phone_view

BEGIN, ANSWER, NOTIFIED, VENDOR = 1, 18, 19, 40


@dataclass
class FakeLink:
    """A link of lists."""

    config: Any = field(default_factory=lambda: SimpleNamespace(alphabet_in="gsm"))
    handler: Callable[[Any], "Deferred[int]"] | None = None
    sent: list[SubmitSm] = field(default_factory=list)
    down: bool = False

    def subscribe(self, wants: Any, handler: Any) -> None:
        assert wants is wanted
        self.handler = handler

    def submit(self, pdu: Any) -> "Deferred[Any]":
        self.sent.append(pdu)
        return fail(ConnectionError("down")) if self.down else succeed(SubmitSmResp())


@dataclass
class Handset:
    """A customer behind an SMPP gateway."""

    profile: str = "plain"
    ports: FakePorts = field(default_factory=FakePorts)
    link: FakeLink = field(default_factory=FakeLink)
    config: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ports.links["mno"] = self.link
        given = {"link": "mno", "profile": self.profile, **self.config}
        self.channel = CHANNEL.build(self.ports, msgspec.convert(given, UssdConfig))
        self.channel.start()

    def say(self, op: int | None, text: str, info: bytes | None = b"\x07\x00") -> int:
        """One deliver_sm; the status that it was answered."""
        tlvs = [] if op is None else [tlv.make(tlv.Tag.ussd_service_op, op)]
        if info is not None:
            tlvs.append(tlv.Tlv(tlv.Tag.its_session_info, info))
        pdu = DeliverSm(
            service_type="USSD",
            source_addr_ton=1,
            source_addr_npi=1,
            source_addr="256700000001",
            dest_addr_ton=3,
            destination_addr="123",
            data_coding=0x0F,
            short_message=gsm0338.gsm_encode(text),
            tlvs=tuple(tlvs),
        )
        return self.deliver(pdu)

    def deliver(self, pdu: Any) -> int:
        assert self.link.handler is not None
        found: list[int] = []
        self.link.handler(pdu).addCallback(found.append)
        return found[0]

    @property
    def screen(self) -> str:
        last = self.link.sent[-1]
        return gsm0338.decode(last.short_message, last.data_coding, "gsm")

    @property
    def op(self) -> int | None:
        return tlv.integer(self.link.sent[-1].tlvs, tlv.Tag.ussd_service_op)

    @property
    def info(self) -> bytes | None:
        return tlv.raw(self.link.sent[-1].tlvs, tlv.Tag.its_session_info)


def test_the_story_over_smpp() -> None:
    phone = Handset()
    assert phone.say(BEGIN, "*123#") == 0
    assert phone.screen.startswith("Demo Power\n1 Buy units")
    assert (phone.op, phone.info) == (2, b"\x07\x00")
    sent = phone.link.sent[0]
    assert (sent.source_addr, sent.source_addr_ton) == ("123", 3)
    assert (sent.destination_addr, sent.dest_addr_ton, sent.dest_addr_npi) == ("256700000001", 1, 1)
    assert (sent.service_type, sent.data_coding) == ("USSD", 0x0F)
    for text in ("1", "1", "20000"):
        phone.say(ANSWER, text)
    assert "28.1 units" in phone.screen
    phone.say(ANSWER, "1")
    assert "1234 5678 9012 3456 7890" in phone.screen
    assert phone.op == 17
    assert phone.ports.purchases[0].phone == CALLER
    assert f"/{phone.ports.now_us()}" not in phone.ports.arrivals[0].key
    assert "@" in phone.ports.arrivals[0].key  # the octet comes again: the start is in the key


def test_answers_dialled_behind_the_code() -> None:
    phone = Handset()
    phone.say(BEGIN, "*123*1*1*20000*1#")
    assert "28.1 units" in phone.screen
    assert phone.ports.arrivals == []


@pytest.mark.parametrize("answer", [done(), None])
def test_a_network_that_ends_by_the_bit(answer: Any) -> None:
    phone = Handset("bit", FakePorts(answers=[answer]))
    phone.say(BEGIN, "*123*1*1*20000#", b"\x07\x02")
    assert (phone.op, phone.info) == (2, b"\x07\x02")
    phone.say(ANSWER, "1", b"\x07\x04")
    phone.ports.reactor.advance(4.1)
    assert (phone.op, phone.info) == (2, b"\x07\x05")


def test_an_answer_that_comes_twice_is_known_by_its_dialog() -> None:
    phone = Handset("bit")
    phone.say(BEGIN, "*123*1*1*20000#", b"\x07\x02")
    phone.say(ANSWER, "1", b"\x07\x04")
    first = phone.screen
    phone.say(ANSWER, "1", b"\x07\x04")
    assert phone.screen == first
    assert len(phone.link.sent) == 3
    assert len(phone.ports.arrivals) == 1


def test_an_answer_that_comes_twice_before_its_screen_is_one() -> None:
    phone = Handset("sessionless", FakePorts(answers=[None]))
    phone.say(BEGIN, "*123*1*1*20000#", None)
    phone.say(ANSWER, "1", None)
    phone.say(ANSWER, "1", None)
    phone.ports.reactor.advance(4.1)
    assert len(phone.link.sent) == 2
    assert "We have your request" in phone.screen
    assert len(phone.ports.arrivals) == 1


def test_a_start_that_comes_twice_gets_the_same_screen() -> None:
    phone = Handset()
    phone.say(BEGIN, "*123#")
    first = phone.screen
    phone.say(BEGIN, "*123#")
    assert [phone.screen, len(phone.link.sent)] == [first, 2]
    assert [asked[0] for asked in phone.ports.asked] == ["phone_view"]


def test_a_redial_is_a_new_session_and_takes_up_the_old_one() -> None:
    phone = Handset()
    phone.say(BEGIN, "*123#")
    phone.say(ANSWER, "1")
    phone.say(ANSWER, "1")
    phone.say(VENDOR, "")  # the network gave up
    phone.ports.reactor.advance(10)
    phone.say(BEGIN, "*123#", b"\x08\x00")
    assert phone.screen.startswith("Welcome back.")
    phone.say(ANSWER, "1", b"\x08\x00")
    assert "Enter the amount" in phone.screen


def test_an_answer_without_a_session_ends_in_words() -> None:
    phone = Handset()
    phone.say(ANSWER, "1")
    assert "Nothing was bought" in phone.screen
    assert phone.op == 17


def test_a_phone_of_another_language_gets_ucs2() -> None:
    ports = FakePorts()
    ports.says[customer.phone_view] = phone_view(language="zh")
    phone = Handset(ports=ports)
    phone.say(BEGIN, "*123#")
    assert phone.link.sent[0].data_coding == 8
    assert "1 购电" in phone.screen


@pytest.mark.parametrize(
    ("op", "info", "status"),
    [
        (2, b"\x07\x00", Status.ESME_RX_R_APPN),  # a request of ours, coming back
        (BEGIN, b"\x07", Status.ESME_RX_R_APPN),
        (NOTIFIED, b"\x07\x00", 0),
        (VENDOR, None, 0),
    ],
)
def test_what_has_no_session_is_answered_and_has_no_screen(
    op: int, info: bytes | None, status: int
) -> None:
    phone = Handset()
    assert phone.say(op, "*123#", info) == status
    assert phone.link.sent == []


def test_a_message_from_a_name_is_refused() -> None:
    phone = Handset()
    pdu = DeliverSm(service_type="USSD", source_addr="Utility", source_addr_ton=5)
    assert phone.deliver(pdu) == Status.ESME_RX_R_APPN


def test_too_many_sessions() -> None:
    phone = Handset(config={"max_sessions": 1})
    phone.say(BEGIN, "*123#")
    phone.ports.reactor.advance(6)
    phone.say(BEGIN, "*123#", b"\x08\x00")
    assert "very busy" in phone.screen


def test_a_screen_that_does_not_leave_is_counted() -> None:
    phone = Handset()
    phone.link.down = True
    assert phone.say(BEGIN, "*123#") == 0
    assert phone.channel.status()["counts"]["screen-lost"] == 1


def test_data_sm_with_its_payload() -> None:
    phone = Handset()
    pdu = DataSm(
        source_addr="256700000001",
        destination_addr="123",
        tlvs=(
            tlv.make(tlv.Tag.ussd_service_op, BEGIN),
            tlv.make(tlv.Tag.message_payload, b"*123#"),
        ),
    )
    assert phone.deliver(pdu) == 0
    assert phone.screen.startswith("Demo Power")


@pytest.mark.parametrize(
    ("pdu", "ours"),
    [
        (DeliverSm(service_type="USSD"), True),
        (DeliverSm(tlvs=(tlv.make(tlv.Tag.ussd_service_op, 1),)), True),
        (DeliverSm(short_message=b"BUY"), False),
        (DataSm(), False),
    ],
)
def test_which_messages_of_a_shared_link_are_ours(pdu: Any, ours: bool) -> None:
    assert wanted(pdu) is ours


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"path": "/ussd", "link": "mno"},
        {"path": "ussd"},
        {"link": "mno", "profile": "vendor"},
        {"path": "/ussd", "callers": ["everybody"]},
        {"path": "/ussd", "answer_within_s": 30},
        {"path": "/ussd", "menu": "../etc/passwd"},
        {"path": "/ussd", "colour": "red"},
    ],
)
def test_a_wrong_configuration_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises((ValueError, msgspec.ValidationError)):
        msgspec.convert(config, UssdConfig)
