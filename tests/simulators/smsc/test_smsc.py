import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from adapters.smpp import receipt, segment, tlv
from adapters.smpp.events import (
    Answered,
    BindRefused,
    Bound,
    PeerLeaves,
    Requested,
    Throttled,
    Unknown,
)
from adapters.smpp.pdu import (
    BindReceiver,
    BindTransmitter,
    CancelSm,
    DataSm,
    Destination,
    QuerySm,
    SubmitMulti,
    SubmitSm,
)
from adapters.smpp.receipt import MessageState
from adapters.smpp.segment import Reassembly, Text
from adapters.smpp.tlv import Tag
from simulators.smsc.control import serve
from simulators.smsc.deliveries import NotDeliveredError
from simulators.smsc.dialects import DIALECTS
from simulators.smsc.kinds import KINDS
from simulators.smsc.smsc import SMSC, Options
from simulators.smsc.ussd import Screen, UssdProfile
from tests.loop import fired, run
from tests.simulators.smsc.client import Client

pytestmark = pytest.mark.slow
PHONE = "254700000001"


def story(
    tell: Callable[[SMSC, Client], Coroutine[Any, Any, None]],
    kind: str = "friendly",
    options: Options | None = None,
    **client: Any,
) -> None:
    """Starts an SMSC of a kind and a client, tells the story, stops both."""

    async def scenario(reactor: Any) -> None:
        smsc = KINDS[kind](reactor, options, wall=lambda: 1_767_225_600.0)
        port = await fired(smsc.start())
        esme = Client(reactor, port, **client)
        try:
            await tell(smsc, esme)
        finally:
            await esme.stop()
            await fired(smsc.stop())

    run(scenario)


def test_a_text_reaches_its_phone_and_a_text_from_it_reaches_us() -> None:
    async def tell(smsc: SMSC, esme: Client) -> None:
        await esme.bound()
        esme.submit("hello")
        (answer,) = await esme.until(Answered)
        assert answer.status == 0
        assert answer.response.message_id
        (text,) = smsc.received("+" + PHONE)
        assert (text.source, text.text) == ("12345", "hello")
        await fired(smsc.deliver("+" + PHONE, "12345", "BUY 04123456784 20,000"))
        (asked,) = esme.delivered()
        assert (asked.source_addr, asked.destination_addr) == (PHONE, "12345")
        assert asked.short_message == b"BUY 04123456784 20,000"

    story(tell)


@pytest.mark.parametrize("method", ["udh8", "udh16", "sar", "payload"])
@pytest.mark.parametrize("text", ["x" * 400 + "€", "Хабари " * 40 + "🔌"], ids=["gsm", "ucs2"])
def test_long_texts_both_ways(method: Any, text: str) -> None:
    async def tell(smsc: SMSC, esme: Client) -> None:
        await esme.bound()
        for part in segment.segment(text, 7, "gsm", method):
            esme.send(
                SubmitSm(
                    source_addr="12345",
                    destination_addr=PHONE,
                    esm_class=part.esm_class,
                    data_coding=part.data_coding,
                    short_message=part.short_message,
                    tlvs=part.tlvs,
                )
            )
        (whole,) = await fired(smsc.phones.until(PHONE, 1))
        assert whole.text == text
        await fired(smsc.deliver(PHONE, "12345", text))
        reassembly = Reassembly()
        (got,) = [one for pdu in esme.delivered() for one in reassembly.add(pdu, 0.0)]
        assert isinstance(got, Text)
        assert got.text == text

    story(tell, options=Options(split=method))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_receipts_in_each_dialect_are_understood_and_matched(dialect: str) -> None:
    async def tell(smsc: SMSC, esme: Client) -> None:
        await esme.bound()
        esme.submit("hello", registered_delivery=1)
        (answer,) = await esme.until(Answered)
        await esme.until(Requested)
        (pdu,) = esme.delivered()
        told = receipt.parse(pdu)
        assert told is not None
        assert told.state is MessageState.DELIVERED
        assert receipt.normal(answer.response.message_id) in receipt.candidates(told.id, "auto")
        if dialect != "tlv-only":
            assert told.done == "2601010000"

    story(tell, options=Options(dialect=dialect))


def test_a_pair_of_transmitter_and_receiver() -> None:
    async def tell(smsc: SMSC, sender: Client) -> None:
        await sender.bound()
        reactor: Any = sender.dialer._endpoint._reactor
        port = smsc._port.getHost().port
        receiver = Client(reactor, port, BindReceiver(system_id="hub"))
        await receiver.bound()
        sender.submit("hello", registered_delivery=1)
        await receiver.until(Requested)
        await fired(smsc.deliver(PHONE, "12345", "BUY"))
        assert sender.delivered() == []
        assert len(receiver.delivered()) == 2
        binds = smsc.status()["binds"]
        assert [bind["state"] for bind in binds] == ["bound as transmitter", "bound as receiver"]
        await receiver.stop()

    story(tell, login=BindTransmitter(system_id="hub"))


def test_texts_wait_for_a_receiver_and_come_again_until_they_are_taken() -> None:
    async def scenario(reactor: Any) -> None:
        smsc = SMSC(reactor)
        port = await fired(smsc.start())
        early = smsc.deliver(PHONE, "12345", "before the bind")
        esme = Client(reactor, port)
        await fired(early)
        esme.refuse = [0x64]
        await fired(smsc.deliver(PHONE, "12345", "again"))
        esme.refuse = [0x65]
        with pytest.raises(NotDeliveredError, match="0x65"):
            await fired(smsc.deliver(PHONE, "12345", "never"))
        texts = [pdu.short_message for pdu in esme.delivered()]
        assert texts == [b"before the bind", b"again", b"again", b"never"]
        await esme.stop()
        await fired(smsc.stop())

    run(scenario)


def test_the_other_requests() -> None:
    async def tell(smsc: SMSC, esme: Client) -> None:
        await esme.bound()
        esme.submit("hello")
        (first,) = await esme.until(Answered)
        esme.send(QuerySm(message_id=first.response.message_id))
        esme.send(QuerySm(message_id="unknown"))
        esme.send(CancelSm(message_id=first.response.message_id))
        two = (Destination(PHONE), Destination("254700000002"), Destination("all", is_list=True))
        esme.send(SubmitMulti(destinations=two, short_message=b"to both"))
        payload = (tlv.make(Tag.message_payload, b"lean"),)
        esme.send(DataSm(destination_addr=PHONE, tlvs=payload))
        answers = await esme.until(Answered, 6)
        assert [a.status for a in answers] == [0, 0, 0x67, 0x11, 0, 0]
        assert answers[1].response.message_state == 2
        assert [one.text for one in smsc.received(PHONE)] == ["hello", "to both", "lean"]
        assert len(smsc.received("254700000002")) == 1

    story(tell)


def test_a_wrong_password_is_refused() -> None:
    async def tell(smsc: SMSC, esme: Client) -> None:
        (refused, *_) = await esme.until(BindRefused)
        assert refused.status == 0x0E

    story(tell, options=Options(password="other"))


# --- the misbehaviours -------------------------------------------------------------------------


def test_silent() -> None:
    async def tell(smsc: SMSC, esme: Client) -> None:
        await esme.bound()
        esme.submit("hello")
        wire = esme.dialer.wire
        assert wire is not None
        await asyncio.sleep(0)
        for event in esme.link.tick(wire.now() + 31):
            esme.events.append(event)
        (unknown,) = esme.of(Unknown)
        assert unknown.token == "hello"

    story(tell, "silent")


def test_refusing() -> None:
    async def tell(smsc: SMSC, esme: Client) -> None:
        (refused, *_) = await esme.until(BindRefused)
        assert refused.status == 0x0D

    story(tell, "refusing")


def test_throttling() -> None:
    async def tell(smsc: SMSC, esme: Client) -> None:
        await esme.bound()
        for number in range(40):
            esme.submit(str(number))
        answers = await esme.until(Answered, 40)
        assert all(answer.status == 0 for answer in answers)
        assert len(esme.of(Throttled)) >= 10
        assert len(smsc.received(PHONE)) == 40

    story(tell, "throttling", Options(share=0.25))


@pytest.mark.parametrize("kind", ["unbinding", "dropping", "lying-length"])
def test_a_link_that_breaks_mid_submit_leaves_one_unknown_and_comes_back(kind: str) -> None:
    async def tell(smsc: SMSC, esme: Client) -> None:
        await esme.bound()
        esme.submit("answered")
        await esme.until(Answered)
        esme.submit("accepted, not answered")
        (unknown,) = await esme.until(Unknown)
        assert unknown.token == "accepted, not answered"
        assert len(smsc.received(PHONE)) == 2
        await esme.until(Bound, 2)
        if kind == "unbinding":
            assert esme.of(PeerLeaves)

    story(tell, kind, Options(every=2))


def test_receipt_first() -> None:
    async def tell(smsc: SMSC, esme: Client) -> None:
        await esme.bound()
        esme.submit("hello", registered_delivery=1)
        await esme.until(Answered)
        kinds = [type(event) for event in esme.events]
        assert kinds.index(Requested) < kinds.index(Answered)

    story(tell, "receipt-first")


def test_duplicate_id() -> None:
    async def tell(smsc: SMSC, esme: Client) -> None:
        await esme.bound()
        for text in "ab":
            esme.submit(text)
        ids = {answer.response.message_id for answer in await esme.until(Answered, 2)}
        assert ids == {"123456789"}

    story(tell, "duplicate-id")


def test_double_deliver() -> None:
    async def tell(smsc: SMSC, esme: Client) -> None:
        await esme.bound()
        await fired(smsc.deliver(PHONE, "12345", "BUY"))
        await esme.until(Requested, 2)
        assert [pdu.short_message for pdu in esme.delivered()] == [b"BUY", b"BUY"]

    story(tell, "double-deliver")


def test_shuffling() -> None:
    async def tell(smsc: SMSC, esme: Client) -> None:
        await esme.bound()
        await fired(smsc.deliver(PHONE, "12345", "x" * 400))
        places = [segment.place_of(pdu) for pdu in esme.delivered()]
        assert [place.number for place in places if place] == [3, 2, 1]

    story(tell, "shuffling")


# --- USSD --------------------------------------------------------------------------------------


def answer_menu(esme: Client, asked: Requested, op: int, text: str, end: bool) -> None:
    pdu: Any = asked.pdu
    info = tlv.raw(pdu.tlvs, Tag.its_session_info)
    tlvs = [tlv.make(Tag.ussd_service_op, op)]
    if info is not None:
        tlvs.append(tlv.make(Tag.its_session_info, bytes((info[0], info[1] & 0xFE | end))))
    esme.send(
        SubmitSm(
            service_type="USSD",
            source_addr=pdu.destination_addr,
            destination_addr=pdu.source_addr,
            data_coding=0x0F,
            short_message=text.encode(),
            tlvs=tuple(tlvs),
        )
    )


@pytest.mark.parametrize("info", [True, False])
@pytest.mark.parametrize("end_by", ["op", "bit", "either"])
def test_a_ussd_dialog(info: bool, end_by: Any) -> None:
    if end_by == "bit" and not info:
        end_by = "either"

    async def tell(smsc: SMSC, esme: Client) -> None:
        await esme.bound()
        first = smsc.ussd("+" + PHONE, "*123#")
        (asked,) = await esme.until(Requested)
        assert tlv.integer(asked.pdu.tlvs, Tag.ussd_service_op) == 1
        assert asked.pdu.short_message == b"*123#"
        answer_menu(esme, asked, 2, "1 Buy", end=False)
        assert await fired(first) == Screen("1 Buy", more=True)
        second = smsc.ussd(PHONE, "1")
        _, asked = await esme.until(Requested, 2)
        assert tlv.integer(asked.pdu.tlvs, Tag.ussd_service_op) == 18
        answer_menu(esme, asked, 2 if end_by == "bit" else 17, "Bye", end=True)
        assert await fired(second) == Screen("Bye", more=False)
        assert smsc.received(PHONE) == []
        third = smsc.ussd(PHONE, "*123#")
        asked = (await esme.until(Requested, 3))[-1]
        assert tlv.integer(asked.pdu.tlvs, Tag.ussd_service_op) == 1
        smsc.desk.drop(PHONE)
        with pytest.raises(Exception, match="hung up"):
            await fired(third)

    story(tell, options=Options(ussd=UssdProfile(session_info=info, end_by=end_by)))


# --- the control port --------------------------------------------------------------------------


def test_a_phone_in_another_process() -> None:
    async def tell(smsc: SMSC, esme: Client) -> None:
        await esme.bound()
        reactor: Any = esme.dialer._endpoint._reactor
        port = await fired(serve(reactor, smsc, 0, "127.0.0.1"))
        reader, writer = await asyncio.open_connection("127.0.0.1", port.getHost().port)

        async def ask(**request: Any) -> Any:
            writer.write(json.dumps(request).encode() + b"\n")
            return json.loads(await reader.readline())

        assert await ask(do="watch", phone="+" + PHONE, id=1) == {"id": 1, "ok": True}
        assert await ask(do="deliver", id=2, **{"from": PHONE}, to="12345", text="BALANCE") == {
            "id": 2,
            "ok": True,
        }
        esme.submit("Your balance")
        assert json.loads(await reader.readline()) == {
            "event": "message",
            "phone": PHONE,
            "from": "12345",
            "text": "Your balance",
            "parts": 1,
        }
        received = await ask(do="received", phone=PHONE)
        assert [one["text"] for one in received["messages"]] == ["Your balance"]
        assert (await ask(do="status"))["binds"][0]["system_id"] == "hub"
        for wrong in ({"do": "fly"}, {"do": "deliver"}, {"do": "received", "phone": 7}):
            assert (await ask(**wrong))["ok"] is False
        writer.write(b"no json\n[1]\n")
        for _ in range(2):
            assert json.loads(await reader.readline())["ok"] is False
        esme.refuse = [0x65]
        refused = await ask(do="deliver", **{"from": PHONE}, to="12345", text="no")
        assert refused == {"id": None, "ok": False, "error": "refused with status 0x65"}
        asking = asyncio.ensure_future(ask(do="ussd", **{"from": PHONE}, text="*123#"))
        asked = (await esme.until(Requested, 3))[-1]
        answer_menu(esme, asked, 17, "Bye", end=True)
        screen = await asking
        assert (screen["text"], screen["more"]) == ("Bye", False)
        assert (await ask(do="hangup", **{"from": PHONE}))["ok"] is True
        writer.close()
        await writer.wait_closed()
        await fired(port.stopListening())

    story(tell)
